#include <algorithm>

#include "approvals/rules_load.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostBudgets = 200;
constexpr std::size_t kMostNameBytes = 200;
constexpr TimeMs kShortestWindow = 60'000;
constexpr TimeMs kLongestWindow = 30LL * 86'400'000;
constexpr std::int64_t kMostThings = 1'000'000;

void read_then(yaml::Map& map, const Rules& rules, Budget& budget) {
  std::string then;
  if (!map.require("then")) return;
  const yaml::Node* said = map.one_of("then", then, {"hold", "deny", "freeze"});
  const yaml::Node* rule = map.string("rule", budget.rule);
  if (said == nullptr) return;
  budget.then = then == "hold" ? Budget::Then::hold : then == "deny" ? Budget::Then::deny : Budget::Then::freeze;
  if (budget.then == Budget::Then::hold && rule == nullptr)
    map.problem(*said, "`then: hold` needs the `rule` that it is held for");
  if (budget.then != Budget::Then::hold && rule != nullptr) map.problem(*rule, "only `then: hold` has a `rule`");
  if (rule != nullptr) check_rule_name(map, *rule, budget.rule, rules);
}

Budget read_budget(std::string_view file, const yaml::Node& node, const Rules& rules, Problems& problems) {
  Budget budget;
  budget.line = node.line;
  yaml::Map map(file, node, "a budget", problems);
  if (map.require("name")) {
    const yaml::Node* name = map.string("name", budget.name);
    if (name != nullptr && (budget.name.empty() || budget.name.size() > kMostNameBytes))
      map.problem(*name, "the name of a budget has 1 to 200 characters");
    if (name != nullptr && std::ranges::find(rules.budgets, budget.name, &Budget::name) != rules.budgets.end())
      map.problem(*name, "budget `" + budget.name + "` is there twice");
  }
  map.string("reason", budget.reason);
  read_effects(map, budget.effects);
  read_names(map, "environments", budget.environments);
  read_names(map, "except_environments", budget.except_environments);
  if (!budget.environments.empty() && !budget.except_environments.empty())
    map.problem(node, "a budget has `environments` or `except_environments`, not both");
  read_names(map, "upstreams", budget.upstreams);
  if (map.require("at_most")) map.integer("at_most", budget.at_most, 0, kMostThings);
  if (map.require("per")) {
    const yaml::Node* per = map.duration("per", budget.per, kLongestWindow);
    if (per != nullptr && budget.per < kShortestWindow) map.problem(*per, "`per` is a minute at least");
  }
  read_then(map, rules, budget);
  map.finish();
  return budget;
}

}  // namespace

void read_budgets(std::string_view file, yaml::Map& root, Rules& rules, Problems& problems) {
  const yaml::Node* list = root.list("budgets");
  if (list == nullptr) return;
  if (list->items.size() > kMostBudgets) root.problem(*list, "there are more than 200 budgets");
  for (std::size_t i = 0; i < std::min(list->items.size(), kMostBudgets); ++i)
    rules.budgets.push_back(read_budget(file, list->items[i], rules, problems));
}

}  // namespace countersign::approvals
