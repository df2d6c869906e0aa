// What a policy names, checked once and not for each kind of request: entity types, actions, ids of enumerated types,
// and whether any action applies to the heads together.
#pragma once

#include "policies/cedar/policy_set.h"
#include "policies/cedar/validation/conditions.h"
#include "policies/cedar/validation/environments.h"
#include "policies/cedar/validation/report.h"

namespace cedar::validation {

// Whether the schema has all types and actions that the heads name.
enum class HeadNames : std::uint8_t { known, unknown };

HeadNames check_names(const ast::Policy& policy, const Schema& schema, Report& report);

// A head's slots fit anything.
void check_application(const ast::Policy& policy, const Schema& schema, const Environments& environments,
                       TypePool& types, Report& report);

// The values of a link: their types must exist. Their places are those of the slots.
void check_link(const SlotValues& values, const ast::Policy& policy, const Schema& schema, Report& report);

}  // namespace cedar::validation
