#include "approvals/ruleset.h"

#include "approvals/fit.h"
#include "policies/check.h"

namespace countersign::approvals {

std::shared_ptr<const Ruleset> load_ruleset(const std::filesystem::path& folder,
                                            const std::vector<config::Upstream>& upstreams, TimeMs now,
                                            Problems& problems) {
  Problems found;
  policies::SnapshotSource source = policies::read_folder(folder, found);
  const bool complete = !has_errors(found);
  auto ruleset = load_ruleset(std::move(source), upstreams, now, found);
  sort_problems(found);
  problems.insert(problems.end(), found.begin(), found.end());
  return complete ? ruleset : nullptr;
}

std::shared_ptr<const Ruleset> load_ruleset(policies::SnapshotSource source,
                                            const std::vector<config::Upstream>& upstreams, TimeMs now,
                                            Problems& problems) {
  Problems found;
  auto snapshot = policies::Snapshot::load(source, upstreams, found);
  auto roles = policies::Roles::load(source, found);
  std::string rules_file(policies::kApprovalsFile);
  std::optional<Rules> rules;
  if (source.approvals) {
    rules_file = source.approvals->path;
    rules = parse_rules(rules_file, source.approvals->text, found);
  } else {
    rules = Rules{};  // a policy that holds anything is reported by check_fit
  }
  if (snapshot) policies::check(*snapshot, found);
  if (snapshot && roles) roles->check(snapshot->directory(), found);
  if (snapshot && rules) check_fit(*snapshot, *rules, rules_file, found);
  const bool usable = snapshot && rules && roles && !has_errors(found);
  sort_problems(found);
  problems.insert(problems.end(), found.begin(), found.end());
  if (!usable) return nullptr;
  auto files = std::make_shared<const policies::SnapshotSource>(std::move(source));
  auto approvals = std::make_shared<const Rules>(std::move(*rules));
  return std::make_shared<const Ruleset>(
      Ruleset{std::move(snapshot), std::move(approvals), now, std::move(roles), std::move(files)});
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
