// What the agents' requests take up, for the limits of Queue::Options. Not thread-safe: the Queue's lock guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace countersign::approvals {

struct Use {
  std::size_t open = 0;          // requests held, approved or executing
  std::uint64_t body_bytes = 0;  // of bodies that are kept, also of requests that are over
};

class Usage {
 public:
  void opened(const std::string& agent) { change(agent, 1, 0); }
  void closed(const std::string& agent) { change(agent, -1, 0); }
  void kept(const std::string& agent, std::uint64_t bytes) { change(agent, 0, static_cast<std::int64_t>(bytes)); }
  void removed(const std::string& agent, std::uint64_t bytes) { change(agent, 0, -static_cast<std::int64_t>(bytes)); }

  [[nodiscard]] Use of_all() const { return all_; }
  [[nodiscard]] Use of(std::string_view agent) const {
    auto found = by_agent_.find(agent);
    return found == by_agent_.end() ? Use{} : found->second;
  }

 private:
  void change(const std::string& agent, std::int64_t open, std::int64_t bytes) {
    Use& one = by_agent_[agent];
    for (Use* use : {&one, &all_}) {
      use->open = static_cast<std::size_t>(static_cast<std::int64_t>(use->open) + open);
      use->body_bytes = static_cast<std::uint64_t>(static_cast<std::int64_t>(use->body_bytes) + bytes);
    }
    if (one.open == 0 && one.body_bytes == 0) by_agent_.erase(agent);
  }

  Use all_;
  std::map<std::string, Use, std::less<>> by_agent_;
};

}  // namespace countersign::approvals
