// The parts of approvals.yaml that are read in files of their own. Not for others: they call parse_rules().
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/rules.h"
#include "core/problem.h"
#include "core/yaml.h"

namespace countersign::approvals {

// The file's `groups`: each name with its members.
using GroupLists = std::map<std::string, std::vector<Group>, std::less<>>;

constexpr TimeMs kLongestExpiry = 30LL * 86'400'000;

[[nodiscard]] Rule read_rule(std::string_view file, const yaml::Member& member, TimeMs default_expires,
                             const GroupLists& lists, Problems& problems);
// "groups: { oncall: [user:sam, team:sre] }"
[[nodiscard]] GroupLists read_group_lists(yaml::Map& root);
// `delegations` and `freezes`; the rules they name must be there.
void read_delegations(std::string_view file, yaml::Map& root, Rules& rules, Problems& problems);
void read_freezes(std::string_view file, yaml::Map& root, Rules& rules, Problems& problems);
// `budgets`; the same. (approvals/budgets_load.cc)
void read_budgets(std::string_view file, yaml::Map& root, Rules& rules, Problems& problems);
// `break_glass`; the same.
void read_break_glass(std::string_view file, yaml::Map& root, const GroupLists& lists, Rules& rules,
                      Problems& problems);

// A required key with a group or a list of groups, 1 to 100; "group:NAME" is replaced by its members.
[[nodiscard]] std::vector<Group> read_groups(yaml::Map& map, std::string_view key, const GroupLists& lists);
// Names of things, and effects of changes. An empty list would mean "all" where its author meant "none": a problem.
void read_names(yaml::Map& map, std::string_view key, std::vector<std::string>& out);
void read_effects(yaml::Map& map, std::vector<Effect>& out);
// Reports a rule that is not defined.
void check_rule_name(const yaml::Map& map, const yaml::Node& at, const std::string& name, const Rules& rules);

}  // namespace countersign::approvals
