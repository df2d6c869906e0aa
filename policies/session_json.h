// Sessions as JSON, in questions, tests of policies and the journal:
//
//   { "hour": { "reads": 3, "changes": 2, "destroys": 2, "denials": 1, "holds": 0 }, "minutes": { … }, "age": 12,
//     "recreates": true }
//
// Members about a thing (created, denied, listed, recreates, siblings_destroyed, unprotected) stand for everything the
// operation touches, or in `things`, a list with one object for each. What is left out is 0 or false. Pure, any thread.
#pragma once

#include <string>

#include "core/json_reader.h"
#include "core/result.h"
#include "policies/session.h"

namespace countersign::policies {

// `accesses`: of the operation. Errors: session.invalid (malformed), with the member's name.
[[nodiscard]] Result<Session> parse_session(JsonValue json, std::size_t accesses);
// Canonical; empty when there is nothing to say.
[[nodiscard]] std::string session_text(const Session& session);

}  // namespace countersign::policies
