// The two cookies of the console. Pure functions, any thread.
//
// "__Host-": browsers take such a cookie only over https (or from this machine), for this host alone and for all of it,
// so that neither a neighbour under the same domain nor a plain-http answer can plant one (RFC 6265bis, section 4.1.3).
#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/http_head.h"
#include "core/result.h"

namespace countersign::console {

inline constexpr std::string_view kSessionCookie = "__Host-countersign";
inline constexpr std::string_view kOidcCookie = "__Host-countersign-oidc";  // a sign-in that is under way elsewhere

// The cookie's value; empty when there is none. admin.bad_cookie (malformed): it is there twice, or is no base64url of
// at most 200 characters (kOidcCookie: 2,000); whichever of the two were read, somebody would be signed in who did not
// mean to be.
[[nodiscard]] Result<std::string> find_cookie(const RequestHead& head, std::string_view name);

// A Set-Cookie value. `life` in ms; 0: until the browser closes, or the session ends.
[[nodiscard]] std::string set_cookie(std::string_view name, std::string_view value, TimeMs life);
[[nodiscard]] std::string clear_cookie(std::string_view name);

}  // namespace countersign::console
