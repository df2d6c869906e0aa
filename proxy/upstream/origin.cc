#include "proxy/upstream/origin.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

namespace countersign::upstream {
namespace {

std::unexpected<Error> bad(std::string_view address, std::string_view why) {
  return fail(ErrorKind::invalid, "upstream.address", "'" + std::string(address) + "' " + std::string(why));
}

}  // namespace

Result<Origin> parse_origin(std::string_view address, net::ClientTls tls) {
  Origin origin;
  if (address.starts_with("unix:")) {
    origin.destination.unix_path = std::string(address.substr(5));
    if (!origin.destination.unix_path.starts_with('/') && !origin.destination.unix_path.starts_with('.')) {
      return bad(address, "is not unix: and a path");
    }
    origin.authority = "localhost";
    origin.key = address;
    return origin;
  }
  auto parsed = boost::urls::parse_uri(address);
  if (!parsed) return bad(address, "is not an address");
  const boost::urls::url_view& url = *parsed;
  bool secure = url.scheme_id() == boost::urls::scheme::https;
  if (!secure && url.scheme_id() != boost::urls::scheme::http) return bad(address, "is neither http nor https");
  if (url.has_userinfo()) return bad(address, "carries a user or password; credentials are configured apart");
  if (url.has_query() || url.has_fragment()) return bad(address, "has a query or fragment");
  if (url.host().empty()) return bad(address, "has no host");
  // Boost.URL reads a port beyond 16 bits as some other port.
  std::uint16_t port = secure ? 443 : 80;
  if (url.has_port()) {
    std::string_view digits(url.port().data(), url.port().size());
    auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || port == 0) {
      return bad(address, "has no usable port");
    }
  }

  bool ipv6 = url.host_type() == boost::urls::host_type::ipv6;
  origin.destination.host = ipv6 ? std::string(url.host_address()) : std::string(url.host());
  origin.destination.port = port;
  origin.authority = std::string(url.encoded_host());
  if (port != (secure ? 443 : 80)) origin.authority += ":" + std::to_string(port);
  origin.base_path = std::string(url.encoded_path());
  while (origin.base_path.ends_with('/')) origin.base_path.pop_back();
  origin.key = std::string(secure ? "https|" : "http|") + origin.destination.host + "|" +
               std::to_string(origin.destination.port);
  if (secure) {
    // A file name with the separator in it only makes the key longer, never equal to another: lengths are part of it.
    for (const auto& path : {tls.ca_file, tls.certificate, tls.key}) {
      origin.key += "|" + std::to_string(path.string().size()) + ":" + path.string();
    }
    origin.tls = std::move(tls);
  }
  return origin;
}

}  // namespace countersign::upstream
