#include "console/people.h"

namespace countersign::console {
namespace {

approvals::Approver approver_of(const policies::Directory& directory, const policies::User& user) {
  approvals::Approver approver;
  approver.name = user.name;
  // Both folders name the levels alike; a name that is unknown there leaves the lowest.
  approver.level = approvals::level_from_name(policies::level_name(user.level)).value_or(approvals::Level::junior);
  approver.teams = directory.teams_of(user.name);
  return approver;
}

}  // namespace

std::optional<approvals::Approver> find_approver(const policies::Directory& directory, std::string_view name) {
  const policies::User* user = directory.find_user(name);
  if (user == nullptr) return std::nullopt;
  return approver_of(directory, *user);
}

std::vector<approvals::Approver> all_approvers(const policies::Directory& directory) {
  std::vector<approvals::Approver> out;
  for (const auto& [name, user] : directory.users()) out.push_back(approver_of(directory, user));
  return out;
}

}  // namespace countersign::console
