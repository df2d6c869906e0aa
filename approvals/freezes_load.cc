#include <algorithm>

#include "approvals/rules_load.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostFreezes = 200;
constexpr std::size_t kMostNameBytes = 200;

// A moment of the window, where a valid one is given.
std::optional<WallMinutes> read_wall(yaml::Map& map, std::string_view key,
                                     Result<WallMinutes> (*parse)(std::string_view)) {
  std::string text;
  if (!map.require(key)) return std::nullopt;
  const yaml::Node* node = map.string(key, text);
  if (node == nullptr) return std::nullopt;
  Result<WallMinutes> wall = parse(text);
  if (!wall) map.problem(*node, "`" + std::string(key) + "`: " + wall.error().message);
  return wall ? std::optional(*wall) : std::nullopt;
}

void read_once(yaml::Map& map, const Zone& zone, Freeze& freeze) {
  std::optional<WallMinutes> from = read_wall(map, "from", parse_wall);
  std::optional<WallMinutes> until = read_wall(map, "until", parse_wall);
  if (!from || !until) return;
  if (*until <= *from) map.problem(*map.node().find("until"), "a freeze ends after it begins");
  freeze.from = zone.first_moment(*from);
  freeze.until = zone.last_moment(*until);
  if (*from < *until && freeze.until <= freeze.from) {
    map.problem(*map.node().find("until"), "the clocks are put forward over all of this freeze: it never comes");
  }
}

void read_weekly(std::string_view file, const yaml::Node& node, const Zone& zone, Freeze& freeze, Problems& problems) {
  yaml::Map map(file, node, "weekly of freeze `" + freeze.name + "`", problems);
  std::optional<WallMinutes> from = read_wall(map, "from", parse_wall_of_week);
  std::optional<WallMinutes> until = read_wall(map, "until", parse_wall_of_week);
  map.finish();
  if (!from || !until) return;
  if (*from == *until) map.problem(node, "a weekly freeze that ends when it begins would never end; use a policy");
  freeze.weekly = Freeze::Weekly{zone, *from, *until};
}

void read_window(std::string_view file, yaml::Map& map, Freeze& freeze, Problems& problems) {
  std::string zone_name = "UTC";
  const yaml::Node* zone_node = map.string("zone", zone_name);
  Result<Zone> zone = Zone::find(zone_name);
  if (!zone) map.problem(zone_node != nullptr ? *zone_node : map.node(), zone.error().message);
  const yaml::Node* weekly = map.map("weekly");
  const bool once = map.node().find("from") != nullptr || map.node().find("until") != nullptr;
  if (weekly != nullptr && once) {
    map.problem(*weekly, "a freeze is weekly, or from one time until another, not both");
    map.any("from");
    map.any("until");
  } else if (zone && weekly != nullptr) {
    read_weekly(file, *weekly, *zone, freeze, problems);
  } else if (zone && map.node().find("weekly") == nullptr) {
    read_once(map, *zone, freeze);
  } else {
    map.any("from");
    map.any("until");
  }
}

Freeze read_freeze(std::string_view file, const yaml::Node& node, const Rules& rules, Problems& problems) {
  Freeze freeze;
  freeze.line = node.line;
  yaml::Map map(file, node, "a freeze", problems);
  if (map.require("name")) {
    const yaml::Node* name = map.string("name", freeze.name);
    if (name != nullptr && (freeze.name.empty() || freeze.name.size() > kMostNameBytes)) {
      map.problem(*name, "the name of a freeze has 1 to 200 characters");
    }
    if (name != nullptr && std::ranges::find(rules.freezes, freeze.name, &Freeze::name) != rules.freezes.end()) {
      map.problem(*name, "freeze `" + freeze.name + "` is there twice");
    }
  }
  map.string("reason", freeze.reason);
  read_window(file, map, freeze, problems);
  read_names(map, "environments", freeze.environments);
  read_names(map, "upstreams", freeze.upstreams);
  read_effects(map, freeze.effects);
  if (const yaml::Node* rule = map.string("rule", freeze.rule)) check_rule_name(map, *rule, freeze.rule, rules);
  map.strings("exempt_agents", freeze.exempt_agents);
  map.finish();
  return freeze;
}

}  // namespace

void read_effects(yaml::Map& map, std::vector<Effect>& out) {
  std::vector<std::string> names;
  const yaml::Node* node = map.strings("effects", names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::optional<Effect> effect = effect_from_name(names[i]);
    if (effect && is_change(*effect)) {
      out.push_back(*effect);
    } else {
      map.problem(node->items[i], "effects are write, execute, mint, administer and destroy");
    }
  }
}

void read_names(yaml::Map& map, std::string_view key, std::vector<std::string>& out) {
  const yaml::Node* node = map.strings(key, out);
  if (node == nullptr) return;
  if (out.empty()) map.problem(*node, "`" + std::string(key) + "` is empty; leave it out to mean all");
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].empty() || out[i].size() > kMostNameBytes) {
      map.problem(node->items[i], "a name has 1 to 200 characters");
    }
  }
}

void read_freezes(std::string_view file, yaml::Map& root, Rules& rules, Problems& problems) {
  const yaml::Node* list = root.list("freezes");
  if (list == nullptr) return;
  if (list->items.size() > kMostFreezes) root.problem(*list, "there are more than 200 freezes");
  for (std::size_t i = 0; i < std::min(list->items.size(), kMostFreezes); ++i) {
    rules.freezes.push_back(read_freeze(file, list->items[i], rules, problems));
  }
}

}  // namespace countersign::approvals
