// Wall-clock time as the program sees it. Everything that decides by time takes a Clock, so that tests own the time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "core/result.h"

namespace countersign {

// Milliseconds since 1970-01-01T00:00:00Z, no leap seconds.
using TimeMs = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimeMs now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimeMs now() const override {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  }
};

// For tests; may be moved from any thread.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimeMs start) : now_(start) {}
  [[nodiscard]] TimeMs now() const override { return now_.load(); }
  void advance(TimeMs by) { now_ += by; }

 private:
  std::atomic<TimeMs> now_;
};

// RFC 3339 in UTC with milliseconds: "2026-11-21T09:30:00.123Z".
[[nodiscard]] std::string format_time(TimeMs time);
// Reads the same form; fraction optional; only "Z".
[[nodiscard]] Result<TimeMs> parse_time(std::string_view text);
// "90s", "15m", "4h", "7d", as used in configuration and on the command line. Positive, at most 3650 days.
[[nodiscard]] Result<TimeMs> parse_duration(std::string_view text);

}  // namespace countersign
