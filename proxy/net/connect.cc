#include "proxy/net/connect.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <boost/asio/ip/tcp.hpp>
#include <vector>

#include "proxy/net/address.h"
#include "proxy/net/async.h"
#include "proxy/net/socket_transport.h"

namespace countersign::net {
namespace {

using Endpoint = asio::generic::stream_protocol::endpoint;

struct Resolution {
  explicit Resolution(asio::any_io_executor executor) : resolver(executor), answered(executor) {}
  asio::ip::tcp::resolver resolver;
  Event answered;
  boost::system::error_code failed;
  std::vector<Endpoint> endpoints;
};

// The look-up blocks a thread of its own and cannot be stopped there; when the time is over we stop waiting for it.
Task<Result<std::vector<Endpoint>>> resolve(std::string host, std::uint16_t port, TimeMs timeout) {
  boost::system::error_code not_an_address;
  asio::ip::address address = asio::ip::make_address(host, not_an_address);
  if (!not_an_address) co_return std::vector<Endpoint>{Endpoint(asio::ip::tcp::endpoint(address, port))};
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto state = std::make_shared<Resolution>(executor);
  state->resolver.async_resolve(
      host, std::to_string(port),
      [state](const boost::system::error_code& failed, const asio::ip::tcp::resolver::results_type& results) {
        state->failed = failed;
        for (const auto& result : results) state->endpoints.emplace_back(result.endpoint());
        state->answered.notify();
      });
  Status waited = co_await state->answered.wait(timeout);
  if (!waited) {
    state->resolver.cancel();
    co_return fail(waited.error());
  }
  if (state->failed || state->endpoints.empty()) {
    co_return fail(ErrorKind::unavailable, "net.resolve", "cannot resolve '" + host + "': " + state->failed.message());
  }
  co_return std::move(state->endpoints);
}

Result<std::shared_ptr<SocketTransport>> open_transport(const asio::any_io_executor& executor, const Endpoint& endpoint,
                                                        const TlsContext* tls, const std::string& host) {
  StreamSocket socket(executor);
  boost::system::error_code failed;
  socket.open(endpoint.protocol(), failed);
  if (failed) return fail(ErrorKind::unavailable, "net.connect", failed.message());
  if (endpoint.protocol().family() != AF_UNIX) socket.set_option(asio::ip::tcp::no_delay(true), failed);
  if (tls == nullptr) return make_plain_transport(std::move(socket));
  return make_tls_client_transport(std::move(socket), *tls, host);
}

}  // namespace

Task<Result<TransportPtr>> connect(Destination destination, const TlsContext* tls, TimeMs timeout) {
  Clock::time_point until = Clock::now() + std::chrono::milliseconds(timeout);
  std::vector<Endpoint> endpoints;
  if (!destination.unix_path.empty()) {
    Result<Endpoint> local = unix_endpoint(destination.unix_path);
    if (!local) co_return fail(local.error());
    endpoints.push_back(*local);
  } else {
    Result<std::vector<Endpoint>> found = co_await resolve(destination.host, destination.port, timeout);
    if (!found) co_return fail(found.error());
    endpoints = std::move(*found);
  }
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  Error last{ErrorKind::unavailable, "net.connect", "no address"};
  for (const Endpoint& endpoint : endpoints) {
    auto opened = open_transport(executor, endpoint, tls, destination.host);
    if (!opened) co_return fail(opened.error());
    std::shared_ptr<SocketTransport> transport = std::move(*opened);
    transport->arm_deadline(std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()));
    Status connected = co_await transport->connect(endpoint);
    if (!connected) {
      transport->close();
      if (connected.error().code == "net.timeout" || connected.error().code == "net.cancelled")
        co_return fail(connected.error());
      last.message = connected.error().message;
      continue;
    }
    Status secured = co_await transport->handshake();
    if (!secured) {
      transport->close();
      co_return fail(secured.error());
    }
    transport->disarm_deadline();
    co_return TransportPtr(std::move(transport));
  }
  co_return fail(last);
}

}  // namespace countersign::net
