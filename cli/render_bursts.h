// Requests that were held together, written for people (docs/admin-api.md, Burst). Every text counts as untrusted. Pure
// functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"
#include "core/clock.h"
#include "core/json.h"

namespace countersign::cli {

// GET /api/v1/bursts/{id}: what it is, and each of its requests with its sentence and its fingerprint.
[[nodiscard]] std::string render_burst(const Json& burst, TimeMs now, const Terminal& terminal);

// Those requests alone: what a vote is about.
[[nodiscard]] std::string render_members(const std::vector<const Json*>& requests, const Terminal& terminal);

// The answer to a vote on some of them.
[[nodiscard]] std::string render_burst_vote(const Json& answer, const Terminal& terminal);

// A list of requests with each burst of which more than one is held in one line, where the first of them stands.
// `bursts` is the `bursts` member of the list.
[[nodiscard]] Json grouped_by_burst(const Json& requests, const Json& bursts);

}  // namespace countersign::cli
