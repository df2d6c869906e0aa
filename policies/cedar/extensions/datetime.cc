#include "policies/cedar/extensions/datetime.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace cedar {
namespace {

constexpr std::int64_t kDay = 86'400'000;

// Reads fixed-width fields from the front of a text; `ok` turns false at the first that does not fit.
struct Fields {
  std::string_view rest;
  bool ok = true;

  int digits(std::size_t width) {
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (rest.empty() || rest.front() < '0' || rest.front() > '9') {
        ok = false;
        return 0;
      }
      value = value * 10 + (rest.front() - '0');
      rest.remove_prefix(1);
    }
    return value;
  }
  void literal(char c) {
    if (!accept(c)) ok = false;
  }
  bool accept(char c) {
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
};

}  // namespace

std::expected<Duration, std::string_view> Duration::parse(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
  };
  constexpr std::array<Unit, 5> kUnits = {Unit{"d", kDay}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000},
                                          Unit{"ms", 1}};
  auto malformed = [] {
    return std::unexpected(std::string_view("a duration is written like `1d2h3m4s5ms`, units in this order"));
  };
  bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return malformed();
  Duration out;
  std::size_t next_unit = 0;
  while (!text.empty()) {
    std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    std::size_t name_end = std::min(text.find_first_of("0123456789", digits), text.size());
    std::string_view name = text.substr(digits, name_end - digits);
    while (next_unit < kUnits.size() && kUnits.at(next_unit).name != name) ++next_unit;
    if (digits == 0 || next_unit == kUnits.size()) return malformed();
    std::int64_t count = 0;
    bool fits = std::ranges::all_of(text.substr(0, digits), [&count, negative](char c) {
      int digit = negative ? '0' - c : c - '0';
      return !__builtin_mul_overflow(count, 10, &count) && !__builtin_add_overflow(count, digit, &count);
    });
    if (!fits || __builtin_mul_overflow(count, kUnits.at(next_unit).milliseconds, &count) ||
        __builtin_add_overflow(out.milliseconds, count, &out.milliseconds)) {
      return std::unexpected(std::string_view("this duration is out of range"));
    }
    ++next_unit;
    text.remove_prefix(name_end);
  }
  return out;
}

std::string Duration::to_text() const {
  return std::to_string(milliseconds) + "ms";
}

std::expected<Datetime, std::string_view> Datetime::parse(std::string_view text) {
  auto malformed = [] {
    return std::unexpected(
        std::string_view("a datetime is written like `2024-10-15`, `2024-10-15T11:38:02Z`, "
                         "`2024-10-15T11:38:02.101Z` or with an offset like `+0200` for `Z`"));
  };
  Fields fields{text};
  int year = fields.digits(4);
  fields.literal('-');
  int month = fields.digits(2);
  fields.literal('-');
  int day = fields.digits(2);
  std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (!fields.ok) return malformed();
  if (!date.ok()) return std::unexpected(std::string_view("there is no such day"));
  Datetime out{std::chrono::sys_days(date).time_since_epoch().count() * kDay};
  if (fields.rest.empty()) return out;

  fields.literal('T');
  int hour = fields.digits(2);
  fields.literal(':');
  int minute = fields.digits(2);
  fields.literal(':');
  int second = fields.digits(2);
  int millisecond = fields.accept('.') ? fields.digits(3) : 0;
  if (!fields.ok) return malformed();
  if (hour > 23 || minute > 59 || second > 59) return std::unexpected(std::string_view("there is no such time of day"));
  out.milliseconds += ((hour * 60 + minute) * 60 + second) * 1000LL + millisecond;
  if (fields.accept('Z')) {
    if (!fields.rest.empty()) return malformed();
    return out;
  }
  bool east = fields.rest.starts_with('+');
  if (!fields.accept('+')) fields.literal('-');
  int offset_hours = fields.digits(2);
  int offset_minutes = fields.digits(2);
  if (!fields.ok || !fields.rest.empty()) return malformed();
  if (offset_hours > 23 || offset_minutes > 59) return std::unexpected(std::string_view("there is no such offset"));
  std::int64_t offset = (offset_hours * 60 + offset_minutes) * 60'000LL;
  out.milliseconds += east ? -offset : offset;
  return out;
}

std::string Datetime::to_text() const {
  std::chrono::sys_time<std::chrono::milliseconds> instant{std::chrono::milliseconds(milliseconds)};
  auto days = std::chrono::floor<std::chrono::days>(instant);
  constexpr std::int64_t kFirst = -719'528;  // 0000-01-01
  constexpr std::int64_t kLast = 2'932'896;  // 9999-12-31
  if (days.time_since_epoch().count() < kFirst || days.time_since_epoch().count() > kLast) {
    return std::to_string(milliseconds) + "ms";
  }
  std::chrono::year_month_day date(days);
  auto time = (instant - days).count();
  std::array<char, 40> out{};
  int length = std::snprintf(
      out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(time / 3'600'000),
      static_cast<int>(time / 60'000 % 60), static_cast<int>(time / 1000 % 60), static_cast<int>(time % 1000));
  return std::string(out.data(), static_cast<std::size_t>(length));
}

std::optional<Datetime> Datetime::offset(Duration by) const {
  Datetime out;
  if (__builtin_add_overflow(milliseconds, by.milliseconds, &out.milliseconds)) return std::nullopt;
  return out;
}

std::optional<Duration> Datetime::since(Datetime other) const {
  Duration out;
  if (__builtin_sub_overflow(milliseconds, other.milliseconds, &out.milliseconds)) return std::nullopt;
  return out;
}

std::optional<Datetime> Datetime::to_date() const {
  Datetime out;
  if (__builtin_sub_overflow(milliseconds, to_time().milliseconds, &out.milliseconds)) return std::nullopt;
  return out;
}

Duration Datetime::to_time() const {
  std::int64_t time = milliseconds % kDay;
  return {time < 0 ? time + kDay : time};
}

}  // namespace cedar
