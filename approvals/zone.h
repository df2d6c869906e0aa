// A time zone of the system's tz database, and the moments its clocks show. Immutable; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"

namespace date {
class time_zone;
}

namespace countersign::approvals {

// What a clock on the wall shows, as minutes since it showed 1970-01-01 00:00.
using WallMinutes = std::int64_t;

inline constexpr WallMinutes kMinutesOfDay = 24 * 60;
inline constexpr WallMinutes kMinutesOfWeek = 7 * kMinutesOfDay;

class Zone {
 public:
  // "Europe/Berlin", "UTC". time_zone.unknown (invalid) for a name the database does not have, and when there is no
  // database.
  static Result<Zone> find(std::string_view name);

  // Where the clocks are put forward, some times of the wall never come: both functions give the moment of the change.
  // Where they are put back, some come twice: the first or the last of the two.
  [[nodiscard]] TimeMs first_moment(WallMinutes wall) const;
  [[nodiscard]] TimeMs last_moment(WallMinutes wall) const;
  [[nodiscard]] WallMinutes wall(TimeMs moment) const;

 private:
  explicit Zone(const date::time_zone* zone) : zone_(zone) {}
  const date::time_zone* zone_;  // lives as long as the process
};

// "2026-11-27T00:00"; time.malformed.
Result<WallMinutes> parse_wall(std::string_view text);
// "fri 18:00" as minutes since Monday 00:00, less than kMinutesOfWeek; time.malformed.
Result<WallMinutes> parse_wall_of_week(std::string_view text);
// Monday 00:00 of the week this moment of the wall is in.
[[nodiscard]] WallMinutes week_of(WallMinutes wall);

}  // namespace countersign::approvals
