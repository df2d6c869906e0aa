// Writing heads: one buffer a message, so that head and small body leave in one system call.
//
// The writer alone decides the framing: fields of the given head that speak of it (Content-Length, Transfer-Encoding,
// Connection, Keep-Alive, Trailer, Upgrade, TE, Proxy-Connection) are not copied. http.bad_header (internal) when a
// name or value could not be read back as what it is (CR, LF, NUL …): nothing of it may be sent then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/http_head.h"
#include "core/result.h"
#include "proxy/http1/framing.h"

namespace countersign::http1 {

// How the body that follows is delimited. `none` writes neither field: for 1xx, 204 and 304, and requests without a
// body.
struct Delimiting {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;
};

// Appends status line, fields, Date (unless `head` has one) and framing.
[[nodiscard]] Status append_response_head(std::string& out, const ResponseHead& head, Delimiting body,
                                          Persistence persistence);
// Appends request line, fields and framing. `head` must carry exactly one Host.
[[nodiscard]] Status append_request_head(std::string& out, const RequestHead& head, Delimiting body,
                                         Persistence persistence);

// One complete chunk; `bytes` must not be empty (an empty chunk ends the body).
void append_chunk(std::string& out, ByteView bytes);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// Removes what concerns one connection only: the fields above and those listed in Connection (RFC 9110 section 7.6.1).
void strip_hop_by_hop(HeaderList& headers);

// RFC 9110 section 5.6.7, of the current second: "Sun, 06 Nov 1994 08:49:37 GMT". Valid until the thread's next call.
[[nodiscard]] std::string_view http_date();

}  // namespace countersign::http1
