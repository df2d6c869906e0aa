// Schemas in JSON → fragment (cedar-docs "JSON schema format"; behaviour of record: cedar-policy 4.12).
//
// As strict as the official reader: unknown members, nulls (but for attributes, appliesTo, memberOf, a parent's type
// and the value of an annotation), names that are not normalized, `additionalAttributes: true` and attributes of
// actions are errors. Stricter in one thing: an array of values cannot stand for an object, which is an accident of its
// library. Pure functions, any thread.
#pragma once

#include <expected>
#include <string_view>

#include "policies/cedar/parser.h"
#include "policies/cedar/schema/schema.h"
#include "policies/cedar/schema/schema_ast.h"

namespace cedar {

// Whether a schema's text is JSON: its first character that is not white space is `{`.
bool is_json_schema(std::string_view text);

// The fragment, or everything found wrong with it (at least one), in order of position. Of JSON that does not parse
// only the first error is reported.
std::expected<schema_ast::Fragment, Diagnostics> parse_json_schema(std::string_view text,
                                                                   const SchemaLimits& limits = {});

}  // namespace cedar
