#include "approvals/fit.h"

#include <algorithm>

namespace countersign::approvals {

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
    bool used = std::ranges::find(snapshot.approval_uses(), name, &policies::ApprovalUse::rule) !=
                snapshot.approval_uses().end();
    if (!used)
      problems.push_back({.file = rules_file,
                          .line = rule.stages.empty() ? 0 : rule.stages.front().line,
                          .message = "no policy says @approval(\"" + name + "\"): nobody is ever asked for it",
                          .severity = Severity::warning,
                          .code = "lint.approval-unused",
                          .help = "remove the rule, or look for a forbid that lost its @approval"});
    for (const Stage& stage : rule.stages) {
      const bool known = stage.group.kind == Group::Kind::anyone ||
                         (stage.group.kind == Group::Kind::team && snapshot.directory().find_team(stage.group.name)) ||
                         (stage.group.kind == Group::Kind::user && snapshot.directory().find_user(stage.group.name));
      if (known) continue;
      problems.push_back({rules_file, stage.line, 0,
                          "entities.yaml lists no `" + stage.group.text() + "`: nobody could approve this stage"});
    }
  }
}

}  // namespace countersign::approvals
