#include "approvals/zone.h"

#include <date/tz.h>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <string>
#include <tuple>

namespace countersign::approvals {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr WallMinutes kFirstMonday = 4 * kMinutesOfDay;  // 1970-01-01 was a Thursday
constexpr std::size_t kLongestName = 64;

TimeMs moment(const date::time_zone* zone, WallMinutes wall, date::choose choose) {
  const date::local_time<seconds> local{duration_cast<seconds>(minutes(wall))};
  return duration_cast<milliseconds>(zone->to_sys(local, choose).time_since_epoch()).count();
}

// "18:00"; nullopt for anything else.
std::optional<WallMinutes> minutes_of_day(std::string_view text) {
  auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : 100; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const int hour = digit(0) * 10 + digit(1);
  const int minute = digit(3) * 10 + digit(4);
  if (hour > 23 || minute > 59) return std::nullopt;
  return hour * 60 + minute;
}

}  // namespace

Result<Zone> Zone::find(std::string_view name) {
  auto unknown = [&](std::string_view why) {
    return fail(ErrorKind::invalid, "time_zone.unknown",
                "there is no time zone `" + std::string(name.substr(0, kLongestName)) + "`" + std::string(why));
  };
  if (name.empty() || name.size() > kLongestName) return unknown("");
  try {
    const auto& zones = date::get_tzdb().zones;
    auto found = std::ranges::find(zones, name, &date::time_zone::name);
    if (found != zones.end()) {
      std::ignore = found->get_info(date::sys_seconds{});  // its file is read here, where an error can be told
      return Zone(&*found);
    }
  } catch (const std::exception&) {
    return unknown(": the system's time zone database (package tzdata) cannot be read");
  }
  return unknown("; names are like Europe/Berlin, America/New_York or UTC");
}

TimeMs Zone::first_moment(WallMinutes wall) const {
  return moment(zone_, wall, date::choose::earliest);
}

TimeMs Zone::last_moment(WallMinutes wall) const {
  return moment(zone_, wall, date::choose::latest);
}

WallMinutes Zone::wall(TimeMs moment) const {
  const date::sys_time<milliseconds> point{milliseconds(moment)};
  return date::floor<minutes>(zone_->to_local(point)).time_since_epoch().count();
}

Result<WallMinutes> parse_wall(std::string_view text) {
  auto bad = [] { return fail(ErrorKind::invalid, "time.malformed", "expected a time like 2026-11-27T18:00"); };
  if (text.size() != 16 || text[10] != 'T' || !minutes_of_day(text.substr(11))) return bad();
  Result<TimeMs> as_utc = parse_time(std::string(text) + ":00Z");
  if (!as_utc) return bad();
  return *as_utc / 60'000;
}

Result<WallMinutes> parse_wall_of_week(std::string_view text) {
  constexpr std::array<std::string_view, 7> kDays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  auto bad = [] { return fail(ErrorKind::invalid, "time.malformed", "expected a time of the week like fri 18:00"); };
  if (text.size() != 9 || text[3] != ' ') return bad();
  auto day = std::ranges::find(kDays, text.substr(0, 3));
  std::optional<WallMinutes> minute = minutes_of_day(text.substr(4));
  if (day == kDays.end() || !minute) return bad();
  return (day - kDays.begin()) * kMinutesOfDay + *minute;
}

WallMinutes week_of(WallMinutes wall) {
  const WallMinutes since = wall - kFirstMonday;
  const WallMinutes into = ((since % kMinutesOfWeek) + kMinutesOfWeek) % kMinutesOfWeek;
  return wall - into;
}

}  // namespace countersign::approvals
