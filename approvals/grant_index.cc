#include "approvals/grant_index.h"

#include <algorithm>
#include <utility>

namespace countersign::approvals {

void GrantIndex::update(const Grant& grant) {
  bool active = grant.activated != 0 && grant.revoked == 0 && grant.uses < grant.terms.max_uses;
  std::lock_guard lock(mutex_);
  std::vector<Grant>& grants = by_agent_[grant.agent];
  auto found = std::ranges::find(grants, grant.id, &Grant::id);
  if (active && found != grants.end()) {
    // Uses are told by several threads, the newest perhaps first.
    found->uses = std::max(found->uses, grant.uses);
  } else if (active) {
    // Those whose time was up when this one began are not asked for any more.
    count_ -= std::erase_if(grants, [&](const Grant& old) { return old.terms.until <= grant.activated; });
    grants.push_back(grant);
    std::ranges::sort(grants, {}, [](const Grant& one) { return std::pair(one.activated, one.id); });
    ++count_;
  } else if (found != grants.end()) {
    grants.erase(found);
    --count_;
  }
  if (grants.empty()) by_agent_.erase(grant.agent);
}

std::vector<Grant> GrantIndex::find(const GrantQuestion& question, TimeMs now) const {
  std::vector<Grant> out;
  if (count_ == 0) return out;
  std::lock_guard lock(mutex_);
  auto found = by_agent_.find(question.agent);
  if (found == by_agent_.end()) return out;
  for (const Grant& grant : found->second) {
    if (grant.is_active(now) && covers(grant, question)) out.push_back(grant);
  }
  return out;
}

std::size_t GrantIndex::active_of(const std::string& agent, TimeMs now) const {
  std::lock_guard lock(mutex_);
  auto found = by_agent_.find(agent);
  if (found == by_agent_.end()) return 0;
  auto active = [now](const Grant& grant) { return grant.is_active(now); };
  return static_cast<std::size_t>(std::ranges::count_if(found->second, active));
}

}  // namespace countersign::approvals
