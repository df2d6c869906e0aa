// Freezes: times in which changes wait or are refused (a sale, a weekend), in the time zone of the people concerned.
//
//   freezes:
//     - { name: black-friday, reason: no changes while we sell, zone: Europe/Berlin,
//         from: 2026-11-27T00:00, until: 2026-12-01T00:00, environments: [production] }
//     - { name: weekends, zone: Europe/Berlin, weekly: { from: "fri 18:00", until: "mon 06:00" },
//         environments: [production], rule: freeze-exemption, exempt_agents: [incident-bot] }
//
// A window begins with its first minute and ends just before its last. Where the clocks change inside it, it begins at
// the first and ends at the last of two equal times of the wall, so that no hour of it is lost. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/zone.h"
#include "core/clock.h"
#include "scopes/effect.h"

namespace countersign::approvals {

struct Rules;

struct Freeze {
  // Monday 00:00 and later, as the wall shows it; `until` before `from` goes over the turn of the week.
  struct Weekly {
    Zone zone;
    WallMinutes from = 0;
    WallMinutes until = 0;
  };

  std::string name;
  std::string reason;
  TimeMs from = 0;  // of the one window, when it is not weekly: [from, until)
  TimeMs until = 0;
  std::optional<Weekly> weekly;
  std::vector<std::string> environments;  // each of these lists: empty for all
  std::vector<std::string> upstreams;
  std::vector<Effect> effects;
  std::string rule;                        // what an exemption needs; empty: there is none
  std::vector<std::string> exempt_agents;  // exact names
  int line = 0;                            // in approvals.yaml

  // The end of the window that `now` is in; nullopt outside.
  [[nodiscard]] std::optional<TimeMs> ends(TimeMs now) const;
};

struct FreezeQuestion {
  std::string_view agent;
  std::string_view upstream;
  std::span<const std::string> environments;  // of everything the operation touches
  Effect effect = Effect::destroy;
};

struct FreezeVerdict {
  enum class Kind : std::uint8_t { none, hold, deny };
  Kind kind = Kind::deny;
  std::vector<std::string> rules;  // hold: rules needed besides those of the policies; sorted, unique
  std::string name;                // of the freeze that decides; of several the first in the file
  std::string sentence;            // for the agent: "black-friday freezes changes until 2026-11-30T23:00:00.000Z: …"
  TimeMs until = 0;
};
inline constexpr std::string_view kFreezeCode = "freeze.active";  // the code of a denial

// Reads are never frozen. A freeze without a rule denies, whatever other freezes say.
[[nodiscard]] FreezeVerdict frozen(const Rules& rules, const FreezeQuestion& question, TimeMs now);

}  // namespace countersign::approvals
