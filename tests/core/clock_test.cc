#include "core/clock.h"

#include <gtest/gtest.h>

namespace countersign {
namespace {

TEST(Time, FormatsAndReadsBack) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(1'700'000'000'123), "2023-11-14T22:13:20.123Z");
  for (TimeMs time : {TimeMs{0}, TimeMs{951'782'399'999}, TimeMs{1'709'164'800'000}, TimeMs{4'102'444'799'001}})
    EXPECT_EQ(parse_time(format_time(time)).value(), time);
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z").value(), 1'709'164'800'000);
}

TEST(Time, RefusesOtherSpellings) {
  for (std::string_view bad :
       {"", "2026-11-21", "2026-11-21T09:30:00", "2026-11-21T09:30:00+00:00", "2026-11-21 09:30:00Z",
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T09:60:00Z",
        "2026-11-21T09:30:60Z", "2026-11-21T09:30:00.1Z", "2026-11-21T09:30:00.1234Z", "2026-11-21T09:30:00.Z",
        "20261-1-21T09:30:00Z", "2026-11-21T09:30:00.-12Z"}) {
    EXPECT_FALSE(parse_time(bad)) << bad;
  }
}

TEST(Duration, UnitsAndBounds) {
  EXPECT_EQ(parse_duration("90s").value(), 90'000);
  EXPECT_EQ(parse_duration("15m").value(), 900'000);
  EXPECT_EQ(parse_duration("4h").value(), 14'400'000);
  EXPECT_EQ(parse_duration("7d").value(), 604'800'000);
  EXPECT_TRUE(parse_duration("3650d"));
  for (std::string_view bad : {"", "s", "0s", "-1s", "+1s", "1", "1 s", "1.5h", "1w", "1ms", "3651d", "87601h",
                               "99999999999999999999s", "4H"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(Clocks, ManualClockMovesOnlyWhenTold) {
  ManualClock clock(1000);
  EXPECT_EQ(clock.now(), 1000);
  clock.advance(5);
  EXPECT_EQ(clock.now(), 1005);
}

}  // namespace
}  // namespace countersign
