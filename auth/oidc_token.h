// What an ID token must say (OpenID Connect Core 1.0 sections 2 and 3.1.3.7). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/jws.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::auth {

inline constexpr TimeMs kOidcSkew = 60'000;  // how far the provider's clock may be off

struct IdTokenNeed {
  std::string issuer;
  std::string client_id;
  std::string nonce;
  std::string user_claim;
  std::vector<std::string> acr_values;        // empty: any
  TimeMs begun = 0;                           // the sign-in: a token is not older
  std::optional<TimeMs> authenticated_since;  // step-up: auth_time must be there, and not before this
};

struct IdTokenFacts {
  std::string subject;
  std::string user;
  std::optional<TimeMs> auth_time;
  std::string acr;
  std::string session;  // sid; empty: not said, or nothing that could be compared
};

// Errors: oidc.bad_token, oidc.no_user, oidc.too_old, oidc.acr; see auth/oidc.h. The signature has been verified.
[[nodiscard]] Result<IdTokenFacts> check_id_token(const VerifiedJws& token, const IdTokenNeed& need, TimeMs now);

// A logout token (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6) is acted upon for so long after it was
// issued, whatever its `exp` says: that is how long the ids of used ones have to be kept.
inline constexpr TimeMs kLogoutTokenLife = 10LL * 60'000;

struct LogoutTokenNeed {
  std::string issuer;
  std::string client_id;
};

struct LogoutTokenFacts {
  std::string id;       // jti
  std::string subject;  // sub; empty: whoever has this session
  std::string session;  // sid; empty: every session of the subject
  TimeMs until = 0;     // no longer accepted from then on
};

// Errors: oidc.bad_logout_token; the message says which claim. The signature has been verified.
[[nodiscard]] Result<LogoutTokenFacts> check_logout_token(const VerifiedJws& token, const LogoutTokenNeed& need,
                                                          TimeMs now);

}  // namespace countersign::auth
