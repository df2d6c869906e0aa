// What people are told: something happened to a held request.
#pragma once

#include <cstdint>
#include <string>

#include "approvals/request.h"
#include "core/clock.h"

namespace countersign::approvals::notify {

struct Event {
  std::int64_t number = 0;  // ascending, never used twice; a cursor is the last one that was told
  TimeMs at = 0;
  std::string name;     // core/config_notifications.h, kNotificationEvents
  HeldRequest request;  // as it is now, which may be further than the event
  std::string missing;  // who is still needed, for people; empty when nobody
  std::string person;   // whose account it is about; then `request` has an id that is nobody's, and nothing else
};

}  // namespace countersign::approvals::notify
