// A database of an older version opens with everything that was in it.
#include <gtest/gtest.h>

#include "approvals/store.h"
#include "core/sql.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

// A row as the version before wrote it.
std::string old_row(std::string_view id, std::string_view state, std::string_view code) {
  std::string out =
      "INSERT INTO requests (id, state, created, expires, decided, finished, agent, owner, issuer, delegates, chain, "
      "scope, action, effect, environment, summary, resources, input, protocol, upstream, head, has_body, body_sha256, "
      "body_size, identity, preconditions, retry_identity, fingerprint, retry_key, policies, rules, policy_digest, "
      "operation, decided_by, reason, code, delivered, shown, reply_status, reply_head, reply_truncated, reply_body) "
      "VALUES ('ID', 'STATE', 11, 2000000000000, 13, 14, 'builder', 'alice', 'zoe', '[\"helper\"]', "
      "'[\"root-1\",\"leaf\"]', x'0001', 'http:PUT', 'write', 'production', 'a summary', '[\"T::a\"]', '{}', 'http', "
      "'files', '{}', 1, 'abcd', 5, x'ff00', x'01', 1, 'f-ID', 'k-ID', '[\"p\"]', '[\"pair\"]', 'digest', 'op', 'bob', "
      "'why', 'CODE', 1, x'53', 201, '{\"a\":1}', 1, x'00ff');";
  for (auto [name, value] :
       {std::pair<std::string_view, std::string_view>{"ID", id}, {"STATE", state}, {"CODE", code}}) {
    for (std::size_t at = 0; (at = out.find(name, at)) != std::string::npos; at += value.size()) {
      out.replace(at, name.size(), value);
    }
  }
  return out;
}

class StoreSchemaTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<sql::Database> database = sql::Database::open(file());
    ASSERT_TRUE(database);
    ASSERT_TRUE(apply_approvals_schema(*database, 2));
    for (std::string_view state :
         {"held", "approved", "denied", "expired", "cancelled", "executing", "done", "failed", "unknown"}) {
      Status added = database->execute(old_row("req_" + std::string(state), state, "code"));
      ASSERT_TRUE(added) << added.error().message;
    }
    ASSERT_TRUE(database->execute(old_row("req_sup", "cancelled", "approval.superseded")));
    ASSERT_TRUE(database->execute(old_row("req_sta", "denied", "request.stale")));
    ASSERT_TRUE(database->execute(
        "INSERT INTO votes VALUES ('req_held', 0, 'pair', 'two', 'team:platform', 'bob', 'senior', 1, 'fine', 99)"));
  }
  [[nodiscard]] std::filesystem::path file() const { return folder.path() / "store.db"; }
  Result<Store> open() { return Store::open(file(), {}, *BodyFiles::open(folder.path() / "requests")); }

  test::TempFolder folder;
};

TEST_F(StoreSchemaTest, AnOlderDatabaseKeepsEverything) {
  Result<Store> store = open();
  ASSERT_TRUE(store) << store.error().message;
  Result<std::optional<HeldRequest>> held = store->load("req_held");
  ASSERT_TRUE(held && *held);
  const HeldRequest& request = **held;
  EXPECT_EQ(request.state, State::held);
  EXPECT_EQ(request.created, 11);
  EXPECT_EQ(request.expires, 2'000'000'000'000);
  EXPECT_EQ(request.decided, 13);
  EXPECT_EQ(request.finished, 14);
  EXPECT_EQ(request.requester.agent, "builder");
  EXPECT_EQ(request.requester.issuer, "zoe");
  EXPECT_EQ(request.requester.delegates, std::vector<std::string>{"helper"});
  EXPECT_EQ(request.requester.chain, (std::vector<std::string>{"root-1", "leaf"}));
  EXPECT_EQ(request.requester.scope, std::string("\0\1", 2));
  EXPECT_EQ(request.resources, std::vector<std::string>{"T::a"});
  EXPECT_EQ(request.frozen.body_file.filename(), "req_held.body");
  EXPECT_EQ(request.frozen.body_size, 5U);
  EXPECT_EQ(request.frozen.identity, std::string("\xff\0", 2));
  EXPECT_EQ(request.frozen.shown, "S");
  EXPECT_EQ(request.frozen.retry_identity, RetryIdentity::identity);
  EXPECT_EQ(request.fingerprint, "f-req_held");
  EXPECT_EQ(request.retry_key, "k-req_held");
  EXPECT_EQ(request.rules, std::vector<std::string>{"pair"});
  EXPECT_EQ(request.decided_by, "bob");
  EXPECT_TRUE(request.delivered);
  ASSERT_TRUE(request.reply);
  EXPECT_EQ(request.reply->body, std::string("\0\xff", 2));
  ASSERT_EQ(request.votes.size(), 1U);
  EXPECT_EQ(request.votes[0].by, "bob");
  EXPECT_EQ(request.votes[0].at, 99);
  EXPECT_EQ(request.votes[0].viewed_ms, -1);
  EXPECT_EQ(request.votes[0].signature, "");
  EXPECT_EQ(request.documentation, "");
  EXPECT_EQ(request.documented, 0);
  EXPECT_EQ(request.superseded_by, "");
  EXPECT_EQ(request.burst, "");

  for (std::string_view state :
       {"approved", "denied", "expired", "cancelled", "executing", "done", "failed", "unknown"}) {
    Result<std::optional<HeldRequest>> one = store->load("req_" + std::string(state));
    ASSERT_TRUE(one && *one) << state;
    EXPECT_EQ(state_name((*one)->state), state);
  }
  EXPECT_EQ((*store->load("req_sup"))->state, State::superseded);
  EXPECT_EQ((*store->load("req_sta"))->state, State::stale);
  EXPECT_EQ(store->list({})->size(), 11U);
  EXPECT_EQ(store->list({})->front().id, "req_sta") << "the order of creation is kept";
}

TEST_F(StoreSchemaTest, TheNewTablesHoldTogether) {
  ASSERT_TRUE(open());
  Result<sql::Database> database = sql::Database::open(file());
  ASSERT_TRUE(database);
  auto refused = [&](std::string_view sql) { return !database->execute(sql); };
  EXPECT_TRUE(refused("INSERT INTO votes VALUES ('req_none', 0, '', '', '', '', '', 1, '', 0, '', '', 0, '')"));
  EXPECT_TRUE(refused("INSERT INTO conflicts VALUES ('req_held', 'req_none')"));
  EXPECT_TRUE(refused("UPDATE requests SET state = 'paused' WHERE id = 'req_held'"));
  EXPECT_TRUE(refused("UPDATE requests SET retry_key = 'k-req_held' WHERE id = 'req_approved'"))
      << "two identical requests open at once";
  EXPECT_FALSE(refused("UPDATE requests SET state = 'withdrawn' WHERE id = 'req_held'"));
  Result<sql::Statement> broken = database->prepare("PRAGMA foreign_key_check");
  ASSERT_TRUE(broken);
  EXPECT_EQ(*broken->step(), sql::Step::done);
}

TEST_F(StoreSchemaTest, ANewDatabaseIsTheSameAsAnUpgradedOne) {
  ASSERT_TRUE(open());
  auto schema = [](const std::filesystem::path& at) {
    std::string out;
    Result<sql::Database> database = sql::Database::open(at);
    EXPECT_TRUE(database);
    Result<sql::Statement> row = database->prepare("SELECT sql FROM sqlite_schema WHERE sql <> '' ORDER BY name");
    while (*row->step() == sql::Step::row) out += row->text(0) + "\n";
    return out;
  };
  test::TempFolder fresh;
  ASSERT_TRUE(Store::open(fresh.path() / "store.db", {}, *BodyFiles::open(fresh.path() / "requests")));
  EXPECT_EQ(schema(file()), schema(fresh.path() / "store.db"));
  EXPECT_NE(schema(file()).find("REFERENCES \"requests\"(id)"), std::string::npos) << schema(file());
}

TEST_F(StoreSchemaTest, AQueueGoesOnWithIt) {
  std::unique_ptr<Queue> queue = test::open_queue(folder.path());
  ASSERT_TRUE(queue);
  Rules rules = test::house_rules();
  Result<Recovered> recovered = queue->recover(test::kNow);
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->interrupted, std::vector<std::string>{"req_executing"});
  EXPECT_EQ(recovered->approved, std::vector<std::string>{"req_approved"});
  Result<HeldRequest> approved = queue->vote("req_held", test::yes(test::carol()), rules, test::kNow);
  ASSERT_TRUE(approved) << approved.error().message;
  EXPECT_EQ(approved->state, State::approved) << "the old vote counts";
}

}  // namespace
}  // namespace countersign::approvals
