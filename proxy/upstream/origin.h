// Origin: where a request to an upstream goes, and how the connection is secured. The key under which connections are
// pooled.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "proxy/net/connect.h"
#include "proxy/net/tls.h"

namespace countersign::upstream {

struct Origin {
  net::Destination destination;
  std::optional<net::ClientTls> tls;  // none: plain
  std::string authority;              // for the Host header: "files.example:8443"; "localhost" for Unix sockets
  std::string base_path;              // of the address it was parsed from, without a trailing slash: "" or "/v2"
  std::string key;                    // equal for connections that may be shared
};

// "http://host[:port][/path]", "https://…" (verified with `tls`, by default against the system's authorities), or
// "unix:/path/to/socket". upstream.address (invalid): anything else, user information, a query or a fragment.
[[nodiscard]] Result<Origin> parse_origin(std::string_view address, net::ClientTls tls = {});

}  // namespace countersign::upstream
