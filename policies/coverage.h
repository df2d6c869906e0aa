// Which outcomes of which policies a run of tests has reached: each head that matches and does not, each clause that is
// true and false. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policies/explain.h"

namespace countersign::policies {

// Some part of a policy, and how often it came out how. A clause counts only where everything before it holds.
struct CoveredPart {
  std::string part;  // "head", "when", "unless"
  Place place;
  std::uint64_t yes = 0;  // matched; true
  std::uint64_t no = 0;
  std::uint64_t failed = 0;  // could not be evaluated
  bool can_be_false = true;  // not for a head about everything
  [[nodiscard]] int outcomes() const { return can_be_false ? 2 : 1; }
  [[nodiscard]] int covered() const { return (yes > 0 ? 1 : 0) + (can_be_false && no > 0 ? 1 : 0); }
};

struct CoveredPolicy {
  std::string id;
  cedar::Effect effect = cedar::Effect::forbid;
  std::vector<CoveredPart> parts;  // the head, then the clauses
};

class Coverage {
 public:
  // `facts` as in explain_policies.
  Coverage(const cedar::PolicySet& policies, const Snapshot* facts);

  // What one request did, of the same set.
  void add(const std::vector<PolicyExplanation>& policies);

  [[nodiscard]] const std::vector<CoveredPolicy>& policies() const { return policies_; }
  [[nodiscard]] int outcomes() const;
  [[nodiscard]] int covered() const;
  // Rounded down, so that 100 means all; 100 when there is nothing to cover.
  [[nodiscard]] int percent() const;

 private:
  std::vector<CoveredPolicy> policies_;
};

}  // namespace countersign::policies
