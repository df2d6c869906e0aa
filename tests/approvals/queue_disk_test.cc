// A full disk: what cannot be written is refused, and nothing has changed.
#include <gtest/gtest.h>

#include "approvals/queue.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;
using test::kNow;

class QueueOnAFullDisk : public testing::Test {
 protected:
  // `spare` pages more than what the file has now.
  void reopen(std::int64_t spare) {
    queue.reset();
    std::int64_t pages = 0;
    {
      Result<sql::Database> database = sql::Database::open(folder.path() / "store.db");
      ASSERT_TRUE(database);
      Result<sql::Statement> count = database->prepare("PRAGMA page_count");
      ASSERT_TRUE(count);
      ASSERT_TRUE(count->step());
      pages = count->integer(0);
    }
    Queue::Options options;
    options.store.max_pages = pages + spare;
    queue = test::open_queue(folder.path(), options);
    ASSERT_TRUE(queue);
    queue->observe([this](const Change&) { ++told; });
  }
  static std::string big(std::size_t size) { return std::string(size, 'x'); }

  test::TempFolder folder;
  Rules rules = test::house_rules();
  std::unique_ptr<Queue> queue;
  int told = 0;
};

TEST_F(QueueOnAFullDisk, ARequestIsNotHeldByHalves) {
  ASSERT_TRUE(test::open_queue(folder.path()));
  reopen(0);
  HeldRequest draft = test::draft("x");
  draft.input = big(500'000);
  test::add_body(draft, folder.path(), "body");
  Result<Holding> refused = queue->hold(draft, kNow);
  EXPECT_EQ(code_of(refused), "store.full");
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_TRUE(queue->list({})->empty());
  EXPECT_TRUE(std::filesystem::exists(draft.frozen.body_file));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "requests"));
  EXPECT_EQ(told, 0);

  // With room again, the same call succeeds.
  reopen(10'000);
  ASSERT_TRUE(queue->hold(draft, kNow));
  EXPECT_EQ(told, 1);
}

TEST_F(QueueOnAFullDisk, AVoteThatCannotBeWrittenIsNotCounted) {
  std::string id;
  {
    std::unique_ptr<Queue> roomy = test::open_queue(folder.path());
    HeldRequest draft = test::draft("x");
    draft.rules = {"pair"};
    id = roomy->hold(draft, kNow)->request.id;
  }
  reopen(0);
  ASSERT_TRUE(queue->vote(id, test::yes(test::bob()), rules, kNow)) << "fits into the pages there are";
  told = 0;
  Ballot ballot = test::yes(test::carol());
  ballot.reason = big(4'000);
  Result<HeldRequest> refused = queue->vote(id, ballot, rules, kNow);
  EXPECT_EQ(code_of(refused), "store.full");
  EXPECT_EQ(queue->get(id)->state, State::held);
  EXPECT_EQ(queue->get(id)->votes.size(), 1U);
  EXPECT_EQ(told, 0);
}

TEST_F(QueueOnAFullDisk, AResultThatCannotBeStoredLeavesItExecuting) {
  std::string id;
  {
    std::unique_ptr<Queue> roomy = test::open_queue(folder.path());
    id = roomy->hold(test::draft("x"), kNow)->request.id;
    ASSERT_TRUE(roomy->vote(id, test::yes(test::bob()), rules, kNow));
    ASSERT_TRUE(roomy->begin_execution(id, kNow));
  }
  reopen(0);
  Ending ending{.state = State::done,
                .reply = StoredReply{.status = 200, .head = "{}", .body = big(1 << 20), .truncated = false},
                .code = "",
                .reason = ""};
  EXPECT_EQ(code_of(queue->finish(id, ending, kNow)), "store.full");
  EXPECT_EQ(queue->get(id)->state, State::executing);
  EXPECT_EQ(code_of(queue->begin_execution(id, kNow)), "approval.state");
  EXPECT_EQ(told, 0);
  ASSERT_TRUE(queue->recover(kNow));
  EXPECT_EQ(queue->get(id)->state, State::unknown);
}

}  // namespace
}  // namespace countersign::approvals
