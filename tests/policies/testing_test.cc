// The runner of policy tests: the official format, what is added to it, mistakes, coverage; and the shipped tests.
#include "policies/testing.h"

#include <gtest/gtest.h>

#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'767'268'800'000;

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Json();
}

constexpr const char* kPolicies = R"(
  @id("jane") permit (principal, action == Action::"view", resource in Album::"jane") when { principal.age >= 18 };
  forbid (principal, action, resource) when { resource.private };
  @id("ask") @approval("boss") forbid (principal, action, resource) when { context has ask };
)";

class Plain {
 public:
  Plain() {
    auto set = parse_plain_policies({{"p.cedar", kPolicies}});
    EXPECT_TRUE(set);
    policies_ = std::move(*set);
    coverage_.emplace(policies_, nullptr);
  }
  // The differences of one case: what it expects, its context, Photo's attributes.
  Result<TestOutcome> run(std::string_view expected, std::string_view context = "{}",
                          std::string_view photo = R"({"private": false})") {
    Json one = json(expected);
    one["request"] = {{"principal", "User::\"ann\""}, {"action", "Action::\"view\""}, {"resource", "Photo::\"p\""}};
    one["request"]["context"] = json(context);
    one["entities"] = json(R"([{"uid": {"type": "User", "id": "ann"}, "attrs": {"age": 20}, "parents": []},
        {"uid": {"type": "Photo", "id": "p"}, "attrs": {}, "parents": [{"type": "Album", "id": "jane"}]}])");
    one["entities"][1]["attrs"] = json(photo);
    auto file = read_test_file("t/tests.json", Json::array({one}));
    EXPECT_TRUE(file);
    return TestRunner(policies_, nullptr).run(*file, 0, *coverage_);
  }
  std::vector<std::string> differences(std::string_view expected, std::string_view context = "{}",
                                       std::string_view photo = R"({"private": false})") {
    auto outcome = run(expected, context, photo);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? outcome->differences : std::vector<std::string>{"unreadable"};
  }
  cedar::PolicySet policies_;
  std::optional<Coverage> coverage_;
};

using Differences = std::vector<std::string>;

TEST(RunTests, TheOfficialFormat) {
  Plain plain;
  EXPECT_EQ(plain.differences(R"({"decision": "allow", "reason": ["jane"], "num_errors": 0})"), Differences{});
  // Ids are @id or positional; `reason` may name fewer than all.
  EXPECT_EQ(plain.differences(R"({"decision": "allow", "reason": ["policy0"], "num_errors": 0})"), Differences{});
  EXPECT_EQ(plain.differences(R"({"decision": "allow", "reason": [], "num_errors": 0})"), Differences{});
  EXPECT_EQ(plain.differences(R"({"decision": "deny", "reason": ["policy1"], "num_errors": 0})", "{}",
                              R"({"private": true})"),
            Differences{});
  // An erring forbid is skipped by Cedar.
  EXPECT_EQ(plain.differences(R"({"decision": "allow", "reason": ["jane"], "num_errors": 1, "errors": ["policy1"]})",
                              "{}", "{}"),
            Differences{});
  // Members nobody knows are ignored there, too.
  EXPECT_EQ(plain.differences(R"({"decision": "allow", "reason": [], "has_error": false})"), Differences{});
}

TEST(RunTests, DifferencesAreNamed) {
  Plain plain;
  EXPECT_EQ(plain.differences(R"({"decision": "deny"})"), Differences{"expected deny, got allow"});
  EXPECT_EQ(plain.differences(R"({"decision": "allow", "reason": ["ask"]})"),
            Differences{"expected ask to decide, got jane"});
  EXPECT_EQ(plain.differences(R"({"decision": "allow", "num_errors": 2})", "{}", "{}"),
            Differences{"expected 2 errors, got 1: policy1"});
  EXPECT_EQ(plain.differences(R"({"decision": "allow", "errors": ["jane"]})", "{}", "{}"),
            Differences{"expected errors in jane, got policy1"});
}

TEST(RunTests, HoldIsDenyToOtherEngines) {
  Plain plain;
  EXPECT_EQ(plain.differences(R"({"decision": "hold", "approvals": ["boss"]})", R"({"ask": 1})"), Differences{});
  EXPECT_EQ(plain.differences(R"({"decision": "deny", "reason": ["ask"]})", R"({"ask": 1})"), Differences{});
  EXPECT_EQ(plain.differences(R"({"decision": "hold", "approvals": ["chief"]})", R"({"ask": 1})"),
            Differences{"expected approvals chief, got boss"});
  // With an erring forbid, or one that nothing releases, there is nothing to ask for.
  EXPECT_EQ(plain.differences(R"({"decision": "hold"})", R"({"ask": 1})", "{}"),
            Differences{"expected hold, got deny"});
  EXPECT_EQ(plain.differences(R"({"decision": "hold"})", R"({"ask": 1})", R"({"private": true})"),
            Differences{"expected hold, got deny"});
}

TEST(RunTests, CasesThatMeanNothingAreErrors) {
  Plain plain;
  EXPECT_EQ(plain.run(R"({"decision": "permit"})").error().code, "test.invalid");
  EXPECT_EQ(plain.run(R"({"decision": "allow", "reason": "jane"})").error().code, "test.invalid");
  EXPECT_EQ(plain.run(R"({"decision": "allow", "num_errors": -1})").error().code, "test.invalid");
  auto unnamed = plain.run(R"({"name": "mine", "decision": "allow"})", "[]");
  ASSERT_FALSE(unnamed);
  EXPECT_NE(unnamed.error().message.find("t/tests.json: mine: context"), std::string::npos) << unnamed.error().message;
  EXPECT_FALSE(read_test_file("t.json", json("{}")));
  EXPECT_FALSE(read_test_file("t.json", json(R"({"cases": [], "case": 1})")));
  EXPECT_FALSE(read_test_file("t.json", json("[1]")));
  EXPECT_FALSE(read_test_file("t.json", json(R"({"cases": [], "upstreams": [{"labels": {}}]})")));
}

TEST(RunTests, EntitiesMayBeAFileBesideTheTests) {
  PolicyFolder folder;
  folder.write("entities.json", R"([{"uid": {"type": "User", "id": "ann"}, "attrs": {"age": 20}, "parents": []},
      {"uid": {"type": "Photo", "id": "p"}, "attrs": {"private": false}, "parents": [{"type": "Album", "id": "jane"}]}])");
  Plain plain;
  auto run = [&](const char* entities) {
    Json one = {{"decision", "allow"}, {"entities", entities}};
    one["request"] = {{"principal", "User::\"ann\""},
                      {"action", "Action::\"view\""},
                      {"resource", "Photo::\"p\""},
                      {"context", Json::object()}};
    auto file = read_test_file(folder.path() / "tests.json", Json::array({one}));
    return TestRunner(plain.policies_, nullptr).run(*file, 0, *plain.coverage_);
  };
  auto beside = run("entities.json");
  ASSERT_TRUE(beside) << beside.error().message;
  EXPECT_TRUE(beside->has_passed());
  for (const char* outside : {"../entities.json", "/etc/passwd", "floor/../../x.json"})
    EXPECT_EQ(run(outside).error().code, "test.invalid") << outside;
  EXPECT_EQ(run("missing.json").error().code, "file.missing");
}

TEST(RunTests, CoverageCountsHeadsAndClauses) {
  Plain plain;
  // jane: head yes and no, when true and false. The two forbids have heads about everything.
  EXPECT_EQ(plain.coverage_->outcomes(), 4 + 3 + 3);
  EXPECT_EQ(plain.coverage_->covered(), 0);
  EXPECT_TRUE(plain.differences(R"({"decision": "allow"})").empty());
  EXPECT_EQ(plain.coverage_->covered(), 2 + 2 + 2);
  EXPECT_TRUE(plain.differences(R"({"decision": "allow"})", "{}", "{}").empty());
  const auto& parts = plain.coverage_->policies().at(1).parts;
  EXPECT_EQ(parts.at(1).failed, 1U);
  EXPECT_EQ(plain.coverage_->covered(), 6);
  EXPECT_EQ(plain.coverage_->percent(), 60);
}

TEST(RunTests, AMisspeltExpectationIsAnError) {
  PolicyFolder folder;
  folder.write("a.cedar", "@id(\"p\") permit (principal, action in Action::\"read\", resource);");
  auto snapshot = folder.load();
  Coverage coverage(snapshot->policies(), snapshot.get());
  Json one = json(R"({"decision": "allow", "aprovals": [], "request": {"agent": "a", "owner": "o", "effect": "read",
      "action": "mcp:call_tool", "resource": "Tool::files/a"}})");
  auto file = read_test_file("t.json", Json::array({one}));
  auto outcome = TestRunner(*snapshot, kNow).run(*file, 0, coverage);
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("did you mean `approvals`?"), std::string::npos) << outcome.error().message;
  one.erase("aprovals");
  auto again = TestRunner(*snapshot, kNow).run(*read_test_file("t.json", Json::array({one})), 0, coverage);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->has_passed());
}

TEST(RunTests, TheShippedTestsPassAndCoverEverything) {
  std::filesystem::path folder = std::filesystem::path(COUNTERSIGN_SOURCE_DIR) / "policies" / "default";
  std::optional<Coverage> coverage;
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "tests")) {
    auto text = read_file(entry.path().string(), 1U << 20);
    ASSERT_TRUE(text);
    auto file = read_test_file(entry.path(), json(*text));
    ASSERT_TRUE(file) << file.error().message;
    Problems problems;
    // The folder with its tests loads: they are no policies.
    auto snapshot = Snapshot::load(folder, *file->upstreams, problems);
    ASSERT_TRUE(snapshot) << format_problems(problems);
    if (!coverage) coverage.emplace(snapshot->policies(), snapshot.get());
    for (std::size_t i = 0; i < file->cases.size(); ++i) {
      auto outcome = TestRunner(*snapshot, kNow).run(*file, i, *coverage);
      ASSERT_TRUE(outcome) << outcome.error().message;
      EXPECT_TRUE(outcome->has_passed()) << outcome->name << ": " << outcome->differences.front();
      ++cases;
    }
  }
  EXPECT_GE(cases, 26);
  ASSERT_TRUE(coverage);
  EXPECT_EQ(coverage->percent(), 100);
}

}  // namespace
}  // namespace countersign::policies
