// What a person signs when they vote from the command line. Nothing the server says about it is taken on trust: the
// statement must be about exactly the request that was shown, with the preview that was shown, and the challenge is
// computed here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "approvals/statement.h"
#include "auth/webauthn.h"
#include "cli/security_key.h"
#include "core/json.h"
#include "core/result.h"

namespace countersign::cli {

// What the person has been shown and has chosen.
struct ShownVote {
  const Json* request = nullptr;  // GET /api/v1/requests/{id}, as rendered
  approvals::Choice choice = approvals::Choice::deny;
  std::string reason;
  std::string for_whom;  // whose place they take; empty for their own
};

// The same for several, all of them with one signature.
struct ShownVotes {
  std::vector<const Json*> requests;
  approvals::Choice choice = approvals::Choice::deny;
  std::string reason;
  std::string for_whom;
};

// Hex SHA-256 of the canonical JSON of the request's `preview`: what was really shown, whatever the server says.
[[nodiscard]] std::string shown_preview_digest(const Json& request);

struct Question {
  std::string statement;
  std::string client_data;
  std::string relying_party_id;
  std::vector<std::string> credentials;
};

// Checks `challenge`, the answer to POST /api/v1/votes/challenge. vote.other_statement (conflict): it is about
// something else than was shown; server.unexpected: it is not the API's.
Result<Question> question_of(const ShownVote& shown, const Json& challenge);
Result<Question> question_of(const ShownVotes& shown, const Json& challenge);

// Asks the key, and gives the `signature` member of a vote.
Result<Json> signed_by(SecurityKey& key, const Question& question, const AskPin& ask_pin);

}  // namespace countersign::cli
