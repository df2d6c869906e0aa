#include "approvals/rules_load.h"

#include <algorithm>

#include "approvals/bursts.h"
#include "approvals/names.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostRules = 1'000;
constexpr std::size_t kMostLists = 200;
constexpr std::size_t kMostMembers = 100;
constexpr std::size_t kMostDelegations = 1'000;

std::vector<Group> read_members(const yaml::Map& map, const yaml::Member& list) {
  std::vector<Group> out;
  if (list.value.kind != yaml::Node::Kind::list || list.value.items.empty() || list.value.items.size() > kMostMembers) {
    map.problem(list.value, "group `" + list.key + "` needs a list of 1 to 100 teams and users");
    return out;
  }
  for (const yaml::Node& item : list.value.items) {
    std::optional<Group> group = item.kind == yaml::Node::Kind::scalar ? parse_group(item.text) : std::nullopt;
    if (!group || group->kind == Group::Kind::anyone) {
      map.problem(item, "a member of a group must be \"team:NAME\" or \"user:NAME\"");
      continue;
    }
    group->listed = list.key;
    out.push_back(std::move(*group));
  }
  return out;
}

std::optional<TimeMs> read_time(yaml::Map& map, std::string_view key) {
  std::string text;
  if (!map.require(key)) return std::nullopt;
  const yaml::Node* node = map.string(key, text);
  if (node == nullptr) return std::nullopt;
  Result<TimeMs> time = parse_time(text);
  if (!time) map.problem(*node, "`" + std::string(key) + "`: " + time.error().message);
  return time ? std::optional(*time) : std::nullopt;
}

std::optional<Delegation> read_delegation(std::string_view file, const yaml::Node& node, const Rules& rules,
                                          Problems& problems) {
  Delegation delegation;
  delegation.line = node.line;
  yaml::Map map(file, node, "a delegation", problems);
  const bool from_named = map.require("from");
  const bool named = map.require("to") && from_named;
  map.string("from", delegation.from);
  map.string("to", delegation.to);
  std::optional<TimeMs> since = read_time(map, "since");
  std::optional<TimeMs> until = read_time(map, "until");
  if (const yaml::Node* list = map.strings("rules", delegation.rules)) {
    if (delegation.rules.empty()) map.problem(*list, "`rules` is empty; leave it out to mean all");
    for (std::size_t i = 0; i < delegation.rules.size(); ++i) {
      check_rule_name(map, list->items[i], delegation.rules[i], rules);
    }
  }
  map.finish();
  if (!named || !since || !until) return std::nullopt;
  delegation.since = *since;
  delegation.until = *until;
  if (Status checked = check_delegation(delegation); !checked) map.problem(node, checked.error().message);
  return delegation;
}

// "bursts: { window: 30s, most: 500 }"; "window: 0s" for none.
void read_bursts(std::string_view file, yaml::Map& root, Rules& rules, Problems& problems) {
  const yaml::Node* node = root.map("bursts");
  if (node == nullptr) return;
  yaml::Map map(file, *node, "`bursts`", problems);
  if (const yaml::Node* window = map.any("window"); window != nullptr && window->text == "0s") {
    rules.bursts.window = 0;
  } else {
    map.duration("window", rules.bursts.window, kLongestBurst);
  }
  std::int64_t most = kMostOfBurst;
  map.integer("most", most, 2, kMostOfBurst);
  rules.bursts.most = static_cast<std::size_t>(most);
  map.finish();
}

std::optional<Rules> read_rules(std::string_view file, const yaml::Node& root, Problems& problems) {
  Rules rules;
  yaml::Map map(file, root, "the file", problems);
  map.duration("default_expires", rules.default_expires, kLongestExpiry);
  const GroupLists lists = read_group_lists(map);
  if (const yaml::Node* node = map.map("rules"); node != nullptr) {
    if (node->members.size() > kMostRules) map.problem(*node, "there are more than 1000 rules");
    for (std::size_t i = 0; i < std::min(node->members.size(), kMostRules); ++i) {
      const yaml::Member& member = node->members[i];
      rules.rules.emplace(member.key, read_rule(file, member, rules.default_expires, lists, problems));
    }
  }
  read_delegations(file, map, rules, problems);
  read_freezes(file, map, rules, problems);
  read_budgets(file, map, rules, problems);
  read_break_glass(file, map, lists, rules, problems);
  std::string conflicts;
  if (map.one_of("conflicts", conflicts, {"hold", "note"}) != nullptr && conflicts == "note") {
    rules.conflicts = ConflictMode::note;
  }
  read_bursts(file, map, rules, problems);
  map.finish();
  return rules;
}

std::optional<Rules> finished(std::string_view file, const std::optional<yaml::Node>& root, Problems found,
                              Problems& problems) {
  std::optional<Rules> rules = root ? read_rules(file, *root, found) : std::nullopt;
  if (has_errors(found)) rules.reset();
  problems.insert(problems.end(), found.begin(), found.end());
  return rules;
}

}  // namespace

GroupLists read_group_lists(yaml::Map& root) {
  GroupLists lists;
  const yaml::Node* node = root.map("groups");
  if (node == nullptr) return lists;
  if (node->members.size() > kMostLists) root.problem(*node, "there are more than 200 groups");
  for (std::size_t i = 0; i < std::min(node->members.size(), kMostLists); ++i) {
    lists.emplace(node->members[i].key, read_members(root, node->members[i]));
  }
  return lists;
}

void check_rule_name(const yaml::Map& map, const yaml::Node& at, const std::string& name, const Rules& rules) {
  if (rules.find(name) != nullptr) return;
  std::vector<std::string_view> names;
  for (const auto& [known, rule] : rules.rules) names.push_back(known);
  std::string message = "there is no rule `" + name.substr(0, 100) + "`";
  if (auto near = closest(name, names); !near.empty()) message += "; did you mean `" + std::string(near) + "`?";
  map.problem(at, std::move(message));
}

void read_delegations(std::string_view file, yaml::Map& root, Rules& rules, Problems& problems) {
  const yaml::Node* list = root.list("delegations");
  if (list == nullptr) return;
  if (list->items.size() > kMostDelegations) root.problem(*list, "there are more than 1000 delegations");
  for (std::size_t i = 0; i < std::min(list->items.size(), kMostDelegations); ++i) {
    if (auto delegation = read_delegation(file, list->items[i], rules, problems)) {
      rules.delegations.push_back(std::move(*delegation));
    }
  }
}

std::optional<Rules> parse_rules(std::string_view file, std::string_view text, Problems& problems) {
  Problems found;
  std::optional<yaml::Node> root = yaml::parse(file, text, found);
  return finished(file, root, std::move(found), problems);
}

std::optional<Rules> load_rules(const std::string& path, Problems& problems) {
  Problems found;
  std::optional<yaml::Node> root = yaml::parse_file(path, found);
  return finished(path, root, std::move(found), problems);
}

}  // namespace countersign::approvals
