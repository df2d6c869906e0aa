// The decision: scope of the token, then Cedar policies, for everything an operation touches.
//
// A pure function of its arguments. Fails closed: whatever cannot be evaluated, named or read denies.
//
// What policies see (the shipped policies/default shows how it is used):
//   principal   Agent::"name" in its owner { name, owner?: User, team?: Team (one of them), delegates: Set<String>,
//                 …attributes of entities.yaml and inputs.cedarschema }
//   action      of this access: Action::"mcp:call_tool", in Action::"<its effect>", in Action::"change" unless it
//   reads,
//               in Action::"<protocol>", and in its group where it has one: Action::"git:push"
//   resource    <Type>::"<id>" in Upstream::"<name>" { name, environment, tier, owner, labels: { … } }
//   context     { now: datetime, effect: String, upstream: String, protocol: String, input: { … of this access },
//                 caller: { token: String, delegated: Bool }, approval: Approval, session: Session }
//   users       User::"name" in its teams { name, level: String, rank: Long (junior 1 … vp 6) }
//   approval    context.approval.hasTag("rule"), .getTag("rule") { by: User, level: String, rank: Long, at: datetime }
//
// The schema of it is generated and policies are validated against it (policies/schema.h, docs/decisions/0007).
//
// A forbid with @approval("rule") is released by an approval fact of that rule, unless the policy reads
// context.approval itself: then its own condition is what releases it, and a fact that does not meet the condition
// leaves the request denied.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "policies/decision.h"
#include "policies/session.h"
#include "policies/snapshot.h"
#include "scopes/operation.h"
#include "scopes/scope.h"

namespace countersign::policies {

// Who acts, and what they did before; views into something that outlives the call (auth::Caller, a held request's
// Requester).
struct Subject {
  std::string_view agent;
  std::string_view owner;                  // a user or team; "user:" or "team:" in front decides which
  std::span<const std::string> delegates;  // sub-agents along the chain of tokens
  std::string_view token;                  // id of the leaf token; may be empty
  const Scope* scope = nullptr;            // nothing is allowed without one
  const Session* session = nullptr;        // without one it is unknown: what is forbidden by it is
  std::string_view root;                   // id of the token that the leaf was narrowed from: its lineage; may be empty
};

// Codes: policy.allowed, policy.held; scope.*, policy.floor, policy.forbidden, policy.error, policy.no_permit.
// An operation with several accesses is allowed when each is, denied when one is, held otherwise, for all rules of all.
// An access whose resource may have one of several label sets (Inventory::classify_all) counts as one with each of
// them, for the scope and for the policies. Reach::gateway: allowed when the scope names the upstream; an empty
// upstream name stands for any configured one. Reach::narrowing: the same, and no forbid applies (one with @approval is
// one); no permit is needed.
[[nodiscard]] Decision decide(const Snapshot& snapshot, const Subject& subject, const Operation& operation,
                              std::span<const ApprovalFact> approvals, TimeMs now);

// For listings: whether an operation like this could be allowed or held with parameters that are not known yet. An
// access whose resource has an empty name stands for any resource of its type in the upstream. False only when the
// scope, a forbid that no approval releases, an erring forbid, or the want of any permit surely excludes it.
[[nodiscard]] bool could_allow(const Snapshot& snapshot, const Subject& subject, const Operation& operation,
                               TimeMs now);

}  // namespace countersign::policies
