#include "approvals/notify/courier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <latch>

namespace countersign::approvals::notify {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// A source that tests fill, and a place that remembers what was delivered where.
class CourierTest : public ::testing::Test {
 protected:
  CourierTest() : folder_(fs::temp_directory_path() / ("courier-" + std::to_string(::getpid()) + "-" + name())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~CourierTest() override { fs::remove_all(folder_); }
  static std::string name() { return ::testing::UnitTest::GetInstance()->current_test_info()->name(); }

  void happen(std::string what, TimeMs at) {
    const std::scoped_lock hold(lock_);
    Event event{.number = std::ssize(events_) + 1, .at = at, .name = std::move(what), .request = {}, .missing = ""};
    events_.push_back(std::move(event));
  }

  Source source() {
    return {.after = [this](std::int64_t after, std::size_t limit) -> Result<std::vector<Event>> {
              const std::scoped_lock hold(lock_);
              std::vector<Event> out;
              for (const Event& event : events_) {
                if (event.number > after && out.size() < limit) out.push_back(event);
              }
              return out;
            },
            .last = [this]() -> Result<std::int64_t> {
              const std::scoped_lock hold(lock_);
              return std::ssize(events_);
            }};
  }

  std::unique_ptr<Courier> start(std::vector<std::string> names, Deliver deliver) {
    std::vector<Target> targets;
    for (std::string& each : names) {
      Target target;
      target.settings.name = std::move(each);
      targets.push_back(std::move(target));
    }
    auto courier = Courier::start(folder_ / "notifications.db", std::move(targets), source(), std::move(deliver),
                                  clock_, log_, metrics_, options_);
    EXPECT_TRUE(courier) << courier.error().message;
    return std::move(*courier);
  }

  // Waits until so many were delivered; a test that waits in vain fails by its own time limit.
  void wait_for(std::size_t count) {
    std::unique_lock hold(lock_);
    arrived_.wait(hold, [&] { return delivered_.size() >= count; });
  }
  void took(const Target& target, const Event& event) {
    {
      const std::scoped_lock hold(lock_);
      delivered_.push_back(target.settings.name + ":" + std::to_string(event.number));
    }
    arrived_.notify_all();
  }
  std::vector<std::string> delivered() {
    const std::scoped_lock hold(lock_);
    return delivered_;
  }

  fs::path folder_;
  SystemClock clock_;
  Log log_{LogLevel::off};
  Metrics metrics_;
  Courier::Options options_{.first_pause = 1, .longest_pause = 4, .give_up_after = 3'600'000, .look_again = 600'000};
  std::mutex lock_;
  std::condition_variable arrived_;
  std::vector<Event> events_;
  std::vector<std::string> delivered_;
};

TEST_F(CourierTest, ANewTargetHearsWhatHappensFromNowOnInOrder) {
  happen("held", clock_.now());
  auto courier = start({"a"}, [this](const Target& target, const Event& event) {
    took(target, event);
    return Status();
  });
  for (int i = 0; i < 250; ++i) happen(i % 2 == 0 ? "held" : "vote", clock_.now());
  courier->wake();
  wait_for(125);
  std::vector<std::string> expected;
  for (int number = 2; number <= 251; number += 2) expected.push_back("a:" + std::to_string(number));
  EXPECT_EQ(delivered(), expected);
}

TEST_F(CourierTest, WhatWasNotTakenIsSentAgainAndNothingOvertakesIt) {
  std::atomic<int> attempts = 0;
  auto courier = start({"a"}, [&](const Target& target, const Event& event) -> Status {
    if (event.number == 1 && ++attempts < 5) return fail(ErrorKind::unavailable, "notify.refused", "no");
    took(target, event);
    return {};
  });
  happen("held", clock_.now());
  happen("held", clock_.now());
  courier->wake();
  wait_for(2);
  EXPECT_EQ(delivered(), (std::vector<std::string>{"a:1", "a:2"}));
  EXPECT_EQ(attempts, 5);
}

TEST_F(CourierTest, TheCursorOutlivesTheProcess) {
  auto deliver = [this](const Target& target, const Event& event) {
    took(target, event);
    return Status();
  };
  auto courier = start({"a"}, deliver);
  happen("held", clock_.now());
  courier->wake();
  wait_for(1);
  courier.reset();
  happen("held", clock_.now());
  happen("held", clock_.now());
  courier = start({"a", "b"}, deliver);
  wait_for(3);
  courier.reset();
  EXPECT_EQ(delivered(), (std::vector<std::string>{"a:1", "a:2", "a:3"})) << "b is new, and a missed nothing";
}

TEST_F(CourierTest, OneThatDoesNotAnswerHoldsUpNobodyElse) {
  std::latch stuck(1);
  auto courier = start({"slow", "quick"}, [&](const Target& target, const Event& event) {
    if (target.settings.name == "slow") stuck.wait();
    took(target, event);
    return Status();
  });
  happen("held", clock_.now());
  courier->wake();
  wait_for(1);
  EXPECT_EQ(delivered(), std::vector<std::string>{"quick:1"});
  stuck.count_down();
  wait_for(2);
}

TEST_F(CourierTest, WhatIsADayOldIsGivenUp) {
  auto courier = start({"a"}, [&](const Target& target, const Event& event) -> Status {
    if (event.number == 1) return fail(ErrorKind::unavailable, "notify.refused", "no");
    took(target, event);
    return {};
  });
  happen("held", clock_.now() - options_.give_up_after);
  happen("held", clock_.now());
  courier->wake();
  wait_for(1);
  EXPECT_EQ(delivered(), std::vector<std::string>{"a:2"});
}

TEST_F(CourierTest, ItEndsInTheMiddleOfAPause) {
  options_.first_pause = 3'600'000;
  options_.longest_pause = 3'600'000;
  std::latch refused(1);
  std::atomic<bool> once = false;
  auto courier = start({"a"}, [&](const Target&, const Event&) -> Status {
    if (!once.exchange(true)) refused.count_down();
    return fail(ErrorKind::unavailable, "notify.refused", "no");
  });
  happen("held", clock_.now());
  courier->wake();
  refused.wait();
  courier.reset();  // hangs where the pause is not ended
}

}  // namespace
}  // namespace countersign::approvals::notify
