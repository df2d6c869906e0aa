// The strict reading of HTTP/1.1 message heads (RFC 9110, RFC 9112): where a message ends, whom it is for, and whether
// two programs could read it differently. What is ambiguous is refused, never repaired.
//
// Pure functions over bytes, any thread, no allocation on the way of an accepted message. Every refusal has a stable
// code, `http.…`; tests/cases/http1/framing.txt lists them all with examples. status_of() gives the status a refusal is
// answered with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/result.h"

namespace countersign::http1 {

struct Limits {
  std::size_t head_bytes = 32 * 1024;   // request line and headers: 431 http.head_too_large
  std::size_t header_count = 100;       //                           431 http.too_many_headers
  std::size_t target_bytes = 8 * 1024;  //                           414 http.target_too_long
};

enum class BodyKind { none, length, chunked, until_close };
enum class Persistence { close, keep_alive };
enum class Expectation { none, continue_100 };

struct RequestFraming {
  BodyKind body = BodyKind::none;
  std::uint64_t length = 0;  // of a body of kind `length`
  Persistence persistence = Persistence::close;
  Expectation expectation = Expectation::none;
  std::size_t header_count = 0;
  std::string_view method;
  // Origin form or "*": the absolute form ("http://host/path") is accepted when its authority equals Host, and reduced
  // to its path here, before anything judges or forwards it.
  std::string_view target;
  std::string_view host;  // the value of Host
};

struct ResponseFraming {
  BodyKind body = BodyKind::none;
  std::uint64_t length = 0;
  Persistence persistence = Persistence::close;
  std::size_t header_count = 0;
  int status = 0;
};

// `head`: from the first byte of the start line to the empty line, inclusive ("GET / HTTP/1.1\r\nHost: a\r\n\r\n").
[[nodiscard]] Result<RequestFraming> check_request(std::string_view head, const Limits& limits);

// `method`: of the request it answers; a response to HEAD has no body.
[[nodiscard]] Result<ResponseFraming> check_response(std::string_view head, std::string_view method,
                                                     const Limits& limits);

// The end of the head in `bytes` (one past its empty line), or 0 when it has not come yet. `scanned`: bytes looked at
// by earlier calls. Fails as soon as a line ends otherwise than CR LF, so that a peer that will never send an empty
// line is not waited for.
[[nodiscard]] Result<std::size_t> find_head_end(std::string_view bytes, std::size_t scanned);

// The HTTP status for a refusal of this folder (431, 414, 408, 417, 421, 505, …) or for any other error.
[[nodiscard]] int status_of(const Error& error);

// RFC 9110 section 5.6.2: one or more tchar.
[[nodiscard]] bool is_token(std::string_view text);
// Neither control bytes (but tab) nor DEL: what a field value may hold.
[[nodiscard]] bool is_field_value(std::string_view text);

}  // namespace countersign::http1
