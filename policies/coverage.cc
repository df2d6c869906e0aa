#include "policies/coverage.h"

#include <algorithm>

namespace countersign::policies {

Coverage::Coverage(const cedar::PolicySet& policies, const Snapshot* facts) {
  for (std::size_t i = 0; i < policies.size(); ++i) {
    cedar::PolicyRef ref{static_cast<std::uint32_t>(i)};
    const cedar::Policy& policy = policies[ref];
    CoveredPolicy covered;
    auto written = policy.annotation("id");
    covered.id = facts != nullptr ? facts->facts(ref).id : std::string(written.value_or(policy.id()));
    covered.effect = policy.effect();
    CoveredPart head{.part = "head", .place = place_of(policy, policy.syntax().action.span)};
    // Whoever asks the gateway is an agent.
    bool any_principal = policy.principal().kind == cedar::ast::ScopeKind::any ||
                         (facts != nullptr && policy.principal().kind == cedar::ast::ScopeKind::is &&
                          policy.principal().type == vocabulary().agent);
    head.can_be_false = !any_principal || policy.action().kind != cedar::ast::ScopeKind::any ||
                        policy.resource().kind != cedar::ast::ScopeKind::any;
    covered.parts.push_back(std::move(head));
    for (const cedar::ast::Clause& clause : policy.syntax().clauses) {
      bool when = clause.kind == cedar::ast::ClauseKind::when;
      covered.parts.push_back({.part = when ? "when" : "unless", .place = place_of(policy, clause.span)});
    }
    policies_.push_back(std::move(covered));
  }
}

void Coverage::add(const std::vector<PolicyExplanation>& policies) {
  for (const PolicyExplanation& policy : policies) {
    std::vector<CoveredPart>& parts = policies_[cedar::position(policy.ref)].parts;
    bool matched = std::ranges::all_of(policy.head, [](const HeadPart& part) { return part.came == Came::yes; });
    ++(matched ? parts[0].yes : parts[0].no);
    for (std::size_t i = 0; i < policy.clauses.size(); ++i) {
      CoveredPart& part = parts[i + 1];
      Came came = policy.clauses[i].proof.came;
      ++(came == Came::yes ? part.yes : came == Came::no ? part.no : part.failed);
    }
  }
}

int Coverage::outcomes() const {
  int sum = 0;
  for (const CoveredPolicy& policy : policies_) {
    for (const CoveredPart& part : policy.parts) sum += part.outcomes();
  }
  return sum;
}

int Coverage::covered() const {
  int sum = 0;
  for (const CoveredPolicy& policy : policies_) {
    for (const CoveredPart& part : policy.parts) sum += part.covered();
  }
  return sum;
}

int Coverage::percent() const {
  return outcomes() == 0 ? 100 : covered() * 100 / outcomes();
}

}  // namespace countersign::policies
