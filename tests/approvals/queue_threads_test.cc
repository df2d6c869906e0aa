// Many threads at the same step: exactly one gets through.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <thread>

#include "approvals/queue.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::kNow;

constexpr int kThreads = 8;
constexpr int kRounds = 20;

// How many of kThreads calls, started together, answered true.
int winners(const std::function<bool(int thread)>& step) {
  std::barrier start(kThreads);
  std::atomic<int> won = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      if (step(i)) ++won;
    });
  }
  threads.clear();
  return won;
}

TEST(QueueThreads, EveryStepIsTakenOnce) {
  test::TempFolder folder;
  std::unique_ptr<Queue> queue = test::open_queue(folder.path());
  ASSERT_TRUE(queue);
  Rules rules = test::house_rules();
  std::atomic<int> executions = 0;
  std::atomic<int> approvals = 0;
  queue->observe([&](const Change& change) {
    if (change.to == State::executing) ++executions;
    if (change.to == State::approved) ++approvals;
  });
  for (int round = 0; round < kRounds; ++round) {
    HeldRequest draft = test::draft("r" + std::to_string(round));
    draft.rules = {"pair"};
    std::atomic<int> errors = 0;
    EXPECT_EQ(winners([&](int) {
                Result<Holding> held = queue->hold(draft, kNow);
                if (!held) ++errors;
                return held && held->how == Holding::How::held;
              }),
              1);
    EXPECT_EQ(errors, 0);
    std::string id = queue->list({.states = {}, .agent = "", .owner = "", .before = "", .limit = 1})->front().id;

    // The same person, eight times at once, counts once; two different people complete the pair together.
    EXPECT_EQ(winners([&](int) { return queue->vote(id, test::yes(test::bob()), rules, kNow).has_value(); }), 1);
    EXPECT_EQ(queue->get(id)->state, State::held);
    EXPECT_EQ(winners([&](int) { return queue->vote(id, test::yes(test::carol()), rules, kNow).has_value(); }), 1);
    EXPECT_EQ(queue->get(id)->votes.size(), 2U);

    EXPECT_EQ(winners([&](int) { return queue->begin_execution(id, kNow).has_value(); }), 1);
    EXPECT_EQ(winners([&](int thread) {
                Ending ending{
                    .state = thread % 2 == 0 ? State::done : State::failed, .reply = {}, .code = "", .reason = ""};
                return queue->finish(id, ending, kNow).has_value();
              }),
              1);
    EXPECT_EQ(winners([&](int) { return queue->claim_result(id, kNow).has_value(); }), 1);
  }
  EXPECT_EQ(executions, kRounds);
  EXPECT_EQ(approvals, kRounds);
}

TEST(QueueThreads, ExpiryAndApprovalRaceHasOneOutcome) {
  test::TempFolder folder;
  std::unique_ptr<Queue> queue = test::open_queue(folder.path());
  ASSERT_TRUE(queue);
  Rules rules = test::house_rules();
  for (int round = 0; round < kRounds; ++round) {
    HeldRequest draft = test::draft("r" + std::to_string(round));
    draft.expires = kNow + 10;
    std::string id = queue->hold(draft, kNow)->request.id;
    std::atomic<int> approved = 0;
    std::atomic<int> denied = 0;
    std::atomic<int> expired = 0;
    std::atomic<int> cancelled = 0;
    winners([&](int thread) {
      if (thread % 4 == 0) expired += static_cast<int>(queue->expire_due(kNow + 10)->size());
      if (thread % 4 == 1) approved += queue->vote(id, test::yes(test::bob()), rules, kNow + 9).has_value() ? 1 : 0;
      if (thread % 4 == 2) denied += queue->vote(id, test::no(test::carol()), rules, kNow + 9).has_value() ? 1 : 0;
      if (thread % 4 == 3) cancelled += queue->cancel(id, "alice", "", kNow + 9).has_value() ? 1 : 0;
      return true;
    });
    State state = queue->get(id)->state;
    // An approved request whose time is up may still expire unused; every other end excludes the rest.
    EXPECT_LE(approved, 1);
    EXPECT_EQ(denied + cancelled + expired, state == State::approved ? 0 : 1) << state_name(state);
    EXPECT_EQ(state == State::denied, denied == 1);
    EXPECT_EQ(state == State::cancelled, cancelled == 1);
    EXPECT_EQ(state == State::expired, expired == 1);
  }
}

// Two proxies (or a proxy and a stray second one) on one store: the compare-and-set decides, not the mutex.
TEST(QueueThreads, TwoQueuesOnOneStoreAgree) {
  test::TempFolder folder;
  std::unique_ptr<Queue> one = test::open_queue(folder.path());
  std::unique_ptr<Queue> two = test::open_queue(folder.path());
  ASSERT_TRUE(one && two);
  Rules rules = test::house_rules();
  auto either = [&](int thread) -> Queue& { return thread % 2 == 0 ? *one : *two; };
  for (int round = 0; round < kRounds; ++round) {
    HeldRequest draft = test::draft("r" + std::to_string(round));
    EXPECT_EQ(winners([&](int thread) { return either(thread).hold(draft, kNow)->how == Holding::How::held; }), 1);
    std::string id = one->list({.states = {}, .agent = "", .owner = "", .before = "", .limit = 1})->front().id;
    EXPECT_EQ(
        winners([&](int thread) { return either(thread).vote(id, test::yes(test::bob()), rules, kNow).has_value(); }),
        1);
    EXPECT_EQ(winners([&](int thread) { return either(thread).begin_execution(id, kNow).has_value(); }), 1);
    ASSERT_TRUE(one->finish(id, {.state = State::done, .reply = {}, .code = "", .reason = ""}, kNow));
    EXPECT_EQ(winners([&](int thread) { return either(thread).claim_result(id, kNow).has_value(); }), 1);
  }
}

}  // namespace
}  // namespace countersign::approvals
