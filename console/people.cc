#include "console/people.h"

namespace countersign::console {

std::vector<approvals::Approver> all_approvers(const policies::Directory& directory, const approvals::Rules& rules) {
  std::vector<approvals::Approver> out;
  for (const auto& [name, user] : directory.users()) {
    if (auto approver = approvals::find_approver(directory, name, {}, rules)) out.push_back(std::move(*approver));
  }
  return out;
}

}  // namespace countersign::console
