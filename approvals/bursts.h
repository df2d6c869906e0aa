// Bursts: held requests that came together and are decided together.
//
// Terraform, and every loop of an agent's, asks for many changes within seconds. Those of one agent, one root token,
// one upstream, one environment and the same approval rules, each within BurstLimits::window of the one before, have
// one burst id: people are shown one list, and approve that list (Queue::vote_burst). A burst is closed when nothing
// came for the window, when it is kLongestBurst old, or when it is full; what comes then begins another.
//
// The id is that of its first request: req_X begins bst_X. A burst of one is an ordinary request. Broken glasses never
// belong to one.
//
// OpenBursts are those that can still be joined or were not told to people yet, in memory. After a restart none can be
// joined: what was held by then stays together, and what comes is another burst. Not safe by itself: the Queue's lock.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/request.h"
#include "approvals/rules.h"
#include "core/clock.h"

namespace countersign::approvals {

inline constexpr TimeMs kLongestBurst = 10LL * 60'000;
inline constexpr std::size_t kMostOfBurst = 500;
inline constexpr std::string_view kBurstEvent = "burst";  // among the store's events: about its first request

// "bst_X" of "req_X", and back.
[[nodiscard]] std::string burst_begun_by(std::string_view request);
[[nodiscard]] std::string first_of_burst(std::string_view burst);
// Whether it is the first of its burst; true for one that is of none.
[[nodiscard]] bool begins_burst(const HeldRequest& request);

// "14 changes by agent builder on aws (production): 9 write, 3 administer, 2 destroy". Mild effects first; those that
// are not counted are left out.
struct BurstCount {
  std::map<std::string, std::size_t> effects;  // by name
  [[nodiscard]] std::size_t all() const;
};
[[nodiscard]] std::string burst_effects(const BurstCount& count);  // "9 write, 3 administer, 2 destroy"
[[nodiscard]] std::string burst_sentence(const HeldRequest& any_member, const BurstCount& count);

class OpenBursts {
 public:
  // The burst that the draft (complete, with its id) belongs to now.
  [[nodiscard]] std::string join(const HeldRequest& draft, const BurstLimits& limits, TimeMs now) const;
  // It was held, with that burst.
  void held(const HeldRequest& request, const BurstLimits& limits, TimeMs now);

  // Bursts of two or more that are closed and were not told yet, oldest first. They stay until told().
  [[nodiscard]] std::vector<std::string> to_tell(TimeMs now) const;
  void told(std::string_view burst) { closing_.erase(std::string(burst)); }
  // One that was held before a restart, and of which nobody knows that it was told.
  void tell_later(std::string_view burst) { closing_[std::string(burst)] = 0; }

 private:
  struct Open {
    std::string id;
    TimeMs first = 0;
    TimeMs closes = 0;
    std::size_t count = 0;
  };
  static std::string key_of(const HeldRequest& request);

  std::map<std::string, Open> open_;                    // by what its requests have in common
  std::map<std::string, TimeMs, std::less<>> closing_;  // to be told from then on; of two or more
  TimeMs swept_ = 0;
};

}  // namespace countersign::approvals
