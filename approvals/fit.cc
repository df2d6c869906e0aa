#include "approvals/fit.h"

#include <algorithm>
#include <limits>

namespace countersign::approvals {
namespace {

constexpr TimeMs kEver = std::numeric_limits<TimeMs>::max();

bool is_known(const policies::Directory& directory, const Group& group) {
  switch (group.kind) {
    case Group::Kind::anyone:
      return true;
    case Group::Kind::team:
      return directory.find_team(group.name) != nullptr;
    case Group::Kind::user:
      return directory.find_user(group.name) != nullptr;
    case Group::Kind::nobody:
      break;
  }
  return false;
}

// An exemption from a freeze, a budget and breaking the glass ask for rules that no policy names.
bool is_used(const policies::Snapshot& snapshot, const Rules& rules, const std::string& name) {
  if (rules.break_glass && (rules.break_glass->rule == name || rules.break_glass->in_debt == name)) return true;
  return std::ranges::find(snapshot.approval_uses(), name, &policies::ApprovalUse::rule) !=
             snapshot.approval_uses().end() ||
         std::ranges::find(rules.freezes, name, &Freeze::rule) != rules.freezes.end() ||
         std::ranges::find(rules.budgets, name, &Budget::rule) != rules.budgets.end();
}

void check_delegations(const policies::Directory& directory, const Rules& rules, const std::string& rules_file,
                       Problems& problems) {
  for (const Delegation& delegation : rules.delegations) {
    for (const std::string* name : {&delegation.from, &delegation.to}) {
      if (directory.find_user(*name) != nullptr) continue;
      problems.push_back({rules_file, delegation.line, 0, "entities.yaml lists no user `" + *name + "`"});
    }
  }
}

void check_freezes(const policies::Snapshot& snapshot, const Rules& rules, const std::string& rules_file,
                   Problems& problems) {
  for (const Freeze& freeze : rules.freezes) {
    for (const std::string& agent : freeze.exempt_agents) {
      if (snapshot.directory().find_agent(agent) != nullptr) continue;
      problems.push_back(
          {.file = rules_file,
           .line = freeze.line,
           .message = "entities.yaml lists no agent `" + agent + "`, which freeze `" + freeze.name + "` exempts",
           .severity = Severity::warning,
           .code = "lint.unknown-entity"});
    }
  }
}

void check_reviewers(const policies::Directory& directory, const Rules& rules, const std::string& rules_file,
                     Problems& problems) {
  if (!rules.break_glass) return;
  for (const Group& group : rules.break_glass->reviewers) {
    if (is_known(directory, group)) continue;
    problems.push_back({rules_file, rules.break_glass->line, 0,
                        "entities.yaml lists no `" + group.text() + "`: nobody could review a broken glass"});
  }
}

}  // namespace

void check_fit(const policies::Snapshot& snapshot, const Rules& rules, const std::string& rules_file,
               Problems& problems) {
  for (const policies::ApprovalUse& use : snapshot.approval_uses()) {
    if (rules.find(use.rule)) continue;
    std::vector<std::string_view> names;
    for (const auto& [name, rule] : rules.rules) names.push_back(name);
    std::string message = "approvals.yaml has no rule `" + use.rule + "`";
    if (auto near = closest(use.rule, names); !near.empty()) message += "; did you mean `" + std::string(near) + "`?";
    problems.push_back({.file = use.file,
                        .line = use.line,
                        .column = use.column,
                        .message = std::move(message),
                        .code = "lint.approval-unknown"});
  }
  for (const auto& [name, rule] : rules.rules) {
    if (!is_used(snapshot, rules, name))
      problems.push_back({.file = rules_file,
                          .line = rule.stages.empty() ? 0 : rule.stages.front().line,
                          .message = "no policy says @approval(\"" + name + "\"): nobody is ever asked for it",
                          .severity = Severity::warning,
                          .code = "lint.approval-unused",
                          .help = "remove the rule, or look for a forbid that lost its @approval"});
    for (const Stage& stage : rule.stages) {
      for (const Group& group : stage.asked(0, kEver)) {
        if (is_known(snapshot.directory(), group)) continue;
        problems.push_back({rules_file, stage.line, 0,
                            "entities.yaml lists no `" + group.text() + "`: nobody could approve this stage"});
      }
    }
  }
  check_delegations(snapshot.directory(), rules, rules_file, problems);
  check_freezes(snapshot, rules, rules_file, problems);
  check_reviewers(snapshot.directory(), rules, rules_file, problems);
}

}  // namespace countersign::approvals
