// Options of the token commands as values.
#pragma once

#include "cli/commands/commands.h"
#include "core/result.h"
#include "scopes/scope.h"

namespace countersign::cli {

// One rule; every list that was not given stays open. cli.effect (invalid) for a word that is no effect.
[[nodiscard]] Result<ScopeRule> scope_rule(const ScopeOptions& options);
[[nodiscard]] bool is_open(const ScopeOptions& options);  // nothing was given

// A token from the command line: the text itself, one line of standard input for "-", or COUNTERSIGN_AGENT_TOKEN when
// empty. cli.no_token (invalid) when there is none, cli.token_too_long over 8 KiB.
[[nodiscard]] Result<std::string> read_token(const std::string& argument);

// The instant `ttl` from now; duration.malformed (invalid) when it is none.
[[nodiscard]] Result<TimeMs> expiry_after(const std::string& ttl);

}  // namespace countersign::cli
