// Pieces of messages. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "policies/cedar/schema/suggest.h"

namespace cedar::validation {

// "`a`, `b` and `c`".
std::string list(std::span<const std::string_view> names);

// "did you mean `a`?", or nothing.
std::string did_you_mean(const Suggestion& suggestion);

}  // namespace cedar::validation
