#include "core/config_sign_in.h"

#include <algorithm>

namespace countersign::config {
namespace {

constexpr TimeMs kMinute = 60'000;
constexpr TimeMs kDay = 24 * 60 * kMinute;
constexpr std::size_t kMaxScopes = 32;
constexpr std::size_t kMaxAcrValues = 16;

bool is_plain(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

// RFC 6749 section 3.3: a scope is visible ASCII without quotes and backslashes.
bool is_scope(std::string_view text) {
  return is_plain(text, 200) && text.find_first_of("\"\\") == std::string_view::npos;
}

void read_scopes(yaml::Map& map, Oidc& out) {
  const yaml::Node* at = map.strings("scopes", out.scopes);
  if (!at) return;
  if (out.scopes.size() > kMaxScopes || !std::ranges::all_of(out.scopes, is_scope))
    map.problem(*at, "`scopes` must be at most 32 words without quotes");
  if (std::ranges::find(out.scopes, "openid") == out.scopes.end()) map.problem(*at, "`scopes` must have `openid`");
}

void read_algorithms(yaml::Map& map, Oidc& out) {
  const yaml::Node* at = map.strings("algorithms", out.algorithms);
  if (!at) return;
  constexpr std::string_view kKnown[] = {"RS256", "PS256", "ES256", "EdDSA"};
  bool known = std::ranges::all_of(out.algorithms, [&](const std::string& name) {
    return std::ranges::find(kKnown, std::string_view(name)) != std::end(kKnown);
  });
  if (out.algorithms.empty() || !known) map.problem(*at, "`algorithms` are RS256, PS256, ES256 and EdDSA");
}

void read_oidc(Reading& reading, const yaml::Node& node, Oidc& out) {
  yaml::Map map(reading.file, node, "`oidc`", reading.problems);
  map.require("issuer");
  map.require("client_id");
  if (const yaml::Node* at = map.string("issuer", out.issuer)) {
    if (auto wrong = upstream_url_problem(out.issuer)) {
      map.problem(*at, "`issuer` " + *wrong);
    } else if (!is_private_way(out.issuer)) {
      map.problem(*at, "`issuer` must begin with https://");
    }
  }
  if (const yaml::Node* at = map.string("client_id", out.client_id); at && !is_plain(out.client_id, 500))
    map.problem(*at, "`client_id` must be 1 to 500 visible characters");
  if (const yaml::Node* secret = map.any("client_secret"))
    read_secret(reading, *secret, "`client_secret`", out.client_secret.emplace());
  if (const yaml::Node* at = map.string("user_claim", out.user_claim); at && !is_plain(out.user_claim, 100))
    map.problem(*at, "`user_claim` must be the name of a claim");
  if (const yaml::Node* at = map.string("name", out.name); at && (out.name.empty() || out.name.size() > 100))
    map.problem(*at, "`name` must have 1 to 100 characters");
  read_scopes(map, out);
  read_algorithms(map, out);
  if (const yaml::Node* at = map.strings("acr_values", out.acr_values)) {
    if (out.acr_values.size() > kMaxAcrValues || !std::ranges::all_of(out.acr_values, is_scope))
      map.problem(*at, "`acr_values` must be at most 16 words without quotes");
  }
  if (const yaml::Node* at = map.string("ca", out.ca_file)) reading.file_at(*at, out.ca_file);
  map.finish();
}

}  // namespace

void read_sign_in(Reading& reading, yaml::Map& root, SignIn& out) {
  const yaml::Node* node = root.map("sign_in");
  if (!node) return;
  yaml::Map map(reading.file, *node, "`sign_in`", reading.problems);
  map.boolean("passwords", out.passwords);
  const yaml::Node* idle = map.duration("idle", out.idle, 7 * kDay);
  const yaml::Node* absolute = map.duration("absolute", out.absolute, 30 * kDay);
  if (const yaml::Node* oidc = map.map("oidc")) read_oidc(reading, *oidc, out.oidc.emplace());
  map.finish();
  if (idle && out.idle < kMinute) map.problem(*idle, "`idle` must be at least 1m");
  if (absolute && out.absolute < kMinute) map.problem(*absolute, "`absolute` must be at least 1m");
  if (out.idle > out.absolute) map.problem(idle ? *idle : *node, "`idle` must not be longer than `absolute`");
}

}  // namespace countersign::config
