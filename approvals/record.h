// Which request an audit record is about, said the same way by everybody who writes one.
#pragma once

#include "approvals/request.h"
#include "audit/entry.h"

namespace countersign::approvals {

// Fills in the request's id and fingerprint, who asked, and what it touches. Action and operation are the caller's: a
// vote, an execution and a change of state are different things that happen to one request.
void name_request(audit::Entry& entry, const HeldRequest& request);

}  // namespace countersign::approvals
