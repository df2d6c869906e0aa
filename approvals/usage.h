// What the agents' requests take up, for the limits of Queue::Options. Not thread-safe: the Queue's lock guards it.
//
// It knows what this process has held or found at its start. Another process on the same store may end such a request,
// or hold some of its own: those are passed over, so that the figures are never less than nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

namespace countersign::approvals {

struct Use {
  std::size_t open = 0;          // requests held, approved or executing
  std::uint64_t body_bytes = 0;  // of bodies that are kept, also of requests that are over
};

class Usage {
 public:
  void opened(const std::string& id, const std::string& agent) {
    if (!open_.emplace(id, agent).second) return;
    ++by_agent_[agent].open;
    ++all_.open;
  }
  void closed(const std::string& id) {
    auto found = open_.find(id);
    if (found == open_.end()) return;
    --by_agent_[found->second].open;
    --all_.open;
    forget_if_unused(found->second);
    open_.erase(found);
  }
  void kept(const std::string& agent, std::uint64_t bytes) {
    by_agent_[agent].body_bytes += bytes;
    all_.body_bytes += bytes;
  }
  void removed(const std::string& agent, std::uint64_t bytes) {
    Use& one = by_agent_[agent];
    bytes = std::min(bytes, one.body_bytes);
    one.body_bytes -= bytes;
    all_.body_bytes -= bytes;
    forget_if_unused(agent);
  }

  [[nodiscard]] Use of_all() const { return all_; }
  [[nodiscard]] Use of(std::string_view agent) const {
    auto found = by_agent_.find(agent);
    return found == by_agent_.end() ? Use{} : found->second;
  }

  [[nodiscard]] std::map<std::string, std::size_t> open_by_agent() const {
    std::map<std::string, std::size_t> out;
    for (const auto& [agent, use] : by_agent_) {
      if (use.open > 0) out.emplace(agent, use.open);
    }
    return out;
  }

 private:
  void forget_if_unused(const std::string& agent) {
    auto found = by_agent_.find(agent);
    if (found != by_agent_.end() && found->second.open == 0 && found->second.body_bytes == 0) by_agent_.erase(found);
  }

  Use all_;
  std::map<std::string, Use, std::less<>> by_agent_;
  std::unordered_map<std::string, std::string> open_;  // id → agent
};

}  // namespace countersign::approvals
