#include <gtest/gtest.h>

#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::kNow;

std::vector<std::string> told(Queue& queue, std::int64_t after = 0) {
  Result<std::vector<StoredEvent>> events = queue.events_after(after, 1'000);
  EXPECT_TRUE(events) << events.error().message;
  std::vector<std::string> out;
  for (const StoredEvent& event : *events) out.push_back(event.request + " " + event.name);
  return out;
}

TEST(QueueEvents, WhatHappenedIsWrittenWithTheChangeAndOutlivesTheProcess) {
  test::TempFolder folder;
  auto queue = test::open_queue(folder.path());
  const Rules rules = test::house_rules();
  const std::string id = queue->hold(test::draft("a"), kNow)->request.id;
  ASSERT_TRUE(queue->vote(id, test::yes(test::bob()), rules, kNow));
  ASSERT_TRUE(queue->begin_execution(id, kNow));
  ASSERT_TRUE(queue->finish(id, {.state = State::done, .reply = {}, .code = "", .reason = ""}, kNow));
  const std::vector<std::string> expected{id + " held", id + " approved", id + " executing", id + " done"};
  EXPECT_EQ(told(*queue), expected);
  queue.reset();
  queue = test::open_queue(folder.path());
  EXPECT_EQ(told(*queue), expected);
  EXPECT_EQ(*queue->last_event(), 4);
  EXPECT_EQ(told(*queue, 2).size(), 2U);
  EXPECT_EQ(queue->events_after(0, 3)->size(), 3U);
}

TEST(QueueEvents, WhatWasRefusedDidNotHappen) {
  test::TempFolder folder;
  auto queue = test::open_queue(folder.path());
  const std::string id = queue->hold(test::draft("a"), kNow)->request.id;
  ASSERT_FALSE(queue->vote(id, test::yes(test::alice()), test::house_rules(), kNow));
  ASSERT_FALSE(queue->begin_execution(id, kNow));
  EXPECT_EQ(told(*queue), std::vector<std::string>{id + " held"});
}

TEST(QueueEvents, ForgottenEventsLeaveTheirNumbersUsed) {
  test::TempFolder folder;
  auto queue = test::open_queue(folder.path());
  ASSERT_TRUE(queue->hold(test::draft("a"), kNow));
  const TimeMs much_later = SystemClock().now() + 8LL * 86'400'000;
  ASSERT_TRUE(queue->purge(much_later));
  EXPECT_TRUE(told(*queue).empty());
  EXPECT_EQ(*queue->last_event(), 1) << "a cursor at 1 still means: nothing missed";
  ASSERT_TRUE(queue->hold(test::draft("b"), kNow));
  EXPECT_EQ(told(*queue, 1).size(), 1U);
}

}  // namespace
}  // namespace countersign::approvals
