#include "auth/oidc.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <mutex>
#include <set>

#include "auth/oidc_provider.h"
#include "auth/oidc_token.h"
#include "auth/vault.h"
#include "core/sha256.h"
#include "core/words.h"

namespace countersign::auth {
namespace {

constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kMaxReturn = 1'000;
constexpr std::size_t kMaxCode = 8'000;
constexpr std::size_t kMaxUsed = 10'000;
constexpr std::size_t kMaxErrorCode = 64;
constexpr int kMaxAgeSeconds = 30 * 86'400;
constexpr TimeMs kClockSlack = 5LL * 60'000;

std::string random_text() {
  const Bytes bytes = random_bytes(kRandomBytes);
  return to_base64url(bytes);
}

std::string_view value_of(const std::map<std::string, std::string, std::less<>>& query, std::string_view name) {
  auto found = query.find(name);
  return found == query.end() ? std::string_view() : std::string_view(found->second);
}

// An error code of RFC 6749 as it may stand in a message; what is none is not repeated.
std::string error_code(std::string_view text) {
  const bool sound = !text.empty() && text.size() <= kMaxErrorCode &&
                     std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return sound ? std::string(text) : "an error";
}

}  // namespace

bool is_local_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxReturn || path[0] != '/') return false;
  if (!std::ranges::all_of(path, [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; })) return false;
  return !path.substr(0, path.find_first_of("?#")).contains("//");
}

// What is under way lies in the browser, under a seal that only this process can make; here is only what was used.
class Oidc::Attempts {
 public:
  struct Attempt {
    std::string cookie;
    std::string state;
    std::string nonce;
    Secret verifier;
    std::string return_to;
    std::string session;
    Freshness freshness = Freshness::any;
    TimeMs begun = 0;
  };

  Attempt begin(std::string_view return_to, Freshness freshness, std::string_view session, TimeMs now) const {
    std::string text = std::to_string(now) + (freshness == Freshness::now ? "\n1\n" : "\n0\n") + random_text() + "\n";
    text.append(session).append("\n").append(return_to);
    Attempt attempt = derived(text);
    const Digest seal = derive("seal", text);
    Bytes sealed(seal.begin(), seal.end());
    sealed.insert(sealed.end(), text.begin(), text.end());
    attempt.cookie = to_base64url(sealed);
    attempt.return_to = return_to;
    attempt.session = session;
    attempt.freshness = freshness;
    attempt.begun = now;
    return attempt;
  }

  // At most once for each; another browser's question changes nothing.
  std::optional<Attempt> take(std::string_view state, std::string_view cookie, TimeMs now) {
    std::optional<Attempt> attempt = unseal(cookie);
    if (!attempt || !equal_constant_time(as_bytes(attempt->state), as_bytes(state))) return std::nullopt;
    if (now >= attempt->begun + kPendingLife || attempt->begun > now + kClockSlack) return std::nullopt;
    std::lock_guard guard(lock_);
    while (!by_age_.empty() && (by_age_.front().second <= now || by_age_.size() >= kMaxUsed)) {
      used_.erase(by_age_.front().first);
      by_age_.pop_front();
    }
    const Digest mark = sha256(state);
    if (!used_.insert(mark).second) return std::nullopt;
    by_age_.emplace_back(mark, attempt->begun + kPendingLife);
    return attempt;
  }

 private:
  [[nodiscard]] Digest derive(std::string_view what, std::string_view text) const {
    return hmac_sha256(key_, {as_bytes("countersign/oidc/"), as_bytes(what), as_bytes("\n"), as_bytes(text)});
  }
  // Everything the provider is told follows from the text: who cannot make the seal cannot know it.
  [[nodiscard]] Attempt derived(std::string_view text) const {
    auto secret = [&](std::string_view what) {
      const Digest digest = derive(what, text);
      return to_base64url(ByteView(digest));
    };
    Attempt out;
    out.state = secret("state");
    out.nonce = secret("nonce");
    out.verifier = Secret(secret("verifier"));
    return out;
  }
  [[nodiscard]] std::optional<Attempt> unseal(std::string_view cookie) const {
    if (cookie.size() > kMaxCookie) return std::nullopt;
    const auto sealed = from_base64url(cookie);
    if (!sealed || sealed->size() <= std::tuple_size_v<Digest>) return std::nullopt;
    const ByteView bytes(*sealed);
    std::string_view text = as_text(bytes.subspan(std::tuple_size_v<Digest>));
    const Digest seal = derive("seal", text);
    if (!equal_constant_time(ByteView(seal), bytes.first(seal.size()))) return std::nullopt;
    Attempt attempt = derived(text);
    auto line = [&text] {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view out = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      return out;
    };
    const std::string_view begun = line();
    if (std::from_chars(begun.data(), begun.data() + begun.size(), attempt.begun).ec != std::errc())
      return std::nullopt;
    attempt.freshness = line() == "1" ? Freshness::now : Freshness::any;
    std::ignore = line();
    attempt.session = line();
    attempt.return_to = text;
    return attempt;
  }

  const Bytes key_ = random_bytes(kRandomBytes);
  std::mutex lock_;
  std::set<Digest> used_;
  std::deque<std::pair<Digest, TimeMs>> by_age_;  // of used_, in the order of use; with when it is forgotten
};

Result<OidcOptions> oidc_options(const config::Config& config) {
  if (!config.sign_in.oidc)
    return fail(ErrorKind::invalid, "oidc.not_configured", "no identity provider is configured");
  OidcOptions out;
  out.provider = *config.sign_in.oidc;
  if (out.provider.client_secret) {
    Result<Secret> secret = read_secret(*out.provider.client_secret);
    if (!secret) return fail(secret.error());
    out.client_secret = std::move(*secret);
  }
  std::string base = config.public_url;
  while (base.ends_with('/')) base.pop_back();
  out.redirect_uri = base + "/api/v1/sign-in/oidc/callback";
  out.fetch = [](const HttpAsk& ask) { return fetch(ask); };
  return out;
}

Oidc::Oidc(OidcOptions options)
    : options_(std::move(options)),
      provider_(std::make_unique<Provider>(options_)),
      attempts_(std::make_unique<Attempts>()) {}
Oidc::~Oidc() = default;

const std::string& Oidc::name() const {
  return options_.provider.name;
}

Result<OidcStart> Oidc::begin(std::string_view return_to, Freshness freshness, std::string_view session, TimeMs now) {
  if (!is_local_path(return_to))
    return fail(ErrorKind::invalid, "oidc.bad_return", "`return` must be a path of this site");
  Result<OidcMetadata> metadata = provider_->metadata(now);
  if (!metadata) return fail(metadata.error());
  Attempts::Attempt attempt = attempts_->begin(return_to, freshness, session, now);
  const Digest challenge = sha256(attempt.verifier.expose());
  std::string location = metadata->authorization_endpoint;
  location += location.contains('?') ? "&" : "?";
  location += "response_type=code&client_id=" + form_encoded(options_.provider.client_id) +
              "&redirect_uri=" + form_encoded(options_.redirect_uri) +
              "&scope=" + form_encoded(joined(options_.provider.scopes, " ")) + "&state=" + attempt.state +
              "&nonce=" + attempt.nonce + "&code_challenge=" + to_base64url(ByteView(challenge)) +
              "&code_challenge_method=S256";
  if (!options_.provider.acr_values.empty())
    location += "&acr_values=" + form_encoded(joined(options_.provider.acr_values, " "));
  // A provider that is told how old an authentication may be also says how old it is (OpenID Connect Core 3.1.2.1).
  location += freshness == Freshness::now ? "&prompt=login&max_age=0" : "&max_age=" + std::to_string(kMaxAgeSeconds);
  return OidcStart{.location = std::move(location), .browser = Secret(std::move(attempt.cookie))};
}

Result<OidcIdentity> Oidc::finish(const std::map<std::string, std::string, std::less<>>& query,
                                  std::string_view browser, TimeMs now) {
  std::optional<Attempts::Attempt> attempt = attempts_->take(value_of(query, "state"), browser, now);
  if (!attempt) {
    return fail(ErrorKind::forbidden, "oidc.unknown_state",
                "this sign-in was not begun in this browser, or too long ago; begin again");
  }
  Result<OidcMetadata> metadata = provider_->metadata(now);
  if (!metadata) return fail(metadata.error());
  // Before anything else of the answer is believed, also an error in it.
  const bool says_iss = query.contains("iss");
  const bool must_say = metadata->iss == OidcMetadata::IssInAnswer::always;
  if ((says_iss && value_of(query, "iss") != options_.provider.issuer) || (!says_iss && must_say)) {
    return fail(ErrorKind::forbidden, "oidc.mixed_up",
                "the answer comes from another identity provider than the one you were sent to");
  }
  if (query.contains("error")) {
    return fail(ErrorKind::forbidden, "oidc.refused",
                "the identity provider answered: " + error_code(value_of(query, "error")));
  }
  const std::string_view code = value_of(query, "code");
  if (code.empty() || code.size() > kMaxCode)
    return fail(ErrorKind::forbidden, "oidc.refused", "the identity provider's answer has no code");
  Result<VerifiedJws> token = provider_->redeem(*metadata, code, attempt->verifier, now);
  if (!token) return fail(token.error());

  IdTokenNeed need{.issuer = options_.provider.issuer,
                   .client_id = options_.provider.client_id,
                   .nonce = attempt->nonce,
                   .user_claim = options_.provider.user_claim,
                   .acr_values = options_.provider.acr_values,
                   .begun = attempt->begun,
                   .authenticated_since = std::nullopt};
  if (attempt->freshness == Freshness::now) need.authenticated_since = attempt->begun;
  Result<IdTokenFacts> facts = check_id_token(*token, need, now);
  if (!facts) return fail(facts.error());
  return OidcIdentity{.issuer = need.issuer,
                      .subject = std::move(facts->subject),
                      .user = std::move(facts->user),
                      .auth_time = facts->auth_time,
                      .acr = std::move(facts->acr),
                      .provider_session = std::move(facts->session),
                      .return_to = std::move(attempt->return_to),
                      .session = std::move(attempt->session),
                      .freshness = attempt->freshness};
}

Result<OidcLogout> Oidc::logout(std::string_view token, TimeMs now) {
  Result<OidcMetadata> metadata = provider_->metadata(now);
  if (!metadata) return fail(metadata.error());
  Result<VerifiedJws> verified = provider_->verify(*metadata, token, now);
  if (!verified && verified.error().kind == ErrorKind::unavailable) return fail(verified.error());
  if (!verified)
    return fail(ErrorKind::invalid, "oidc.bad_logout_token",
                "the logout token is not accepted: " + verified.error().message);
  const config::Oidc& us = options_.provider;
  Result<LogoutTokenFacts> facts = check_logout_token(*verified, {us.issuer, us.client_id}, now);
  if (!facts) return fail(facts.error());
  return OidcLogout{.issuer = us.issuer,
                    .subject = std::move(facts->subject),
                    .session = std::move(facts->session),
                    .token_id = std::move(facts->id),
                    .until = facts->until};
}

}  // namespace countersign::auth
