// Sign-in at an external OpenID provider: the authorization code flow with PKCE, as a relying party.
//
//   GET /sign-in/oidc ─▶ begin(): state, nonce, verifier ─▶ 302 to the provider ─▶ back with code and state
//     ─▶ finish(): state and browser are the same, `iss` is ours ─▶ token endpoint ─▶ ID token verified ─▶ Identity
//
// Sources: OpenID Connect Core 1.0 sections 3.1 and 15, Discovery 1.0; RFC 6749, 7636 (PKCE, S256 only), 9207 (`iss` in
// the answer), 9700 (best current practice). What is pinned and never taken from an answer: the issuer, the algorithms
// of ID tokens, that every address is https (plain http only where the issuer itself is on this machine). Tokens of the
// provider are used for nothing else and not kept; the userinfo endpoint is not asked.
//
// What is under way lies in the browser that began it, in a cookie under a seal (HMAC-SHA256 with a key of this
// process) from which state, nonce and verifier follow: so a stranger's answer cannot be made to sign a victim's
// browser in, and strangers who begin many take nobody's place. Ten minutes each, used once (the last 10,000 that were
// used are remembered; the provider takes a code once, too). After a restart people begin anew.
//
// The provider may also say that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0): logout() reads
// what it sends; People::end_provider_sessions does it, once for each token.
//
// The provider's metadata is kept for an hour, its keys too; an unknown key id fetches them again, at most once in 30
// seconds. One thread fetches, the others wait for it.
//
// Any thread; begin and finish block on the network.
//
// Errors:
//   oidc.unavailable      (unavailable) the provider cannot be reached, or answers nonsense
//   oidc.bad_metadata     (unavailable) it is another issuer's, lacks what is needed, or points to a plain-http address
//   oidc.bad_return       (invalid) `return_to` is not a path of this site
//   oidc.unknown_state    (forbidden) not begun here, begun more than ten minutes ago, used, or by another browser
//   oidc.mixed_up         (forbidden) the answer's `iss` is not the issuer the person was sent to, or is missing though
//                         the provider says it always sends it
//   oidc.refused          (forbidden) the provider said no; the message has its error code, not its words
//   oidc.token_refused    (unavailable) the token endpoint gave no ID token
//   oidc.bad_token        (forbidden) the ID token is not for us, not now, not of this sign-in, or its signature is
//                         wrong; the message says which claim
//   oidc.no_user          (forbidden) the user claim is missing or no name
//   oidc.too_old          (forbidden) a fresh authentication was asked for, and `auth_time` says it was not done
//   oidc.acr              (forbidden) none of the required authentication contexts
//   oidc.bad_logout_token (invalid) the same as bad_token, of a logout token
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/config.h"
#include "core/http_client.h"
#include "core/result.h"
#include "core/secret.h"

namespace countersign::auth {

struct OidcOptions {
  config::Oidc provider;
  Secret client_secret;  // empty: public client
  // Where the provider sends people back to: <public_url>/api/v1/sign-in/oidc/callback.
  std::string redirect_uri;
  // Stands for core/http_client.h's fetch; tests bring their own.
  std::function<Result<HttpAnswer>(const HttpAsk&)> fetch;
};

// Options of a configuration with `sign_in.oidc`; reads the secret (errors of auth/vault.h's read_secret).
[[nodiscard]] Result<OidcOptions> oidc_options(const config::Config& config);

// "/inbox?x=1": printable ASCII of at most 1,000 characters that begins with one slash, without backslash or a second
// slash after the first: what no browser takes for another site.
[[nodiscard]] bool is_local_path(std::string_view path);

// Whether a new authentication is asked for (step-up) or one the provider remembers will do.
enum class Freshness : std::uint8_t { any, now };

struct OidcStart {
  std::string location;  // answer with 302 to this
  Secret browser;        // value of the pre-session cookie: HttpOnly, SameSite=Lax, ten minutes; at most kMaxCookie
};

// What the provider says; bind_subject of auth/people.h makes a person of it.
struct OidcIdentity {
  std::string issuer;
  std::string subject;
  std::string user;                 // the user claim
  std::optional<TimeMs> auth_time;  // when the provider authenticated the person
  std::string acr;                  // empty: not said
  std::string provider_session;     // sid; empty: not said
  std::string return_to;            // of begin()
  std::string session;              // of begin(): id of the session that steps up, or empty
  Freshness freshness = Freshness::any;
};

// Whom the provider has signed out: the sessions of a subject, or one of them.
struct OidcLogout {
  std::string issuer;
  std::string subject;   // empty: whoever has this session
  std::string session;   // sid; empty: all of the subject's
  std::string token_id;  // jti, to be used once
  TimeMs until = 0;      // when the token is not accepted any more
};

class Oidc {
 public:
  static constexpr std::size_t kMaxCookie = 2'000;
  static constexpr TimeMs kPendingLife = 10LL * 60'000;

  // Contacts nobody.
  explicit Oidc(OidcOptions options);
  ~Oidc();
  Oidc(const Oidc&) = delete;
  Oidc& operator=(const Oidc&) = delete;

  // What stands on the button.
  [[nodiscard]] const std::string& name() const;

  // `session`: id of the session that steps up, or empty for a sign-in; comes back with the identity, and it is for the
  // caller to see that the same session still asks.
  Result<OidcStart> begin(std::string_view return_to, Freshness freshness, std::string_view session, TimeMs now);

  // `query`: the parameters of the callback, decoded, none twice. `browser`: the pre-session cookie's value.
  Result<OidcIdentity> finish(const std::map<std::string, std::string, std::less<>>& query, std::string_view browser,
                              TimeMs now);

  // `token`: the parameter logout_token. oidc.bad_logout_token, oidc.unavailable, oidc.bad_metadata.
  Result<OidcLogout> logout(std::string_view token, TimeMs now);

 private:
  class Provider;  // metadata and keys
  class Attempts;  // what is under way

  OidcOptions options_;
  std::unique_ptr<Provider> provider_;
  std::unique_ptr<Attempts> attempts_;
};

}  // namespace countersign::auth
