// Private to proxy/net: the textual form of addresses.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace countersign::net {

// "unix:/path", "127.0.0.1:80" or "[::1]:80". net.address (invalid) otherwise.
[[nodiscard]] Result<boost::asio::generic::stream_protocol::endpoint> parse_endpoint(std::string_view text);
[[nodiscard]] Result<boost::asio::generic::stream_protocol::endpoint> unix_endpoint(const std::string& path);

}  // namespace countersign::net
