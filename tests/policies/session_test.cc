// context.session: how it is written down, and what policies make of it.
#include "policies/session.h"

#include <gtest/gtest.h>

#include "policies/journal_line.h"
#include "policies/question.h"
#include "policies/session_json.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'767'268'800'000;

Session parsed(std::string_view text, std::size_t accesses) {
  auto document = JsonDocument::parse(text);
  EXPECT_TRUE(document) << text;
  auto session = parse_session(document->root(), accesses);
  EXPECT_TRUE(session) << session.error().message;
  return session ? *session : Session();
}
std::string wrong(std::string_view text) {
  auto document = JsonDocument::parse(text);
  auto session = parse_session(document->root(), 2);
  EXPECT_FALSE(session) << text;
  return session ? "" : session.error().message;
}

TEST(SessionJson, SaysTheSameAgain) {
  Session session;
  EXPECT_EQ(session_text(session), "");
  session.age = 7;
  session.hour = {5, 4, 3, 2, 1};
  session.minutes = {1, 0, 0, 0, 0};
  session.things = {{},
                    {.created = true,
                     .recreates = true,
                     .unprotected = true,
                     .listed = true,
                     .denied = true,
                     .siblings_destroyed = 9}};
  EXPECT_EQ(
      session_text(session),
      R"({"age":7,"hour":{"changes":4,"denials":2,"destroys":3,"holds":1,"reads":5},"minutes":{"reads":1},)"
      R"("things":[{},{"created":true,"denied":true,"listed":true,"recreates":true,"siblings_destroyed":9,"unprotected":true}]})");
  EXPECT_EQ(parsed(session_text(session), 2), session);
  EXPECT_EQ(parsed("{}", 2), Session());
}

TEST(SessionJson, OfEverythingOrOfEachThing) {
  const Session all = parsed(R"({"denied":true,"siblings_destroyed":3})", 2);
  ASSERT_EQ(all.things.size(), 2U);
  EXPECT_TRUE(all.of(0).denied && all.of(1).denied);
  const Session each = parsed(R"({"denied":true,"things":[{},{"denied":false,"listed":true}]})", 2);
  EXPECT_TRUE(each.of(0).denied);
  EXPECT_FALSE(each.of(1).denied);
  EXPECT_TRUE(each.of(1).listed);
  EXPECT_EQ(each.of(7), Session::Thing());
}

TEST(SessionJson, MistakesAreNamed) {
  EXPECT_NE(wrong("[]").find("must be an object"), std::string::npos);
  EXPECT_NE(wrong(R"({"denyed":true})").find("`denyed`"), std::string::npos);
  EXPECT_NE(wrong(R"({"denied":1})").find("true or false"), std::string::npos);
  EXPECT_NE(wrong(R"({"age":-1})").find("a number from 0"), std::string::npos);
  EXPECT_NE(wrong(R"({"hour":{"destroyed":1}})").find("not `destroyed`"), std::string::npos);
  EXPECT_NE(wrong(R"({"hour":3})").find("must be an object"), std::string::npos);
  EXPECT_NE(wrong(R"({"things":[{},{},{}]})").find("one for each thing"), std::string::npos);
  EXPECT_NE(wrong(R"({"things":[{"age":3}]})").find("has no member `age`"), std::string::npos);
  EXPECT_NE(wrong(R"({"siblings_destroyed":"9"})").find("a number from 0"), std::string::npos);
}

class SessionPolicies : public testing::Test {
 protected:
  void SetUp() override {
    folder_.upstream("files", "staging", 3);
    folder_.write("a.cedar",
                  "@id(\"all\") @allow(\"broad-permit\") permit (principal, action, resource);\n"
                  "@id(\"series\") forbid (principal, action in Action::\"change\", resource)\n"
                  "when { context.session.siblings_destroyed > 3 || context.session.hour.denials > 5 };\n");
    snapshot_ = folder_.load();
    ASSERT_TRUE(snapshot_);
  }
  Decision ask(const Session* session, Effect effect = Effect::write, std::vector<std::string> names = {"a"}) {
    Operation operation;
    operation.protocol = "mcp";
    operation.upstream = "files";
    operation.action = "mcp:call_tool";
    operation.input = tool_call("{}");
    for (const std::string& name : names) operation.accesses.push_back(access(effect, "File", "files", name));
    const Scope scope = everything();
    return decide(*snapshot_, {.agent = "b", .owner = "o", .scope = &scope, .session = session}, operation, {}, kNow);
  }
  PolicyFolder folder_;
  std::shared_ptr<const Snapshot> snapshot_;
};

TEST_F(SessionPolicies, DecideOnIt) {
  Session session;
  EXPECT_EQ(ask(&session).verdict, Verdict::allow);
  session.hour.denials = 6;
  EXPECT_EQ(ask(&session).code, "policy.forbidden");
  session.hour.denials = 5;
  session.things = {{}, {.siblings_destroyed = 4}};
  EXPECT_EQ(ask(&session).verdict, Verdict::allow);
  const Decision second = ask(&session, Effect::destroy, {"a", "b"});
  EXPECT_EQ(second.code, "policy.forbidden");
  EXPECT_EQ(second.about, std::vector<std::size_t>{1}) << "it is the second one that is refused";
}

TEST_F(SessionPolicies, WhatIsNotKnownIsForbidden) {
  EXPECT_EQ(ask(nullptr).code, "policy.error");
  EXPECT_EQ(ask(nullptr, Effect::read).verdict, Verdict::allow) << "nothing about reads asks for it";
}

TEST_F(SessionPolicies, AreReplayedAsTheyWereAsked) {
  Operation operation;
  operation.protocol = "mcp";
  operation.upstream = "files";
  operation.action = "mcp:call_tool";
  operation.input = tool_call("{}");
  operation.accesses = {access(Effect::destroy, "File", "files", "a")};
  const Scope scope = everything();
  Session session;
  session.hour.destroys = 4;
  session.things = {{.listed = true, .siblings_destroyed = 4}};
  const Subject subject{
      .agent = "b", .owner = "o", .token = "leaf", .scope = &scope, .session = &session, .root = "root"};
  const Decision decision = decide(*snapshot_, subject, operation, {}, kNow);
  const std::string line = render_entry(journal_entry(snapshot_, subject, operation, decision, kNow));
  auto document = JsonDocument::parse(std::string_view(line).substr(0, line.size() - 1));
  ASSERT_TRUE(document) << line;
  auto entry = parse_entry(document->root());
  ASSERT_TRUE(entry) << entry.error().message << line;
  EXPECT_EQ(entry->session, session);
  EXPECT_EQ(entry->root, "root");
  auto question = parse_json(question_text(*entry));
  ASSERT_TRUE(question) << question_text(*entry);
  auto asked = read_question(*question, snapshot_->directory(), kNow);
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(asked->session, session);
}

TEST_F(SessionPolicies, AreExplained) {
  auto json = parse_json(R"({"agent":"b","owner":"o","action":"mcp:call_tool","effect":"destroy",
      "accesses":[{"resource":"File::files/a","effect":"destroy"},{"resource":"File::files/b","effect":"destroy"}],
      "input":{"tool":"x","arguments":{}},"session":{"things":[{},{"siblings_destroyed":4}]}})");
  ASSERT_TRUE(json);
  json->erase("effect");
  auto question = read_question(*json, snapshot_->directory(), kNow);
  ASSERT_TRUE(question) << question.error().message;
  const Explanation explained = explain(*snapshot_, question->subject(), question->operation, {}, kNow);
  ASSERT_EQ(explained.accesses.size(), 2U);
  EXPECT_TRUE(explained.accesses[0].remedy.hard.empty());
  ASSERT_EQ(explained.accesses[1].remedy.hard.size(), 1U);
  (*json)["session"]["things"][1]["siblings"] = 4;
  EXPECT_EQ(read_question(*json, snapshot_->directory(), kNow).error().code, "question.invalid");
}

}  // namespace
}  // namespace countersign::policies
