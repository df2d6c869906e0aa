// A Terraform plan as `terraform show -json` writes it (developer.hashicorp.com/terraform/internals/json-format,
// format_version 1), reduced to what it announces: which resources are created, changed and deleted, and by which names
// the account knows them.
//
// What a plan says of a resource holds secrets. Kept are addresses, actions, and the values of attributes that name
// things (ids, ARNs, names); never a value that Terraform marks as sensitive, nor any other. Pure functions, any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace countersign::approvals {

inline constexpr std::size_t kMostPlanBytes = 16U << 20;
inline constexpr std::size_t kMostPlanDepth = 64;
inline constexpr std::size_t kMostPlanValues = 2'000'000;
inline constexpr std::size_t kMostPlannedChanges = 10'000;
inline constexpr std::size_t kMostNamesOfChange = 64;    // of each kind; what is more announces nothing
inline constexpr std::size_t kMostNameBytes = 512;       // longer values name nothing
inline constexpr std::size_t kMostAddressBytes = 1'024;  // longer ones are refused

// Stands in a name made of two for the first one, where it is known after the apply only: "<unknown>/a/b.json".
inline constexpr std::string_view kUnknownPart = "<unknown>";

// By what one side of a change, before or after it, is known.
struct PlannedNames {
  std::vector<std::string> own;      // of this resource alone: ARN, id, name
  std::vector<std::string> related;  // of others it names: its subnet, its role; of a part, itself too
  std::vector<std::string> within;   // what it is a part of
  std::string region;                // where the resource, or else all of the plan, says so
  bool own_unknown = false;          // it has a name that is known after the apply only
  bool within_unknown = false;       // what it is a part of is created by this plan
  bool related_unknown = false;      // it names something that is created by this plan, too
  bool operator==(const PlannedNames&) const = default;
};

struct PlannedChange {
  std::string address;  // "module.net.aws_subnet.a[0]"
  std::string type;     // "aws_subnet"
  std::string deposed;  // the key of a leftover that is deleted; mostly empty
  std::string reason;   // Terraform's action_reason: "delete_because_no_resource_config"
  bool creates = false;
  bool updates = false;
  bool deletes = false;  // with `creates`: it is replaced
  bool empties = false;  // of a bucket: what is in it is deleted with it (force_destroy)
  PlannedNames before;
  PlannedNames after;
  std::vector<std::string> changed;  // of an update: the attributes that change, by name
  bool operator==(const PlannedChange&) const = default;
};

struct PlanCounts {
  std::size_t add = 0, change = 0, destroy = 0,
              replace = 0;  // as Terraform counts: a replacement is added and destroyed
};

struct TerraformPlan {
  std::string sha256;                  // hex, of the bytes that were submitted
  std::string terraform_version;       // "1.11.4"
  std::vector<PlannedChange> changes;  // without what is only read or stays as it is

  [[nodiscard]] PlanCounts counts() const;
};

// "create", "update", "delete", "replace" (deleted first), as people read it.
[[nodiscard]] std::string_view action_word(const PlannedChange& change);

// Errors: plan.too_large (too_large); plan.malformed (malformed: no JSON of the strict kind, or none of this form);
// plan.format (unsupported: another format_version); plan.errored (invalid: a plan that Terraform could not finish);
// plan.too_many (too_large: over kMostPlannedChanges).
[[nodiscard]] Result<TerraformPlan> parse_terraform_plan(std::string_view text);

// The changes as they are stored, and back; plan.stored (internal) for anything that changes_text does not write.
[[nodiscard]] std::string changes_text(const std::vector<PlannedChange>& changes);
[[nodiscard]] Result<std::vector<PlannedChange>> changes_from_text(std::string_view text);

}  // namespace countersign::approvals
