#include "approvals/delegation.h"

#include <algorithm>

#include "approvals/names.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostRules = 100;
constexpr std::size_t kMostDelegators = 100;

}  // namespace

bool Delegation::covers(std::string_view rule) const {
  return rules.empty() || std::ranges::find(rules, rule) != rules.end();
}

Status check_delegation(const Delegation& delegation) {
  auto invalid = [](std::string why) { return fail(ErrorKind::invalid, "delegation.invalid", std::move(why)); };
  for (const std::string* name : {&delegation.from, &delegation.to}) {
    if (bare_name(*name).empty() || name->size() > 200) return invalid("a delegation needs two people");
  }
  if (same_name(delegation.from, delegation.to)) return invalid("nobody votes in their own place");
  if (delegation.until <= delegation.since) return invalid("a delegation ends after it begins");
  if (delegation.until - delegation.since > kLongestDelegation) return invalid("a delegation lasts at most 30 days");
  if (delegation.rules.size() > kMostRules) return invalid("a delegation names at most 100 rules, or none for all");
  return {};
}

bool Delegator::in_force(TimeMs now) const {
  return std::ranges::any_of(delegations, [&](const Delegation& one) { return one.in_force(now); });
}

bool Delegator::covers(std::string_view rule, TimeMs now) const {
  return std::ranges::any_of(delegations, [&](const Delegation& one) { return one.in_force(now) && one.covers(rule); });
}

std::vector<Delegator> delegators_of(const policies::Directory& directory, std::string_view user,
                                     std::span<const Delegation> from_rules, std::span<const Delegation> from_store) {
  std::vector<Delegator> out;
  for (std::span<const Delegation> list : {from_rules, from_store}) {
    for (const Delegation& delegation : list) {
      if (delegation.to != user || !check_delegation(delegation)) continue;
      const policies::User* from = directory.find_user(delegation.from);
      if (from == nullptr) continue;
      auto known = std::ranges::find(out, from->name, &Delegator::name);
      if (known != out.end()) {
        known->delegations.push_back(delegation);
      } else if (out.size() < kMostDelegators) {
        out.push_back({from->name, from->level, directory.teams_of(from->name), {delegation}});
      }
    }
  }
  return out;
}

}  // namespace countersign::approvals
