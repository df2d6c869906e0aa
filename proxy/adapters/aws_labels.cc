#include "proxy/adapters/aws_labels.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "core/http_head.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kProduction = "production";
constexpr std::size_t kLongestName = 63;
constexpr std::int64_t kHighestTier = 1000;  // as in labels of the configuration

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

bool names(const std::vector<std::string>& keys, std::string_view key) {
  return std::ranges::any_of(keys, [&](const std::string& each) { return equal_ignoring_case(each, trimmed(key)); });
}

std::set<std::string> values_of(const std::vector<std::string>& keys, const std::vector<AwsTag>& tags) {
  std::set<std::string> out;
  for (const AwsTag& tag : tags) {
    if (names(keys, tag.key)) out.emplace(trimmed(tag.value));
  }
  return out;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

// "prod", "production", "eu-prod", "prod2"; as words of their own also "prd" and "live".
bool looks_like_production(std::string_view text) {
  if (text.find("prod") != std::string_view::npos) return true;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("-_. ");
    const std::string_view word = text.substr(0, end);
    if (word == "prd" || word == "live") return true;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return false;
}

std::string environment_of(const config::AwsTags& config, std::string_view value) {
  for (const auto& [said, meant] : config.values) {
    if (equal_ignoring_case(said, value)) return meant;
  }
  std::string out = lower(value);
  return looks_like_production(out) || !is_name(out) ? std::string(kProduction) : out;
}

std::optional<std::int64_t> tier_of(std::string_view value) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  const bool whole = error == std::errc() && end == value.data() + value.size();
  return whole && out >= 0 && out <= kHighestTier ? std::optional(out) : std::nullopt;
}

}  // namespace

config::LabelSet labels_of_tags(const config::AwsTags& config, const config::LabelSet& upstream,
                                const std::vector<AwsTag>& tags) {
  config::LabelSet out;
  std::set<std::string> environments;
  for (const std::string& value : values_of(config.environment, tags)) {
    environments.insert(environment_of(config, value));
  }
  if (environments.size() == 1) out.environment = *environments.begin();
  if (config.environment.empty()) out.environment = upstream.environment;

  bool readable = true;
  for (const std::string& value : values_of(config.tier, tags)) {
    const std::optional<std::int64_t> tier = tier_of(value);
    readable = readable && tier.has_value();
    if (tier) out.tier = std::min(*tier, out.tier.value_or(*tier));
  }
  if (!readable) out.tier.reset();

  const std::set<std::string> owners = values_of(config.owner, tags);
  if (owners.size() == 1 && !owners.begin()->empty()) out.owner = *owners.begin();
  if (owners.size() > 1) out.environment.reset();

  const bool elsewhere = out.environment && *out.environment != kProduction;
  if (config.tier.empty() && elsewhere) out.tier = upstream.tier;
  return out;
}

bool is_label_key(const config::AwsTags& config, std::string_view key) {
  return names(config.environment, key) || names(config.tier, key) || names(config.owner, key);
}

}  // namespace countersign::adapters
