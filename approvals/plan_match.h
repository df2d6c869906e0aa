// Whether a plan announced what an operation does: pure, so that it can be tried over any plan and any operation.
//
// An operation of AWS is announced when everything it changes is. A thing that is touched is announced by a change
// of the plan whose type belongs to the operation's service, that does as much (what is destroyed must be announced as
// deleted or replaced), by an operation that is that type's, and whose names are exactly this thing's: no prefix and no
// part of a name is one. docs/terraform.md says it in full.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/terraform_plan.h"
#include "approvals/terraform_types.h"
#include "scopes/operation.h"

namespace countersign::approvals {

// The names of what has been created under a plan, as the account gave them: by type of the resource.
using LearnedNames = std::map<std::string, std::set<std::string, std::less<>>, std::less<>>;

struct Announced {
  std::vector<std::size_t> changes;  // of the plan, by index: those that announced it; sorted, unique
  std::string type;                  // of the resource it creates, or empty: what it is called is in the answer
  // It creates something whose name nobody knows yet. Each of the plan's creations of that type is good for one such
  // operation that succeeds.
  bool counted = false;
  std::vector<std::string> names;  // what the request itself calls the new thing
};

// A plan made ready to be asked often. Immutable: any thread.
class PlanIndex {
 public:
  explicit PlanIndex(std::vector<PlannedChange> changes);
  [[nodiscard]] const std::vector<PlannedChange>& changes() const { return changes_; }
  // How many resources of the type it creates.
  [[nodiscard]] std::size_t creations_of(std::string_view type) const;

  // nullopt: it changes something that was not announced. `operation` changes something.
  [[nodiscard]] std::optional<Announced> announced(const Operation& operation, const LearnedNames& learned) const;

 private:
  std::vector<PlannedChange> changes_;
  std::map<std::string, std::optional<TerraformType>, std::less<>> types_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> of_service_;  // indexes of changes_
};

// What an answer of AWS to a creation calls the new thing: values that look like ids or ARNs and did not stand in the
// request. At most 256.
[[nodiscard]] std::vector<std::string> names_in_answer(std::string_view answer, std::string_view request);

}  // namespace countersign::approvals
