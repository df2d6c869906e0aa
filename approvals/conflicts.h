// Which open requests touch which resources, in memory: asked on the way of every change, so it never waits for a disk.
// Any thread. The Queue fills it when it is opened and keeps it with every commit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "approvals/request.h"
#include "core/clock.h"

namespace countersign::approvals {

class Conflicts {
 public:
  static constexpr std::size_t kMostTold = 20;

  // Adds an open request; does nothing when it is there. One that is over is removed.
  void update(const HeldRequest& request);

  // Ids of open requests of other lineages than `root` (the id of a root token) that touch one of `resources` on
  // `upstream`; held and approved ones whose time is up do not count. Oldest first, at most kMostTold.
  [[nodiscard]] std::vector<std::string> on(std::string_view upstream, std::span<const std::string> resources,
                                            std::string_view root, TimeMs now) const;

 private:
  struct Entry {
    std::string id;
    std::string root;
    State state = State::held;
    std::uint64_t order = 0;
    TimeMs expires = 0;
  };
  struct Touched {
    Entry entry;
    std::vector<std::string> keys;
  };
  using InOrder = std::map<std::uint64_t, const Entry*>;  // one resource may be touched by everything that is open

  mutable std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::unordered_map<std::string, Touched> open_;         // by id
  std::unordered_map<std::string, InOrder> by_resource_;  // upstream and resource → entries of open_
};

}  // namespace countersign::approvals
