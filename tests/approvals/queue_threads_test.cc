// Many threads at the same step: exactly one gets through.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <tuple>

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

// Everybody does everything to a few requests at once. Whatever the order was: what each caller was told fits the
// machine, nothing ran twice, and what was over stayed as it was.
TEST(QueueThreads, NobodyLeavesTheMachine) {
  test::TempFolder folder;
  std::unique_ptr<Queue> queue = test::open_queue(folder.path());
  ASSERT_TRUE(queue);
  Rules rules = test::house_rules();
  std::mutex mutex;
  std::map<std::string, int> executions;
  std::map<std::string, State> ends;
  std::vector<std::string> ids;
  queue->observe([&](const Change& change) {
    if (change.kind != Change::Kind::state) return;
    std::lock_guard lock(mutex);
    if (!change.from) {
      ids.push_back(change.request.id);
      return;
    }
    EXPECT_TRUE(may_move(*change.from, change.to)) << state_name(*change.from) << " > " << state_name(change.to);
    if (change.to == State::executing) ++executions[change.request.id];
    if (is_final(change.to)) EXPECT_TRUE(ends.emplace(change.request.id, change.to).second) << "ended twice";
  });
  auto any_id = [&](std::mt19937_64& random) {
    std::lock_guard lock(mutex);
    std::size_t recent = std::min<std::size_t>(ids.size(), 6);
    return recent == 0 ? std::string("req_none") : ids[ids.size() - 1 - random() % recent];
  };
  std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  // Where one thread is far ahead of the others everything expires before it runs: then once more, later and with keys
  // that no retry finds.
  int round = 0;
  auto melee = [&](int thread) {
    std::mt19937_64 random(seed + static_cast<std::uint64_t>(round * kThreads + thread));
    const Requester requester = test::draft("").requester;
    for (int i = 0; i < 120; ++i) {
      TimeMs now = kNow + round * 1'000 + i;
      std::string id = any_id(random);
      switch (random() % 12) {
        case 0:
        case 1: {
          HeldRequest draft = test::draft("k" + std::to_string(round * 4 + static_cast<int>(random() % 4)), now);
          draft.rules = {"pair"};
          draft.expires = now + 60;
          EXPECT_TRUE(queue->hold(draft, now));
          break;
        }
        case 2:
          std::ignore = queue->vote(id, test::yes(test::bob()), rules, now);
          break;
        case 3:
          std::ignore = queue->vote(id, test::yes(test::carol()), rules, now);
          break;
        case 4:
          std::ignore = queue->vote(id, test::yes(test::erin()), rules, now);
          break;
        case 5:
          if (random() % 4 == 0) std::ignore = queue->vote(id, test::no(test::carol()), rules, now);
          break;
        case 6:
          std::ignore = queue->begin_execution(id, now);
          break;
        case 7: {
          Ending ending{.state = State::done, .reply = {}, .code = "", .reason = ""};
          std::ignore = queue->finish(id, std::move(ending), now);
          break;
        }
        case 8:
          if (random() % 4 == 0) std::ignore = queue->withdraw(id, requester, "", now);
          if (random() % 4 == 0) std::ignore = queue->cancel(id, "alice", "", now);
          break;
        case 9: {
          if (random() % 4 != 0) break;
          Edit edit{.request = test::draft("e" + std::to_string(random()), now), .what = "less", .fingerprint = ""};
          edit.request.rules = {"pair"};
          std::ignore = queue->supersede_with_edit(id, std::move(edit), test::erin(), rules, now);
          break;
        }
        case 10:
          if (random() % 4 == 0) std::ignore = queue->begin_execution(id, now);
          if (random() % 4 != 0) break;
          std::ignore = queue->refuse_execution(id, random() % 2 == 0 ? "request.stale" : "policy.changed", "", now);
          break;
        default:
          EXPECT_TRUE(queue->expire_due(now));
          EXPECT_TRUE(queue->waiting_for(test::bob(), rules, now, 10));
      }
    }
    return true;
  };
  for (; round < 20 && executions.empty(); ++round) winners(melee);
  EXPECT_FALSE(executions.empty());
  for (const auto& [id, times] : executions) EXPECT_EQ(times, 1) << id;
  for (const auto& [id, end] : ends) EXPECT_EQ(queue->get(id)->state, end) << id;
  for (const std::string& id : ids) EXPECT_EQ(is_final(queue->get(id)->state), ends.contains(id));
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
