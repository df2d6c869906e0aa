// One policy or template against a schema: its names, and its type for every kind of request it may meet.
#pragma once

#include <cstddef>

#include "policies/cedar/policy_set.h"
#include "policies/cedar/schema/schema.h"
#include "policies/cedar/validation/environments.h"
#include "policies/cedar/validation/report.h"

namespace cedar::validation {

// What remains to be spent on one set.
struct Budget {
  std::size_t environments = 0;
  std::size_t steps = 0;
};

void check_policy(const ast::Policy& policy, const Schema& schema, const Environments& environments, TypePool& types,
                  Budget& budget, Report& report);

}  // namespace cedar::validation
