// What approvers read of requests that were held together, from answers that somebody hostile had a hand in.
#include "cli/render_bursts.h"

#include <gtest/gtest.h>

namespace countersign::cli {
namespace {

constexpr TimeMs kNow = 1'795'253'400'000;
const Terminal kPlain(Terminal::Colours::off, 120);

Json member(const std::string& id, const std::string& effect, const std::string& state = "held") {
  return {{"id", id},
          {"burst", "bst_1"},
          {"state", state},
          {"effect", effect},
          {"sentence", "does " + id},
          {"summary", "summary of " + id},
          {"fingerprint", "print-" + id},
          {"created", format_time(kNow)},
          {"expires", format_time(kNow + 3'600'000)},
          {"missing", {"production-change: platform: 0 of 1"}}};
}

Json burst() {
  return {{"id", "bst_1"},
          {"sentence", "2 changes by agent builder on aws (production): 1 write, 1 destroy"},
          {"owner", "olivia"},
          {"held", 2},
          {"effects", {{"write", 1}, {"destroy", 1}}},
          {"demands", {{"signature", false}}},
          {"requests", {member("req_1", "write"), member("req_2", "destroy"), member("req_3", "write", "done")}}};
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(RenderBurst, EveryRequestWithItsSentenceAndFingerprint) {
  const std::string text = render_burst(burst(), kNow, kPlain);
  for (std::string_view part :
       {"bst_1", "2 changes by agent builder on aws (production): 1 write, 1 destroy", "does req_1", "print-req_1",
        "does req_2", "print-req_2", "Not held any more", "req_3  print-req_3  done",
        "production-change: platform: 0 of 1", "countersign approve bst_1 --reason TEXT", "expires in 60 min"}) {
    EXPECT_TRUE(has(text, part)) << part << "\n" << text;
  }
  EXPECT_LT(text.find("does req_2"), text.find("Not held any more"));
}

TEST(RenderBurst, NothingOfAnAgentsActsOnTheTerminal) {
  Json hostile = burst();
  hostile["requests"][0]["sentence"] = "\x1b[2Jnothing\nto see";
  hostile["sentence"] = "\x1b[31mred";
  const std::string text = render_burst(hostile, kNow, kPlain);
  EXPECT_FALSE(has(text, "\x1b"));
  EXPECT_FALSE(has(text, "nothing\nto see"));
}

TEST(RenderBurst, SaysWhatBecameOfTheVote) {
  const Json answer = {{"id", "bst_1"},
                       {"held", 1},
                       {"results",
                        {{{"id", "req_1"}, {"state", "approved"}, {"missing", Json::array()}},
                         {{"id", "req_2"},
                          {"state", "denied"},
                          {"error", {{"code", "approval.not_held"}, {"detail", "it is denied by now"}}}}}}};
  const std::string text = render_burst_vote(answer, kPlain);
  EXPECT_TRUE(has(text, "1 request is now approved")) << text;
  EXPECT_TRUE(has(text, "req_2: it is denied by now")) << text;
  EXPECT_TRUE(has(text, "1 more of bst_1 still held")) << text;
}

TEST(RenderBurst, ListsHaveOneLineForWhatWaitsTogether) {
  Json alone = member("req_9", "write");
  alone["burst"] = "";
  const Json list = {member("req_3", "write", "done"), alone, member("req_2", "destroy"), member("req_1", "write")};
  const Json grouped = grouped_by_burst(list, {{"bst_1", burst()}});
  ASSERT_EQ(grouped.size(), 3U);
  EXPECT_EQ(grouped[0]["id"], "req_3") << "it does not wait";
  EXPECT_EQ(grouped[1]["id"], "req_9");
  EXPECT_EQ(grouped[2]["id"], "bst_1");
  EXPECT_EQ(grouped[2]["effect"], "destroy") << "the worst of them";
  EXPECT_EQ(grouped[2]["summary"], burst()["sentence"]);
  EXPECT_EQ(grouped_by_burst(Json::array({member("req_1", "write")}), {{"bst_1", burst()}})[0]["id"], "req_1");
  EXPECT_EQ(grouped_by_burst(list, Json::object()).size(), 4U) << "a server that says nothing of bursts";
}

}  // namespace
}  // namespace countersign::cli
