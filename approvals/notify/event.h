// What people are told: something happened to a held request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "approvals/request.h"
#include "core/clock.h"

namespace countersign::approvals::notify {

// What an event is about that is told once for requests that were held together (approvals/bursts.h).
struct BurstNews {
  std::string id;
  std::string sentence;  // "make 14 changes on aws (production): 9 write, 5 destroy"
  std::string effects;   // "write, destroy"
  std::size_t requests = 0;
};

struct Event {
  std::int64_t number = 0;  // ascending, never used twice; a cursor is the last one that was told
  TimeMs at = 0;
  std::string name;     // core/config_notifications.h, kNotificationEvents
  HeldRequest request;  // as it is now, which may be further than the event
  std::string missing;  // who is still needed, for people; empty when nobody
  std::string person;   // whose account it is about, or the agent that was frozen; then `request` has an id that is
                        // nobody's, and nothing else

  std::optional<BurstNews> burst = {};  // it is about all of these, `request` being one of them
  enum class Telling : std::uint8_t { by_itself, with_others };
  Telling telling = Telling::by_itself;  // with_others: nobody is told, another event is about it too
};

}  // namespace countersign::approvals::notify
