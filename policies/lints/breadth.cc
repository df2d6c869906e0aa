// Permits of everything, and a set in which nothing is out of an approval's reach.
#include <algorithm>

#include "policies/lints/lint.h"

namespace countersign::policies::lints {
namespace {

bool only_reads(const Snapshot& snapshot, const cedar::ScopeTest& action) {
  if (action.kind == cedar::ast::ScopeKind::any) return false;
  return std::ranges::all_of(action.entities, [&](const cedar::EntityUid& uid) {
    if (uid.id() == "read") return true;
    const PolicySchema::Action* known = snapshot.schema().find(uid.id().substr(0, uid.id().find(':')), uid);
    return known && known->effects == EffectSet{Effect::read};
  });
}

}  // namespace

void broad_permit(const Snapshot& snapshot, Findings& findings) {
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    if (policy.effect() != cedar::Effect::permit) continue;
    bool bounded = !policy.conditions().empty() || policy.resource().kind != cedar::ast::ScopeKind::any;
    if (!bounded && !only_reads(snapshot, policy.action()))
      findings.add(policy, policy.span(), Severity::warning,
                   "this permit allows changes to everything, production included, unless a forbid applies",
                   "say for which resources, or under which condition");
  }
}

void no_floor(const Snapshot& snapshot, Findings& findings) {
  for (std::size_t i = 0; i < snapshot.policies().size(); ++i) {
    if (snapshot.facts(cedar::PolicyRef{static_cast<std::uint32_t>(i)}).floor) return;
  }
  findings.add("floor", "there is no floor: no policy is out of an approval's reach",
               "put what must never happen into floor/*.cedar");
}

}  // namespace countersign::policies::lints
