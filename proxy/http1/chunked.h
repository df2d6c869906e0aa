// The chunked transfer coding (RFC 9112 section 7.1), read strictly and without sockets.
//
// Sizes are hexadecimal digits only (at most 15); chunk extensions are skipped within a limit; trailer fields are
// checked for form and dropped, never merged into the header; every line ends with CR LF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/bytes.h"
#include "core/result.h"

namespace countersign::http1 {

class ChunkDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;  // bytes of the input that were used
    std::size_t produced = 0;  // bytes of payload written to the output
  };

  // Decodes as much of `input` as fits into `output`. Needs more input when it consumed everything and is not done().
  // Errors: http.bad_chunk (malformed), http.chunk_overhead (too_large: extensions or trailers over the limit).
  [[nodiscard]] Result<Step> decode(ByteView input, std::span<std::uint8_t> output);
  [[nodiscard]] bool done() const { return state_ == State::done; }

 private:
  enum class State { size, data, data_end, trailer, done };
  [[nodiscard]] Status take_size_line();
  [[nodiscard]] Status take_trailer_line();

  State state_ = State::size;
  std::uint64_t left_ = 0;  // of the current chunk's data, or of the CR LF after it
  std::string line_;        // of the size or trailer line being gathered
  std::size_t trailer_bytes_ = 0;
};

}  // namespace countersign::http1
