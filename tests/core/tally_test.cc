// Counting in a sliding window: never less than what happened in it.
#include "core/tally.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace countersign {
namespace {

constexpr TimeMs kStart = 1'767'268'800'000;
constexpr TimeMs kHour = 3'600'000;

TEST(Tally, CountsWhatHappenedInItsWindow) {
  Tally tally;
  EXPECT_EQ(tally.total(kStart), 0);
  tally.add(kStart, 3);
  tally.add(kStart + 1, 2);
  EXPECT_EQ(tally.total(kStart + 1), 5);
  EXPECT_EQ(tally.total(kStart + kHour - 1), 5);
  EXPECT_EQ(tally.within(600'000, kStart + 599'999), 5);
  EXPECT_EQ(tally.within(600'000, kStart + 660'000), 0);
  EXPECT_EQ(tally.total(kStart + kHour + 60'000), 0);
  EXPECT_EQ(tally.total(kStart + 1000 * kHour), 0);
}

TEST(Tally, ALateComerCountsWhereItBelongs) {
  Tally tally;
  tally.add(kStart, 1);
  tally.add(kStart - 30 * 60'000, 4);
  EXPECT_EQ(tally.total(kStart), 5);
  EXPECT_EQ(tally.within(600'000, kStart), 1);
  tally.add(kStart - 2 * kHour, 7);
  EXPECT_EQ(tally.total(kStart), 5);
}

TEST(Tally, AClockThatGoesBackForgetsNothing) {
  Tally tally;
  tally.add(kStart, 4);
  EXPECT_EQ(tally.total(kStart - 10 * 60'000), 4);
}

TEST(Tally, DoesNotOverflow) {
  Tally tally;
  for (int i = 0; i < 3; ++i) tally.add(kStart, 4'000'000'000U);
  EXPECT_EQ(tally.total(kStart), 4'294'967'295);
}

TEST(Tally, NeverUndercountsAndOvercountsByOneStepAtMost) {
  for (TimeMs window : {TimeMs{60'000}, TimeMs{600'000}, kHour, 30 * 24 * kHour, TimeMs{3'600'001}}) {
    std::mt19937_64 random(42);
    Tally tally(window);
    std::vector<TimeMs> events;
    TimeMs now = kStart;
    const TimeMs step = (window + 59) / 60;
    for (int i = 0; i < 4'000; ++i) {
      now += static_cast<TimeMs>(random() % static_cast<std::uint64_t>(window / 20));
      if (random() % 3 != 0) {
        events.push_back(now);
        tally.add(now, 1);
      }
      if (random() % 50 == 0) now += window + step;
      for (TimeMs asked : {window, window / 6}) {
        std::int64_t least = 0;
        std::int64_t most = 0;
        for (TimeMs at : events) {
          least += at > now - asked ? 1 : 0;
          most += at > now - asked - 2 * step ? 1 : 0;
        }
        ASSERT_GE(tally.within(asked, now), least) << window << " " << asked;
        ASSERT_LE(tally.within(asked, now), most) << window << " " << asked;
      }
    }
  }
}

}  // namespace
}  // namespace countersign
