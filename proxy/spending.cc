#include "proxy/spending.h"

#include "core/words.h"
#include "proxy/answers.h"

namespace countersign::proxy {
namespace {

using approvals::BudgetVerdict;
using policies::Verdict;

void refuse(policies::Decision& decision, Verdict verdict, const BudgetVerdict& budget) {
  decision.verdict = verdict;
  decision.code = approvals::kBudgetCode;
  decision.reason = budget.sentence;
  decision.approvals = budget.rules;
}

// Nothing the agent asks for is carried out from here on, whichever of its tokens it uses, until a person thaws it.
Task<void> freeze(Parts* parts, Restrained call, BudgetVerdict budget) {
  if (parts->frozen.is_frozen(call.caller->agent)) co_return;  // by another request, at the same time
  const std::string by = "budget " + budget.name;
  auto work = [parts, agent = call.caller->agent, by, why = budget.sentence, now = call.now]() -> Result<bool> {
    // In force before it is written down; what cannot be written is told by the authenticator, and stops all changes.
    Status frozen = parts->frozen.freeze(agent, by, why, now);
    if (!frozen) return fail(frozen.error());
    return true;
  };
  std::ignore = co_await net::on_thread<bool>(&parts->blocking, std::move(work));
  audit::Entry entry;
  entry.phase = audit::Phase::admin;
  entry.action = "agent:freeze";
  entry.actor = by;
  entry.agent = call.caller->agent;
  entry.owner = call.caller->owner;
  entry.chain = call.caller->chain;
  entry.code = approvals::kBudgetCode;
  entry.comment = budget.sentence;
  std::ignore = co_await parts->recorder.write(&entry);
  if (parts->on_freeze) parts->on_freeze(call.caller->agent, budget.sentence);
}

approvals::Spending spending_of(const Restrained& call) {
  const std::vector<std::string>& chain = call.caller->chain;
  return proxy::spending_of(chain.empty() ? std::string_view() : chain.front(), *call.rules->policies, *call.operation);
}

Task<void> apply(Parts* parts, Restrained call, BudgetVerdict budget, policies::Decision* decision) {
  switch (budget.kind) {
    case BudgetVerdict::Kind::none:
      break;
    case BudgetVerdict::Kind::hold:
      refuse(*decision, Verdict::hold, budget);
      break;
    case BudgetVerdict::Kind::deny:
      refuse(*decision, Verdict::deny, budget);
      break;
    case BudgetVerdict::Kind::freeze:
      refuse(*decision, Verdict::deny, budget);
      co_await freeze(parts, call, std::move(budget));
  }
}

}  // namespace

approvals::Spending spending_of(std::string_view root, const policies::Snapshot& snapshot, const Operation& operation) {
  approvals::Spending out{std::string(root), operation.upstream, {}};
  for (const Access& access : operation.accesses) {
    if (!is_change(access.effect)) continue;
    out.things.push_back({access.effect, snapshot.inventory().classify(operation.upstream, access).environment});
  }
  return out;
}

Task<void> check_budgets(Parts* parts, Restrained call, policies::Decision* decision) {
  if (decision->verdict != Verdict::allow || call.rules->approvals->budgets.empty()) co_return;
  call.now = parts->clock.now();
  BudgetVerdict budget = parts->budgets.look(*call.rules->approvals, spending_of(call), call.now);
  co_await apply(parts, call, std::move(budget), decision);
}

Task<void> spend(Parts* parts, Restrained call, policies::Decision* decision) {
  if (decision->verdict != Verdict::allow || call.rules->approvals->budgets.empty()) co_return;
  call.now = parts->clock.now();
  const approvals::Spending spending = spending_of(call);
  if (decision->code == kGrantUsed || decision->code == approvals::kBreakGlassUsed) {
    parts->budgets.count(*call.rules->approvals, spending, call.now);
    co_return;
  }
  BudgetVerdict budget = parts->budgets.spend(*call.rules->approvals, spending, call.now);
  co_await apply(parts, call, std::move(budget), decision);
}

}  // namespace countersign::proxy
