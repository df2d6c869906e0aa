// What stands beside the policies between a change and its upstream: freeze windows (approvals/freezes.h), open changes
// of others to the same resource (approvals/conflicts.h), and what stands for
// approvals: grants (approvals/grants.h) and broken glass (approvals/break_glass.h).
#pragma once

#include <set>
#include <string>

#include "approvals/plans.h"
#include "approvals/ruleset.h"
#include "proxy/parts.h"

namespace countersign::proxy {

// Codes of decisions that are made here, beside approvals::kFreezeCode; those of policies are in policies/decide.h.
inline constexpr std::string_view kFreezeHeld = "freeze.held";      // held for the freeze's rule too
inline constexpr std::string_view kConflictHeld = "conflict.held";  // held because somebody else's change is open
inline constexpr std::string_view kGrantUsed = "grant.used";        // allowed; the reason cites the grant

// A change on its way, after the policies have decided. All of it outlives the coroutines below.
struct Restrained {
  const auth::Caller* caller = nullptr;
  const Operation* operation = nullptr;
  const std::string* id = nullptr;  // of the operation, as audit records name it
  const approvals::Ruleset* rules = nullptr;
  const std::set<std::string>* environments = nullptr;
  const policies::Session* session = nullptr;
  TimeMs now = 0;                          // when the request began
  approvals::PlanVerdict* plan = nullptr;  // filled by restrain(), where it is not null
};

// Makes `decision` stricter where a freeze or a conflict says so; never milder. Also denies what an agent goes on with
// although it was frozen, or its token was revoked or has expired, since the request began: agent.frozen,
// token.revoked, token.expired; and what a plan that is in force did not announce (proxy/planned.h): plan.unannounced.
// Like the functions below it takes the time anew: between the first byte of a request and its last there may be half
// an hour, in which windows begin and permissions end.
Task<void> restrain(Parts* parts, Restrained call, policies::Decision* decision);

// For a decision that holds: where a grant covers the operation, one use of it is counted, the policies decide again
// with the grant's facts, and `decision` is what they say. Votes that today's rules would not count any more are none.
// While somebody else's change of one of the resources is open, no grant releases anything.
Task<void> release_by_grant(Parts* parts, Restrained call, policies::Decision* decision);

// For a decision that holds, or that a freeze made a denial: where the glass was broken for it, one use is counted, and
// the policies decide again with the facts of those who signed. Floors and denials stay.
Task<void> release_by_emergency(Parts* parts, Restrained call, policies::Decision* decision);

// When a held request is edited: the rules that a freeze asks for besides, or freeze.active.
[[nodiscard]] Result<std::vector<std::string>> rules_beside(const approvals::HeldRequest& request,
                                                            const Operation& operation, const approvals::Ruleset& rules,
                                                            TimeMs now);

// When an approved request is about to run: freeze.active, when a window has begun that it was not approved for.
[[nodiscard]] Status check_freezes(const approvals::HeldRequest& request, const Operation& operation,
                                   const std::set<std::string>& environments, const approvals::Ruleset& rules,
                                   TimeMs now);

}  // namespace countersign::proxy
