// Schemas from one syntax to the other. Comments are lost, annotations stay. Pure functions, any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "policies/cedar/schema/schema.h"

namespace cedar {

// Both take either syntax, and only a schema that is whole: what Schema::parse would refuse has no translation. The
// answer ends with a newline. Problems: those of Schema::parse; a translation of more than sixteen times
// `limits.bytes`; of schema_to_cedar, also what only JSON can say: a shape that is the name of a common type, and an
// entity type where a common type of the same name is nearer.
//
// JSON is equal, as a value, to what the official library makes: names stay as they are written, each name of a
// declaration has its own entry, keys are sorted.
std::expected<std::string, Schema::Problems> schema_to_json(std::string_view text, const SchemaLimits& limits = {});
std::expected<std::string, Schema::Problems> schema_to_cedar(std::string_view text, const SchemaLimits& limits = {});

}  // namespace cedar
