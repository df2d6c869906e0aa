// What protects the admin listener from a browser that is made to talk to it: DNS rebinding and cross-site requests.
// Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "console/call.h"
#include "core/config.h"

namespace countersign::console {

// Host names the admin listener answers to, beside loopback names and IP literals (which no DNS record can point
// elsewhere): the one it listens on and the one of public_url. Lower case, without port.
[[nodiscard]] std::vector<std::string> own_hosts(const config::Config& config);

// Over TCP:
//   admin.host (forbidden)          Host is missing, or a name that is not ours
//   admin.cross_site (forbidden)    Origin names another host than Host does, or Sec-Fetch-Site says cross-site
//   admin.content_type (invalid)    a POST whose content type is not application/json: what a form cannot send
// On the socket only the content type is looked at: no browser gets there.
[[nodiscard]] Status guard(const Call& call, const std::vector<std::string>& hosts);

}  // namespace countersign::console
