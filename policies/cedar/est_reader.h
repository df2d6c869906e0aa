// Internal to the JSON policy format: one policy's JSON → its syntax tree.
#pragma once

#include <string>

#include "core/json.h"
#include "policies/cedar/ast.h"
#include "policies/cedar/est.h"

namespace cedar::detail {

// `path` names the place in messages ("staticPolicies.a"). `values` counts down over all policies of one text.
Result<ast::Policy> read_policy(const countersign::Json& json, std::string path, const EstLimits& limits,
                                std::size_t& values);

// {"__entity": {"type", "id"}} or {"type", "id"}.
Result<ast::EntityLiteral> read_entity(const countersign::Json& json, const std::string& path);

}  // namespace cedar::detail
