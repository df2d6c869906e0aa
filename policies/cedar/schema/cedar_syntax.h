// Schemas in Cedar's own syntax → fragment. Grammar: cedar-docs "Schema grammar"; behaviour of record:
// cedar-policy 4.12. Pure functions, any thread.
#pragma once

#include <expected>
#include <string_view>

#include "policies/cedar/parser.h"
#include "policies/cedar/schema/schema.h"
#include "policies/cedar/schema/schema_ast.h"

namespace cedar {

// The fragment, or everything found wrong with its syntax (at least one), in order of position. After an error parsing
// goes on behind the next `;`. Declarations outside of `namespace … { }` are together in one namespace without a name,
// the first, when there are any.
std::expected<schema_ast::Fragment, Diagnostics> parse_cedar_schema(std::string_view text,
                                                                    const SchemaLimits& limits = {});

}  // namespace cedar
