#include "proxy/http1/chunked.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "proxy/http1/framing.h"

namespace countersign::http1 {
namespace {

constexpr std::size_t kLineBytes = 1024;
constexpr std::size_t kTrailerBytes = 8 * 1024;
constexpr std::size_t kSizeDigits = 15;

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorKind::malformed, "http.bad_chunk", std::move(message));
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

Result<ChunkDecoder::Step> ChunkDecoder::decode(ByteView input, std::span<std::uint8_t> output) {
  Step step;
  while (step.consumed < input.size() && state_ != State::done) {
    ByteView rest = input.subspan(step.consumed);
    switch (state_) {
      case State::data: {
        std::size_t room = output.size() - step.produced;
        std::size_t count = std::min({rest.size(), room, static_cast<std::size_t>(left_)});
        if (count == 0) return step;
        std::memcpy(output.data() + step.produced, rest.data(), count);
        step.consumed += count;
        step.produced += count;
        left_ -= count;
        if (left_ == 0) {
          state_ = State::data_end;
          left_ = 2;
        }
        break;
      }
      case State::data_end: {
        if (rest.front() != (left_ == 2 ? '\r' : '\n')) return bad("a chunk is longer than its size says");
        ++step.consumed;
        if (--left_ == 0) state_ = State::size;
        break;
      }
      case State::size:
      case State::trailer: {
        auto end = std::ranges::find(rest, std::uint8_t{'\n'});
        bool complete = end != rest.end();
        auto count = static_cast<std::size_t>(end - rest.begin()) + (complete ? 1 : 0);
        if (line_.size() + count > kLineBytes) {
          return fail(ErrorKind::too_large, "http.chunk_overhead", "a chunk or trailer line is too long");
        }
        line_ += as_text(rest.first(count));
        step.consumed += count;
        if (!complete) break;
        if (!line_.ends_with("\r\n")) return bad("a line of the chunked coding ends without a carriage return");
        line_.resize(line_.size() - 2);
        Status taken = state_ == State::size ? take_size_line() : take_trailer_line();
        if (!taken) return fail(taken.error());
        line_.clear();
        break;
      }
      case State::done:
        break;
    }
  }
  return step;
}

Status ChunkDecoder::take_size_line() {
  std::string_view line = line_;
  std::size_t digits = static_cast<std::size_t>(std::ranges::find_if_not(line, is_hex) - line.begin());
  if (digits == 0 || digits > kSizeDigits) return bad("a chunk size is not 1 to 15 hexadecimal digits");
  std::string_view extension = line.substr(digits);
  if (!extension.empty() && extension.front() != ';')
    return bad("a chunk size is followed by something else than an extension");
  if (!is_field_value(extension)) return bad("a chunk extension has a control byte");
  std::from_chars(line.data(), line.data() + digits, left_, 16);
  state_ = left_ == 0 ? State::trailer : State::data;
  return {};
}

Status ChunkDecoder::take_trailer_line() {
  if (line_.empty()) {
    state_ = State::done;
    return {};
  }
  trailer_bytes_ += line_.size() + 2;
  if (trailer_bytes_ > kTrailerBytes)
    return fail(ErrorKind::too_large, "http.chunk_overhead", "the trailer is too large");
  std::string_view line = line_;
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) || !is_field_value(line)) {
    return bad("a trailer line is not a header field");
  }
  return {};
}

}  // namespace countersign::http1
