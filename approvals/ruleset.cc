#include "approvals/ruleset.h"

#include <algorithm>

#include "policies/check.h"

namespace countersign::approvals {
namespace {

// Each half is right by itself; here is what must be right between them.
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

}  // namespace

std::shared_ptr<const Ruleset> load_ruleset(const std::filesystem::path& folder,
                                            const std::vector<config::Upstream>& upstreams, TimeMs now,
                                            Problems& problems) {
  Problems found;
  auto snapshot = policies::Snapshot::load(folder, upstreams, found);
  const std::string rules_file = (folder / "approvals.yaml").string();
  std::optional<Rules> rules;
  if (std::filesystem::exists(rules_file) || (snapshot && !snapshot->approval_uses().empty())) {
    rules = load_rules(rules_file, found);
  } else {
    rules = Rules{};  // no policy holds anything
  }
  if (snapshot) policies::check(*snapshot, found);
  if (snapshot && rules) check_fit(*snapshot, *rules, rules_file, found);
  const bool usable = snapshot && rules && !has_errors(found);
  sort_problems(found);
  problems.insert(problems.end(), found.begin(), found.end());
  if (!usable) return nullptr;
  return std::make_shared<const Ruleset>(
      Ruleset{std::move(snapshot), std::make_shared<const Rules>(std::move(*rules)), now});
}

std::shared_ptr<const Ruleset> RulesetStore::current() const {
  std::lock_guard hold(lock_);
  return current_;
}

RulesetStore::Reloaded RulesetStore::reload(TimeMs now) {
  std::lock_guard one_at_a_time(reloading_);
  Reloaded out;
  auto loaded = load_ruleset(folder_, upstreams_, now, out.problems);
  if (loaded) {
    std::lock_guard hold(lock_);
    current_ = std::move(loaded);
    out.replaced = true;
  }
  out.digest = current()->policies->digest();
  return out;
}

}  // namespace countersign::approvals
