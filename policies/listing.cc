// could_allow: what a listing may show. Errs on the side of showing: the call itself is decided in full.
#include <algorithm>

#include "policies/cedar/authorizer.h"
#include "policies/cedar_request.h"
#include "policies/decide.h"

namespace countersign::policies {
namespace {

// Whether the rule may admit some resource in the upstream.
bool may_admit(const ScopeRule& rule, const Operation& operation, const Access& access) {
  auto names = [](const std::vector<std::string>& list, std::string_view value) {
    return list.empty() || std::ranges::find(list, value) != list.end();
  };
  return admits_action(rule, operation.protocol, operation.action_of(access)) &&
         names(rule.upstreams, operation.upstream) && (rule.effects.empty() || rule.effects.contains(access.effect));
}

bool scope_excludes(const Scope& scope, const Operation& operation, const Access& access, const Labels& labels,
                    TimeMs now) {
  if (!access.resource.name.empty()) return scope.refuses(operation, {{&access, labels.environment}}, now).has_value();
  if (scope.refuses(operation, {}, now)) return true;  // by time, or because there is no block
  return !std::ranges::all_of(scope.blocks(), [&](const ScopeBlock& block) {
    return std::ranges::any_of(block.rules, [&](const ScopeRule& rule) { return may_admit(rule, operation, access); });
  });
}

bool surely_denied(const Snapshot& snapshot, const cedar::Answer& answer) {
  bool forbidden = std::ranges::any_of(answer.satisfied_forbids,
                                       [&](cedar::PolicyRef ref) { return snapshot.facts(ref).approval.empty(); });
  bool permitted = !answer.satisfied_permits.empty() || !answer.maybe_permits.empty();
  return forbidden || !answer.errored_forbids.empty() || !permitted;
}

// With the labels known, though not which resource it is: a forbid that looks at labels alone is certain.
bool labels_forbid(const Snapshot& snapshot, const cedar::Answer& answer) {
  return std::ranges::any_of(answer.satisfied_forbids, [&](cedar::PolicyRef ref) {
    const PolicyFacts& facts = snapshot.facts(ref);
    return facts.approval.empty() && !facts.mentions.resource_itself && !facts.mentions.resource_name;
  });
}

}  // namespace

bool could_allow(const Snapshot& snapshot, const Subject& subject, const Operation& operation, TimeMs now) {
  if (!subject.scope) return false;
  if (operation.reach != Reach::upstream)
    return decide(snapshot, subject, operation, {}, now).verdict == Verdict::allow;
  RequestMaker maker(snapshot, subject, operation, {}, {}, now, RequestMaker::Input::unknown);
  if (maker.problem() || operation.accesses.empty()) return false;
  for (const Access& access : operation.accesses) {
    // One label set of possibly several: the others could only deny more.
    Labels labels = snapshot.inventory().classify(operation.upstream, access);
    if (scope_excludes(*subject.scope, operation, access, labels, now)) return false;
    bool any = access.resource.name.empty();
    RequestMaker::Made made = any ? maker.make_any(access) : maker.make(access, labels);
    if (maker.problem()) return false;
    if (surely_denied(snapshot, cedar::authorize(snapshot.policies(), made.request, made.entities))) return false;
    if (!any || snapshot.inventory().has_rules_for(operation.upstream)) continue;
    RequestMaker::Made labelled = maker.make(access, labels);
    if (labels_forbid(snapshot, cedar::authorize(snapshot.policies(), labelled.request, labelled.entities)))
      return false;
  }
  return true;
}

}  // namespace countersign::policies
