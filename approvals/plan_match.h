// Whether a plan announced what an operation does: pure, so that it can be tried over any plan and any operation.
//
// An operation of AWS is announced when everything it changes is. A thing that is touched is announced by a change
// of the plan whose type belongs to the operation's service, that does as much (what is destroyed must be announced as
// deleted or replaced), by an operation that is that type's, and whose names are exactly this thing's: no prefix and no
// part of a name is one. docs/terraform.md says it in full.
#pragma once

#include <cstdint>
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
  std::string input;               // of what creates something: Operation::input
};

// What finding out may cost: names and changes of the plan that are compared with something the operation touches.
// Reaching it takes thousands of things and thousands of changes that could be meant by each.
inline constexpr std::size_t kMostCompared = 200'000;

struct Looked {
  std::optional<Announced> announced;  // nullopt: it changes something that was not announced
  bool too_much = false;               // over kMostCompared: it may have been, but that is not found out
  std::size_t changes = 0;             // of the plan, that were looked at
  std::size_t compared = 0;
};

// A plan made ready to be asked often. Immutable: any thread.
class PlanIndex {
 public:
  explicit PlanIndex(std::vector<PlannedChange> changes);
  PlanIndex(PlanIndex&&) noexcept = default;
  PlanIndex& operator=(PlanIndex&&) noexcept = default;
  ~PlanIndex() = default;
  [[nodiscard]] const std::vector<PlannedChange>& changes() const { return changes_; }
  // How many resources of the type it creates.
  [[nodiscard]] std::size_t creations_of(std::string_view type) const;

  // `operation` changes something.
  [[nodiscard]] Looked look(const Operation& operation, const LearnedNames& learned) const;
  [[nodiscard]] std::optional<Announced> announced(const Operation& operation, const LearnedNames& learned) const {
    return look(operation, learned).announced;
  }

  // Indexes of changes(), in their order.
  using Changes = std::vector<std::uint32_t>;
  // The changes of one type.
  struct OfType {
    std::string name;
    TerraformType type;
    Changes unknown;  // those with a name that is known after the apply only
    Changes unnamed;  // creations of what has no name of its own yet
  };

 private:
  friend class PlanLook;
  struct Named {
    std::uint64_t key;
    std::uint32_t change;
    auto operator<=>(const Named&) const = default;
  };
  void add_names(const PlannedChange& change, std::uint32_t number, const std::string& service);

  std::vector<PlannedChange> changes_;                                   // lists of names are sorted
  std::vector<const OfType*> type_of_;                                   // of each change; nullptr: of another provider
  std::map<std::string, OfType, std::less<>> types_;                     // by name
  std::multimap<std::string, const OfType*, std::less<>> of_operation_;  // "ec2:RunInstances"
  std::multimap<std::string, const OfType*, std::less<>> of_noun_;       // "ec2:instance"
  std::vector<Named> named_;                                             // sorted: which changes have some name
  std::vector<Named> emptied_;  // and which of them delete the bucket of that name with all that is in it
};

}  // namespace countersign::approvals
