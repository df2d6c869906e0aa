#include "proxy/net/socket_transport.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <cstring>

namespace countersign::net {

SocketTransport::SocketTransport(StreamSocket socket) : socket_(std::move(socket)), timer_(socket_.get_executor()) {}

void SocketTransport::close() {
  if (closed_) return;
  closed_ = true;
  ++timer_generation_;
  timer_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

bool SocketTransport::quiet() {
  if (closed_) return false;
  std::uint8_t byte = 0;
  ssize_t count = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void SocketTransport::arm_deadline(std::chrono::milliseconds from_now) {
  expired_ = false;
  deadline_ = Clock::now() + from_now;
  if (deadline_ < timer_at_) start_timer(deadline_);
}

// A deadline that moves later leaves the timer alone: when it fires early it goes back to sleep until the real one.
void SocketTransport::start_timer(Clock::time_point at) {
  timer_at_ = at;
  timer_.expires_at(at);
  timer_.async_wait([weak = weak_from_this(), generation = ++timer_generation_](const boost::system::error_code&) {
    std::shared_ptr<Transport> alive = weak.lock();
    if (!alive) return;
    auto& self = static_cast<SocketTransport&>(*alive);
    if (self.closed_ || generation != self.timer_generation_) return;
    self.timer_at_ = Clock::time_point::max();
    if (self.deadline_ == Clock::time_point::max()) return;
    if (Clock::now() < self.deadline_) return self.start_timer(self.deadline_);
    self.deadline_ = Clock::time_point::max();
    self.expired_ = true;
    boost::system::error_code ignored;
    self.socket_.cancel(ignored);
  });
}

std::optional<Error> SocketTransport::stopped(asio::cancellation_type cancelled) const {
  if (expired_) return Error{ErrorKind::timed_out, "net.timeout", "the deadline of the connection has passed"};
  if (closed_ || cancelled != asio::cancellation_type::none) {
    return Error{ErrorKind::unavailable, "net.cancelled", "the operation was cancelled"};
  }
  return std::nullopt;
}

Error SocketTransport::to_error(const boost::system::error_code& code) const {
  if (code == asio::error::operation_aborted || code == asio::error::bad_descriptor) {
    return stopped(asio::cancellation_type::terminal).value();
  }
  if (code == asio::error::connection_reset || code == asio::error::broken_pipe || code == asio::error::eof) {
    return Error{ErrorKind::unavailable, "net.closed", "the peer closed the connection"};
  }
  return Error{ErrorKind::unavailable, "net.failed", code.message()};
}

void SocketTransport::find_peer() {
  boost::system::error_code failed;
  asio::generic::stream_protocol::endpoint remote = socket_.remote_endpoint(failed);
  if (failed) return;
  if (remote.protocol().family() == AF_UNIX) {
    peer_.address = "unix";
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
      peer_.uid = credentials.uid;
      peer_.pid = credentials.pid;
    }
    return;
  }
  asio::ip::tcp::endpoint endpoint;
  if (remote.size() > endpoint.capacity()) return;
  std::memcpy(endpoint.data(), remote.data(), remote.size());
  std::string address = endpoint.address().to_string();
  if (endpoint.address().is_v6()) address = "[" + address + "]";
  peer_.address = address + ":" + std::to_string(endpoint.port());
}

Task<Status> SocketTransport::connect(asio::generic::stream_protocol::endpoint endpoint) {
  asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (std::optional<Error> stop = stopped(state.cancelled())) co_return fail(*stop);
  auto done = co_await socket_.async_connect(endpoint, kAwait);
  if (auto failed = std::get<0>(done)) co_return fail(to_error(failed));
  find_peer();
  co_return Status();
}

namespace {

class PlainTransport final : public SocketTransport {
 public:
  explicit PlainTransport(StreamSocket socket) : SocketTransport(std::move(socket)) { find_peer(); }

  Task<Status> handshake() override { co_return Status(); }

  Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into) override {
    asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (std::optional<Error> stop = stopped(state.cancelled())) co_return fail(*stop);
    auto buffer = asio::buffer(into.data(), into.size());
    auto done = co_await socket_.async_read_some(buffer, kAwait);
    boost::system::error_code failed = std::get<0>(done);
    if (failed == asio::error::eof) co_return std::size_t{0};
    if (failed) co_return fail(to_error(failed));
    co_return std::get<1>(done);
  }

  void start_read(std::span<std::uint8_t> into, ReadDone done) override {
    // After a deadline or close() the socket itself answers: cancelled operations complete through the loop as well.
    socket_.async_read_some(asio::buffer(into.data(), into.size()),
                            [self = shared_from_this(), this, done = std::move(done)](
                                const boost::system::error_code& failed, std::size_t count) mutable {
                              if (failed && failed != asio::error::eof) return done(fail(to_error(failed)));
                              done(failed ? 0 : count);
                            });
  }

  // The kernel nearly always takes everything at once, so it is asked directly; Asio waits only when it is full.
  Task<Status> write(ByteView first, ByteView second) override {
    asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    while (!first.empty() || !second.empty()) {
      if (std::optional<Error> stop = stopped(state.cancelled())) co_return fail(*stop);
      ssize_t sent = send_pieces(first, second);
      if (sent >= 0) {
        auto count = static_cast<std::size_t>(sent);
        std::size_t of_first = std::min(count, first.size());
        first = first.subspan(of_first);
        second = second.subspan(count - of_first);
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        co_return fail(to_error(boost::system::error_code(errno, boost::system::system_category())));
      }
      auto done = co_await socket_.async_wait(StreamSocket::wait_write, kAwait);
      if (auto failed = std::get<0>(done)) co_return fail(to_error(failed));
    }
    co_return Status();
  }

  Task<Status> shutdown_write() override {
    boost::system::error_code failed;
    socket_.shutdown(StreamSocket::shutdown_send, failed);
    if (failed) co_return fail(to_error(failed));
    co_return Status();
  }

  Security security() const override { return Security::plain; }

 private:
  ssize_t send_pieces(ByteView first, ByteView second) {
    std::array<iovec, 2> pieces{iovec{const_cast<std::uint8_t*>(first.data()), first.size()},
                                iovec{const_cast<std::uint8_t*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = first.empty() ? &pieces[1] : pieces.data();
    message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
    return ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
};

}  // namespace

std::shared_ptr<SocketTransport> make_plain_transport(StreamSocket socket) {
  return std::make_shared<PlainTransport>(std::move(socket));
}

}  // namespace countersign::net
