// Edit and approve: somebody who may approve a held request changes it first. What then waits is another request, with
// a fingerprint of its own and no votes; whoever changed it cannot approve it (DESIGN, rules 3 and 4).
#pragma once

#include <string>

#include "proxy/parts.h"

namespace countersign::proxy {

struct EditWish {
  std::string request;
  std::string change;       // JSON, as the protocol defines it (adapters::Adapter::edit)
  std::string reason;       // reaches the agent
  std::string fingerprint;  // of the request as the editor saw it
  approvals::Approver editor;
};

// Returns the request that waits now. The policies are asked about what the edited one would do: what they deny is not
// held (policy.…), and what they hold for other rules is held for those too; likewise freezes (freeze.active) and open
// changes of others to what it touches. Errors: those of the adapter, and of
// Queue::supersede_with_edit.
Task<Result<approvals::HeldRequest>> edit_request(Parts* parts, EditWish wish, net::Worker* worker);

}  // namespace countersign::proxy
