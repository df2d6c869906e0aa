// An operation's parameters (JSON) as a Cedar record: context.input, read by its type (docs/decisions/0007).
//
// One value has one form, however the sender spells it, so that a rule cannot be slipped past by writing 777 as 777.0:
//   Long      whole numbers that fit 64 bits (7, 7.0, 7e0)
//   decimal   numbers with at most four fraction digits, and text that spells one
//   datetime, duration, ipaddr   text, as Cedar's functions of these names read it
//   Set       arrays (order and repetition are lost); one value is the set of it
//   record    objects: members that are declared, others are not shown
//   null      counts as absent, also in arrays
// What does not fit its type is unknown: a forbid that reads it denies, a permit that reads it does not apply. So is a
// required member that is absent: a fact that the adapter could not find out.
// Pure function, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "policies/cedar/schema/type.h"
#include "policies/cedar/value.h"

namespace countersign::policies {

struct InputLimits {
  std::size_t bytes = 1U << 20;
  std::size_t depth = 32;
  std::size_t values = 20'000;
};

// Ends the clause about a required member that is absent: "context.input.secrets is not known".
inline constexpr std::string_view kNotKnown = " is not known";

struct TypedInput {
  cedar::Value value;                // a record
  std::vector<std::string> misfits;  // what is unknown in it, a clause each: "context.input.arguments.amount is text,
                                     // not a decimal"; at most 20, and those not known
};

// `json` is an object, or empty for no parameters; `type` is a record's. Errors: those of JsonDocument::parse, and
// input.malformed when it is not an object.
[[nodiscard]] Result<TypedInput> input_value(std::string_view json, const cedar::Type& type,
                                             const InputLimits& limits = {});

}  // namespace countersign::policies
