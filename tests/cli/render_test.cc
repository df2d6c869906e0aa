// What approvers and auditors read, from answers that somebody hostile had a hand in.
#include "cli/render.h"

#include <gtest/gtest.h>

#include <tuple>

namespace countersign::cli {
namespace {

constexpr TimeMs kNow = 1'795'253'400'000;
const Terminal kPlain(Terminal::Colours::off, 120);

Json request() {
  return {{"id", "req_1"},
          {"state", "held"},
          {"created", format_time(kNow - 120'000)},
          {"expires", format_time(kNow + 58 * 60'000)},
          {"agent", "builder"},
          {"owner", "olivia"},
          {"delegates", {"reviewer"}},
          {"protocol", "mcp"},
          {"upstream", "files"},
          {"action", "mcp:call_tool"},
          {"effect", "write"},
          {"environment", "production"},
          {"summary", "call write_file"},
          {"resources", {"File::files/production/config.json"}},
          {"input", {{"path", "production/config.json"}}},
          {"fingerprint", "abcdef"},
          {"policies",
           {{{"id", "two"}, {"source", "production.cedar:4"}, {"says", "changes to production need two people"}}}},
          {"preview", {{"sentence", "write production/config.json"}, {"parts", Json::array()}}},
          {"approvals",
           {{{"rule", "production-change"}, {"satisfied", false}, {"progress", "1 of 2"}, {"may_approve", {"pat"}}}}},
          {"votes",
           {{{"by", "sam"}, {"level", "senior"}, {"approves", true}, {"reason", "fine"}, {"at", format_time(kNow)}}}}};
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(RenderTest, ARequestSaysWhoWhatWhyAndWhoDecides) {
  std::string text = render_request(request(), kNow, kPlain);
  for (const char* part :
       {"req_1  held", "agent builder > reviewer for olivia wants to:", "write production/config.json", "production",
        "File::files/production/config.json", "in 58 min  (2026-11-21 10:28:00 UTC)", "2 min ago", "Held by",
        "two  production.cedar:4", "changes to production need two people", "Arguments",
        "\"path\": ", "production-change: 1 of 2", "may approve now: pat", "approved by sam (senior)", "fine",
        "countersign approve req_1 --reason TEXT", "countersign deny req_1 --reason TEXT"}) {
    EXPECT_TRUE(has(text, part)) << part << "\n" << text;
  }
}

TEST(RenderTest, ADecidedRequestOffersNoVote) {
  Json done = request();
  done["state"] = "done";
  EXPECT_FALSE(has(render_request(done, kNow, kPlain), "countersign approve"));
}

TEST(RenderTest, EscapeSequencesAreNeutralisedWhereverTheyStand) {
  const std::string evil =
      "\x1b[2J\x1b[H\xc2\x9b"
      "31m\xe2\x80\xae\r";
  Json hostile = request();
  for (const char* key :
       {"id", "agent", "owner", "upstream", "protocol", "action", "effect", "environment", "summary", "fingerprint"})
    hostile[key] = evil;
  hostile["state"] = "held" + evil;
  hostile["delegates"] = {evil};
  hostile["resources"] = {evil};
  hostile["input"] = {{evil, evil}};
  hostile["policies"] = {{{"id", evil}, {"source", evil}, {"says", evil}}};
  hostile["preview"]["sentence"] = evil;
  hostile["approvals"][0]["progress"] = evil;
  hostile["approvals"][0]["may_approve"] = {evil};
  hostile["votes"][0]["reason"] = evil;
  Json with_parts = hostile;
  with_parts["preview"]["parts"] = {{{"title", evil}, {"media_type", "text/plain"}, {"text", evil}},
                                    {{"title", evil}, {"media_type", "application/json"}, {"text", Json(evil).dump()}}};
  Json record = {{"seq", 1},       {"ts", format_time(kNow)}, {"agent", evil},
                 {"action", evil}, {"reason", evil},          {evil, evil}};
  Json token = {{"id", evil}, {"agent", evil}, {"owner", evil}, {"scope", evil}, {"state", evil}, {"issued_by", evil}};
  for (const std::string& text : {render_request(hostile, kNow, kPlain), render_request(with_parts, kNow, kPlain),
                                  render_requests(Json::array({hostile}), kNow, kPlain), render_vote(hostile, kPlain),
                                  render_records(Json::array({record}), kPlain), render_record(record, kPlain),
                                  render_tokens(Json::array({token}), kNow, kPlain)}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
    EXPECT_EQ(text.find('\r'), std::string::npos);
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
    EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos);
  }
}

Json push() {
  Json out = request();
  out["preview"]["parts"] = {
      {{"title", "statistics"}, {"media_type", "text/plain"}, {"text", "1 file changed, 1 line added, 1 removed"}},
      {{"title", "files"}, {"media_type", "text/plain"}, {"text", "src/\n  M a.cc +1 -1\n"}},
      {{"title", "diff"},
       {"media_type", "text/x-diff"},
       {"text",
        "diff --git a/src/a.cc b/src/a.cc\n--- a/src/a.cc\n+++ b/src/a.cc\n@@ -1,2 +1,2 @@\n \tkept\n"
        "--- gone\n+come \xe2\x80\xae\n"}}};
  return out;
}

TEST(RenderTest, ADiffIsShownInColoursWithNothingHidden) {
  const std::string plain = render_preview(push()["preview"]["parts"], "req_1", Shown::beginning, kPlain);
  EXPECT_EQ(plain,
            "\nstatistics\n  1 file changed, 1 line added, 1 removed\n"
            "\nfiles\n  src/\n    M a.cc +1 -1\n"
            "\ndiff\n  diff --git a/src/a.cc b/src/a.cc\n  --- a/src/a.cc\n  +++ b/src/a.cc\n  @@ -1,2 +1,2 @@\n"
            "       kept\n  --- gone\n  +come \\u202e\n");
  const Terminal colourful(Terminal::Colours::on, 120);
  const std::string text = render_preview(push()["preview"]["parts"], "req_1", Shown::beginning, colourful);
  EXPECT_TRUE(has(text, colourful.styled(Style::bold, "diff --git a/src/a.cc b/src/a.cc"))) << text;
  EXPECT_TRUE(has(text, colourful.styled(Style::dim, "--- a/src/a.cc")));
  EXPECT_TRUE(has(text, colourful.styled(Style::yellow, "@@ -1,2 +1,2 @@")));
  EXPECT_TRUE(has(text, colourful.styled(Style::red, "--- gone"))) << "a line of the file, not a head";
  EXPECT_TRUE(has(text, colourful.styled(Style::green, "+come \\u202e")));
}

TEST(RenderTest, LongPartsAreCutWithANoteThatSaysHowToSeeAll) {
  Json long_push = push();
  std::string& text = long_push["preview"]["parts"][2]["text"].get_ref<std::string&>();
  for (int at = 0; at < 500; ++at) text += "+line " + std::to_string(at) + "\n";
  const std::string beginning = render_request(long_push, kNow, kPlain);
  EXPECT_TRUE(has(beginning, "  … 307 more lines: countersign request show req_1 --full\n")) << beginning;
  EXPECT_TRUE(has(beginning, "+line 192\n"));
  EXPECT_FALSE(has(beginning, "+line 193\n"));
  const std::string full = render_request(long_push, kNow, kPlain, Shown::full);
  EXPECT_TRUE(has(full, "+line 499\n"));
  EXPECT_FALSE(has(full, "more lines"));
}

TEST(RenderTest, AnswersOfAnotherShapeDoNotBreakIt) {
  for (const Json& odd : {Json(), Json::array(), Json(7), Json::object(), Json{{"resources", 7}, {"votes", "x"}}}) {
    EXPECT_NO_THROW(std::ignore = render_request(odd, kNow, kPlain));
    EXPECT_NO_THROW(std::ignore = render_vote(odd, kPlain));
    EXPECT_NO_THROW(std::ignore = render_requests(Json::array({odd}), kNow, kPlain));
    EXPECT_NO_THROW(std::ignore = render_records(Json::array({odd}), kPlain));
    EXPECT_NO_THROW(std::ignore = render_tokens(Json::array({odd}), kNow, kPlain));
  }
}

TEST(RenderTest, RecordsFitIn120Columns) {
  Json records = Json::array();
  for (int at = 0; at < 3; ++at) {
    records.push_back({{"seq", 1000 + at},
                       {"ts", format_time(kNow)},
                       {"phase", "intent"},
                       {"agent", "an-agent-with-a-rather-long-name"},
                       {"action", "mcp:call_tool"},
                       {"resources", {"File::files/production/a/very/long/path/to/a/file/config.json", "File::other"}},
                       {"decision", "deny"},
                       {"code", "policy.floor"},
                       {"reason", "destroying production is refused by the floor and cannot be approved by anybody"}});
  }
  std::string text = render_records(records, kPlain);
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find('\n', begin);
    EXPECT_LE(columns(std::string_view(text).substr(begin, end - begin)), 120U);
    begin = end + 1;
  }
  EXPECT_TRUE(has(text, "11-21 09:30:00"));
  EXPECT_TRUE(has(text, "deny"));
}

TEST(RenderTest, JsonListsAreDocumentsWithAnElementALine) {
  EXPECT_EQ(render_json_list(Json::array()), "[]\n");
  EXPECT_EQ(render_json_list({{{"a", 1}}, {{"a", 2}}}), "[\n{\"a\":1},\n{\"a\":2}\n]\n");
}

}  // namespace
}  // namespace countersign::cli
