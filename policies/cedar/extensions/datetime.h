// Cedar's `datetime` (an instant) and `duration`, both in whole milliseconds, 64 bits signed. (Cedar RFC 80)
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace cedar {

struct Duration {
  std::int64_t milliseconds = 0;

  // `-?NdNhNmNsNms`: at least one unit, in this order, each at most once.
  static std::expected<Duration, std::string_view> parse(std::string_view text);
  std::string to_text() const;  // in milliseconds: "90000ms"

  // Truncated towards zero.
  std::int64_t to_seconds() const { return milliseconds / 1000; }
  std::int64_t to_minutes() const { return milliseconds / 60'000; }
  std::int64_t to_hours() const { return milliseconds / 3'600'000; }
  std::int64_t to_days() const { return milliseconds / 86'400'000; }

  friend auto operator<=>(const Duration&, const Duration&) = default;
};

struct Datetime {
  std::int64_t milliseconds = 0;  // since 1970-01-01T00:00:00Z

  // Five forms: YYYY-MM-DD, then Thh:mm:ss, optionally .SSS, then Z or +hhmm / -hhmm. No leap seconds, offset below 24
  // hours.
  static std::expected<Datetime, std::string_view> parse(std::string_view text);
  // The parsed form where it can be written so (years 0000 to 9999), else milliseconds since the epoch.
  std::string to_text() const;

  // nullopt when the result does not fit.
  std::optional<Datetime> offset(Duration by) const;
  std::optional<Duration> since(Datetime other) const;
  std::optional<Datetime> to_date() const;  // midnight, rounded towards the past
  Duration to_time() const;                 // since that midnight

  friend auto operator<=>(const Datetime&, const Datetime&) = default;
};

}  // namespace cedar
