// Break-glass: for a short time an agent may do at once what policies would hold, within a narrow scope, because
// several people said so with their keys. It opens no floor and no denial; every use is recorded and cites it;
// afterwards it must be reviewed by somebody else.
//
//   break_glass:                        # in approvals.yaml
//     rule: break-glass                 # who must agree: a rule with `signature: required`
//     in_debt: break-glass-in-debt      # that rule too, while a review is overdue
//     longest: 1h                       # at most 1h
//     review_within: 72h                # after its end
//     key_age: 24h                      # keys younger than that do not approve: a stolen session can enrol one
//     reviewers: ["team:security"]
//     environments: [production]        # what it may be opened for; each list absent: everything
//     upstreams: [web]
//     effects: [write, destroy]
//
// Opening one makes a held request (action break_glass:open), so that it is shown, signed, recorded and verified as
// every other; when that is approved the clock starts. Nothing of it needs the identity provider: local passkeys sign.
// Pure functions and values; any thread. The Emergencies (approvals/emergencies.h) keep them.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/eligibility.h"
#include "approvals/request.h"
#include "approvals/rules.h"
#include "core/clock.h"
#include "core/result.h"
#include "scopes/effect.h"

namespace countersign::approvals {

inline constexpr std::string_view kBreakGlassProtocol = "break-glass";
inline constexpr std::string_view kBreakGlassUpstream = "countersign";
inline constexpr std::string_view kBreakGlassAction = "break_glass:open";
inline constexpr std::string_view kBreakGlassUsed = "break_glass.used";  // code of a decision it made possible

// What somebody asks for; nothing in it stands for "everything".
struct EmergencyTerms {
  std::string agent;
  std::string opened_by;                  // who asks; may sign, too
  std::vector<std::string> upstreams;     // 1 to 100
  std::vector<Effect> effects;            // changes only
  std::vector<std::string> environments;  // 1 to 100
  TimeMs duration = 0;                    // one minute to BreakGlass::longest
  std::string reason;                     // 10 to 4,000 bytes
};

// Whether the rules let it be opened for this: break_glass.off (not configured), break_glass.terms, break_glass.beyond.
[[nodiscard]] Status check_terms(const EmergencyTerms& terms, const Rules& rules);

// Canonical JSON {"agent","duration_ms","effects","environments","opened_by","reason","upstreams"}, and back:
// break_glass.terms.
[[nodiscard]] std::string text_of(const EmergencyTerms& terms);
[[nodiscard]] Result<EmergencyTerms> parse_terms(std::string_view text);

// The request to be held: for the rules that must agree, `in_debt` ones too where `debt` is. `id` tells it from every
// other, and stands for the token that is not there. `owner`: of the agent, who has no vote on it.
[[nodiscard]] HeldRequest emergency_draft(const EmergencyTerms& terms, std::string_view owner, std::string_view id,
                                          bool debt, const Rules& rules, TimeMs now);

// A change that policies or a freeze would not let pass at once.
struct EmergencyQuestion {
  std::string_view agent;
  std::string_view upstream;
  const std::set<std::string>& environments;
  Effect effect = Effect::administer;
};
// Whether the terms name all of it.
[[nodiscard]] bool covers(const EmergencyTerms& terms, const EmergencyQuestion& question);

}  // namespace countersign::approvals
