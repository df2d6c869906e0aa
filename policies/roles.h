// Roles: what people may do in the gateway itself, as Cedar policies over users and teams (roles/*.cedar of the policy
// folder; without any, policies/default/roles/default.cedar, which is built in).
//
//   principal   User::"name" in its teams { name, level, rank }, as in other policies (policies/decide.h)
//   action      Console::Action::"<permission>"; read_requests, read_audit and read_policies are in
//               Console::Action::"read", all others in Console::Action::"change"
//   resource    Console::Gateway::"gateway"
//   context     {}
//
// Policies are validated strictly against kRolesSchema. @id and @description are the annotations there are: a
// permission is never held for approval. Denied is what no permit gives, what a forbid takes away, and everything when
// a forbid cannot be evaluated. Immutable, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"
#include "policies/cedar/policy_set.h"
#include "policies/directory.h"

namespace countersign::policies {

struct SnapshotSource;

enum class Permission : std::uint8_t {
  read_requests,
  vote,
  read_audit,
  read_policies,
  edit_policies,      // propose edits, withdraw one's own
  activate_policies,  // of somebody else
  manage_tokens,
  freeze_agents,
  manage_people,
};
inline constexpr std::array kPermissions = {
    Permission::read_requests, Permission::vote,          Permission::read_audit,
    Permission::read_policies, Permission::edit_policies, Permission::activate_policies,
    Permission::manage_tokens, Permission::freeze_agents, Permission::manage_people};
[[nodiscard]] std::string_view permission_name(Permission permission);  // "read_requests"

class Roles {
 public:
  // The built-in ones, which are valid.
  [[nodiscard]] static std::shared_ptr<const Roles> built_in();
  // Reads roles/*.cedar of the folder. Every problem is reported; nullptr when one is an error.
  [[nodiscard]] static std::shared_ptr<const Roles> load(const std::filesystem::path& folder, Problems& problems);
  // The same from files that were read before.
  [[nodiscard]] static std::shared_ptr<const Roles> load(const SnapshotSource& source, Problems& problems);

  // False for a user the directory does not list.
  [[nodiscard]] bool may(const Directory& directory, std::string_view user, Permission permission) const;
  // What the user may do, in the order of kPermissions.
  [[nodiscard]] std::vector<Permission> permissions_of(const Directory& directory, std::string_view user) const;

  // Names in the policies that the directory does not list (lint.unknown-entity: an error, since a forbid with a typing
  // error protects nothing), and permissions that matter and that too few people have (lint.nobody-may: warnings).
  void check(const Directory& directory, Problems& problems) const;

 private:
  explicit Roles(cedar::PolicySet policies) : policies_(std::move(policies)) {}
  static std::shared_ptr<const Roles> make(std::vector<cedar::PolicySet::NamedText> texts, Problems& problems);

  cedar::PolicySet policies_;
};

[[nodiscard]] std::string_view default_roles_text();
[[nodiscard]] std::string_view roles_schema_text();

}  // namespace countersign::policies
