// The rules that are shipped, the example, and the manual: what they say is what the parser takes.
#include <gtest/gtest.h>

#include <algorithm>

#include "approvals/ruleset.h"
#include "policies/testing.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

std::filesystem::path source(std::string_view name) {
  return std::filesystem::path(COUNTERSIGN_SOURCE_DIR) / name;
}

std::vector<config::Upstream> web() {
  config::Upstream upstream;
  upstream.name = "web";
  upstream.protocol = "mcp";
  upstream.tools.push_back({.tool = "*", .resources = {{.pointer = "/path"}}, .resource_type = "File"});
  return {upstream};
}

std::shared_ptr<const Ruleset> load(std::string_view folder) {
  Problems problems;
  auto loaded = load_ruleset(source(folder), web(), test::kNow, problems);
  EXPECT_TRUE(loaded) << format_problems(problems);
  EXPECT_FALSE(has_errors(problems)) << format_problems(problems);
  return loaded;
}

// Demos, tests and first users decide by these without a passkey and without documents.
TEST(ShippedRules, AskForPeopleAndNothingElse) {
  auto loaded = load("policies/default");
  ASSERT_TRUE(loaded);
  const Rules& rules = *loaded->approvals;
  for (std::string_view name : {"production-change", "tier-0-change", "sensitive-change"}) {
    const Rule* rule = rules.find(name);
    ASSERT_NE(rule, nullptr) << name;
    EXPECT_FALSE(rule->demands.signature) << name;
    EXPECT_EQ(rule->demands.max_sign_in_age, 0) << name;
    EXPECT_TRUE(rule->documentation.empty()) << name;
  }
  EXPECT_EQ(rules.find("sensitive-change")->stages.front().count, 2);
  EXPECT_TRUE(rules.freezes.empty());
  EXPECT_TRUE(rules.delegations.empty());
}

TEST(ExampleRules, HoldWhatTheirTestsSay) {
  auto loaded = load("examples/approvals");
  ASSERT_TRUE(loaded);
  const std::filesystem::path path = source("examples/approvals/tests/changes.json");
  Result<Json> json = parse_json(test::slurp(path));
  ASSERT_TRUE(json);
  Result<policies::TestFile> file = policies::read_test_file(path, *json);
  ASSERT_TRUE(file) << file.error().message;
  Problems problems;
  auto snapshot = policies::Snapshot::load(source("examples/approvals"), *file->upstreams, problems);
  ASSERT_TRUE(snapshot) << format_problems(problems);
  policies::TestRunner runner(*snapshot, test::kNow);
  policies::Coverage coverage(snapshot->policies(), snapshot.get());
  for (std::size_t i = 0; i < file->cases.size(); ++i) {
    Result<policies::TestOutcome> outcome = runner.run(*file, i, coverage);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_TRUE(outcome->has_passed()) << outcome->name << ": " << testing::PrintToString(outcome->differences);
  }
}

TEST(ExampleRules, AreWhatTheReadmeSays) {
  auto loaded = load("examples/approvals");
  ASSERT_TRUE(loaded);
  const Rules& rules = *loaded->approvals;
  const Rule* tier_1 = rules.find("tier-1-change");
  ASSERT_NE(tier_1, nullptr);
  EXPECT_TRUE(tier_1->demands.signature);
  EXPECT_EQ(tier_1->documentation.size(), 4U);
  const std::vector<std::string> names{"production-change", "tier-1-change"};
  EXPECT_EQ(missing_documentation(rules, names, "", test::kNow).size(), 4U);

  const std::vector<std::string> production{"production"};
  auto verdict = [&](std::string_view time, std::string_view agent) {
    return frozen(rules, {.agent = agent, .upstream = "web", .environments = production, .effect = Effect::write},
                  parse_time(time).value_or(0));
  };
  using Kind = FreezeVerdict::Kind;
  EXPECT_EQ(verdict("2026-11-21T12:00:00Z", "builder").kind, Kind::hold);
  EXPECT_EQ(verdict("2026-11-21T12:00:00Z", "builder").rules, std::vector<std::string>{"freeze-exemption"});
  EXPECT_EQ(verdict("2026-11-21T12:00:00Z", "incident-bot").kind, Kind::none);
  EXPECT_EQ(verdict("2026-12-29T12:00:00Z", "incident-bot").kind, Kind::deny);
  EXPECT_EQ(verdict("2026-11-24T12:00:00Z", "builder").kind, Kind::none);
}

// Every yaml block of the manual is a whole file.
TEST(Manual, ShowsFilesThatLoad) {
  const std::string page = test::slurp(source("docs/approvals.md"));
  constexpr std::string_view kOpen = "\n```yaml\n";
  int blocks = 0;
  for (std::size_t at = page.find(kOpen); at != std::string::npos; at = page.find(kOpen, at)) {
    at += kOpen.size();
    const std::string block = page.substr(at, page.find("\n```", at) - at);
    const std::string name = "docs/approvals.md, line " + std::to_string(std::ranges::count(page.substr(0, at), '\n'));
    Problems problems;
    EXPECT_TRUE(parse_rules(name, block, problems)) << format_problems(problems);
    ++blocks;
  }
  EXPECT_GT(blocks, 8);
}

}  // namespace
}  // namespace countersign::approvals
