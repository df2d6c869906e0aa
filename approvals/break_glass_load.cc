#include "approvals/rules_load.h"

namespace countersign::approvals {
namespace {

constexpr TimeMs kMinute = 60'000;
constexpr TimeMs kLongestReview = 30LL * 86'400'000;
constexpr TimeMs kLongestKeyAge = 30LL * 86'400'000;

// A vote of a session alone would make a stolen cookie worth an hour of anything.
void check_signed(const yaml::Map& map, const yaml::Node& at, const std::string& name, const Rules& rules) {
  check_rule_name(map, at, name, rules);
  const Rule* rule = rules.find(name);
  if (rule != nullptr && !rule->demands.signature)
    map.problem(at, "the rule `" + name + "` must have `signature: required`: a glass is broken with keys");
}

}  // namespace

void read_break_glass(std::string_view file, yaml::Map& root, const GroupLists& lists, Rules& rules,
                      Problems& problems) {
  const yaml::Node* node = root.map("break_glass");
  if (node == nullptr) return;
  BreakGlass glass;
  glass.line = node->line;
  yaml::Map map(file, *node, "`break_glass`", problems);
  map.require("rule");
  if (const yaml::Node* at = map.string("rule", glass.rule)) check_signed(map, *at, glass.rule, rules);
  if (const yaml::Node* at = map.string("in_debt", glass.in_debt)) check_signed(map, *at, glass.in_debt, rules);
  if (const yaml::Node* at = map.duration("longest", glass.longest, 60 * kMinute); at && glass.longest < kMinute)
    map.problem(*at, "`longest` is at least 1m");
  map.duration("review_within", glass.review_within, kLongestReview);
  if (const yaml::Node* age = map.any("key_age"); age != nullptr && age->text == "0s") {
    glass.key_age = 0;
  } else {
    map.duration("key_age", glass.key_age, kLongestKeyAge);
  }
  for (const std::string* name : {&glass.rule, &glass.in_debt}) {
    if (auto rule = rules.rules.find(*name); rule != rules.rules.end())
      rule->second.demands.min_key_age = glass.key_age;
  }
  glass.reviewers = read_groups(map, "reviewers", lists);
  read_names(map, "environments", glass.environments);
  read_names(map, "upstreams", glass.upstreams);
  read_effects(map, glass.effects);
  map.finish();
  rules.break_glass = std::move(glass);
}

}  // namespace countersign::approvals
