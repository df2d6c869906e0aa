#include "policies/check.h"

#include "policies/lints/lint.h"

namespace countersign::policies {

void check(const Snapshot& snapshot, Severity severity, Problems& problems) {
  for (const lints::Lint& lint : lints::all()) {
    Problems found;
    lints::Findings findings(lint.name, lint.silence, found);
    lint.run(snapshot, findings);
    for (Problem& problem : found) {
      if (problem.severity == severity) problems.push_back(std::move(problem));
    }
  }
}

void check(const Snapshot& snapshot, Problems& problems) {
  check(snapshot, Severity::warning, problems);
}

}  // namespace countersign::policies
