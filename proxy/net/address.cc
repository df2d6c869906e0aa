#include "proxy/net/address.h"

#include <sys/un.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <charconv>

namespace countersign::net {

namespace asio = boost::asio;

Result<asio::generic::stream_protocol::endpoint> unix_endpoint(const std::string& path) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(ErrorKind::invalid, "net.address", "a unix socket path has 1 to 107 bytes: '" + path + "'");
  }
  return asio::generic::stream_protocol::endpoint(asio::local::stream_protocol::endpoint(path));
}

Result<asio::generic::stream_protocol::endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with("unix:")) return unix_endpoint(std::string(text.substr(5)));
  auto bad = [&] {
    return fail(ErrorKind::invalid, "net.address", "not an address with port: '" + std::string(text) + "'");
  };
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return bad();
  bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  boost::system::error_code failed;
  asio::ip::address address = asio::ip::make_address(host, failed);
  if (failed || address.is_v6() != bracketed) return bad();
  return asio::generic::stream_protocol::endpoint(asio::ip::tcp::endpoint(address, port));
}

}  // namespace countersign::net
