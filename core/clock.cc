#include "core/clock.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace countersign {

std::string format_time(TimeMs time) {
  using namespace std::chrono;
  sys_time<milliseconds> point{milliseconds(time)};
  auto day = floor<days>(point);
  year_month_day date(day);
  hh_mm_ss clock(point - day);
  std::array<char, 40> text{};
  int length =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                    static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

Result<TimeMs> parse_time(std::string_view text) {
  using namespace std::chrono;
  auto bad = [] { return fail(ErrorKind::invalid, "time.malformed", "expected a time like 2026-11-21T09:30:00Z"); };
  auto number = [&](std::size_t at, std::size_t count) -> int {
    int value = -1;
    if (at + count > text.size() || text[at] < '0' || text[at] > '9') return -1;  // from_chars would take a sign
    auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, value);
    return error == std::errc() && end == text.data() + at + count ? value : -1;
  };
  if (text.size() < 20 || text.back() != 'Z' || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
      text[13] != ':' || text[16] != ':') {
    return bad();
  }
  int fraction = 0;
  if (text.size() > 20) {
    if (text.size() != 24 || text[19] != '.') return bad();
    fraction = number(20, 3);
  }
  int hour = number(11, 2);
  int minute = number(14, 2);
  int second = number(17, 2);
  int y = number(0, 4);
  int m = number(5, 2);
  int d = number(8, 2);
  if (y < 0 || m < 0 || d < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 ||
      fraction < 0) {
    return bad();
  }
  year_month_day date{year(y), month(static_cast<unsigned>(m)), day(static_cast<unsigned>(d))};
  if (!date.ok()) return bad();
  auto point = sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + milliseconds(fraction);
  return duration_cast<milliseconds>(point.time_since_epoch()).count();
}

Result<TimeMs> parse_duration(std::string_view text) {
  constexpr TimeMs kDay = 86'400'000;
  auto bad = [] {
    return fail(ErrorKind::invalid, "duration.malformed", "expected a duration like 30s, 15m, 4h or 7d");
  };
  if (text.size() < 2) return bad();
  TimeMs unit = 0;
  switch (text.back()) {
    case 's':
      unit = 1000;
      break;
    case 'm':
      unit = 60'000;
      break;
    case 'h':
      unit = 3'600'000;
      break;
    case 'd':
      unit = kDay;
      break;
    default:
      return bad();
  }
  TimeMs count = 0;
  const char* last = text.data() + text.size() - 1;
  auto [end, error] = std::from_chars(text.data(), last, count);
  if (error != std::errc() || end != last || count <= 0 || count > 3650 * kDay / unit) return bad();
  return count * unit;
}

}  // namespace countersign
