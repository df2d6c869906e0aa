#include "approvals/notify/bursts.h"

#include <set>
#include <utility>

#include "approvals/bursts.h"

namespace countersign::approvals::notify {
namespace {

BurstCount counted(const std::vector<BurstPart>& parts, State state) {
  BurstCount out;
  for (const BurstPart& part : parts) {
    if (part.state == state) out.effects[part.effect] += part.count;
  }
  return out;
}

BurstNews news_of(const HeldRequest& request, const BurstCount& count) {
  BurstNews out{.id = request.burst, .sentence = "", .effects = "", .requests = count.all()};
  out.sentence = "make " + std::to_string(count.all()) + (count.all() == 1 ? " change on " : " changes on ") +
                 request.frozen.upstream;
  if (!request.environment.empty()) out.sentence += " (" + request.environment + ")";
  out.sentence += ": " + burst_effects(count);
  for (const auto& [effect, number] : count.effects) out.effects += (out.effects.empty() ? "" : ", ") + effect;
  return out;
}

}  // namespace

void tell_bursts_once(std::vector<Event>& events, const CountBurst& count) {
  std::set<std::pair<std::string, std::string>> told;
  for (Event& event : events) {
    const HeldRequest& request = event.request;
    if (request.burst.empty()) continue;
    if (event.name == "held") {
      // What an editor put in the place of another one is news by itself.
      if (!begins_burst(request) && request.supersedes.empty()) event.telling = Event::Telling::with_others;
      continue;
    }
    const bool complete = event.name == "burst";
    if (!complete && event.name != "reminded" && event.name != "expired") continue;
    if (!told.emplace(event.name, request.burst).second) {
      event.telling = Event::Telling::with_others;
      continue;
    }
    const BurstCount now = counted(count(request.burst), event.name == "expired" ? State::expired : State::held);
    if (complete) event.name = "held";
    if (now.all() > 1 || complete) event.burst = news_of(request, now);
    if (complete && now.all() == 0) event.telling = Event::Telling::with_others;  // decided meanwhile
  }
}

}  // namespace countersign::approvals::notify
