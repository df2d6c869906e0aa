#include "proxy/adapters/git/report.h"

#include <gtest/gtest.h>

#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {
namespace {

PushCapabilities capabilities(bool v2, bool band) {
  PushCapabilities out;
  out.report_status = !v2;
  out.report_status_v2 = v2;
  out.side_band_64k = band;
  return out;
}

PushReport sample() {
  return {"ok",
          {{"refs/heads/a", "", {{"refname", "refs/approvals/req_1"}, {"forced-update", ""}}},
           {"refs/heads/b", "non-fast-forward", {}}}};
}

TEST(Report, WhatIsWrittenIsRead) {
  for (bool v2 : {false, true}) {
    for (bool band : {false, true}) {
      PushCapabilities caps = capabilities(v2, band);
      auto read = read_report(write_report(sample(), caps, "one\ntwo\n"), caps);
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_EQ(read->progress, band ? "one\ntwo\n" : "");
      ASSERT_EQ(read->report.refs.size(), 2U);
      EXPECT_TRUE(read->report.refs[0].ok());
      EXPECT_EQ(read->report.refs[1].refusal, "non-fast-forward");
      EXPECT_EQ(read->report.refs[0].options.size(), v2 ? 2U : 0U);
      EXPECT_FALSE(read->report.all_ok());
    }
  }
}

TEST(Report, BytesAsGitWritesThem) {
  EXPECT_EQ(write_report({"ok", {{"refs/heads/a", "", {{"refname", "refs/x/1"}}}}}, capabilities(true, false), "p"),
            "000eunpack ok\n0014ok refs/heads/a\n001coption refname refs/x/1\n0000");
  EXPECT_EQ(write_report({"ok", {}}, capabilities(false, true), "hi\n"),
            std::string("0008\2hi\n0017\1") + "000eunpack ok\n00000000");
  // A client that asked for no report and no side band gets none.
  EXPECT_EQ(write_report(sample(), PushCapabilities{}, "p"), "");
}

TEST(Report, UnpackFailureIsNotOk) {
  PushCapabilities caps = capabilities(true, false);
  auto read = read_report("001eunpack index-pack failed\n\n0014ok refs/heads/a\n0000", caps);
  ASSERT_FALSE(read && read->report.all_ok());
}

TEST(Report, BrokenAnswersAreRefused) {
  struct Case {
    bool band;
    std::string body;
  };
  const Case cases[] = {{false, ""},
                        {false, "0000"},
                        {false, "000eunpack ok\n"},
                        {false, "0014ok refs/heads/a\n0000"},
                        {false, "000eunpack ok\n0009what\n0000"},
                        {false, "000eunpack ok\n0015option refname x\n0000"},
                        {false, "000eunpack ok\n0001"},
                        {true, "000eunpack ok\n0000"},
                        {true, "0008\2hi\n"},
                        {true, std::string("000a\3oops\n0000")},
                        {true, "00040000"}};
  for (const Case& each : cases) {
    auto read = read_report(each.body, capabilities(false, each.band));
    EXPECT_FALSE(read) << each.body;
  }
}

}  // namespace
}  // namespace countersign::adapters::git
