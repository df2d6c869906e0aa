// The directory of entities.yaml as approvals want it.
#pragma once

#include <vector>

#include "approvals/eligibility.h"
#include "approvals/rules.h"
#include "policies/directory.h"

namespace countersign::console {

// Every listed user as an approver, by name, with the delegations of the rules but without a credential. Any thread.
[[nodiscard]] std::vector<approvals::Approver> all_approvers(const policies::Directory& directory,
                                                             const approvals::Rules& rules);

}  // namespace countersign::console
