// Forwarding an allowed operation and recording its outcome. The answer to a read streams; the answer to a change stays
// behind the gate until its outcome is durable.
#pragma once

#include "proxy/parts.h"

namespace countersign::proxy {

// One allowed operation whose intent is recorded. Pointers live as long as the coroutines below run.
struct AllowedCall {
  http1::Exchange* exchange = nullptr;
  adapters::Conversation* conversation = nullptr;
  const http1::Spool* body = nullptr;
  const Trail* trail = nullptr;
  const audit::Entry* intent = nullptr;
  const approvals::PlanVerdict* plan = nullptr;
  adapters::Visible visible;
};

// Fetches what the adapter must know first, then describes. A caller whose scope names none of the mount's upstreams is
// refused before anything is asked of them: scope.upstream.
Task<Result<std::unique_ptr<adapters::Conversation>>> describe(const Mount* mount, const Scope* scope,
                                                               const adapters::Inbound* inbound, adapters::Doors* doors,
                                                               TimeMs now);

// Ends upstream work when the client goes away.
Task<void> forward_read(Parts* parts, const AllowedCall* call);
// Runs to its end even when the client has gone: a change that was begun is better known than broken off.
Task<void> forward_change(Parts* parts, const AllowedCall* call);

}  // namespace countersign::proxy
