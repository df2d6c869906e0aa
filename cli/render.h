// What the admin API answers, written for people. Every text in it counts as untrusted and is made harmless. The shapes
// are those of docs/admin-api.md; a member that is missing prints as nothing. Pure functions, any thread.
#pragma once

#include <string>

#include "cli/render_preview.h"
#include "cli/text.h"
#include "core/clock.h"
#include "core/json.h"

namespace countersign::cli {

// One element a line between brackets: a JSON document that is also easy to grep.
[[nodiscard]] std::string render_json_list(const Json& list);
// Indented by two, ended by a line feed.
[[nodiscard]] std::string render_json(const Json& value);

// GET /api/v1/requests, its "requests".
[[nodiscard]] std::string render_requests(const Json& requests, TimeMs now, const Terminal& terminal);
// GET /api/v1/requests/{id}: everything an approver needs to judge it.
[[nodiscard]] std::string render_request(const Json& request, TimeMs now, const Terminal& terminal,
                                         Shown shown = Shown::beginning);
// The answer to a vote: the new state and what is still missing.
[[nodiscard]] std::string render_vote(const Json& answer, const Terminal& terminal);

// GET /api/v1/audit, its "records".
[[nodiscard]] std::string render_records(const Json& records, const Terminal& terminal);
// One audit record, a member a line.
[[nodiscard]] std::string render_record(const Json& record, const Terminal& terminal);

// GET /api/v1/tokens, its "tokens".
[[nodiscard]] std::string render_tokens(const Json& tokens, TimeMs now, const Terminal& terminal);

}  // namespace countersign::cli
