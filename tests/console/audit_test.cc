// The audit log through the API: filters, pages, proofs, and the C2SP resources.
#include <algorithm>

#include "api_fixture.h"
#include "audit/proof.h"

namespace countersign::console::test {
namespace {

class AuditTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    sam_ = person("sam");  // record 0
    for (int at = 1; at < 8; ++at) {
      clock_.advance(1000);
      audit::Entry entry;
      entry.phase = audit::Phase::intent;
      entry.agent = at % 2 == 0 ? "builder" : "reviewer";
      entry.action = "mcp:call_tool";
      entry.resources = {"File::files/" + std::to_string(at)};
      entry.decision = at % 2 == 0 ? audit::Decision::hold : audit::Decision::deny;
      log_->append(std::move(entry));
      records();  // a record's time is that of its commit
    }
  }
  std::string sam_;
};

TEST_F(AuditTest, FiltersNarrowAndTypingErrorsAreRefused) {
  auto count = [&](const std::string& query) { return json(get("/api/v1/audit?" + query, sam_))["records"].size(); };
  EXPECT_EQ(count("agent=builder"), 3U);
  EXPECT_EQ(count("agent=reviewer&decision=deny"), 4U);
  EXPECT_EQ(count("agent=reviewer&decision=hold"), 0U);
  EXPECT_EQ(count("resource=File%3A%3Afiles%2F3"), 1U);
  EXPECT_EQ(count("since=2026-11-21T09:30:06Z&phase=intent"), 2U) << "looks are records, too";
  EXPECT_EQ(count("until=2026-11-21T09:30:01Z&phase=admin"), 1U);
  records();  // the looks so far are written
  EXPECT_GT(count("action=admin%3AGET"), 5U);
  EXPECT_GT(count("action=admin%3AGET&looks=true"), 5U);
  EXPECT_EQ(count("action=admin%3AGET&looks=false"), 0U);
  EXPECT_EQ(count("actor=sam&looks=false"), 0U) << "all that sam did was reading";
  EXPECT_EQ(count("agent=builder&looks=false"), 3U);
  EXPECT_EQ(code(get("/api/v1/audit?looks=no", sam_)), "admin.bad_query");
  EXPECT_EQ(code(get("/api/v1/audit/export?looks=no", sam_)), "admin.bad_query");
  EXPECT_EQ(count("text=FILES%2F3"), 1U);
  EXPECT_EQ(count("text=files%2F&agent=builder"), 3U);
  EXPECT_EQ(count("text=nothing-of-this"), 0U);
  EXPECT_EQ(code(get("/api/v1/audit?text=" + std::string(201, 'x'), sam_)), "admin.bad_query");
  EXPECT_EQ(code(get("/api/v1/audit?agnet=builder", sam_)), "admin.bad_query");
  EXPECT_EQ(code(get("/api/v1/audit?since=yesterday", sam_)), "admin.bad_query");
  EXPECT_EQ(code(get("/api/v1/audit?limit=5000", sam_)), "admin.bad_query");
}

TEST_F(AuditTest, PagesCoverEveryRecordOnceNewestFirst) {
  std::vector<std::int64_t> seen;
  std::string before;
  for (int page = 0; page < 10; ++page) {
    Json answer = json(get("/api/v1/audit?limit=3" + before, sam_));
    for (const Json& record : answer["records"]) seen.push_back(record["seq"]);
    if (!answer["before"].is_number()) break;
    before = "&before=" + std::to_string(answer["before"].get<std::int64_t>());
  }
  ASSERT_EQ(seen.size(), 8U);
  for (std::size_t at = 0; at < seen.size(); ++at) EXPECT_EQ(seen[at], static_cast<std::int64_t>(7 - at));
}

TEST_F(AuditTest, AnExportIsTheRecordsOwnBytesLineByLine) {
  Answer answer = get("/api/v1/audit/export?agent=reviewer", sam_);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.content_type, "application/jsonl");
  ASSERT_TRUE(answer.pieces);
  std::string all;
  for (auto piece = answer.pieces->next(); piece && !piece->empty(); piece = answer.pieces->next()) all += *piece;
  EXPECT_EQ(std::ranges::count(all, '\n'), 4);
  std::string newest = all.substr(0, all.find('\n'));
  EXPECT_EQ(get("/api/v1/audit/7", sam_).body, newest);
  EXPECT_EQ(code(get("/api/v1/audit/export?limit=5", sam_)), "admin.bad_query");
}

TEST_F(AuditTest, ASearchThatFindsLittleSaysWhereToGoOn) {
  auto log = audit::Reader::open(log_->folder());
  ASSERT_TRUE(log);
  audit::Filter filter;
  filter.text = "files/1";
  auto first = audit::search(*log, filter, 10, std::nullopt, 3);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->records.empty());
  ASSERT_TRUE(first->next);
  std::size_t found = 0;
  for (auto next = first->next; next;) {
    auto more = audit::search(*log, filter, 10, next, 3);
    ASSERT_TRUE(more);
    found += more->records.size();
    next = more->next;
  }
  EXPECT_EQ(found, 1U);
}

TEST_F(AuditTest, ARecordAndItsProofFitTogether) {
  Answer record = get("/api/v1/audit/3", sam_);
  ASSERT_EQ(record.status, 200);
  Answer proof = get("/api/v1/audit/3/proof", sam_);
  ASSERT_EQ(proof.status, 200) << proof.body;
  auto key = audit::VerifierKey::parse(std::string(json(get("/api/v1/audit/key", sam_))["vkey"]));
  ASSERT_TRUE(key);
  auto proven = audit::verify_receipt(proof.body, *key);
  ASSERT_TRUE(proven) << proven.error().message;
  EXPECT_EQ(proven->seq, 3U);
  EXPECT_EQ(proven->line, record.body);
  for (const char* bad : {"99", "x", "-1", "18446744073709551616"}) {
    EXPECT_EQ(get(std::string("/api/v1/audit/") + bad, sam_).status, 404) << bad;
    EXPECT_EQ(get(std::string("/api/v1/audit/") + bad + "/proof", sam_).status, 404) << bad;
  }
}

TEST_F(AuditTest, ARecordOfThisVeryMomentCanBeProven) {
  person("pat");
  auto issued = records_where("action", "token:issue");
  std::string seq = std::to_string(issued.back()["seq"].get<std::int64_t>());
  EXPECT_EQ(get("/api/v1/audit/" + seq + "/proof", sam_).status, 200);
}

TEST_F(AuditTest, TheLogIsServedAsTiles) {
  Answer checkpoint = get("/log/checkpoint", sam_);
  ASSERT_EQ(checkpoint.status, 200);
  auto key = audit::VerifierKey::parse(std::string(json(get("/api/v1/audit/key", sam_))["vkey"]));
  ASSERT_TRUE(key);
  auto opened = audit::open_checkpoint(checkpoint.body, *key);
  ASSERT_TRUE(opened);
  EXPECT_GE(opened->checkpoint.size, 8U);
  Answer tile = get("/log/tile/0/000.p/8", sam_);
  EXPECT_EQ(tile.status, 200);
  EXPECT_EQ(tile.body.size(), 8U * 32U);
  EXPECT_EQ(tile.content_type, "application/octet-stream");
  for (const char* bad :
       {"/log/", "/log/../signing.key", "/log/tile/../../keys", "/log/tile/9/000", "/log/segment-0.jsonl"})
    EXPECT_EQ(get(bad, sam_).status, 404) << bad;
}

}  // namespace
}  // namespace countersign::console::test
