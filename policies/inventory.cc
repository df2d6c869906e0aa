#include "policies/inventory.h"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>

#include "core/config_load.h"
#include "core/http_head.h"
#include "scopes/scope.h"

namespace countersign::policies {
namespace {

constexpr std::size_t kMostRules = 10'000;
constexpr std::size_t kMostSegments = 128;

enum class Case : std::uint8_t { kept, ignored };

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

bool segment_matches(std::string_view pattern, std::string_view segment, Case mode) {
  if (pattern == "*") return true;
  bool literal = pattern.find('*') == std::string_view::npos;
  if (literal) return mode == Case::kept ? pattern == segment : equal_ignoring_case(pattern, segment);
  return mode == Case::kept ? glob_matches(pattern, segment) : glob_matches(folded(pattern), folded(segment));
}

// Like a glob over characters, one level up: `**` is remembered and given one segment more whenever what follows it
// fails. Time is at most patterns × segments; no recursion.
bool matches(const std::vector<std::string>& pattern, std::span<const std::string_view> path, Case mode) {
  std::size_t p = 0;
  std::size_t s = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (s < path.size()) {
    if (p < pattern.size() && pattern[p] == "**") {
      star = p++;
      resume = s;
    } else if (p < pattern.size() && segment_matches(pattern[p], path[s], mode)) {
      ++p;
      ++s;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      s = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == "**") ++p;
  return p == pattern.size();
}

// Whether the pattern's segments before its first `**` go on below `path`. Behind a `**` every folder would be above.
bool stands_above(const std::vector<std::string>& pattern, std::span<const std::string_view> path) {
  if (pattern.size() <= path.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (pattern[i] == "**" || !segment_matches(pattern[i], path[i], Case::ignored)) return false;
  }
  return true;
}

// The segments of "<upstream>/<name>"; false when the name could mean another one.
bool split(std::string_view upstream, std::string_view name, std::array<std::string_view, kMostSegments>& out,
           std::size_t& count) {
  out[0] = upstream;
  count = 1;
  if (name.ends_with('/')) name.remove_suffix(1);  // a folder, named as such
  if (name.empty()) return true;
  bool strange = std::ranges::any_of(name, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return c == '\\' || c == '%' || byte < 0x20 || byte == 0x7f;
  });
  if (strange) return false;
  while (true) {
    std::size_t end = name.find('/');
    std::string_view segment = name.substr(0, end);
    if (segment.empty() || segment == "." || segment == ".." || count == kMostSegments) return false;
    out[count++] = segment;
    if (end == std::string_view::npos) return true;
    name.remove_prefix(end + 1);
  }
}

// Owner and free labels: what remains to tell two candidates apart.
auto own_labels(const Labels& labels) {
  return std::tie(labels.owner, labels.free);
}

void combine(LabelCandidates& candidates, Labels other) {
  Labels& first = candidates.first;
  if (first.environment != other.environment) first.environment = "production";
  first.tier = std::min(first.tier, other.tier);
  if (own_labels(first) != own_labels(other)) candidates.others.push_back(std::move(other));
}

// Once all are combined: each has the strictest environment and tier, and is there once.
void settle(LabelCandidates& candidates) {
  std::vector<Labels>& others = candidates.others;
  std::ranges::sort(others, {}, own_labels);
  auto repeated = std::ranges::unique(others, {}, own_labels);
  others.erase(repeated.begin(), repeated.end());
  for (Labels& labels : others) {
    labels.environment = candidates.first.environment;
    labels.tier = candidates.first.tier;
  }
}

std::vector<std::string> segments_of(std::string_view match) {
  std::vector<std::string> out;
  while (true) {
    std::size_t end = match.find('/');
    out.emplace_back(match.substr(0, end));
    if (end == std::string_view::npos) return out;
    match.remove_prefix(end + 1);
  }
}

// nullopt when the pattern can be used; otherwise why not.
std::optional<std::string> pattern_problem(std::string_view match) {
  if (match.size() > 1000) return "is longer than 1000 characters";
  std::vector<std::string> segments = segments_of(match);
  if (segments.size() < 2) return "must be an upstream's name, a slash, and a pattern: files/staging/**";
  if (segments.size() > kMostSegments) return "has too many segments";
  for (const std::string& segment : segments) {
    if (segment.empty()) return "has an empty segment";
    if (segment == "." || segment == "..") return "has a dot segment";
    if (segment != "**" && segment.find("**") != std::string::npos) return "has `**` beside other characters";
    if (segment.find_first_of("\\%") != std::string::npos) return "has a backslash or percent sign";
  }
  return std::nullopt;
}

std::optional<InventoryRule> read_rule(std::string_view file, const yaml::Node& node,
                                       const std::vector<config::Upstream>& upstreams, Problems& problems) {
  InventoryRule rule;
  yaml::Map map(file, node, "an inventory entry", problems);
  if (!map.require("match")) return std::nullopt;
  const yaml::Node* at = map.string("match", rule.match);
  if (!at) return std::nullopt;
  if (auto wrong = pattern_problem(rule.match)) {
    map.problem(*at, "`match` " + *wrong);
    return std::nullopt;
  }
  rule.segments = segments_of(rule.match);
  rule.literal = std::min(rule.match.find('*'), rule.match.size());
  const std::string& first = rule.segments.front();
  // With no upstream at all, a folder is looked at without its configuration.
  if (!upstreams.empty() && first.find('*') == std::string::npos &&
      std::ranges::find(upstreams, first, &config::Upstream::name) == upstreams.end()) {
    std::vector<std::string_view> names;
    for (const config::Upstream& upstream : upstreams) names.emplace_back(upstream.name);
    std::string_view near = closest(first, names);
    map.warning(*at, "there is no upstream `" + first + "`" +
                         (near.empty() ? "" : "; did you mean `" + std::string(near) + "`?"));
  }
  yaml::Node labels = node;
  std::erase_if(labels.members, [](const yaml::Member& member) { return member.key == "match"; });
  if (labels.members.empty()) map.warning(node, "this inventory entry gives no labels");
  rule.labels = config::read_labels(file, labels, "`" + rule.match + "`", problems);
  return rule;
}

}  // namespace

Labels overlay(const Labels& base, const config::LabelSet& over) {
  Labels out = base;
  if (over.environment) out.environment = *over.environment;
  if (over.tier) out.tier = *over.tier;
  if (over.owner) out.owner = *over.owner;
  for (const auto& [name, value] : over.free) out.free[name] = value;
  return out;
}

Labels overlay_tags(const Labels& upstream, const config::LabelSet& tags) {
  const Labels unknown;
  Labels out = overlay(upstream, tags);
  if (!tags.environment) out.environment = unknown.environment;
  if (!tags.tier) out.tier = std::min(upstream.tier, unknown.tier);
  return out;
}

Inventory Inventory::read(std::string_view file, yaml::Map& root, const std::vector<config::Upstream>& upstreams,
                          Problems& problems) {
  Inventory out;
  if (const yaml::Node* list = root.list("inventory")) {
    if (list->items.size() > kMostRules)
      root.problem(*list, "`inventory` has more than " + std::to_string(kMostRules) + " entries");
    for (const yaml::Node& item : list->items) {
      if (out.rules_.size() == kMostRules) break;
      if (auto rule = read_rule(file, item, upstreams, problems)) out.rules_.push_back(std::move(*rule));
    }
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < out.rules_.size(); ++i) order.push_back(i);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return out.rules_[a].literal != out.rules_[b].literal ? out.rules_[a].literal > out.rules_[b].literal : a > b;
  });
  out.unknown_.rules = order;
  for (const config::Upstream& upstream : upstreams) {
    Upstream entry{overlay(Labels{}, upstream.labels), {}};
    for (std::size_t i : order) {
      const std::string& first = out.rules_[i].segments.front();
      if (first == "**" || segment_matches(first, upstream.name, Case::kept)) entry.rules.push_back(i);
    }
    out.upstreams_.emplace(upstream.name, std::move(entry));
  }
  return out;
}

const Inventory::Upstream& Inventory::find(std::string_view upstream) const {
  auto found = upstreams_.find(upstream);
  return found == upstreams_.end() ? unknown_ : found->second;
}

const Labels& Inventory::upstream_labels(std::string_view upstream) const {
  return find(upstream).labels;
}

bool Inventory::has_rules_for(std::string_view upstream) const {
  return !find(upstream).rules.empty();
}

LabelCandidates Inventory::candidates(const Upstream& entry, std::string_view upstream, std::string_view name,
                                      const Labels& base) const {
  LabelCandidates out{base, {}};
  if (entry.rules.empty()) return out;
  std::array<std::string_view, kMostSegments> segments;
  std::size_t count = 0;
  bool clear = split(upstream, name, segments, count);
  std::span<const std::string_view> path(segments.data(), count);

  if (!clear) {
    for (std::size_t i : entry.rules) combine(out, overlay(base, rules_[i].labels));
    settle(out);
    return out;
  }
  auto winner =
      std::ranges::find_if(entry.rules, [&](std::size_t i) { return matches(rules_[i].segments, path, Case::kept); });
  if (winner != entry.rules.end()) out.first = overlay(base, rules_[*winner].labels);
  for (std::size_t i : entry.rules) {
    const InventoryRule& rule = rules_[i];
    bool only_ignoring_case = matches(rule.segments, path, Case::ignored) && !matches(rule.segments, path, Case::kept);
    // A rule that matched lost to a more specific one on purpose; one that stands below was not even compared.
    bool below = !matches(rule.segments, path, Case::kept) && stands_above(rule.segments, path);
    if (only_ignoring_case || below) combine(out, overlay(base, rule.labels));
  }
  settle(out);
  return out;
}

LabelCandidates Inventory::classify_all(std::string_view upstream, std::string_view name) const {
  const Upstream& entry = find(upstream);
  return candidates(entry, upstream, name, entry.labels);
}

LabelCandidates Inventory::classify_all(std::string_view upstream, const Access& access) const {
  const Upstream& entry = find(upstream);
  if (!access.tags) return candidates(entry, upstream, access.resource.name, entry.labels);
  return candidates(entry, upstream, access.resource.name, overlay_tags(entry.labels, *access.tags));
}

Labels Inventory::classify(std::string_view upstream, std::string_view name) const {
  return classify_all(upstream, name).first;
}

Labels Inventory::classify(std::string_view upstream, const Access& access) const {
  return classify_all(upstream, access).first;
}

}  // namespace countersign::policies
