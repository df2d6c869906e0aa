// An operation's parameters (JSON) as a Cedar record: context.input.
//
// One value has one form, however the sender spells it, so that a rule cannot be slipped past by writing 777 as 777.0:
//   whole numbers that fit 64 bits (7, 7.0, 7e0)   Long
//   numbers with at most four fraction digits      decimal
//   every other number                             unknown: a forbid that reads it denies, a permit does not apply
//   arrays                                         Set (order and repetition are lost)
//   null                                           left out, also of arrays
// Pure function, any thread.
#pragma once

#include <string_view>

#include "core/result.h"
#include "policies/cedar/value.h"

namespace countersign::policies {

struct InputLimits {
  std::size_t bytes = 1U << 20;
  std::size_t depth = 32;
  std::size_t values = 20'000;
};

// `json` is an object, or empty for no parameters. Errors: those of JsonDocument::parse, and input.malformed when it is
// not an object.
[[nodiscard]] Result<cedar::Value> input_value(std::string_view json, const InputLimits& limits = {});

}  // namespace countersign::policies
