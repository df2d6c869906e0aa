// Policy sets from texts that must parse, and answers as texts that can be compared.
#pragma once

#include <string>
#include <string_view>

#include "policies/cedar/authorizer.h"
#include "policies/cedar/policy_set.h"

namespace cedar::test {

// Fails the test when the text does not parse.
PolicySet parse(std::string_view text);

// All sets of an answer, with errors and their places.
std::string describe(const PolicySet& set, const Answer& answer);

}  // namespace cedar::test
