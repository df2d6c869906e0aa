// Budgets on the way of a request (approvals/budgets.h).
#pragma once

#include "approvals/budgets.h"
#include "proxy/restraints.h"

namespace countersign::proxy {

// What an operation would spend of the budgets of the lineage of `root`: each thing it touches, by effect and
// environment.
[[nodiscard]] approvals::Spending spending_of(std::string_view root, const policies::Snapshot& snapshot,
                                              const Operation& operation);

// For a change that is allowed: what a budget without room for it makes of it. Nothing is spent: a retry is told from a
// new request first.
Task<void> check_budgets(Parts* parts, Restrained call, policies::Decision* decision);

// For a change that is allowed: spends what it takes, or makes `decision` what the budget without room for it says.
// What a grant or broken glass released is counted only. A budget that freezes has the agent frozen, on record, before
// this returns.
Task<void> spend(Parts* parts, Restrained call, policies::Decision* decision);

}  // namespace countersign::proxy
