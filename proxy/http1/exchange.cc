#include "proxy/http1/exchange.h"

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "proxy/http1/connection.h"
#include "proxy/http1/writer.h"
#include "proxy/net/worker.h"

namespace countersign::http1 {
namespace {

namespace asio = boost::asio;

constexpr ByteView kNothing;
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kChunkBytes = 64 * 1024;
constexpr std::size_t kPassedBytes = 128 * 1024;
// A body up to this many bytes, not read by the handler, is read after the response to keep the connection.
constexpr std::uint64_t kDrainBytes = 64 * 1024;
// The same of a promised one, which clients send to its end before they look for an answer. What is longer or slower
// finds the connection closed.
constexpr std::uint64_t kDrainPromised = 64U << 20;
constexpr std::chrono::seconds kDrainTime{20};

std::unexpected<Error> misuse(std::string message) {
  return fail(ErrorKind::internal, "http.misuse", std::move(message));
}

bool status_without_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace

// The body of one exchange, on its way.
class Exchange::Promised final : public Arrival {
 public:
  Promised(Exchange* exchange, std::uint64_t size, BodyProof proof)
      : exchange_(exchange),
        left_(size),
        proof_(std::move(proof)),
        until_(std::chrono::steady_clock::now() +
               std::chrono::milliseconds(exchange->connection_->context_->options.timeouts.body)) {}

  Task<Result<ByteView>> next() override {
    if (failed_) co_return fail(*failed_);
    if (left_ == 0) co_return ByteView();
    Connection& connection = *exchange_->connection_;
    connection.persistence_ = Persistence::close;  // until all of it is here
    Status continued = co_await exchange_->send_continue();
    if (!continued) co_return give_up(continued.error());
    buffer_.resize(std::min<std::uint64_t>(left_, kPassedBytes));
    std::span<std::uint8_t> into = buffer_;
    Result<std::size_t> count = co_await exchange_->receive(into, until_);
    if (!count) co_return give_up(count.error());
    const ByteView piece = ByteView(buffer_).first(*count);
    hash_.update(piece);
    left_ -= piece.size();
    if (left_ > 0) co_return piece;
    connection.transport_->disarm_deadline();
    connection.persistence_ = connection.keep_;
    const Digest digest = hash_.finish();
    if (Status proven = proof_(digest); !proven) {
      failed_ = proven.error();
      co_return fail(*failed_);
    }
    co_return piece;
  }

 private:
  std::unexpected<Error> give_up(const Error& error) {
    failed_ = Error{error.kind, "body.incomplete", "the body did not come to its end: " + error.message};
    return fail(*failed_);
  }

  Exchange* exchange_;
  std::uint64_t left_;
  BodyProof proof_;
  std::chrono::steady_clock::time_point until_;
  Sha256 hash_;
  Bytes buffer_;
  std::optional<Error> failed_;
};

Exchange::Exchange(Connection* connection, RequestHead head) : connection_(connection), head_(std::move(head)) {}
Exchange::~Exchange() = default;

const net::Peer& Exchange::peer() const {
  return connection_->transport_->peer();
}
net::Security Exchange::security() const {
  return connection_->transport_->security();
}
net::Worker& Exchange::worker() const {
  return *connection_->worker_;
}
bool Exchange::client_gone() const {
  return connection_->watch_ == Connection::Watch::fired || connection_->reader_.ended();
}
void Exchange::arm_deadline(TimeMs from_now) {
  connection_->arm(from_now);
}

Task<Status> Exchange::send_continue() {
  if (!connection_->await_continue_ || !connection_->body_.untouched() || phase_ != Phase::waiting) co_return Status();
  connection_->await_continue_ = false;
  ByteView line = as_bytes("HTTP/1.1 100 Continue\r\n\r\n");
  co_return co_await connection_->transport_->write(line);
}

Task<Result<Spool*>> Exchange::read_body(std::uint64_t limit) {
  if (body_) co_return &*body_;
  co_return co_await receive_all(limit, nullptr);
}

Task<Result<Spool*>> Exchange::read_decoded(std::uint64_t limit, BodyDecoder decode) {
  if (body_) co_return misuse("the body was read already");
  co_return co_await receive_all(limit, std::move(decode));
}

Task<Result<Spool*>> Exchange::receive_all(std::uint64_t limit, BodyDecoder decode) {
  Connection& connection = *connection_;
  const Timeouts& timeouts = connection.context_->options.timeouts;
  if (connection.body_.done()) co_return &body_.emplace(Spool::of({}));
  Spool spool(connection.context_->options.spool);
  // Whatever goes wrong from here on leaves the position in the stream unknown.
  connection.persistence_ = Persistence::close;
  connection.body_.set_limit(limit);
  if (auto left = connection.body_.left(); left && *left > limit) {
    co_return fail(ErrorKind::too_large, "http.body_too_large", "the body is larger than allowed");
  }
  connection.arm(timeouts.body_gap);
  Status continued = co_await send_continue();
  if (!continued) co_return fail(continued.error());
  auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeouts.body);
  Bytes buffer(std::min<std::uint64_t>(kReadBytes, connection.body_.left().value_or(kReadBytes)));
  std::span<std::uint8_t> into = buffer;
  std::string decoded;
  while (!connection.body_.done()) {
    Result<std::size_t> count = co_await receive(into, until);
    if (!count) co_return fail(count.error());
    ByteView came = into.first(*count);
    if (decode) {
      decoded.clear();
      if (Status proven = decode(came, decoded); !proven) co_return fail(proven.error());
      came = as_bytes(decoded);
    }
    if (Status kept = spool.append(came); !kept) co_return fail(kept.error());
  }
  connection.transport_->disarm_deadline();
  connection.persistence_ = connection.keep_;
  spool.finish();
  co_return &body_.emplace(std::move(spool));
}

Task<Result<std::size_t>> Exchange::receive(std::span<std::uint8_t> into, std::chrono::steady_clock::time_point until) {
  auto total = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  connection_->arm(std::min<TimeMs>(connection_->context_->options.timeouts.body_gap, total.count()));
  Result<std::size_t> count = co_await connection_->body_.read_some(into);
  if (!count && count.error().code == "net.timeout")
    co_return fail(ErrorKind::timed_out, "http.timeout", "the body did not arrive in time");
  co_return count;
}

bool Exchange::promise_body(const Digest& digest, std::uint64_t over, std::uint64_t limit, BodyProof proof) {
  const std::optional<std::uint64_t> length = connection_->body_.left();
  if (body_ || connection_->body_.done() || !length || *length <= over || *length > limit) return false;
  promised_ = std::make_unique<Promised>(this, *length, std::move(proof));
  body_.emplace(Spool::promised(*length, digest, promised_.get()));
  return true;
}

Task<void> Exchange::drain_promised() {
  // One that waits to be asked is not asked for what nobody wants.
  if (!promised_ || connection_->await_continue_) co_return;
  const auto until = std::chrono::steady_clock::now() + kDrainTime;
  for (std::uint64_t count = 0; count < kDrainPromised && std::chrono::steady_clock::now() < until;) {
    Result<ByteView> piece = co_await promised_->next();
    if (!piece || piece->empty()) co_return;
    count += piece->size();
  }
}

Task<Result<Spool*>> Exchange::whole_body() {
  if (!body_) co_return misuse("the body was not read");
  Arrival* arrival = body_->arrival();
  if (arrival == nullptr) co_return &*body_;
  Spool spool(connection_->context_->options.spool);
  for (;;) {
    Result<ByteView> piece = co_await arrival->next();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) break;
    if (Status kept = spool.append(*piece); !kept) co_return fail(kept.error());
  }
  if (spool.size() != body_->size()) co_return misuse("the body has been passed on");
  spool.finish();
  co_return &body_.emplace(std::move(spool));
}

Spool Exchange::take_body() {
  if (!body_) return Spool::of({});
  return std::move(*body_);
}

Task<Status> Exchange::send(ByteView first, ByteView second) {
  connection_->arm(connection_->context_->options.timeouts.write);
  Status sent = co_await connection_->transport_->write(first, second);
  if (!sent) {
    phase_ = Phase::broken;
    co_return sent;
  }
  connection_->transport_->disarm_deadline();
  co_return sent;
}

void Exchange::decide_persistence() {
  Connection& connection = *connection_;
  if (connection.draining_) connection.persistence_ = Persistence::close;
  if (connection.body_.done()) return;
  // An unread body: a small one that is on its way is read later; otherwise the client is told that the connection
  // ends.
  auto left = connection.body_.left();
  if (connection.await_continue_ || !left || *left > kDrainBytes) connection.persistence_ = Persistence::close;
}

Task<Status> Exchange::respond(ResponseHead head, std::string_view body) {
  if (phase_ != Phase::waiting) co_return misuse("a response was begun already");
  co_await drain_promised();
  decide_persistence();
  bool bodiless = status_without_body(head.status);
  Delimiting delimiting{bodiless ? BodyKind::none : BodyKind::length, body.size()};
  std::string& out = connection_->out_;
  out.clear();
  if (Status written = append_response_head(out, head, delimiting, connection_->persistence_); !written)
    co_return written;
  phase_ = Phase::done;
  ByteView payload = bodiless || head_.method == "HEAD" ? ByteView() : as_bytes(body);
  ByteView first = as_bytes(out);
  co_return co_await send(first, payload);
}

Task<Status> Exchange::respond_problem(Error error) {
  ResponseHead head{status_of(error), {}};
  head.headers.add("Content-Type", "application/problem+json");
  head.headers.add("Cache-Control", "no-store");
  std::string body = problem_json(head.status, error);
  co_return co_await respond(std::move(head), body);
}

Task<Status> Exchange::start_response(ResponseHead head, std::optional<std::uint64_t> length, HeadFlush flush) {
  if (phase_ != Phase::waiting) co_return misuse("a response was begun already");
  co_await drain_promised();
  decide_persistence();
  body_allowed_ = !status_without_body(head.status) && head_.method != "HEAD";
  Delimiting delimiting;
  if (!status_without_body(head.status)) {
    if (length) {
      delimiting = {BodyKind::length, *length};
    } else if (!connection_->http10_) {
      delimiting = {BodyKind::chunked, 0};
    } else {
      connection_->persistence_ = Persistence::close;
    }
  }
  chunked_ = delimiting.kind == BodyKind::chunked;
  left_ = length;
  std::string& out = connection_->out_;
  out.clear();
  if (Status written = append_response_head(out, head, delimiting, connection_->persistence_); !written)
    co_return written;
  phase_ = Phase::streaming;
  if (flush == HeadFlush::with_first_bytes) co_return Status();
  ByteView first = as_bytes(out);
  Status sent = co_await send(first, kNothing);
  out.clear();
  co_return sent;
}

Task<Status> Exchange::write_body(ByteView bytes) {
  if (phase_ == Phase::broken)
    co_return fail(ErrorKind::unavailable, "net.closed", "the client cannot be written to any more");
  if (phase_ != Phase::streaming) co_return misuse("no streamed response was begun");
  std::string& out = connection_->out_;
  if (left_) {
    if (bytes.size() > *left_) {
      phase_ = Phase::broken;
      co_return misuse("the body is longer than announced");
    }
    *left_ -= bytes.size();
  }
  if (!body_allowed_ || bytes.empty()) co_return Status();
  if (!chunked_) {
    ByteView head = as_bytes(out);
    Status sent = co_await send(head, bytes);
    out.clear();
    co_return sent;
  }
  // A chunk is copied behind its size line, so that it leaves whole and in one system call.
  while (!bytes.empty()) {
    ByteView piece = bytes.first(std::min(bytes.size(), kChunkBytes));
    bytes = bytes.subspan(piece.size());
    append_chunk(out, piece);
    ByteView ready = as_bytes(out);
    Status sent = co_await send(ready, kNothing);
    out.clear();
    if (!sent) co_return sent;
  }
  co_return Status();
}

Task<Status> Exchange::finish() {
  if (phase_ == Phase::broken)
    co_return fail(ErrorKind::unavailable, "net.closed", "the client cannot be written to any more");
  if (phase_ != Phase::streaming) co_return misuse("no streamed response was begun");
  if (left_ && *left_ > 0 && body_allowed_) {
    phase_ = Phase::broken;
    co_return misuse("the body is shorter than announced");
  }
  phase_ = Phase::done;
  std::string& out = connection_->out_;
  if (chunked_ && body_allowed_) out += kLastChunk;
  if (out.empty()) co_return Status();
  ByteView rest = as_bytes(out);
  co_return co_await send(rest, kNothing);
}

bool Exchange::begin_watch() {
  Connection& connection = *connection_;
  if (client_gone()) return false;
  connection.watch_ = Connection::Watch::on;
  connection.reader_.watch([weak = connection.weak_from_this()] {
    if (std::shared_ptr<Connection> alive = weak.lock()) alive->on_gone();
  });
  return true;
}

Task<void> Exchange::end_watch() {
  connection_->reader_.unwatch();
  if (connection_->watch_ == Connection::Watch::fired) {
    // The scope that was cancelled ends here: what follows (recording the outcome) must be able to wait again.
    auto filter = asio::enable_terminal_cancellation();
    co_await asio::this_coro::reset_cancellation_state(filter);
  } else {
    connection_->watch_ = Connection::Watch::off;
  }
}

}  // namespace countersign::http1
