// What a policy names, checked once and not for each kind of request: entity types, actions, ids of enumerated types,
// and whether any action applies to the heads together.
#pragma once

#include "policies/cedar/policy_set.h"
#include "policies/cedar/validation/conditions.h"
#include "policies/cedar/validation/environments.h"
#include "policies/cedar/validation/report.h"

namespace cedar::validation {

void check_names(const ast::Policy& policy, const Schema& schema, Report& report);

// A head's slots fit anything.
void check_application(const ast::Policy& policy, const Schema& schema, const Environments& environments,
                       TypePool& types, Report& report);

// The values of a link: their types must exist. Their places are those of the slots.
void check_link(const SlotValues& values, const ast::Policy& policy, const Schema& schema, Report& report);

}  // namespace cedar::validation
