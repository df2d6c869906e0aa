// Whether policies and approval rules fit together. Each half is right by itself when this is asked; here is what must
// be right between them. Pure; any thread.
#pragma once

#include <string>

#include "approvals/rules.h"
#include "core/problem.h"
#include "policies/snapshot.h"

namespace countersign::approvals {

// Errors: an @approval that names no rule (lint.approval-unknown); a group, or somebody in a delegation, that
// entities.yaml does not list. Warnings: a rule that no policy and no freeze asks for (lint.approval-unused); an agent
// that a freeze exempts and entities.yaml does not list (lint.unknown-entity). `rules_file` is the name used in
// messages.
void check_fit(const policies::Snapshot& snapshot, const Rules& rules, const std::string& rules_file,
               Problems& problems);

}  // namespace countersign::approvals
