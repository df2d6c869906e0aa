// Scopes as JSON, for the admin API, the CLI and stored requests, and as one line for people.
//
//   rule   {"upstreams":["files"],"actions":["mcp:*"],"resources":["files/staging/*"],"environments":["staging"],
//           "effects":["read","write"]}             every member optional, none empty; "change" stands for all effects
//                                                   but read
//   block  {"rules":[…],"nbf":"2026-11-21T09:30:00.000Z","exp":"…"}
//   scope  [block, …]
//
// Reading is as strict as a token's own decoder: unknown members, empty lists and entries over the limits of
// auth/block.h are "scope.malformed" (ErrorKind::invalid). Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "scopes/scope.h"

namespace countersign::auth {

[[nodiscard]] Json rule_to_json(const ScopeRule& rule);
[[nodiscard]] Result<ScopeRule> rule_from_json(const Json& json);

// The array of rules of one block.
[[nodiscard]] Json rules_to_json(const std::vector<ScopeRule>& rules);
[[nodiscard]] Result<std::vector<ScopeRule>> rules_from_json(const Json& json);

// A whole scope, so that a stored request can be decided again. scope_from_json(scope_to_json(s)) judges as s does.
[[nodiscard]] Json scope_to_json(const Scope& scope);
[[nodiscard]] Result<Scope> scope_from_json(const Json& json);

// "read on files in staging; any operation on wiki": what lists and approvers see.
[[nodiscard]] std::string scope_summary(const std::vector<ScopeRule>& rules);

}  // namespace countersign::auth
