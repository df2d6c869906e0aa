// Statement: what an approver signs. One canonical text says who decides what about which requests, and its SHA-256 is
// the challenge that the passkey signs: a signature made for one statement is worth nothing for another.
//
//   {"by":"bob","decision":"approve","expires":"2026-11-21T09:35:00.000Z","for":"","nonce":"…43 characters…",
//    "reason_sha256":"…","requests":[{"documentation_sha256":"…","expires":"…","fingerprint":"…","grant_sha256":"",
//    "id":"req_…","preview_sha256":"…","stages":["production-change/platform"]}],"type":"countersign/vote/v1"}
//
// A stored signature (Vote::signature, and `signature` of the audit record) is the canonical JSON object
//   {"authenticator_data","client_data","credential","signature": base64url each,"statement": the text}.
// Pure functions and values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "approvals/eligibility.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/sha256.h"

namespace countersign::approvals {

// One request the statement is about. Digests are 64 lower-case hex characters.
struct StatedRequest {
  std::string id;
  std::string fingerprint;
  std::string preview_sha256;        // of the canonical JSON of the preview the approver was shown
  std::string documentation_sha256;  // of HeldRequest::documentation; empty when there is none
  std::string grant_sha256;          // Vote::grant; empty when there is none
  std::vector<std::string> stages;   // "rule/stage" the vote is meant for: 1 to 100
  TimeMs expires = 0;                // of the request
  bool operator==(const StatedRequest&) const = default;
};

struct Statement {
  std::string by;
  std::string for_whom;  // whose place `by` takes; empty for their own
  Choice decision = Choice::deny;
  std::string reason_sha256;            // hex SHA-256 of the reason's bytes, also of an empty one
  std::string nonce;                    // base64url of 32 random bytes
  TimeMs expires = 0;                   // of the nonce
  std::vector<StatedRequest> requests;  // 1 to 100, no id twice; several are signed by one gesture
  bool operator==(const Statement&) const = default;
};

inline constexpr TimeMs kLongestNonce = 5 * 60'000;
inline constexpr std::size_t kMostStatedRequests = 100;
inline constexpr std::size_t kMostStatementBytes = 1U << 20;

// The canonical text (RFC 8785). Empty when something in it is not UTF-8; no parser and no verifier takes that.
[[nodiscard]] std::string text(const Statement& statement);

// Reads exactly what text() writes: statement.malformed for anything else, also for another spelling of the same JSON,
// a member more or less, a digest or nonce of another length; statement.too_large over 1 MiB.
Result<Statement> parse_statement(std::string_view statement_text);

// What the authenticator signs.
[[nodiscard]] inline Digest challenge_of(std::string_view statement_text) {
  return sha256(statement_text);
}

}  // namespace countersign::approvals
