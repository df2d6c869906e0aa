// Lints: what is valid Cedar and probably not meant. Each is about one way in which a policy protects less than it
// seems to, with an attack that shows it in tests/policies/lints_test.cc.
//
// A finding is an error where the policy fails open, a warning otherwise. Some can be silenced, with
// @allow("name") on the policy, by whoever has looked. Constant data and pure functions; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/problem.h"
#include "policies/snapshot.h"

namespace countersign::policies::lints {

enum class Silence : std::uint8_t { possible, impossible };

// Where lints put what they find: lint.<name>, at its place in the policy.
class Findings {
 public:
  Findings(std::string_view lint, Silence silence, Problems& out) : lint_(lint), silence_(silence), out_(out) {}

  void add(const cedar::Policy& policy, cedar::Span span, Severity severity, std::string message, std::string help);
  // About the set as a whole.
  void add(std::string file, std::string message, std::string help);

 private:
  std::string_view lint_;
  Silence silence_;
  Problems& out_;
};

struct Lint {
  std::string_view name;  // "forbid-may-err"
  Silence silence;
  void (*run)(const Snapshot& snapshot, Findings& findings);
};

// All of them, and those that validation.h reports under the same names.
[[nodiscard]] std::span<const Lint> all();

// One function for each, in a file for each idea.
void forbid_may_err(const Snapshot& snapshot, Findings& findings);        // arithmetic.cc
void like_on_command(const Snapshot& snapshot, Findings& findings);       // commands.cc
void undeclared_attribute(const Snapshot& snapshot, Findings& findings);  // attributes.cc
void whole_input(const Snapshot& snapshot, Findings& findings);           // attributes.cc
void unknown_entity(const Snapshot& snapshot, Findings& findings);        // entities.cc
void approval_reversed(const Snapshot& snapshot, Findings& findings);     // releases.cc
void release_mismatch(const Snapshot& snapshot, Findings& findings);      // releases.cc
void approval_never_asked(const Snapshot& snapshot, Findings& findings);  // releases.cc
void approval_case(const Snapshot& snapshot, Findings& findings);         // releases.cc
void approval_shadowed(const Snapshot& snapshot, Findings& findings);     // shadowing.cc
void broad_permit(const Snapshot& snapshot, Findings& findings);          // breadth.cc
void no_floor(const Snapshot& snapshot, Findings& findings);              // breadth.cc
void useless_allow(const Snapshot& snapshot, Findings& findings);         // lint.cc

}  // namespace countersign::policies::lints
