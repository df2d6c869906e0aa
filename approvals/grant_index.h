// The active grants in memory, so that asking for one costs nothing where there is none. Any thread. What it finds is
// only a candidate: the store counts the use, and says no when the grant is over.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "approvals/grants.h"

namespace countersign::approvals {

class GrantIndex {
 public:
  // Adds or replaces an active grant, removes any other (a proposal, a revoked one, one without uses left).
  void update(const Grant& grant);

  // Those that cover the operation, oldest first.
  [[nodiscard]] std::vector<Grant> find(const GrantQuestion& question, TimeMs now) const;
  // How many of this agent's are active.
  [[nodiscard]] std::size_t active_of(const std::string& agent, TimeMs now) const;

 private:
  std::atomic<std::size_t> count_ = 0;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Grant>> by_agent_;
};

}  // namespace countersign::approvals
