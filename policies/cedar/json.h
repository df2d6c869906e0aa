// Cedar's JSON: entities ([{uid, attrs, parents, tags}]) and contexts. (cedar-docs: entities and context syntax)
//
// Values: booleans, integers, strings, arrays (sets), objects (records), {"__entity": {"type", "id"}} and
// {"__extn": {"fn", "arg"}} or {"__extn": {"fn", "args"}}. null, fractions, integers beyond 64 bits, `__expr` and
// unnormalized type names are errors. As the official reader has it, an escape with company or with a body of another
// shape is a record, members it does not know are ignored, and an entity may be given twice when both are equal.
//
// What is refused here and not there, on purpose: duplicate keys (two readers could read two things); the function
// `unknown`, with which data could make itself unknown; and arrays in place of the objects of entities, uids and
// escapes, which its library happens to accept. `-0` is read as 0. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "policies/cedar/entity.h"
#include "policies/cedar/value.h"

namespace cedar {

struct JsonLimits {
  std::size_t bytes = 64U << 20;
  std::size_t depth = 64;
  std::size_t values = 5'000'000;
};

// Errors of all three: json.* of the JSON itself, cedar.json.invalid with the place ("[3].attrs.owner: …").
Result<std::vector<Entity>> parse_entities_json(std::string_view text, const JsonLimits& limits = {});
Result<Value> parse_context_json(std::string_view text, const JsonLimits& limits = {});  // a record
Result<Value> parse_value_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace cedar
