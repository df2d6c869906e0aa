#include "audit/query.h"

#include <gtest/gtest.h>

#include "support.h"

namespace countersign::audit {
namespace {

using namespace testing;

std::vector<std::uint64_t> seqs(const Result<std::vector<StoredRecord>>& found) {
  std::vector<std::uint64_t> out;
  for (const StoredRecord& record : found.value()) out.push_back(record.seq);
  return out;
}

class Query : public ::testing::Test {
 protected:
  // 100 records one second apart, in many small segments.
  void SetUp() override {
    Options options = quiet();
    options.segment_bytes = 900;
    log_ = open_log(scratch_, options, clock_);
    for (int i = 0; i < 100; ++i) {
      Entry entry = intent("op-" + std::to_string(i));
      entry.agent = i % 2 == 0 ? "even" : "odd";
      entry.decision = i % 10 == 0 ? Decision::deny : Decision::hold;
      entry.resources = {"Path::/data/" + std::to_string(i), "Quote::\"" + std::to_string(i) + "\""};
      entry.detail = "\"agent\":\"even\"";
      ASSERT_TRUE(append_and_wait(*log_, std::move(entry)));
      clock_.advance(1'000);
    }
  }
  [[nodiscard]] Reader reader() const { return Reader::open(scratch_.log()).value(); }

  ScratchFolder scratch_;
  ManualClock clock_{1'800'000'000'000};
  std::unique_ptr<Log> log_;
};

TEST_F(Query, NewestFirstAndInPages) {
  EXPECT_GT(list_segments(scratch_.log())->size(), 20U);
  EXPECT_EQ(seqs(query(reader(), {}, 3)), (std::vector<std::uint64_t>{99, 98, 97}));
  EXPECT_EQ(seqs(query(reader(), {}, 3, 97)), (std::vector<std::uint64_t>{96, 95, 94}));
  EXPECT_EQ(seqs(query(reader(), {}, 10, 2)), (std::vector<std::uint64_t>{1, 0}));
  EXPECT_EQ(query(reader(), {}, 10'000)->size(), 100U);
  EXPECT_TRUE(query(reader(), {}, 5, 0)->empty());
  EXPECT_EQ(query(reader(), {}, 0).error().code, "audit.bad_query");
  EXPECT_EQ(query(reader(), {}, 10'001).error().code, "audit.bad_query");
}

TEST_F(Query, Filters) {
  Filter filter;
  filter.agent = "odd";
  EXPECT_EQ(query(reader(), filter, 1000)->size(), 50U);
  filter.decision = "deny";
  EXPECT_TRUE(query(reader(), filter, 1000)->empty());
  filter.agent = "even";
  EXPECT_EQ(query(reader(), filter, 1000)->size(), 10U);
  EXPECT_EQ(seqs(query(reader(), {.operation = "op-7"}, 10)), (std::vector<std::uint64_t>{7}));
  EXPECT_EQ(seqs(query(reader(), {.resource = "/data/42"}, 10)), (std::vector<std::uint64_t>{42}));
  EXPECT_EQ(seqs(query(reader(), {.resource = "\"42\""}, 10)), (std::vector<std::uint64_t>{42}));
  EXPECT_TRUE(query(reader(), {.agent = "eve"}, 10)->empty());
  EXPECT_TRUE(query(reader(), {.resource = "agent"}, 10)->empty());
  EXPECT_EQ(
      query(reader(), {.upstream = "files", .action = "mcp:call_tool", .effect = "write", .phase = "intent"}, 1000)
          ->size(),
      100U);
  EXPECT_TRUE(query(reader(), {.actor = "ada"}, 10)->empty());
}

TEST_F(Query, LooksCanBeLeftOut) {
  auto seq_of = [&](Phase phase, std::string action, std::string detail) {
    Entry entry;
    entry.phase = phase;
    entry.actor = "ada";
    entry.action = std::move(action);
    entry.detail = std::move(detail);
    return append_and_wait(*log_, std::move(entry)).value().seq;
  };
  const std::uint64_t look = seq_of(Phase::admin, "admin:GET", "/api/v1/audit");
  const std::uint64_t refused = seq_of(Phase::refused, "admin:GET", "/api/v1/audit");
  const std::uint64_t change = seq_of(Phase::admin, "token:revoke", R"("action":"admin:GET","phase":"admin")");
  EXPECT_EQ(seqs(query(reader(), {.actor = "ada"}, 10)), (std::vector{change, refused, look}));
  EXPECT_EQ(seqs(query(reader(), {.actor = "ada", .looks = Looks::left_out}, 10)), (std::vector{change, refused}));
  EXPECT_EQ(query(reader(), {.looks = Looks::left_out}, 1000)->size(), 102U);
  auto found = search(reader(), {.looks = Looks::left_out}, 3, {}, UINT64_MAX);
  EXPECT_EQ(found->records.size(), 3U) << "a page is full of what is asked for";
}

TEST_F(Query, TimeRanges) {
  TimeMs start = 1'800'000'000'000;
  EXPECT_EQ(seqs(query(reader(), {.from = start + 97'000}, 10)), (std::vector<std::uint64_t>{99, 98, 97}));
  EXPECT_EQ(seqs(query(reader(), {.until = start + 2'000}, 10)), (std::vector<std::uint64_t>{1, 0}));
  EXPECT_EQ(seqs(query(reader(), {.from = start + 50'000, .until = start + 51'000}, 10)),
            (std::vector<std::uint64_t>{50}));
}

TEST_F(Query, GetsEveryRecordAndNoOther) {
  for (std::uint64_t seq = 0; seq < 100; ++seq)
    EXPECT_EQ(raw_integer(reader().get(seq)->line, "seq"), static_cast<std::int64_t>(seq));
  EXPECT_EQ(reader().get(100).error().code, "audit.unknown_record");
  EXPECT_EQ(reader().range(3, 60)->size(), 57U);
  EXPECT_EQ(Reader::open(scratch_.path() / "none").error().code, "audit.not_a_log");
}

TEST(QueryLarge, FindsByBisectionInOneBigSegment) {
  ScratchFolder scratch;
  auto log = open_log(scratch);
  for (int i = 0; i < 3'000; ++i) log->append(admin_entry(std::string(static_cast<std::size_t>(i * 37 % 900), 'x')));
  ASSERT_TRUE(append_and_wait(*log, admin_entry(std::string(60'000, 'y'))));
  Reader reader = Reader::open(scratch.log()).value();
  for (std::uint64_t seq = 0; seq <= 3'000; seq += 61) EXPECT_EQ(reader.get(seq)->seq, seq);
  EXPECT_EQ(reader.get(3'000)->seq, 3'000U);
  EXPECT_EQ(query(reader, {}, 10'000)->size(), 3'001U);
}

// A record whose sync has not succeeded yet has no hash, and does not exist for readers.
TEST(QueryLive, DoesNotShowWhatIsNotDurable) {
  ScratchFolder scratch;
  auto log = open_log(scratch);
  ASSERT_TRUE(append_and_wait(*log, admin_entry("a")));
  fs::path segment = scratch.log() / segment_name(0);
  std::string line;
  complete(render(admin_entry("b")), 1, "2026-11-21T09:30:00.123Z", line);
  write_file(segment, read_file(segment) + line + "\n" + line.substr(0, 20));
  Reader reader = Reader::open(scratch.log()).value();
  EXPECT_EQ(query(reader, {}, 10)->size(), 1U);
  EXPECT_FALSE(reader.get(1));
}

}  // namespace
}  // namespace countersign::audit
