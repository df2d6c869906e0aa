// Delegation: somebody who is away lets somebody else vote in their place, for a time, for all rules or some.
//
// A vote for another ("bob for alice") counts by alice's groups and uses up both of them: neither counts again in that
// rule. There are no chains: who votes for alice does not vote for those who let alice vote for them. Delegations stand
// in approvals.yaml, or come from whoever keeps those that people enter themselves. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "policies/directory.h"

namespace countersign::approvals {

struct Delegation {
  std::string from;                     // who is away
  std::string to;                       // who votes in their place
  TimeMs since = 0;                     // in force from this moment …
  TimeMs until = 0;                     // … until just before this one
  std::vector<std::string> rules = {};  // empty: all
  int line = 0;                         // in approvals.yaml; 0 for others

  [[nodiscard]] bool in_force(TimeMs now) const { return since <= now && now < until; }
  [[nodiscard]] bool covers(std::string_view rule) const;
};

inline constexpr TimeMs kLongestDelegation = 30LL * 86'400'000;

// Refuses (delegation.invalid) one to oneself, by whatever spelling; of nobody; with a span that is empty or longer
// than 30 days; with more than 100 rules.
Status check_delegation(const Delegation& delegation);

// Somebody an approver may vote for, with what the directory says about them now.
struct Delegator {
  std::string name;
  policies::Level level = policies::Level::junior;
  std::vector<std::string> teams;  // all of them, without "team:"
  std::vector<Delegation> delegations;

  [[nodiscard]] bool in_force(TimeMs now) const;
  [[nodiscard]] bool covers(std::string_view rule, TimeMs now) const;
};

// Who lets `user` vote in their place, at whatever time, by one of the two lists. Passed over: delegations of people
// the directory does not list. At most 100.
[[nodiscard]] std::vector<Delegator> delegators_of(const policies::Directory& directory, std::string_view user,
                                                   std::span<const Delegation> from_rules,
                                                   std::span<const Delegation> from_store);

}  // namespace countersign::approvals
