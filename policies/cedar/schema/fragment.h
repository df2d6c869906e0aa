// Internal: text in either syntax → fragment.
#pragma once

#include <expected>
#include <memory>

#include "policies/cedar/schema/resolve.h"
#include "policies/cedar/schema/schema.h"

namespace cedar {

std::expected<SourcedFragment, Schema::Problems> parse_fragment(std::shared_ptr<const Source> source,
                                                                const SchemaLimits& limits);

}  // namespace cedar
