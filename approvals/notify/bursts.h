// Fourteen requests that were held together are not fourteen messages. Pure functions, any thread.
//
// People are told of the first one at once: nobody knows yet that others will come. The others are not told; when the
// burst is complete (event "burst", approvals/bursts.h) one message is about all that are still held. Reminders and
// expiries of several of its requests that happened at once are one message too. What happens to each by itself
// (votes, outcomes) is told for each.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "approvals/notify/event.h"
#include "approvals/store.h"

namespace countersign::approvals::notify {

using CountBurst = std::function<std::vector<BurstPart>(const std::string& burst)>;

// `events` in their order, as they were read together.
void tell_bursts_once(std::vector<Event>& events, const CountBurst& count);

}  // namespace countersign::approvals::notify
