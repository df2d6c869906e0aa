// Who may vote on a held request. Pure functions, any thread.
//
// Nobody approves their own request. "Their own" means, and a vote is refused with approval.self for:
//   - the agent, the owner, and every delegate, by name;
//   - the issuer of the root token, where it is known: whoever issued it may still have it;
//   - whoever votes with a credential of the same lineage as the request's token (a shared token id);
//   - when the owner is a team: the issuer only; its other members may approve, because a team that owns agents is
//     where their reviewers sit. When the issuer is not known, no member of the team may.
// Names are compared without regard to ASCII case and without a "user:", "team:" or "agent:" in front, so that no
// spelling of a name gets around this. There is no exception for administrators.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/request.h"
#include "approvals/rules.h"
#include "core/clock.h"
#include "core/result.h"
#include "policies/directory.h"

namespace countersign::approvals {

// A human who wants to vote, as authenticated, with what the directory says about them now.
struct Approver {
  std::string name;
  Level level = Level::junior;
  std::vector<std::string> teams;  // every team they are in, also through other teams; without "team:"
  std::vector<std::string> chain;  // token ids of the credential they act with, root first; may be empty
};

// The approver of this name as the directory has them; nullopt for a user it does not list: only listed humans vote.
[[nodiscard]] std::optional<Approver> find_approver(const policies::Directory& directory, std::string_view name,
                                                    std::vector<std::string> chain);

enum class Choice : std::uint8_t { deny, approve };

// A stage that a vote counts for.
struct Opening {
  std::string rule;
  std::string stage;
  std::string group;
};

// The stages an approval would count for, at most one of each rule, never empty; for a denial, one stage the approver
// belongs to (whether it is open or not: who could ever approve may deny, also after having approved).
//
// Refusals: approval.not_held, approval.expired (kind conflict), and (kind forbidden) approval.self,
// approval.not_in_group, approval.level_too_low, approval.already_voted, and approval.rule_missing when rules it needs
// are not defined and no other waits for this approver. The message says for people what would be needed.
Result<std::vector<Opening>> eligibility(const HeldRequest& request, const Approver& approver, Choice choice,
                                         const Rules& rules, TimeMs now);

// Whether the approver is the requester in the sense above.
[[nodiscard]] bool is_own_request(const Requester& requester, const Approver& approver);

}  // namespace countersign::approvals
