// Which policies decide a request. Semantics: cedar-spec Cedar/Spec/Authorizer.lean.
//
// Every applicable policy is evaluated, always: a satisfied forbid hides neither other forbids, nor errors, nor
// permits. What to make of an erroring forbid is the caller's rule (here it is only reported). Pure functions, any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policies/cedar/entity.h"
#include "policies/cedar/evaluator.h"
#include "policies/cedar/policy_set.h"

namespace cedar {

// A policy that could not be evaluated: for `maybe_…`, because something is unknown.
struct PolicyFailure {
  PolicyRef policy{};
  EvaluationError error;  // its span lies in the policy's source
};

// All vectors are in the order of the policies.
struct Answer {
  std::vector<PolicyRef> satisfied_permits;
  std::vector<PolicyRef> satisfied_forbids;
  std::vector<PolicyFailure> errored_permits;
  std::vector<PolicyFailure> errored_forbids;
  // Only where values were unknown: policies that may or may not be satisfied, or fail, once they are known.
  std::vector<PolicyFailure> maybe_permits;
  std::vector<PolicyFailure> maybe_forbids;

  void clear();
};

// `answer` is cleared first and keeps its memory, so that a caller who reuses it allocates nothing.
void authorize(const PolicySet& policies, const Request& request, const EntityOverlay& entities, Answer& answer);
Answer authorize(const PolicySet& policies, const Request& request, const EntityOverlay& entities);

// The same answer by the definition: every policy is looked at, none is skipped by index. For tests.
Answer authorize_by_scan(const PolicySet& policies, const Request& request, const EntityOverlay& entities);

enum class Decision : std::uint8_t { deny, allow };

// Cedar's own decision: allow when a permit and no forbid is satisfied. Erroring policies are skipped and listed, so an
// erroring forbid does not deny here. Policies that depend on unknown values count as erroring.
struct Response {
  Decision decision = Decision::deny;
  std::vector<std::string> reason;  // ids: satisfied forbids, or else permits; empty for deny by default
  std::vector<std::string> errors;  // ids
};

Response respond(const PolicySet& policies, const Answer& answer);

// "file.cedar:3:7: the record has no attribute `x`"
std::string to_text(const PolicySet& policies, const PolicyFailure& failure);

}  // namespace cedar
