// The power goes at every moment of a request's life: the files as they were after each page that reached the disk are
// opened again. What is found is the state before the step or the one after it, never anything else, and what recover()
// says is true.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "approvals/queue.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::kNow;

constexpr std::uintmax_t kFrame = 24 + 4'096;  // of the write-ahead log (sqlite.org/fileformat2.html, section 4)

using States = std::map<std::string, std::string>;  // id → what is known of it

std::string known(const HeldRequest& request) {
  std::string out = state_name(request.state);
  out += " votes=" + std::to_string(request.votes.size());
  out += " reminded=" + std::to_string(request.reminded);
  out += " documented=" + std::to_string(request.documented);
  out += " delivered=" + std::to_string(request.delivered ? 1 : 0);
  out += " by=" + request.superseded_by;
  return out;
}

States states_of(Queue& queue) {
  States out;
  Result<std::vector<HeldRequest>> all = queue.list({});
  EXPECT_TRUE(all);
  for (const HeldRequest& request : *all) out[request.id] = known(request);
  return out;
}

class TornTest : public testing::Test {
 protected:
  void SetUp() override {
    queue = test::open_queue(folder.path());
    ASSERT_TRUE(queue);
    before = states_of(*queue);
  }
  [[nodiscard]] std::filesystem::path log_file() const { return folder.path() / "store.db-wal"; }

  // The files as a crash leaves them when only the first `bytes` of the log have reached the disk.
  void crash_at(std::uintmax_t bytes, const States& after) {
    test::TempFolder copy;
    std::filesystem::copy_file(folder.path() / "store.db", copy.path() / "store.db");
    std::filesystem::copy_file(log_file(), copy.path() / "store.db-wal");
    std::filesystem::resize_file(copy.path() / "store.db-wal", bytes);
    std::filesystem::copy(folder.path() / "requests", copy.path() / "requests");
    std::unique_ptr<Queue> found = test::open_queue(copy.path());
    ASSERT_TRUE(found);
    States now = states_of(*found);
    EXPECT_TRUE(now == before || now == after) << "neither before nor after the step";
    Result<Recovered> recovered = found->recover(kNow);
    ASSERT_TRUE(recovered);
    States executing;
    for (const std::string& id : recovered->interrupted) {
      EXPECT_TRUE(now.at(id).starts_with("executing"));
      EXPECT_EQ(found->get(id)->state, State::unknown);
      EXPECT_FALSE(found->begin_execution(id, kNow)) << "would run twice";
    }
    for (const std::string& id : recovered->approved) EXPECT_TRUE(now.at(id).starts_with("approved"));
    for (const auto& [id, text] : now) {
      Result<HeldRequest> request = found->get(id);
      ASSERT_TRUE(request);
      bool listed = std::ranges::find(recovered->interrupted, id) != recovered->interrupted.end() ||
                    std::ranges::find(recovered->approved, id) != recovered->approved.end();
      EXPECT_EQ(listed, text.starts_with("executing") || text.starts_with("approved"));
      if (!request->frozen.body_file.empty()) {
        EXPECT_TRUE(check_body(request->frozen.body_file, request->frozen.body_sha256, request->frozen.body_size));
      }
    }
    ++crashes;
  }

  void step(const std::function<void()>& change) {
    std::uintmax_t from = std::filesystem::exists(log_file()) ? std::filesystem::file_size(log_file()) : 0;
    change();
    ASSERT_FALSE(HasFatalFailure());
    States after = states_of(*queue);
    std::uintmax_t to = std::filesystem::file_size(log_file());
    ASSERT_GE(to, from) << "the log was started anew in the middle of the test";
    for (std::uintmax_t at = from; at < to; at += kFrame) {
      crash_at(at, after);
      crash_at(at + 100, after);  // in the middle of a page
    }
    crash_at(to, after);
    before = after;
  }

  test::TempFolder folder;
  Rules rules = test::house_rules();
  std::unique_ptr<Queue> queue;
  States before;
  int crashes = 0;
};

TEST_F(TornTest, EveryStepHappensAtOnceOrNotAtAll) {
  std::string run;
  std::string other;
  std::string edited;
  step([&] {
    HeldRequest draft = test::draft("one");
    draft.rules = {"pair"};
    test::add_body(draft, folder.path(), "body");
    run = queue->hold(draft, kNow)->request.id;
  });
  step([&] { ASSERT_TRUE(queue->document(run, R"({"intent":"why"})", rules, kNow)); });
  step([&] { ASSERT_TRUE(queue->vote(run, test::yes(test::bob()), rules, kNow)); });
  step([&] { ASSERT_TRUE(queue->vote(run, test::yes(test::carol()), rules, kNow)); });
  step([&] { ASSERT_TRUE(queue->begin_execution(run, kNow)); });
  step([&] {
    Ending ending{.state = State::done,
                  .reply = StoredReply{.status = 200, .head = "{}", .body = "ok", .truncated = false},
                  .code = "",
                  .reason = ""};
    ASSERT_TRUE(queue->finish(run, std::move(ending), kNow));
  });
  step([&] { ASSERT_TRUE(queue->claim_result(run, kNow)); });
  step([&] { other = queue->hold(test::draft("two"), kNow)->request.id; });
  step([&] {
    Edit edit{.request = test::draft("two, smaller"), .what = "smaller", .fingerprint = ""};
    Result<HeldRequest> held = queue->supersede_with_edit(other, std::move(edit), test::bob(), rules, kNow);
    ASSERT_TRUE(held);
    edited = held->id;
  });
  step([&] { ASSERT_TRUE(queue->vote(edited, test::yes(test::carol()), rules, kNow)); });
  step([&] { ASSERT_TRUE(queue->refuse_execution(edited, "request.stale", "", kNow)); });
  step([&] { other = queue->hold(test::draft("three"), kNow)->request.id; });
  step([&] { ASSERT_TRUE(queue->withdraw(other, test::draft("").requester, "", kNow)); });
  EXPECT_GT(crashes, 100);
}

}  // namespace
}  // namespace countersign::approvals
