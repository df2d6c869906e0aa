#include "approvals/conflicts.h"

#include <gtest/gtest.h>

#include "approvals/queue.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::kNow;
using Ids = std::vector<std::string>;

HeldRequest open_request(std::string id, std::string root, std::vector<std::string> resources) {
  HeldRequest out = test::draft(id);
  out.id = std::move(id);
  out.created = kNow;
  out.requester.chain = {std::move(root), "leaf"};
  out.resources = std::move(resources);
  return out;
}

TEST(Conflicts, AreOfOtherLineagesOnTheSameResource) {
  Conflicts conflicts;
  conflicts.update(open_request("a", "root-1", {"T::x", "T::y"}));
  HeldRequest later = open_request("b", "root-2", {"T::y", "T::y"});
  later.created = kNow + 1;
  conflicts.update(later);
  auto on = [&](Ids resources, std::string_view root, TimeMs now = kNow) {
    return conflicts.on("files", resources, root, now);
  };
  EXPECT_EQ(on({"T::y"}, "root-3"), (Ids{"a", "b"}));
  EXPECT_EQ(on({"T::y", "T::x"}, "root-3"), (Ids{"a", "b"})) << "each once";
  EXPECT_EQ(on({"T::y"}, "root-1"), (Ids{"b"}));
  EXPECT_EQ(on({"T::x"}, "root-1"), Ids{});
  EXPECT_EQ(on({"T::z"}, "root-3"), Ids{});
  EXPECT_EQ(on({"x"}, "root-3"), Ids{});
  EXPECT_EQ(on({}, "root-3"), Ids{});
  EXPECT_EQ(conflicts.on("other", Ids{"T::y"}, "root-3", kNow), Ids{});
  EXPECT_EQ(on({"T::y"}, "root-3", later.expires), Ids{}) << "their time is up";
  later.state = State::executing;
  conflicts.update(later);
  EXPECT_EQ(on({"T::y"}, "root-3", later.expires), (Ids{"b"})) << "what runs has no expiry";
  later.state = State::done;
  conflicts.update(later);
  conflicts.update(later);
  EXPECT_EQ(on({"T::y"}, "root-3"), (Ids{"a"}));
}

TEST(Conflicts, TellsTheOldestOfTooMany) {
  Conflicts conflicts;
  for (int i = 0; i < 50; ++i) {
    HeldRequest request = open_request("r" + std::to_string(i), "root-1", {"T::x"});
    request.created = kNow + i;
    conflicts.update(request);
  }
  Ids ids = conflicts.on("files", Ids{"T::x"}, "root-2", kNow);
  ASSERT_EQ(ids.size(), Conflicts::kMostTold);
  EXPECT_EQ(ids.front(), "r0");
  EXPECT_EQ(ids.back(), "r19");
  for (int i = 1; i < 20; ++i) {
    HeldRequest over = open_request("r" + std::to_string(i), "root-1", {"T::x"});
    over.state = State::denied;
    conflicts.update(over);
  }
  ids = conflicts.on("files", Ids{"T::x"}, "root-2", kNow);
  ASSERT_EQ(ids.size(), Conflicts::kMostTold);
  EXPECT_EQ(ids[0], "r0");
  EXPECT_EQ(ids[1], "r20");
}

class QueueConflictsTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    queue.reset();
    queue = test::open_queue(folder.path());
    ASSERT_TRUE(queue);
  }
  std::string hold(std::string_view identity, std::string_view root) {
    HeldRequest request = test::draft(identity);
    request.requester.chain = {std::string(root), "leaf"};
    return queue->hold(request, kNow)->request.id;
  }
  Ids shown(const std::string& id) { return queue->get(id)->conflicts; }

  test::TempFolder folder;
  Rules rules = test::house_rules();
  std::unique_ptr<Queue> queue;
};

TEST_F(QueueConflictsTest, BothShowEachOtherUntilOneIsOver) {
  std::string a = hold("a", "root-1");
  EXPECT_EQ(shown(a), Ids{});
  std::string b = hold("b", "root-2");
  std::string c = hold("c", "root-1");
  EXPECT_EQ(shown(a), Ids{b});
  EXPECT_EQ(shown(b), (Ids{a, c}));
  EXPECT_EQ(shown(c), Ids{b});
  EXPECT_EQ(queue->list({})->front().conflicts, Ids{b});
  EXPECT_EQ(queue->open_on(Ids{"HttpEndpoint::files/config.json"}, "files", "root-1", kNow), Ids{b});

  reopen();
  EXPECT_EQ(queue->open_on(Ids{"HttpEndpoint::files/config.json"}, "files", "root-2", kNow), (Ids{a, c}));
  ASSERT_TRUE(queue->vote(a, test::yes(test::bob()), rules, kNow));
  EXPECT_EQ(shown(b), (Ids{a, c})) << "an approved one still may run";
  ASSERT_TRUE(queue->begin_execution(a, kNow));
  ASSERT_TRUE(queue->finish(a, {.state = State::done, .reply = {}, .code = "", .reason = ""}, kNow));
  EXPECT_EQ(shown(a), Ids{});
  EXPECT_EQ(shown(b), Ids{c});
  ASSERT_TRUE(queue->cancel(c, "alice", "", kNow));
  EXPECT_EQ(shown(b), Ids{});
  EXPECT_EQ(queue->open_on(Ids{"HttpEndpoint::files/config.json"}, "files", "root-9", kNow), Ids{b});
}

TEST_F(QueueConflictsTest, AnEditDoesNotConflictWithItsOriginal) {
  std::string a = hold("a", "root-1");
  Edit edit{.request = test::draft("smaller"), .what = "smaller", .fingerprint = ""};
  Result<HeldRequest> edited = queue->supersede_with_edit(a, std::move(edit), test::bob(), rules, kNow);
  ASSERT_TRUE(edited);
  EXPECT_EQ(edited->conflicts, Ids{});
  EXPECT_EQ(shown(edited->id), Ids{});
}

}  // namespace
}  // namespace countersign::approvals
