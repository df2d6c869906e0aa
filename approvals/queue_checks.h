// What a request must be to be held. For the Queue's own files; pure but for the body, which is read.
#pragma once

#include "approvals/request.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::approvals {

// Nothing is missing without which it could never be approved, run or found again: approval.incomplete.
Status check_complete(const HeldRequest& draft, TimeMs now);
// approval.too_large.
Status check_size(const HeldRequest& draft);
// The body is what the request says it is: approval.body_changed.
Status check_frozen_body(const Frozen& frozen);
// Makes it a request that nothing has happened to yet.
void reset_progress(HeldRequest& draft, TimeMs now);
// approval.changed.
std::unexpected<Error> not_what_you_saw();

}  // namespace countersign::approvals
