// Approval rules: who must agree before a held request runs. Read from approvals.yaml, named by @approval in policies.
//
//   default_expires: 4h
//   rules:
//     production-change:
//       description: changes to production
//       expires: 2h
//       stages:
//         - { name: platform, count: 2, group: "team:platform", min_level: senior }
//         - { name: director, group: anyone, min_level: director }
//
// Stages are ordered: a later one opens when the one before is satisfied. One person counts once a rule, in whichever
// stage. Pure functions and values: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  std::string name;  // of the team or user

  // As written in the file: "team:platform", "user:alice", "anyone".
  [[nodiscard]] std::string text() const;
};
[[nodiscard]] std::optional<Group> parse_group(std::string_view text);

struct Stage {
  std::string name;  // unique within the rule
  int count = 1;     // distinct people, 1 to 20
  Group group;
  Level min_level = Level::junior;
  int line = 0;  // in approvals.yaml, so that who knows the teams and users can report a group that does not exist
};

struct Rule {
  std::string name;
  std::string description;
  std::vector<Stage> stages;  // 1 to 10
  TimeMs expires = 0;         // how long a request may stay held, at most 30 days
};

struct Rules {
  static constexpr TimeMs kDefaultExpires = 4 * 3'600'000;

  std::map<std::string, Rule, std::less<>> rules;  // at most 1,000
  TimeMs default_expires = kDefaultExpires;

  [[nodiscard]] const Rule* find(std::string_view name) const;
  // How long a request that needs all of `names` may stay held: the shortest of them.
  [[nodiscard]] TimeMs expires_after(std::span<const std::string> names) const;
};

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
  int have = 0;                      // approvals counted in the open stage
  std::vector<std::string> counted;  // people who count in this rule; they cannot count again
  TimeMs satisfied_at = 0;
  std::string most_senior;      // who of `counted` has the highest level; the first of equals
  Level level = Level::junior;  // that person's level when voting
  std::string sentence;         // "platform: 1 of 2 from team platform, senior or above"
};

// Counts the approvals in `votes` given for this rule (others are passed over). A vote counts for the stage it was
// given to, as long as that stage still has the same group and the voter's level still suffices: rules that become
// stricter while a request is held apply to it.
[[nodiscard]] Progress evaluate(const Rule& rule, std::span<const Vote> votes);
// For every rule the request needs, in its order.
[[nodiscard]] std::vector<Progress> progress_of(const HeldRequest& request, const Rules& rules);
// Whether all are satisfied; false for none at all.
[[nodiscard]] bool all_satisfied(std::span<const Progress> progress);
// The satisfied ones as policies see them (context.approval).
[[nodiscard]] std::vector<policies::ApprovalFact> approval_facts(std::span<const Progress> progress);

}  // namespace countersign::approvals
