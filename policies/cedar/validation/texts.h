// Names and strings that look like something else: right-to-left controls, characters from several scripts, characters
// that do not belong in identifiers. Rules: Unicode TR39, as cedar-policy 4.12 applies it.
#pragma once

#include "policies/cedar/validation/conditions.h"
#include "policies/cedar/validation/report.h"

namespace cedar::validation {

void check_texts(const Conditions& conditions, Report& report);

}  // namespace cedar::validation
