// What protects the admin listener from a browser that is made to talk to it: DNS rebinding and cross-site requests.
// Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/webauthn.h"
#include "console/call.h"
#include "core/config.h"

namespace countersign::console {

// Where the identity provider says that somebody has signed out there.
inline constexpr std::string_view kBackchannelLogout = "/api/v1/sign-in/oidc/backchannel-logout";

// Host names the admin listener answers to, beside loopback names and IP literals (which no DNS record can point
// elsewhere): the one it listens on and the one of public_url. Lower case, without port.
[[nodiscard]] std::vector<std::string> own_hosts(const config::Config& config);

// Over TCP:
//   admin.host (forbidden)          Host is missing, or a name that is not ours
//   admin.cross_site (forbidden)    Origin names another host than Host does, or Sec-Fetch-Site says that another site
//                                   made the request; but whoever follows a link from there (a top-level GET of a page,
//                                   or of the address that the identity provider sends people back to) may come in
//   admin.content_type (invalid)    a POST whose content type is not application/json: what a form cannot send; at
//                                   kBackchannelLogout one that is not a form
// On the socket only the content type is looked at: no browser gets there.
[[nodiscard]] Status guard(const Call& call, const std::vector<std::string>& hosts);

// Whether `origin` (the header of a request to `host`) is the console's own: the listener's scheme with this host, or
// public_url's. `host` has passed the guard. Plain http counts on this machine only: elsewhere, whoever sits on the
// line could be the origin.
[[nodiscard]] bool is_same_origin(std::string_view origin, std::string_view host, const config::Config& config);

// Who we are to passkeys: the host of public_url with its origin. A public_url with an IP address, which cannot be a
// relying party, means "localhost" with the listener's port.
[[nodiscard]] auth::RelyingParty relying_party_of(const config::Config& config);

}  // namespace countersign::console
