// The gateway's own answers: refusals before a protocol is known, and what an adapter needs to word a hold or a denial.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "approvals/request.h"
#include "approvals/rules.h"
#include "auth/caller.h"
#include "core/task.h"
#include "policies/decide.h"
#include "proxy/adapters/adapter.h"
#include "proxy/mounts.h"

namespace countersign::proxy {

// 401 (or 400 for an ambiguous credential) with WWW-Authenticate in the scheme the client knows, or in the words of a
// protocol that signs. `claimed`: what a signature says it is for.
Task<void> answer_unauthenticated(adapters::ReplySink* client, const RequestHead* head, const Route* route,
                                  const adapters::SignedFor* claimed, const Error* error);
// A problem document with the status of the error's kind. An answer that cannot be sent is nobody's loss: the client
// has gone.
Task<void> answer_error(adapters::ReplySink* client, const Error* error);

// How a caller appears to policies, and to approvals. The subject points into `caller`.
[[nodiscard]] policies::Subject subject_of(const auth::Caller& caller);
[[nodiscard]] approvals::Requester requester_of(const auth::Caller& caller);
// And back: the stored scope, as it judged when the request was made (its times are those of then:
// docs/decisions/0006), and the stored requester with it. The subject points into both.
[[nodiscard]] Result<Scope> scope_as_requested(const approvals::HeldRequest& request);
[[nodiscard]] policies::Subject subject_of(const approvals::Requester& requester, const Scope& scope);

// A decision that is not denied anyway is, when `able` is not ok.
void deny_unless(policies::Decision& decision, const Status& able);
// The environments of everything an operation touches. Records write them as "production,staging".
[[nodiscard]] std::set<std::string> environments_of(const policies::Snapshot& snapshot, const Operation& operation);
// What it touches, as records write it: "Type::id".
[[nodiscard]] std::vector<std::string> resources_of(const Operation& operation);

// `public_url` without a final slash.
[[nodiscard]] adapters::Pending pending_of(const approvals::HeldRequest& request, const approvals::Rules& rules,
                                           std::string_view public_url, TimeMs now);
// For a request that ended without a result to deliver: denied, expired, cancelled, failed, unknown.
[[nodiscard]] adapters::Denial denial_of(const approvals::HeldRequest& request);

}  // namespace countersign::proxy
