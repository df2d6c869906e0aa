// Approval rules: who must agree before a held request runs. Read from approvals.yaml, named by @approval in policies;
// docs/approvals.md is the manual of the file.
//
//   default_expires: 4h
//   groups: { oncall: ["user:sam", "team:sre"] }
//   rules:
//     production-change:
//       description: changes to production
//       expires: 2h
//       remind: [30m, 60m]
//       signature: required
//       stages:
//         - { name: platform, count: 2, group: "team:platform", min_level: senior,
//             escalate: { after: 1h, add: ["group:oncall"] } }
//         - { name: director, group: anyone, min_level: director }
//
// Stages are ordered: a later one opens when the one before is satisfied. One person counts once a rule, in whichever
// stage, for themselves or in somebody's place. Escalation adds groups and takes nothing away. Pure functions and
// values: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/budgets.h"
#include "approvals/delegation.h"
#include "approvals/documentation.h"
#include "approvals/freezes.h"
#include "approvals/request.h"
#include "core/clock.h"
#include "core/problem.h"
#include "policies/decision.h"
#include "policies/directory.h"

namespace countersign::approvals {

using policies::Level;
using policies::level_from_name;
using policies::level_name;

struct Group {
  enum class Kind : std::uint8_t { nobody, anyone, team, user };
  Kind kind = Kind::nobody;
  std::string name;         // of the team or user
  std::string listed = {};  // the list of the file's `groups` it was taken from; empty when written in the stage

  // As written in the file: "team:platform", "user:alice", "anyone". Has no ", " in it.
  [[nodiscard]] std::string text() const;
  // Whether somebody of this name, who is in these teams, is in the group.
  [[nodiscard]] bool has(std::string_view person, std::span<const std::string> teams) const;
};
// "team:platform", "user:alice" or "anyone"; lists of the file ("group:oncall") are replaced by their members when it
// is read.
[[nodiscard]] std::optional<Group> parse_group(std::string_view text);
// Their texts, joined by ", ".
[[nodiscard]] std::string text_of(std::span<const Group> groups);

struct Escalation {
  TimeMs after = 0;  // the stage has been open for so long
  std::vector<Group> add;
};

struct Stage {
  std::string name;           // unique within the rule
  int count = 1;              // distinct people, 1 to 20
  std::vector<Group> groups;  // of any of these; 1 to 100
  Level min_level = Level::junior;
  std::optional<Escalation> escalate = {};
  int line = 0;  // in approvals.yaml, so that who knows the teams and users can report a group that does not exist

  // Who is asked at `at` when the stage opened at `opened`: never fewer than `groups`.
  [[nodiscard]] std::vector<Group> asked(TimeMs opened, TimeMs at) const;
};

// Whose level counts for a vote in somebody's place.
enum class DelegationMode : std::uint8_t {
  none,        // nobody votes in anybody's place
  same_level,  // both persons' levels must suffice
  any,         // that of the person who is away
};

// What a vote needs besides the right person.
struct Demands {
  bool signature = false;      // made with a passkey
  TimeMs max_sign_in_age = 0;  // how long ago the approver signed in; 0 for any time
  TimeMs min_key_age = 0;      // how long ago the passkey of an approval was enrolled; 0 for any time
};

struct Rule {
  std::string name;
  std::string description = {};
  std::vector<Stage> stages = {};   // 1 to 10
  TimeMs expires = 0;               // how long a request may stay held, at most 30 days
  std::vector<TimeMs> remind = {};  // after it was held, ascending, at most 5
  Demands demands = {};
  DelegationMode delegation = DelegationMode::same_level;
  std::vector<DocumentationNeed> documentation = {};  // at most one of each field
};

// What becomes of a change that touches what an open request of somebody else touches, where policies allow it.
enum class ConflictMode : std::uint8_t { hold, note };

// Whether and for what a glass may be broken (approvals/break_glass.h).
struct BreakGlass {
  std::string rule;                         // who must agree; demands signatures
  std::string in_debt;                      // who else, while a review is overdue; empty: nobody
  TimeMs longest = 3'600'000;               // at most an hour
  TimeMs review_within = 72LL * 3'600'000;  // after its end
  TimeMs key_age = 24LL * 3'600'000;        // Demands::min_key_age of both rules, which the loader gives them
  std::vector<Group> reviewers;             // 1 to 100
  std::vector<std::string> environments;    // each of these: empty for all
  std::vector<std::string> upstreams;
  std::vector<Effect> effects;
  int line = 0;  // in approvals.yaml
};

// What is held of one caller within a short time is decided as one (approvals/bursts.h).
struct BurstLimits {
  TimeMs window = 0;       // how long after the last one another may join; 0: nothing is grouped
  std::size_t most = 500;  // requests; 2 to 500
};

struct Rules {
  static constexpr TimeMs kDefaultExpires = 4 * 3'600'000;

  std::map<std::string, Rule, std::less<>> rules;  // at most 1,000
  TimeMs default_expires = kDefaultExpires;
  std::vector<Delegation> delegations;  // at most 1,000
  std::vector<Freeze> freezes;          // at most 200
  std::vector<Budget> budgets;          // at most 200
  ConflictMode conflicts = ConflictMode::hold;
  std::optional<BreakGlass> break_glass;  // absent: it is not possible
  BurstLimits bursts{.window = 30'000};

  [[nodiscard]] const Rule* find(std::string_view name) const;
  // How long a request that needs all of `names` may stay held: the shortest of them.
  [[nodiscard]] TimeMs expires_after(std::span<const std::string> names) const;
};

// The strictest of all of `names`.
[[nodiscard]] Demands demands_of(std::span<const std::string> names, const Rules& rules);

// Every problem is reported, each with its line; the value is there only when none of them is an error. `file` is the
// name used in messages.
[[nodiscard]] std::optional<Rules> parse_rules(std::string_view file, std::string_view text, Problems& problems);
// Reads approvals.yaml at `path`.
[[nodiscard]] std::optional<Rules> load_rules(const std::string& path, Problems& problems);

// How far one rule has come.
struct Progress {
  std::string rule;
  bool satisfied = false;            // the default denies: also for a rule that is not defined any more
  std::optional<Stage> open;         // the stage that waits for people; none when satisfied or not defined
  TimeMs opened = 0;                 // when it opened
  std::vector<Group> asked;          // who it waits for now, with those that escalation added
  int have = 0;                      // approvals counted in the open stage
  std::vector<std::string> counted;  // people whose votes count in this rule
  std::vector<std::string> spent;    // they and those whose places they took: none of them can count again
  std::vector<std::size_t> votes;    // the counted ones, as indices
  TimeMs satisfied_at = 0;
  std::string most_senior;      // who of `counted` voted with the highest level; the first of equals
  Level level = Level::junior;  // that level
  std::string sentence;         // "platform: 1 of 2 from team platform, senior or above"
};

// What a rule is judged by.
struct Polled {
  std::span<const Vote> votes;
  TimeMs held = 0;                       // when the first stage opened
  TimeMs now = 0;                        // for `asked`; what counts does not depend on it
  Demands demands = {};                  // of all rules of the request
  const Requester* requester = nullptr;  // whose people never count, whatever a vote says; may be null
  std::string_view editor = {};          // nor do they, who changed the request
};

// Counts the approvals given for this rule (others are passed over). A vote counts for the stage it was given to, as
// long as the voter's level suffices, one of the groups it was given by is still asked (one that escalation added: from
// that moment on), and it is signed where that is demanded: rules that become stricter while a request is held apply to
// it.
[[nodiscard]] Progress evaluate(const Rule& rule, const Polled& polled);
// For every rule the request needs, in its order.
[[nodiscard]] std::vector<Progress> progress_of(const HeldRequest& request, const Rules& rules, TimeMs now);
// Whether all are satisfied; false for none at all.
[[nodiscard]] bool all_satisfied(std::span<const Progress> progress);
// The satisfied ones as policies see them (context.approval).
[[nodiscard]] std::vector<policies::ApprovalFact> approval_facts(std::span<const Progress> progress);

// A reminder to those a held request waits for.
struct Reminder {
  std::size_t number = 0;  // from 1
  TimeMs at = 0;           // when it was due
};
// The reminders that are due and were not sent: none for a request that is not held, is past its expiry, waits for
// documentation, or has seen `sent` of them. One message stands for several; afterwards `sent` is the last one's
// number.
[[nodiscard]] std::vector<Reminder> due_reminders(const HeldRequest& request, const Rules& rules, std::size_t sent,
                                                  TimeMs now);

}  // namespace countersign::approvals
