#include "auth/oidc_token.h"

#include <algorithm>

#include "core/http_head.h"
#include "core/json.h"
#include "core/visible.h"

namespace countersign::auth {
namespace {

constexpr std::size_t kMaxSubject = 255;
constexpr std::size_t kMaxUser = 200;
constexpr std::size_t kMaxAudiences = 32;
constexpr std::int64_t kMaxSeconds = 253'402'300'799;  // the year 9999
constexpr JsonLimits kLimits{.bytes = kMaxJws, .depth = 16, .values = 2'000};
constexpr std::string_view kLogoutEvent = "http://schemas.openid.net/event/backchannel-logout";

std::unexpected<Error> bad(std::string_view what) {
  return fail(ErrorKind::forbidden, "oidc.bad_token", "the ID token is not accepted: " + std::string(what));
}

std::unexpected<Error> bad_logout(std::string_view what) {
  return fail(ErrorKind::invalid, "oidc.bad_logout_token", "the logout token is not accepted: " + std::string(what));
}

// A NumericDate as whole seconds: nobody needs a fraction, and text or a float is somebody else's idea of a time.
std::optional<TimeMs> time_at(const Json& claims, std::string_view name) {
  const Json* value = find_member(claims, name);
  if (!value || !value->is_number_integer()) return std::nullopt;
  const bool in_range = value->is_number_unsigned() ? value->get<std::uint64_t>() <= kMaxSeconds : false;
  if (!in_range) return std::nullopt;
  return value->get<std::int64_t>() * 1000;
}

bool is_for_us(const Json& claims, std::string_view client_id) {
  const Json* audience = find_member(claims, "aud");
  const Json* party = find_member(claims, "azp");
  if (party && *party != client_id) return false;
  if (!audience) return false;
  if (audience->is_string()) return *audience == client_id;
  if (!audience->is_array() || audience->size() > kMaxAudiences) return false;
  const bool among = std::ranges::find(*audience, Json(client_id)) != audience->end();
  return among && (audience->size() == 1 || party != nullptr);
}

Status check_times(const Json& claims, const IdTokenNeed& need, TimeMs now) {
  const std::optional<TimeMs> expires = time_at(claims, "exp");
  if (!expires) return bad("exp is missing or no time");
  if (now >= *expires + kOidcSkew) return bad("it has expired");
  const std::optional<TimeMs> issued = time_at(claims, "iat");
  if (!issued) return bad("iat is missing or no time");
  if (*issued > now + kOidcSkew) return bad("it was issued in the future");
  if (*issued < need.begun - kOidcSkew) return bad("it was issued before this sign-in began");
  if (!find_member(claims, "nbf")) return {};
  const std::optional<TimeMs> from = time_at(claims, "nbf");
  if (!from || *from > now + kOidcSkew) return bad("it is not valid yet");
  return {};
}

bool is_subject(std::string_view text) {
  return !text.empty() && text.size() <= kMaxSubject &&
         std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_user(std::string_view text) {
  if (text.empty() || text.size() > kMaxUser) return false;
  while (!text.empty()) {
    const TextCharacter character = front_character(text);
    if (!character.is_utf8 || hides(character.code)) return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

}  // namespace

Result<IdTokenFacts> check_id_token(const VerifiedJws& token, const IdTokenNeed& need, TimeMs now) {
  // An access token signed by the same keys is no ID token.
  if (!token.type.empty() && token.type != "JWT" && token.type != "jwt") return bad("it is of another type");
  Result<Json> claims = parse_json(token.payload, kLimits);
  if (!claims || !claims->is_object()) return bad("it is not a JSON object without duplicates");
  if (string_or(*claims, "iss", "") != need.issuer) return bad("iss is another issuer");
  if (!is_for_us(*claims, need.client_id)) return bad("aud or azp is another client");
  if (Status times = check_times(*claims, need, now); !times) return fail(times.error());
  const std::string nonce = string_or(*claims, "nonce", "");
  if (!equal_constant_time(as_bytes(nonce), as_bytes(need.nonce))) return bad("nonce is of another sign-in");

  IdTokenFacts out;
  out.subject = string_or(*claims, "sub", "");
  if (!is_subject(out.subject)) return bad("sub is missing or not an identifier");
  if (find_member(*claims, "auth_time")) {
    out.auth_time = time_at(*claims, "auth_time");
    if (!out.auth_time || *out.auth_time > now + kOidcSkew) return bad("auth_time is no time in the past");
  }
  if (need.authenticated_since && (!out.auth_time || *out.auth_time < *need.authenticated_since - kOidcSkew)) {
    return fail(ErrorKind::forbidden, "oidc.too_old",
                "the identity provider did not authenticate you anew, though it was asked to");
  }
  if (const std::string session = string_or(*claims, "sid", ""); is_subject(session)) out.session = session;
  out.acr = string_or(*claims, "acr", "");
  if (!need.acr_values.empty() && std::ranges::find(need.acr_values, out.acr) == need.acr_values.end())
    return fail(ErrorKind::forbidden, "oidc.acr",
                "the identity provider authenticated you in a way that is not enough");
  out.user = string_or(*claims, need.user_claim, "");
  if (!is_user(out.user)) {
    return fail(ErrorKind::forbidden, "oidc.no_user",
                "the identity provider gave no name for you (claim " + need.user_claim + ")");
  }
  return out;
}

Result<LogoutTokenFacts> check_logout_token(const VerifiedJws& token, const LogoutTokenNeed& need, TimeMs now) {
  // "logout+jwt" is recommended, not required; an access token is neither, and an ID token has no `events`.
  const bool typed = token.type.empty() || equal_ignoring_case(token.type, "JWT") ||
                     equal_ignoring_case(token.type, "logout+jwt") ||
                     equal_ignoring_case(token.type, "application/logout+jwt");
  if (!typed) return bad_logout("it is of another type");
  Result<Json> claims = parse_json(token.payload, kLimits);
  if (!claims || !claims->is_object()) return bad_logout("it is not a JSON object without duplicates");
  if (string_or(*claims, "iss", "") != need.issuer) return bad_logout("iss is another issuer");
  if (!is_for_us(*claims, need.client_id)) return bad_logout("aud or azp is another client");
  const std::optional<TimeMs> expires = time_at(*claims, "exp");
  if (!expires || now >= *expires + kOidcSkew) return bad_logout("exp is missing, no time, or over");
  const std::optional<TimeMs> issued = time_at(*claims, "iat");
  if (!issued || *issued > now + kOidcSkew) return bad_logout("iat is missing, no time, or in the future");
  LogoutTokenFacts out;
  out.until = *issued + kLogoutTokenLife + kOidcSkew;
  if (now >= out.until) return bad_logout("it was issued too long ago");
  const Json* events = find_member(*claims, "events");
  const Json* logout = events && events->is_object() ? find_member(*events, kLogoutEvent) : nullptr;
  if (!logout || !logout->is_object()) return bad_logout("events does not name a logout");
  if (find_member(*claims, "nonce")) return bad_logout("it has a nonce, as only ID tokens do");
  out.id = string_or(*claims, "jti", "");
  if (!is_subject(out.id)) return bad_logout("jti is missing or not an identifier");
  out.subject = string_or(*claims, "sub", "");
  if (find_member(*claims, "sub") && !is_subject(out.subject)) return bad_logout("sub is not an identifier");
  out.session = string_or(*claims, "sid", "");
  if (find_member(*claims, "sid") && !is_subject(out.session)) return bad_logout("sid is not an identifier");
  if (out.subject.empty() && out.session.empty()) return bad_logout("it has neither sub nor sid");
  return out;
}

}  // namespace countersign::auth
