// One change of a plan against one operation: what plan_match.cc asks of those that may have announced it. For one
// thread, and one operation.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "approvals/plan_match.h"
#include "approvals/plan_names.h"
#include "core/json_reader.h"

namespace countersign::approvals {

// How an operation's name stands to a type: "CreateVpc" to aws_vpc.
enum class Kinship : std::uint8_t { none, below, same };

// "instances" of "RunInstances".
[[nodiscard]] std::string noun_of(std::string_view operation);

// What of an operation is the same for all changes of one type.
struct AskedOfType {
  Kinship kinship = Kinship::none;
  bool creates = false, changes = false, deletes = false;  // it is listed as one that does
  bool makes = false;                                      // listed, or by its name
  const TerraformType::Weakening* weakening = nullptr;
  std::vector<std::string> given;  // what its parameters name, where the type says which do; each once
  const std::set<std::string, std::less<>>* learned = nullptr;  // names of those of the type that were made
};

// An operation as a plan looks at it.
class Asked {
 public:
  Asked(std::string_view service, std::string_view operation, JsonValue input, const LearnedNames& learned);

  std::string_view service;    // "ec2"
  std::string_view operation;  // "RunInstances"
  JsonValue parameters;        // none where they are not all known
  const LearnedNames& learned;
  bool relabels = false;  // it changes tags, those that labels are read from among them
  bool makes_one = true;  // a call that makes several at once is not what Terraform does
  std::vector<Thing> touched;
  std::vector<std::string_view> texts;  // of its parameters, sorted
  std::vector<Thing> arns;              // among them
  mutable Work work{kMostCompared};

  [[nodiscard]] const AskedOfType& of(const std::string& name, const TerraformType& type) const;
  // Names that answers gave to what was made are of the kind that was made: an answer names other things, too.
  [[nodiscard]] bool is_learned_anywhere(const Thing& thing) const;
  [[nodiscard]] bool is_learned_anywhere(std::string_view text) const;

 private:
  mutable std::map<std::string, AskedOfType, std::less<>> types_;
  mutable std::unordered_map<std::string_view, bool> known_;
};

class Fit {
 public:
  Fit(const PlannedChange& change, const TerraformType& type, const Asked& asked);

  [[nodiscard]] bool announces(const Thing& thing) const;
  // It makes what this change creates.
  [[nodiscard]] bool is_creation() const { return may_create_; }
  // And nothing it touches is known to be that: how often it may is counted.
  [[nodiscard]] bool is_unnamed_creation() const;
  // What this operation itself calls a new thing.
  [[nodiscard]] bool is_name_of_new(const Thing& thing) const;

 private:
  // Of what the operation touches, that is this resource itself.
  struct Mine {
    bool any = false;
    std::set<std::pair<std::string_view, std::string_view>> kinds;  // by service and kind
  };

  [[nodiscard]] bool is_own(const PlannedNames& names, const Thing& thing) const;
  [[nodiscard]] bool is_new(const Thing& thing) const;
  [[nodiscard]] bool is_in_something_new(const Thing& thing) const;
  [[nodiscard]] bool is_mine(const Thing& thing) const;
  [[nodiscard]] bool names(const PlannedNames& names, const Thing& thing) const;
  [[nodiscard]] const Mine& mine() const;
  [[nodiscard]] bool is_beside_mine(const Thing& thing) const;
  [[nodiscard]] bool right_parameters(const PlannedNames& names) const;
  [[nodiscard]] bool find_right_parameters(const PlannedNames& names) const;
  [[nodiscard]] bool deletes(const Thing& thing) const;
  [[nodiscard]] bool is_in_emptied_bucket(const Thing& thing) const;
  [[nodiscard]] bool weakens(const Thing& thing) const;
  [[nodiscard]] bool announces_tags(const Thing& thing) const;
  [[nodiscard]] bool changes(const Thing& thing) const;
  [[nodiscard]] bool creates(const Thing& thing) const;
  [[nodiscard]] bool is_generated(const Thing& thing) const;
  [[nodiscard]] bool says_right_name() const;
  [[nodiscard]] bool refers_to_the_same() const;

  const PlannedChange& change_;
  const TerraformType& type_;
  const Asked& asked_;
  const AskedOfType& of_type_;
  bool may_create_;
  mutable std::optional<Mine> mine_;
  mutable std::optional<bool> right_before_, right_after_, right_name_, same_referred_;
};

// A name of this kind of thing: "table/orders" of aws_dynamodb_table.
[[nodiscard]] bool looks_like_one(std::string_view type_name, const TerraformType& type, const Thing& thing);

}  // namespace countersign::approvals
