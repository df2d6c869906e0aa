// Holding: from "a person must decide" to the agent's answer. The request itself lives in approvals/queue.h; here are
// the connections that wait for it.
#pragma once

#include <optional>

#include "proxy/parts.h"

namespace countersign::proxy {

// One request of an agent that is held, or belongs to one that is. All pointers live as long as the coroutines below
// run.
struct HeldCall {
  http1::Exchange* exchange = nullptr;
  adapters::Conversation* conversation = nullptr;
  const auth::Caller* caller = nullptr;
  const policies::Decision* decision = nullptr;
  const audit::Entry* intent = nullptr;
  const approvals::PlanVerdict* plan = nullptr;
};

// The request that this call is an identical retry of. One that policies would allow by now is cancelled as superseded
// where it is still held, so that it cannot run twice; then the answer is nullopt.
Task<Result<std::optional<approvals::HeldRequest>>> find_retried(Parts* parts, HeldCall call);

// Freezes the request, waits as the client asked, and answers.
Task<void> hold(Parts* parts, HeldCall call);

// Joins the request: records it, waits as the client asked, and answers with the result, the denial, or "still
// pending".
Task<void> resume(Parts* parts, HeldCall call, approvals::HeldRequest request);

}  // namespace countersign::proxy
