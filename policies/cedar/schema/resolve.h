// Fragments → a schema: names are looked up, common types replaced by what they stand for, hierarchies closed.
#pragma once

#include <expected>
#include <memory>
#include <vector>

#include "policies/cedar/schema/schema.h"
#include "policies/cedar/schema/schema_ast.h"

namespace cedar {

struct SourcedFragment {
  std::shared_ptr<const Source> source;
  schema_ast::Fragment fragment;
};

std::expected<Schema, Schema::Problems> resolve_schema(const std::vector<SourcedFragment>& fragments,
                                                       const SchemaLimits& limits);

}  // namespace cedar
