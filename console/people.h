// The directory of entities.yaml as approvals want it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "approvals/eligibility.h"
#include "policies/directory.h"

namespace countersign::console {

// A listed user as an approver, without a credential: level, and all teams, also those reached through other teams.
// nullopt for a name that is nobody's. Any thread.
[[nodiscard]] std::optional<approvals::Approver> find_approver(const policies::Directory& directory,
                                                               std::string_view name);
// Every listed user, by name.
[[nodiscard]] std::vector<approvals::Approver> all_approvers(const policies::Directory& directory);

}  // namespace countersign::console
