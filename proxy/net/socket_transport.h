// Private to proxy/net: the socket and deadline that plain and TLS transports share.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "proxy/net/tls.h"
#include "proxy/net/transport.h"

namespace countersign::net {

namespace asio = boost::asio;

using StreamSocket = asio::generic::stream_protocol::socket;
using Clock = std::chrono::steady_clock;

// Completion token of every operation here: no second coroutine frame, no exceptions.
inline constexpr auto kAwait = asio::as_tuple(asio::deferred);

class SocketTransport : public Transport {
 public:
  explicit SocketTransport(StreamSocket socket);

  void close() override;
  [[nodiscard]] bool quiet() override;
  void arm_deadline(std::chrono::milliseconds from_now) override;
  void disarm_deadline() override { deadline_ = Clock::time_point::max(); }

  // Connects the (open) socket; used by connect() before the transport is handed out.
  [[nodiscard]] Task<Status> connect(asio::generic::stream_protocol::endpoint endpoint);

 protected:
  // Why no operation may start now, if so.
  [[nodiscard]] std::optional<Error> stopped(asio::cancellation_type cancelled) const;
  [[nodiscard]] Error to_error(const boost::system::error_code& code) const;
  void find_peer();

  StreamSocket socket_;

 private:
  void start_timer(Clock::time_point at);

  asio::steady_timer timer_;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point timer_at_ = Clock::time_point::max();  // when the pending wait fires; max: none is pending
  std::uint64_t timer_generation_ = 0;
  bool expired_ = false;
  bool closed_ = false;
};

[[nodiscard]] std::shared_ptr<SocketTransport> make_plain_transport(StreamSocket socket);
[[nodiscard]] std::shared_ptr<SocketTransport> make_tls_server_transport(StreamSocket socket,
                                                                         const TlsContext& context);
// `host`: the name or address the certificate must carry.
[[nodiscard]] Result<std::shared_ptr<SocketTransport>> make_tls_client_transport(StreamSocket socket,
                                                                                 const TlsContext& context,
                                                                                 const std::string& host);

}  // namespace countersign::net
