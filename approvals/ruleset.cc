#include "approvals/ruleset.h"

#include "approvals/fit.h"
#include "policies/check.h"

namespace countersign::approvals {

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
