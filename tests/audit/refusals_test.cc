// Refusals of strangers: each is in the log, by itself or as one of a count, and they do not fill the disk.
#include "audit/refusals.h"

#include "audit/query.h"
#include "core/json.h"
#include "support.h"

namespace countersign::audit {
namespace {

using namespace testing;

class RefusalsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log_ = open_log(scratch_, quiet(), clock_);
    refusals_ = std::make_unique<Refusals>(*log_, clock_);
  }
  static Entry refusal(std::string_view code) {
    Entry entry;
    entry.phase = Phase::refused;
    entry.decision = Decision::deny;
    entry.code = code;
    return entry;
  }
  void refuse(int times, std::string_view network, std::string_view code = "token.missing") {
    for (int at = 0; at < times; ++at) refusals_->append(refusal(code), network);
  }
  // Every record of the kind, oldest first.
  std::vector<Json> records() {
    EXPECT_TRUE(log_->checkpoint());
    const Reader reader = Reader::open(scratch_.log()).value();
    std::vector<Json> out;
    const std::uint64_t size = reader.size().value();
    if (size == 0) return out;
    for (const StoredRecord& record : reader.range(0, size).value()) {
      Json json = parse_json(record.line).value();
      if (string_or(json, "phase", "") == "refused") out.push_back(std::move(json));
    }
    return out;
  }
  // What the log says about how many there were.
  std::uint64_t told() {
    std::uint64_t sum = 0;
    for (const Json& record : records()) {
      const bool counted = string_or(record, "code", "") == kCountedCode;
      sum += counted ? parse_json(string_or(record, "detail", "")).value()["count"].get<std::uint64_t>() : 1;
    }
    return sum;
  }

  ScratchFolder scratch_;
  ManualClock clock_{1'800'000'000'000};
  std::unique_ptr<Log> log_;
  std::unique_ptr<Refusals> refusals_;
};

TEST_F(RefusalsTest, TheFirstAreRecordsAndTheOthersACount) {
  refuse(50, "192.0.2.0/24");
  refuse(950, "192.0.2.0/24", "sign_in.failed");
  EXPECT_EQ(records().size(), Refusals::kEach);
  refusals_->write_counts();
  EXPECT_EQ(records().size(), Refusals::kEach) << "the minute is not over";
  clock_.advance(Refusals::kWindow);
  refusals_->write_counts();
  auto all = records();
  ASSERT_EQ(all.size(), Refusals::kEach + 1);
  EXPECT_EQ(all.back()["code"], "refused.counted");
  EXPECT_EQ(all.back()["peer"], "192.0.2.0/24");
  Json detail = parse_json(string_or(all.back(), "detail", "")).value();
  EXPECT_EQ(detail["count"], 980);
  EXPECT_EQ(detail["codes"], (Json{{"token.missing", 30}, {"sign_in.failed", 950}}));
  EXPECT_EQ(told(), 1000U);
  refusals_->write_counts();
  EXPECT_EQ(records().size(), all.size());
}

TEST_F(RefusalsTest, ANewMinuteBeginsWithRecordsAgain) {
  refuse(30, "192.0.2.0/24");
  clock_.advance(Refusals::kWindow);
  refuse(30, "192.0.2.0/24");
  EXPECT_EQ(records().size(), 2 * Refusals::kEach + 1);
  clock_.advance(Refusals::kWindow);
  refusals_->write_counts();
  EXPECT_EQ(told(), 60U);
}

TEST_F(RefusalsTest, ManyNetworksAreBoundedTogether) {
  constexpr int kMany = 5'000;
  for (int at = 0; at < kMany; ++at) refuse(2, "2001:db8:" + std::to_string(at) + "::/56");
  EXPECT_EQ(records().size(), Refusals::kAll);
  clock_.advance(Refusals::kWindow);
  refusals_->write_counts();
  EXPECT_LE(records().size(), Refusals::kAll + Refusals::kNetworks + 1);
  EXPECT_EQ(told(), 2U * kMany);
}

TEST_F(RefusalsTest, CodesAreBoundedToo) {
  for (int at = 0; at < 200; ++at) refuse(1, "192.0.2.0/24", "code." + std::to_string(at));
  clock_.advance(Refusals::kWindow);
  refusals_->write_counts();
  Json detail = parse_json(string_or(records().back(), "detail", "")).value();
  EXPECT_EQ(detail["codes"].size(), Refusals::kCodes + 1);
  EXPECT_EQ(detail["count"], 180);
}

TEST_F(RefusalsTest, WhatWasCountedIsWrittenAtTheEnd) {
  refuse(25, "192.0.2.0/24");
  refusals_.reset();
  EXPECT_EQ(told(), 25U);
}

}  // namespace
}  // namespace countersign::audit
