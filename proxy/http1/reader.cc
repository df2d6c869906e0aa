#include "proxy/http1/reader.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cstring>
#include <optional>

#include "proxy/http1/chunked.h"
#include "proxy/net/async.h"

namespace countersign::http1 {
namespace {

constexpr std::size_t kFirstBuffer = 8 * 1024;
constexpr TimeMs kNoLimit = -1;

}  // namespace

struct Reader::State : std::enable_shared_from_this<State> {
  State(net::TransportPtr transport_in, std::size_t limit_in)
      : transport(std::move(transport_in)), limit(limit_in), buffer(std::min(limit_in, kFirstBuffer)) {}

  net::TransportPtr transport;
  std::size_t limit;
  Bytes buffer;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool pending = false;                 // a background read is under way
  std::optional<Status> outcome;        // how the stream ended: value: properly
  std::optional<net::Event> completed;  // made by the first fill() that finds a read under way
  std::move_only_function<void()> gone;

  // The free space after the buffered bytes; empty when the limit is reached.
  std::span<std::uint8_t> room() {
    if (begin == end) begin = end = 0;
    if (end == buffer.size() && begin > 0) {
      std::memmove(buffer.data(), buffer.data() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    if (end == buffer.size() && buffer.size() < limit) buffer.resize(std::min(limit, buffer.size() * 2));
    return std::span(buffer).subspan(end);
  }

  Result<std::size_t> take(const Result<std::size_t>& read) {
    if (!read) {
      outcome = fail(read.error());
    } else if (*read == 0) {
      outcome = Status();
    } else {
      end += *read;
    }
    return read;
  }

  void read_in_background() {
    if (pending || outcome) return;
    std::span<std::uint8_t> free = room();
    if (free.empty()) return;
    pending = true;
    transport->start_read(free, [self = shared_from_this()](Result<std::size_t> read) { self->background_done(read); });
  }

  void background_done(const Result<std::size_t>& read) {
    pending = false;
    (void)take(read);
    if (completed) completed->notify();
    if (!gone) return;
    if (outcome) {
      auto tell = std::move(gone);
      gone = nullptr;
      tell();
    } else {
      read_in_background();
    }
  }
};

Reader::Reader(net::TransportPtr transport, std::size_t limit)
    : state_(std::make_shared<State>(std::move(transport), limit)) {}
Reader::~Reader() {
  unwatch();
}

ByteView Reader::buffered() const {
  return ByteView(state_->buffer).subspan(state_->begin, state_->end - state_->begin);
}
void Reader::consume(std::size_t count) {
  state_->begin += count;
}
bool Reader::ended() const {
  return state_->outcome.has_value();
}

Task<Result<std::size_t>> Reader::fill() {
  std::shared_ptr<State> state = state_;
  if (state->pending) {
    std::size_t before = state->end - state->begin;
    if (!state->completed) {
      auto executor = co_await boost::asio::this_coro::executor;
      state->completed.emplace(executor);
    }
    while (state->pending) {
      Status waited = co_await state->completed->wait(kNoLimit);
      if (!waited) co_return fail(waited.error());
    }
    if (std::size_t now = state->end - state->begin; now > before) co_return now - before;
  }
  if (state->outcome) {
    if (!*state->outcome) co_return fail(state->outcome->error());
    co_return std::size_t{0};
  }
  std::span<std::uint8_t> free = state->room();
  if (free.empty())
    co_return fail(ErrorKind::too_large, "http.buffer_full", "the message does not fit the connection's buffer");
  Result<std::size_t> read = co_await state->transport->read_some(free);
  co_return state->take(read);
}

Task<Result<std::size_t>> Reader::read_some(std::span<std::uint8_t> into) {
  if (buffered().empty() && (state_->pending || state_->outcome)) {
    Result<std::size_t> filled = co_await fill();
    if (!filled || *filled == 0) co_return filled;
  }
  if (ByteView bytes = buffered(); !bytes.empty()) {
    std::size_t count = std::min(bytes.size(), into.size());
    std::memcpy(into.data(), bytes.data(), count);
    consume(count);
    co_return count;
  }
  Result<std::size_t> read = co_await state_->transport->read_some(into);
  if (!read) state_->outcome = fail(read.error());
  if (read && *read == 0) state_->outcome = Status();
  co_return read;
}

void Reader::watch(std::move_only_function<void()> gone) {
  state_->gone = std::move(gone);
  state_->read_in_background();
}

void Reader::unwatch() {
  state_->gone = nullptr;
}

struct BodyReader::State {
  Reader* reader;
  BodyKind kind;
  std::uint64_t left;  // kind `length`
  std::uint64_t limit;
  std::uint64_t received = 0;
  bool done = false;
  ChunkDecoder chunks;

  Result<std::size_t> count(std::size_t bytes) {
    received += bytes;
    if (received > limit) return fail(ErrorKind::too_large, "http.body_too_large", "the body is larger than allowed");
    return bytes;
  }
};

BodyReader::BodyReader(Reader* reader, BodyKind kind, std::uint64_t length, std::uint64_t limit)
    : state_(new State{reader, kind, length, limit, 0, kind == BodyKind::none, {}}) {}
BodyReader::~BodyReader() = default;
BodyReader::BodyReader(BodyReader&&) noexcept = default;
BodyReader& BodyReader::operator=(BodyReader&&) noexcept = default;

bool BodyReader::done() const {
  return state_->done;
}
bool BodyReader::untouched() const {
  return state_->received == 0 && state_->reader->buffered().empty();
}
void BodyReader::set_limit(std::uint64_t limit) {
  state_->limit = limit;
}

std::optional<std::uint64_t> BodyReader::left() const {
  if (state_->kind == BodyKind::length) return state_->left;
  return std::nullopt;
}

Task<Result<std::size_t>> BodyReader::read_some(std::span<std::uint8_t> into) {
  State& body = *state_;
  if (body.done) co_return std::size_t{0};
  if (body.kind == BodyKind::length && body.received + body.left > body.limit) {
    co_return fail(ErrorKind::too_large, "http.body_too_large", "the body is larger than allowed");
  }
  if (body.kind == BodyKind::chunked) {
    for (;;) {
      Result<ChunkDecoder::Step> step = body.chunks.decode(body.reader->buffered(), into);
      if (!step) co_return fail(step.error());
      body.reader->consume(step->consumed);
      if (body.chunks.done()) body.done = true;
      if (step->produced > 0) co_return body.count(step->produced);
      if (body.done) co_return std::size_t{0};
      Result<std::size_t> filled = co_await body.reader->fill();
      if (!filled) co_return filled;
      if (*filled == 0) co_return fail(ErrorKind::malformed, "http.truncated", "the stream ended inside the body");
    }
  }
  if (body.kind == BodyKind::length) into = into.first(std::min<std::uint64_t>(into.size(), body.left));
  Result<std::size_t> read = co_await body.reader->read_some(into);
  if (!read) co_return read;
  if (*read == 0) {
    if (body.kind == BodyKind::length)
      co_return fail(ErrorKind::malformed, "http.truncated", "the stream ended inside the body");
    body.done = true;
    co_return std::size_t{0};
  }
  if (body.kind == BodyKind::length) {
    body.left -= *read;
    body.done = body.left == 0;
  }
  co_return body.count(*read);
}

}  // namespace countersign::http1
