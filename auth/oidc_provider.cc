#include "auth/oidc_provider.h"

#include <algorithm>

#include "core/config_load.h"
#include "core/config_upstream.h"
#include "core/json.h"

namespace countersign::auth {
namespace {

constexpr std::size_t kMaxDocument = 256U << 10;
constexpr JsonLimits kLimits{.bytes = kMaxDocument, .depth = 16, .values = 10'000};

std::unexpected<Error> bad_metadata(std::string_view what) {
  return fail(ErrorKind::unavailable, "oidc.bad_metadata", "the identity provider's metadata " + std::string(what));
}

std::unexpected<Error> unavailable(std::string_view why) {
  return fail(ErrorKind::unavailable, "oidc.unavailable", "the identity provider: " + std::string(why));
}

// An endpoint may have a query (RFC 6749 section 3.1), which an upstream's address may not.
bool is_endpoint(std::string_view url, std::string_view issuer) {
  const std::string_view path = url.substr(0, url.find('?'));
  if (url.size() > 2048 || config::upstream_url_problem(path)) return false;
  return path.starts_with("https://") || (issuer.starts_with("http://") && config::is_private_way(path));
}

bool lists(const Json& document, std::string_view name, std::string_view value) {
  const Json* list = find_member(document, name);
  return list && list->is_array() && std::ranges::find(*list, Json(value)) != list->end();
}

// Not older than `most`, and not from a future that the clock has left.
bool is_fresh(TimeMs at, TimeMs now, TimeMs most) {
  return at <= now && now - at < most;
}

}  // namespace

std::string form_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

Result<std::string> Oidc::Provider::fetch_json(const std::string& url) const {
  HttpAsk ask;
  ask.url = url;
  ask.headers.add("accept", "application/json");
  ask.ca_file = options_.provider.ca_file;
  ask.most_bytes = kMaxDocument;
  Result<HttpAnswer> answer = options_.fetch(ask);
  if (!answer) return unavailable(answer.error().message);
  if (answer->status != 200) return unavailable("it answered with status " + std::to_string(answer->status));
  return std::move(answer->body);
}

Result<OidcMetadata> Oidc::Provider::fetch_metadata() const {
  const std::string& issuer = options_.provider.issuer;
  const std::string base = issuer.ends_with('/') ? issuer.substr(0, issuer.size() - 1) : issuer;
  Result<std::string> text = fetch_json(base + "/.well-known/openid-configuration");
  if (!text) return fail(text.error());
  Result<Json> document = parse_json(*text, kLimits);
  if (!document || !document->is_object()) return bad_metadata("is not a JSON object");
  if (string_or(*document, "issuer", "") != issuer) return bad_metadata("is another issuer's");
  OidcMetadata out;
  out.authorization_endpoint = string_or(*document, "authorization_endpoint", "");
  out.token_endpoint = string_or(*document, "token_endpoint", "");
  out.jwks_uri = string_or(*document, "jwks_uri", "");
  for (const std::string& url : {out.authorization_endpoint, out.token_endpoint, out.jwks_uri}) {
    if (!is_endpoint(url, issuer)) return bad_metadata("lacks an endpoint, or has one that is not https");
  }
  // Many providers do PKCE without saying so; one that says how, and not S256, does not.
  if (find_member(*document, "code_challenge_methods_supported") &&
      !lists(*document, "code_challenge_methods_supported", "S256")) {
    return bad_metadata("does not have PKCE with S256");
  }
  const Json* iss = find_member(*document, "authorization_response_iss_parameter_supported");
  if (iss && *iss == true) out.iss = OidcMetadata::IssInAnswer::always;
  const std::string methods = "token_endpoint_auth_methods_supported";
  const bool post_only =
      lists(*document, methods, "client_secret_post") && !lists(*document, methods, "client_secret_basic");
  if (post_only) out.authentication = OidcMetadata::ClientAuthentication::post;
  return out;
}

Result<OidcMetadata> Oidc::Provider::metadata(TimeMs now) {
  std::lock_guard guard(lock_);
  if (metadata_.value && is_fresh(metadata_.at, now, kKept)) return *metadata_.value;
  if (metadata_.failure && is_fresh(metadata_.failed_at, now, kFailed)) return fail(*metadata_.failure);
  Result<OidcMetadata> fetched = fetch_metadata();
  if (fetched) {
    metadata_ = {.value = *fetched, .at = now, .failure = std::nullopt, .failed_at = 0};
  } else {
    metadata_.failure = fetched.error();
    metadata_.failed_at = now;
  }
  return fetched;
}

Result<JwkSet> Oidc::Provider::keys(const std::string& url, TimeMs now, TimeMs older_than) {
  std::lock_guard guard(lock_);
  if (keys_.value && is_fresh(keys_.at, now, older_than)) return *keys_.value;
  if (keys_.failure && is_fresh(keys_.failed_at, now, kFailed)) return fail(*keys_.failure);
  Result<std::string> text = fetch_json(url);
  Result<JwkSet> set = text ? JwkSet::parse(*text) : Result<JwkSet>(fail(text.error()));
  if (text && !set) set = unavailable(set.error().message);
  if (set) {
    keys_ = {.value = *set, .at = now, .failure = std::nullopt, .failed_at = 0};
  } else {
    keys_.failure = set.error();
    keys_.failed_at = now;
  }
  return set;
}

Result<std::string> Oidc::Provider::ask_for_token(const OidcMetadata& metadata, std::string_view code,
                                                  const Secret& verifier) const {
  const config::Oidc& us = options_.provider;
  HttpAsk ask;
  ask.method = "POST";
  ask.url = metadata.token_endpoint;
  ask.ca_file = us.ca_file;
  ask.most_bytes = kMaxDocument;
  ask.headers.add("accept", "application/json");
  ask.headers.add("content-type", "application/x-www-form-urlencoded");
  ask.body = "grant_type=authorization_code&code=" + form_encoded(code) +
             "&redirect_uri=" + form_encoded(options_.redirect_uri) +
             "&code_verifier=" + form_encoded(verifier.expose());
  if (options_.client_secret.empty()) {
    ask.body += "&client_id=" + form_encoded(us.client_id);
  } else if (metadata.authentication == OidcMetadata::ClientAuthentication::post) {
    ask.body +=
        "&client_id=" + form_encoded(us.client_id) + "&client_secret=" + form_encoded(options_.client_secret.expose());
  } else {
    const std::string both = form_encoded(us.client_id) + ":" + form_encoded(options_.client_secret.expose());
    ask.headers.add("authorization", "Basic " + to_base64(as_bytes(both)));
  }
  Result<HttpAnswer> answer = options_.fetch(ask);
  if (!answer) return unavailable(answer.error().message);
  auto refused = [](std::string why) { return fail(ErrorKind::unavailable, "oidc.token_refused", std::move(why)); };
  if (answer->status != 200)
    return refused("the identity provider did not take the code: status " + std::to_string(answer->status));
  Result<Json> document = parse_json(answer->body, kLimits);
  if (!document) return refused("the identity provider's answer to the code is not JSON");
  std::string token = string_or(*document, "id_token", "");
  if (token.empty()) return refused("the identity provider gave no ID token");
  return token;
}

Result<VerifiedJws> Oidc::Provider::verify(const OidcMetadata& metadata, std::string_view token, TimeMs now) {
  std::vector<JwsAlgorithm> allowed;
  for (const std::string& name : options_.provider.algorithms) {
    if (auto algorithm = jws_algorithm_from_name(name)) allowed.push_back(*algorithm);
  }
  Result<JwkSet> set = keys(metadata.jwks_uri, now, kKept);
  if (!set) return fail(set.error());
  Result<VerifiedJws> verified = verify_jws(token, *set, allowed);
  if (!verified && verified.error().code == "jws.key") {
    set = keys(metadata.jwks_uri, now, kRetry);
    if (!set) return fail(set.error());
    verified = verify_jws(token, *set, allowed);
  }
  return verified;
}

Result<VerifiedJws> Oidc::Provider::redeem(const OidcMetadata& metadata, std::string_view code, const Secret& verifier,
                                           TimeMs now) {
  Result<std::string> token = ask_for_token(metadata, code, verifier);
  if (!token) return fail(token.error());
  Result<VerifiedJws> verified = verify(metadata, *token, now);
  if (verified || verified.error().kind == ErrorKind::unavailable) return verified;
  return fail(ErrorKind::forbidden, "oidc.bad_token", "the ID token is not accepted: " + verified.error().message);
}

}  // namespace countersign::auth
