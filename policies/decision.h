// Decision: what the policies say about one operation, and why.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"

namespace countersign::policies {

enum class Verdict : std::uint8_t { deny, hold, allow };
[[nodiscard]] constexpr const char* verdict_name(Verdict verdict) {
  return verdict == Verdict::allow ? "allow" : verdict == Verdict::hold ? "hold" : "deny";
}

// An approval rule that has been satisfied, as Cedar sees it (context.approval.getTag("rule")).
struct ApprovalFact {
  std::string rule;   // value of @approval
  std::string by;     // user name of the most senior approver
  std::string level;  // that approver's level
  TimeMs at = 0;      // when the rule became satisfied
};

struct Decision {
  Verdict verdict = Verdict::deny;
  std::string code;                    // stable: "policy.allowed", "policy.held", "policy.floor", "policy.forbidden",
                                       // "policy.no_permit", "policy.error", "scope.…"
  std::string reason;                  // one sentence for the agent: names the deciding policies, never a secret
  std::vector<std::string> policies;   // ids (@id, else source:index) that determined it
  std::vector<std::string> approvals;  // verdict hold: the @approval rules that must be satisfied, sorted, unique
  std::vector<std::string> shadow;     // ids of @shadow policies that apply and do not count, sorted, unique
  // Which of the operation's accesses made it so, by position; empty when all of them, or none in particular, did.
  std::vector<std::size_t> about;
  // Secrets in the answer reach the agent: of each thing touched, a satisfied permit says @secrets("reveal").
  bool reveals_secrets = false;
  std::string policy_digest;  // hex SHA-256 of everything the decision rested on
};

}  // namespace countersign::policies
