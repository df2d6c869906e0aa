#include "approvals/rules.h"

#include <gtest/gtest.h>

#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

Vote approval(std::string rule, std::string stage, std::string group, std::string by, std::string level, TimeMs at) {
  return {.rule = std::move(rule),
          .stage = std::move(stage),
          .group = std::move(group),
          .by = std::move(by),
          .level = std::move(level),
          .approves = true,
          .reason = "",
          .at = at};
}

Vote platform(std::string by, std::string level, TimeMs at = 1) {
  return approval("production-change", "platform", "team:platform", std::move(by), std::move(level), at);
}
Vote director(std::string by, std::string level, TimeMs at = 2) {
  return approval("production-change", "director", "anyone", std::move(by), std::move(level), at);
}

std::vector<std::string> problems_of(std::string_view text) {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", text, problems);
  EXPECT_EQ(rules.has_value(), !has_errors(problems));
  std::vector<std::string> out;
  for (const Problem& problem : problems) out.push_back(format_problem(problem));
  return out;
}

TEST(RulesFile, IsReadWithItsDefaults) {
  Rules rules = test::house_rules();
  EXPECT_EQ(rules.default_expires, test::kHour);
  ASSERT_EQ(rules.rules.size(), 3U);
  const Rule* change = rules.find("production-change");
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->expires, 2 * test::kHour);
  ASSERT_EQ(change->stages.size(), 2U);
  EXPECT_EQ(change->stages[0].count, 1);
  EXPECT_EQ(change->stages[0].groups.front().text(), "team:platform");
  EXPECT_EQ(change->stages[0].min_level, Level::senior);
  EXPECT_EQ(change->stages[0].line, 7);
  EXPECT_EQ(rules.find("pair")->expires, test::kHour);
  EXPECT_EQ(rules.find("pair")->stages[0].min_level, Level::junior);
  EXPECT_EQ(rules.find("nothing"), nullptr);
}

TEST(RulesFile, EmptyMeansNoRules) {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", "", problems);
  ASSERT_TRUE(rules);
  EXPECT_TRUE(rules->rules.empty());
  EXPECT_EQ(rules->default_expires, Rules::kDefaultExpires);
}

TEST(RulesFile, ReportsEveryProblemWithItsLine) {
  std::vector<std::string> problems = problems_of(R"(default_expires: soon
rules:
  a:
    expires: 31d
    stages: []
  b:
    stages:
      - { name: x, group: platform, count: 0 }
      - { name: x, group: anyone, min_level: chief }
      - { group: anyone }
      - { name: y, group: "user:alice", count: 2 }
      - { name: z, group: "user:alice", mn_level: mid }
  c: {}
surprise: 1
)");
  auto has = [&](std::string_view start, std::string_view part) {
    for (const std::string& problem : problems) {
      if (problem.starts_with(start) && problem.find(part) != std::string::npos) return true;
    }
    return false;
  };
  EXPECT_TRUE(has("approvals.yaml:1:", "default_expires"));
  EXPECT_TRUE(has("approvals.yaml:4:", "expires"));
  EXPECT_TRUE(has("approvals.yaml:5:", "1 to 10 stages"));
  EXPECT_TRUE(has("approvals.yaml:8:", "team:NAME"));
  EXPECT_TRUE(has("approvals.yaml:8:", "count"));
  EXPECT_TRUE(has("approvals.yaml:9:", "min_level"));
  EXPECT_TRUE(has("approvals.yaml:9:", "`x` is there twice"));
  EXPECT_TRUE(has("approvals.yaml:10:", "name"));
  EXPECT_TRUE(has("approvals.yaml:11:", "one person counts once"));
  EXPECT_TRUE(has("approvals.yaml:12:", "mn_level"));
  EXPECT_TRUE(has("approvals.yaml:12:", "needed by stage `y` already"));
  EXPECT_TRUE(has("approvals.yaml:13:", "stages"));
  EXPECT_TRUE(has("approvals.yaml:14:", "surprise"));
  EXPECT_EQ(problems.size(), 13U) << testing::PrintToString(problems);
}

TEST(RulesFile, RefusesWhatIsNotRules) {
  EXPECT_FALSE(problems_of("rules: [").empty());
  EXPECT_FALSE(problems_of("- a").empty());
  EXPECT_FALSE(problems_of("rules: yes").empty());
  EXPECT_FALSE(problems_of("rules: { a: 1 }").empty());
  EXPECT_FALSE(problems_of("rules: { a: { stages: [3] } }").empty());
  std::string many = "rules: { a: { stages: [";
  for (int i = 0; i < 11; ++i) many += "{ name: s" + std::to_string(i) + ", group: anyone },";
  EXPECT_EQ(problems_of(many + "] } }").size(), 1U);
}

TEST(RulesFile, MissingFileIsAProblem) {
  Problems problems;
  EXPECT_FALSE(load_rules("/nowhere/approvals.yaml", problems));
  EXPECT_EQ(problems.size(), 1U);
}

TEST(RulesFile, KeepsEarlierProblemsOfOtherFilesApart) {
  Problems problems{{.file = "entities.yaml", .line = 1, .column = 1, .message = "bad"}};
  EXPECT_TRUE(parse_rules("approvals.yaml", "rules: {}", problems));
  EXPECT_EQ(problems.size(), 1U);
}

TEST(Groups, AreWrittenInThreeWays) {
  EXPECT_EQ(parse_group("anyone")->text(), "anyone");
  EXPECT_EQ(parse_group("team:a b")->text(), "team:a b");
  EXPECT_EQ(parse_group("user:x")->kind, Group::Kind::user);
  for (std::string_view bad : {"", "team:", "user:", "Anyone", "nobody", "group:x", "platform"}) {
    EXPECT_FALSE(parse_group(bad)) << bad;
  }
  EXPECT_EQ(Group{}.text(), "nobody");
}

TEST(Expiry, IsTheShortestOfTheRules) {
  Rules rules = test::house_rules();
  auto after = [&](std::vector<std::string> names) { return rules.expires_after(names); };
  EXPECT_EQ(after({"production-change", "solo"}), 2 * test::kHour);
  EXPECT_EQ(after({"solo"}), 4 * test::kHour);
  EXPECT_EQ(after({"solo", "gone"}), 4 * test::kHour);
  EXPECT_EQ(after({"gone"}), test::kHour);
  EXPECT_EQ(after({}), test::kHour);
}

TEST(Progress, StagesOpenInOrder) {
  Rules rules = test::house_rules();
  const Rule& rule = *rules.find("production-change");

  Progress none = evaluate(rule, {});
  EXPECT_FALSE(none.satisfied);
  ASSERT_TRUE(none.open);
  EXPECT_EQ(none.open->name, "platform");
  EXPECT_EQ(none.sentence, "platform: 0 of 1 from team platform, senior or above");

  std::vector<Vote> later_only{director("dave", "director")};
  EXPECT_EQ(evaluate(rule, {.votes = later_only}).open->name, "platform");

  std::vector<Vote> first{platform("bob", "senior")};
  Progress half = evaluate(rule, {.votes = first});
  EXPECT_EQ(half.open->name, "director");
  EXPECT_EQ(half.counted, std::vector<std::string>{"bob"});
  EXPECT_EQ(half.sentence, "director: 0 of 1 from anyone, director or above");

  std::vector<Vote> both{platform("bob", "senior", 5), director("dave", "director", 9)};
  Progress done = evaluate(rule, {.votes = both});
  EXPECT_TRUE(done.satisfied);
  EXPECT_FALSE(done.open);
  EXPECT_EQ(done.most_senior, "dave");
  EXPECT_EQ(done.level, Level::director);
  EXPECT_EQ(done.satisfied_at, 9);
  EXPECT_EQ(done.sentence, "approved by bob, dave");
}

TEST(Progress, OnePersonCountsOnce) {
  Rules rules = test::house_rules();
  std::vector<Vote> same{approval("pair", "two", "team:platform", "bob", "senior", 1),
                         approval("pair", "two", "team:platform", "bob", "senior", 2)};
  Progress progress = evaluate(*rules.find("pair"), {.votes = same});
  EXPECT_FALSE(progress.satisfied);
  EXPECT_EQ(progress.have, 1);
  EXPECT_EQ(progress.sentence, "two: 1 of 2 from team platform");

  std::vector<Vote> both_stages{platform("frank", "director"), director("frank", "director")};
  EXPECT_FALSE(evaluate(*rules.find("production-change"), {.votes = both_stages}).satisfied);
}

TEST(Progress, AVoteCountsOnlyForWhatItWasGivenTo) {
  Rules rules = test::house_rules();
  const Rule& rule = *rules.find("production-change");
  std::vector<Vote> votes(1);
  auto counts = [&](Vote vote) {
    votes[0] = std::move(vote);
    return !evaluate(rule, {.votes = votes}).counted.empty();
  };
  EXPECT_TRUE(counts(platform("bob", "senior")));
  EXPECT_TRUE(counts(platform("bob", "vp")));
  EXPECT_FALSE(counts(platform("bob", "mid")));
  EXPECT_FALSE(counts(platform("bob", "")));
  EXPECT_FALSE(counts(platform("bob", "emperor")));
  Vote denial = platform("bob", "senior");
  denial.approves = false;
  EXPECT_FALSE(counts(denial));
  Vote other_rule = platform("bob", "senior");
  other_rule.rule = "pair";
  EXPECT_FALSE(counts(other_rule));
  Vote other_stage = platform("bob", "senior");
  other_stage.stage = "gone";
  EXPECT_FALSE(counts(other_stage));
  Vote other_group = platform("bob", "senior");
  other_group.group = "anyone";
  EXPECT_FALSE(counts(other_group));
}

TEST(Progress, ARuleThatIsNotThereIsNeverSatisfied) {
  EXPECT_FALSE(evaluate(Rule{.name = "empty", .expires = 1}, {}).satisfied);
  HeldRequest request;
  EXPECT_FALSE(all_satisfied(progress_of(request, test::house_rules(), test::kNow)));
  request.rules = {"gone"};
  std::vector<Progress> progress = progress_of(request, test::house_rules(), test::kNow);
  ASSERT_EQ(progress.size(), 1U);
  EXPECT_FALSE(progress[0].satisfied);
  EXPECT_FALSE(progress[0].open);
  EXPECT_FALSE(all_satisfied(progress));
}

TEST(Facts, TellPoliciesWhoReleasedWhat) {
  HeldRequest request;
  request.rules = {"production-change", "solo"};
  request.votes = {platform("bob", "senior", 5), director("dave", "director", 9)};
  std::vector<policies::ApprovalFact> facts = approval_facts(progress_of(request, test::house_rules(), test::kNow));
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(facts[0].rule, "production-change");
  EXPECT_EQ(facts[0].by, "dave");
  EXPECT_EQ(facts[0].level, "director");
  EXPECT_EQ(facts[0].at, 9);
}

}  // namespace
}  // namespace countersign::approvals
