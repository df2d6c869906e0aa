// What is probably not meant in a policy set whose policies are valid (policies/lints/lint.h).
#pragma once

#include "core/problem.h"
#include "policies/snapshot.h"

namespace countersign::policies {

// Findings of one severity, with file, line and column. Snapshot::load refuses a set with errors; warnings are for
// those who load it on behalf of a person.
void check(const Snapshot& snapshot, Severity severity, Problems& problems);
// The warnings.
void check(const Snapshot& snapshot, Problems& problems);

}  // namespace countersign::policies
