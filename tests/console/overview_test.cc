// The overview: counted from the log and the queue.
#include <algorithm>

#include "api_fixture.h"
#include "core/sql.h"

namespace countersign::console::test {
namespace {

class OverviewTest : public ApiTest {
 protected:
  void decide(audit::Decision decision, int times) {
    for (int at = 0; at < times; ++at) {
      audit::Entry entry;
      entry.phase = audit::Phase::intent;
      entry.agent = "builder";
      entry.decision = decision;
      log_->append(std::move(entry));
    }
    records();
  }
  Json overview(const std::string& query = "") { return json(get("/api/v1/overview" + query, person("olivia"))); }
  static DecisionCounts sum(const Json& overview) {
    DecisionCounts out;
    for (const Json& each : overview["decisions"]) {
      out.allow += each["allow"].get<std::uint64_t>();
      out.hold += each["hold"].get<std::uint64_t>();
      out.deny += each["deny"].get<std::uint64_t>();
    }
    return out;
  }
};

TEST_F(OverviewTest, CountsWhatWasBeforeAndWhatComes) {
  decide(audit::Decision::allow, 3);
  decide(audit::Decision::deny, 2);
  Json first = overview();
  EXPECT_EQ(first["complete"], true) << first.dump();
  EXPECT_EQ(sum(first).allow, 3U);
  EXPECT_EQ(sum(first).deny, 2U);
  decide(audit::Decision::hold, 4);
  decide(audit::Decision::allow, 1);
  Json second = overview("?days=1");
  EXPECT_EQ(sum(second).allow, 4U);
  EXPECT_EQ(sum(second).hold, 4U);
  EXPECT_EQ(second["step_ms"], 3'600'000);
  EXPECT_GE(second["decisions"].size(), 24U);
  clock_.advance(3LL * 86'400'000);
  EXPECT_EQ(sum(overview("?days=1")).allow, 0U);
  EXPECT_EQ(sum(overview("?days=7")).allow, 4U);
  EXPECT_EQ(code(get("/api/v1/overview?days=31", person("olivia"))), "admin.bad_query");
}

TEST_F(OverviewTest, TellsHowLongDecisionsTakeAndWhoDoesNotRead) {
  std::string one = hold("one");
  std::string two = hold("two");
  std::string three = hold("three");
  preview_text_.clear();
  for (int at = 0; at < 100; ++at) preview_text_ += "word ";  // 30 seconds of reading
  std::string sam = person("sam");
  std::string pat = person("pat");
  auto approve = [&](const std::string& id, const std::string& token, int viewed) {
    Answer answer = post("/api/v1/requests/" + id + "/approve", token, {{"reason", "x"}, {"viewed_ms", viewed}});
    EXPECT_EQ(answer.status, 200) << answer.body;
  };
  clock_.advance(60'000);
  approve(one, sam, 400);
  approve(two, sam, 90'000);
  clock_.advance(60'000);
  approve(one, pat, 45'000);
  EXPECT_EQ(post("/api/v1/requests/" + three + "/deny", pat, {{"reason", "no"}, {"viewed_ms", 45'000}}).status, 200);
  Json shown = overview();
  EXPECT_EQ(shown["held"]["now"], 1);
  EXPECT_EQ(shown["held"]["oldest_ms"], 120'000);
  EXPECT_EQ(shown["time_to_decision"]["p50_ms"], 120'000);
  ASSERT_EQ(shown["approvers"].size(), 2U);
  EXPECT_EQ(shown["approvers"][0],
            (Json{{"name", "pat"}, {"approved", 1}, {"denied", 1}, {"median_ms", 120'000}, {"unread", 0}}));
  EXPECT_EQ(shown["approvers"][1],
            (Json{{"name", "sam"}, {"approved", 2}, {"denied", 0}, {"median_ms", 60'000}, {"unread", 1}}));
  ASSERT_EQ(shown["rules"].size(), 1U);
  EXPECT_EQ(shown["rules"][0]["held"], 3);
  EXPECT_EQ(shown["rules"][0]["approved"], 1);
  EXPECT_EQ(shown["rules"][0]["denied"], 1);
  clock_.advance(2 * 3'600'000);
  ASSERT_TRUE(queue_->expire_due(clock_.now()));
  EXPECT_EQ(overview()["expired"], 2);  // one that was approved and not run, and one that waited
}

// A month of a busy house: counted in the index, a thousand at a time; no row of them is read.
TEST_F(OverviewTest, CountsAHundredThousandRequests) {
  const std::string one = hold("one");
  auto database = sql::Database::open(folder_ / "requests.db");
  ASSERT_TRUE(database) << database.error().message;
  auto columns = database->prepare("SELECT group_concat(name) FROM pragma_table_info('requests')");
  ASSERT_TRUE(columns);
  ASSERT_TRUE(columns->step());
  std::string copied = "," + columns->text(0) + ",";
  auto replace = [&](const std::string& column, const std::string& with) {
    std::size_t at = copied.find("," + column + ",");
    ASSERT_NE(at, std::string::npos) << column;
    copied.replace(at + 1, column.size(), with);
  };
  // n milliseconds old; every third was denied by sam after n ms, the others ran, approved by pat after 2n.
  replace("number", "NULL");
  replace("id", "'req_' || n");
  replace("retry_key", "'key' || n");
  replace("state", "iif(n % 3, 'done', 'denied')");
  replace("created", "created - n");
  replace("decided", "created - n + n * iif(n % 3, 2, 1)");
  replace("decided_by", "iif(n % 3, 'pat', 'sam')");
  replace("rules", R"(iif(n % 2, rules, '["production-change","other"]'))");
  const std::string filled =
      "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000) "
      "INSERT INTO requests SELECT " +
      copied.substr(1, copied.size() - 2) + " FROM requests, numbers WHERE id = '" + one + "'";
  Status done = database->execute(filled);
  ASSERT_TRUE(done) << done.error().message;
  Json shown = overview();
  EXPECT_EQ(shown["complete"], true);
  EXPECT_EQ(shown["held"]["now"], 1);
  EXPECT_EQ(shown["expired"], 0);
  ASSERT_EQ(shown["rules"].size(), 2U);
  EXPECT_EQ(shown["rules"][0]["name"], "other");
  EXPECT_EQ(shown["rules"][0]["held"], 50'000);
  EXPECT_EQ(shown["rules"][0]["denied"], 16'666);
  EXPECT_EQ(shown["rules"][1]["held"], 100'001);
  EXPECT_EQ(shown["rules"][1]["approved"], 66'667);
  EXPECT_EQ(shown["rules"][1]["denied"], 33'333);
  std::vector<TimeMs> waited;
  for (TimeMs n = 1; n <= 100'000; ++n) waited.push_back(n % 3 == 0 ? n : 2 * n);
  std::ranges::sort(waited);
  EXPECT_EQ(shown["time_to_decision"]["p50_ms"], waited[99'999 * 50 / 100]);
  EXPECT_EQ(shown["time_to_decision"]["p95_ms"], waited[99'999 * 95 / 100]);
}

}  // namespace
}  // namespace countersign::console::test
