// Reader: the receiving side of a connection. Bytes beyond the message at hand stay for the next one (pipelining), one
// buffer serves the connection for its whole life, and reads ask for as much as fits, so that a small message costs one
// system call.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "core/bytes.h"
#include "proxy/http1/framing.h"
#include "proxy/net/transport.h"

namespace countersign::http1 {

class Reader {
 public:
  // `limit`: the most bytes that are kept, so also the largest head.
  Reader(net::TransportPtr transport, std::size_t limit);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  [[nodiscard]] ByteView buffered() const;
  void consume(std::size_t count);

  // Waits for more bytes and returns how many were added; 0: the peer has ended its direction. Errors as
  // Transport::read_some, and http.buffer_full (too_large).
  [[nodiscard]] Task<Result<std::size_t>> fill();

  // Hands out buffered bytes, or else reads straight into `into`, past the buffer. 0: end of stream.
  [[nodiscard]] Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into);

  // Keeps a read under way while the owner does something else, and calls `gone` (from the loop) when the peer ends its
  // direction or the connection breaks. Bytes that arrive are kept for the next message; once the buffer is full
  // nothing more is noticed. A later fill() takes over the read that is under way.
  void watch(std::move_only_function<void()> gone);
  void unwatch();
  // The stream has ended or broken, as far as is known.
  [[nodiscard]] bool ended() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// The body of one message, taken from a Reader.
class BodyReader {
 public:
  // `limit`: http.body_too_large (too_large) for bodies longer than this.
  BodyReader(Reader* reader, BodyKind kind, std::uint64_t length, std::uint64_t limit);
  ~BodyReader();
  BodyReader(BodyReader&&) noexcept;
  BodyReader& operator=(BodyReader&&) noexcept;

  // At least one byte, or 0 at the end. Errors as Reader::fill; http.truncated (malformed) when the stream ends before
  // the body; http.bad_chunk, http.chunk_overhead.
  [[nodiscard]] Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into);
  [[nodiscard]] bool done() const;
  // Bytes still to come when that is known (kind `length`), else nullopt.
  [[nodiscard]] std::optional<std::uint64_t> left() const;
  void set_limit(std::uint64_t limit);
  // True before the first byte of the body has arrived.
  [[nodiscard]] bool untouched() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace countersign::http1
