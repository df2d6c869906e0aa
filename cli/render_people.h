// People and their sessions as the admin API answers them, written for people. Every text counts as untrusted and is
// made harmless. Pure functions, any thread.
#pragma once

#include <string>

#include "cli/text.h"
#include "core/clock.h"
#include "core/json.h"

namespace countersign::cli {

// GET /api/v1/people, its "people".
[[nodiscard]] std::string render_people(const Json& people, TimeMs now, const Terminal& terminal);

// GET /api/v1/people/{name}/sessions, its "sessions".
[[nodiscard]] std::string render_sessions(const Json& sessions, TimeMs now, const Terminal& terminal);

// The answer to an invitation: the link to hand over, and how.
[[nodiscard]] std::string render_invitation(const Json& invitation, TimeMs now, const Terminal& terminal);

}  // namespace countersign::cli
