#include "cli/signed_vote.h"

#include <algorithm>
#include <set>

#include "core/sha256.h"

namespace countersign::cli {

std::string shown_preview_digest(const Json& request) {
  const Json* preview = find_member(request, "preview");
  auto canonical = canonical_json(preview == nullptr ? Json() : *preview);
  return canonical ? to_hex(sha256(*canonical)) : std::string();
}

namespace {

// Empty when there is none.
std::string shown_documentation_digest(const Json& request) {
  const Json* documentation = find_member(request, "documentation");
  if (documentation == nullptr || documentation->is_null()) return {};
  auto canonical = canonical_json(*documentation);
  return canonical ? to_hex(sha256(*canonical)) : std::string();
}

}  // namespace

Result<Question> question_of(const ShownVote& shown, const Json& challenge) {
  return question_of(ShownVotes{{shown.request}, shown.choice, shown.reason, shown.for_whom}, challenge);
}

Result<Question> question_of(const ShownVotes& shown, const Json& challenge) {
  auto other = [](std::string_view what) {
    return fail(ErrorKind::conflict, "vote.other_statement",
                "nothing was signed: the server asks for a signature over " + std::string(what));
  };
  Question question{.statement = string_or(challenge, "statement", ""),
                    .client_data = "",
                    .relying_party_id = string_or(challenge, "rp_id", ""),
                    .credentials = {}};
  std::string origin = string_or(challenge, "origin", "");
  const Json* credentials = find_member(challenge, "credentials");
  auto statement = approvals::parse_statement(question.statement);
  if (!statement || question.relying_party_id.empty() || origin.empty() || credentials == nullptr ||
      !credentials->is_array()) {
    return fail(ErrorKind::internal, "server.unexpected", "the server's answer has no statement to sign");
  }
  for (const Json& id : *credentials) {
    if (id.is_string()) question.credentials.push_back(id.get<std::string>());
  }
  if (statement->decision != shown.choice) return other("the opposite decision");
  if (statement->reason_sha256 != to_hex(sha256(shown.reason))) return other("another reason");
  if (statement->for_whom != shown.for_whom) return other("a vote for somebody else");
  if (statement->requests.size() != shown.requests.size()) return other("another request");
  std::set<std::string> named;
  for (const Json* each : shown.requests) {
    if (!named.insert(string_or(*each, "id", "")).second) return other("a request that was shown twice");
    auto request = std::ranges::find(statement->requests, string_or(*each, "id", ""), &approvals::StatedRequest::id);
    if (request == statement->requests.end()) return other("another request");
    if (request->fingerprint != string_or(*each, "fingerprint", ""))
      return other("another operation than the one shown");
    if (request->preview_sha256 != shown_preview_digest(*each)) return other("another preview than the one shown");
    if (request->documentation_sha256 != shown_documentation_digest(*each))
      return other("another documentation than the one shown");
    if (!request->grant_sha256.empty()) return other("a standing grant");
  }
  question.client_data = auth::client_data_json("webauthn.get", approvals::challenge_of(question.statement), origin);
  return question;
}

Result<Json> signed_by(SecurityKey& key, const Question& question, const AskPin& ask_pin) {
  auto assertion = key.answer(question.relying_party_id, question.client_data, question.credentials, ask_pin);
  if (!assertion) return fail(assertion.error());
  return parse_json(auth::signed_text_json({.statement = question.statement, .assertion = std::move(*assertion)}));
}

}  // namespace countersign::cli
