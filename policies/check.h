// Advice about a policy set that loads: what is probably not meant. Never an error; `countersign policy check` shows
// it.
#pragma once

#include "core/problem.h"
#include "policies/snapshot.h"

namespace countersign::policies {

// Warnings, with file, line and column: a permit without any condition for changes; arithmetic in a forbid, which an
// agent could make overflow, denying; `in` on strings, which always errs; forbids that nothing keeps from release
// because the floor is empty; the same approval rule name in different case.
void check(const Snapshot& snapshot, Problems& problems);

}  // namespace countersign::policies
