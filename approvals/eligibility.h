// Who may vote on a held request. Pure functions, any thread.
//
// Nobody approves their own request. "Their own" means, and a vote is refused with approval.self for:
//   - the agent, the owner, and every delegate, by name;
//   - the issuer of the root token, where it is known: whoever issued it may still have it;
//   - whoever votes with a credential of the same lineage as the request's token (a shared token id);
//   - when the owner is a team: the issuer only; its other members may approve, because a team that owns agents is
//     where their reviewers sit. When the issuer is not known, no member of the team may: also when it was issued
//     through admin.sock without a personal token, where everybody is the local administrator.
//   - whoever edited it: somebody else decides about the edited one.
// Names are compared as approvals/names.h says. There is no exception for administrators, and none for those who vote
// in somebody's place: neither of the two may be among the above.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/delegation.h"
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
  TimeMs signed_in = 0;            // when they last proved who they are (a personal token: was issued); 0: not known
  std::vector<Delegator> delegators = {};  // in whose places they may vote
};

// How an approver has proved who they are.
struct SignedIn {
  std::vector<std::string> chain = {};
  TimeMs at = 0;
};

// The approver of this name as the directory has them; nullopt for a user it does not list: only listed humans vote.
// `stored` are delegations besides those of the rules.
[[nodiscard]] std::optional<Approver> find_approver(const policies::Directory& directory, std::string_view name,
                                                    SignedIn signed_in, const Rules& rules,
                                                    std::span<const Delegation> stored = {});

enum class Choice : std::uint8_t { deny, approve };

// A stage that a vote counts for.
struct Opening {
  std::string rule;
  std::string stage;
  std::string group;  // the groups of the stage that the voter is in, joined by ", ": becomes Vote::group
  std::string level;  // the level that counts: becomes Vote::level
};

// The stages an approval would count for, at most one of each rule, never empty; for a denial, one stage the approver
// belongs to (whether it is open or not: who could ever approve may deny, also after having approved).
//
// With `for_whom`, the vote is given in that person's place: their groups count, and the level as the rule's delegation
// says; a rule whose delegation does not cover it is passed over.
//
// Refusals: approval.not_held, approval.expired (kind conflict), approval.undocumented (conflict; approvals only: what
// the rules want to read is missing), and (kind forbidden) approval.self, approval.not_delegated,
// approval.not_in_group, approval.level_too_low, approval.already_voted, and approval.rule_missing when rules it needs
// are not defined and no other waits for this approver. The message says for people what would be needed.
//
// This is about persons. What their vote must bring along is check_demands()'s to say.
Result<std::vector<Opening>> eligibility(const HeldRequest& request, const Approver& approver, Choice choice,
                                         const Rules& rules, TimeMs now, std::string_view for_whom = {});

// Whether a vote brings along what the rules demand: approval.signature_required (forbidden) for one without a
// signature, whichever way it goes; approval.sign_in_too_old (unauthenticated) for an approval by somebody who signed
// in too long ago or nobody knows when. Denying is always possible with an old session: it opens nothing.
Status check_demands(const Demands& demands, const Approver& approver, Choice choice, std::string_view signature,
                     TimeMs now);

// Whether the key that signed an approval has been enrolled for long enough: approval.key_too_new (forbidden), also
// when nobody knows since when (`enrolled` is 0). Denying is possible with every key.
Status check_key(const Demands& demands, Choice choice, TimeMs enrolled, TimeMs now);

// The people in whose places the approver could approve now; their own place is not among them.
[[nodiscard]] std::vector<std::string> may_vote_for(const HeldRequest& request, const Approver& approver,
                                                    const Rules& rules, TimeMs now);

// Whether the approver is the requester in the sense above.
[[nodiscard]] bool is_own_request(const Requester& requester, const Approver& approver);

}  // namespace countersign::approvals
