#include "approvals/delegation.h"

#include <gtest/gtest.h>

#include "core/yaml.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;
using test::kHour;
using test::kNow;

constexpr TimeMs kDay = 24 * kHour;

policies::Directory people() {
  Problems problems;
  std::optional<yaml::Node> root = yaml::parse("entities.yaml", R"(
teams: [ platform, web ]
users:
  - { name: anna, level: senior, teams: [platform] }
  - { name: ben, level: junior, teams: [web] }
  - { name: cora, level: senior, teams: [web] }
  - { name: dirk, level: vp, teams: [platform] }
  - { name: alice, level: vp, teams: [platform] }
)",
                                               problems);
  yaml::Map map("entities.yaml", *root, "the file", problems);
  policies::Directory directory = policies::Directory::read("entities.yaml", map, problems);
  EXPECT_TRUE(problems.empty()) << format_problems(problems);
  return directory;
}

Rules rules_of(std::string_view mode) {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", R"(
rules:
  change:
    delegation: )" + std::string(mode) + R"(
    stages: [ { name: platform, count: 2, group: "team:platform", min_level: senior } ]
  other: { stages: [ { name: one, group: "team:platform" } ] }
)",
                                           problems);
  EXPECT_TRUE(rules) << format_problems(problems);
  return rules.value_or(Rules{});
}

Delegation away(std::string from, std::string to, std::vector<std::string> rules = {}) {
  return {.from = std::move(from), .to = std::move(to), .since = kNow, .until = kNow + kDay, .rules = std::move(rules)};
}

class Delegations : public testing::Test {
 protected:
  Delegations() {
    request_.id = "req_1";
    request_.created = kNow;
    request_.rules = {"change"};
  }
  Approver approver(std::string_view name) {
    return find_approver(people(), name, {}, rules_, stored_).value_or(Approver{});
  }
  std::string code(std::string_view name, std::string_view for_whom, TimeMs now = kNow,
                   Choice choice = Choice::approve) {
    return code_of(eligibility(request_, approver(name), choice, rules_, now, for_whom));
  }
  void vote(std::string_view name, std::string_view for_whom) {
    auto openings = eligibility(request_, approver(name), Choice::approve, rules_, kNow, for_whom);
    ASSERT_TRUE(openings) << openings.error().code;
    for (const Opening& opening : *openings) {
      Vote one;
      one.rule = opening.rule;
      one.stage = opening.stage;
      one.group = opening.group;
      one.by = name;
      one.for_whom = for_whom;
      one.level = opening.level;
      one.approves = true;
      one.at = kNow;
      request_.votes.push_back(one);
    }
  }
  Rules rules_ = rules_of("same_level");
  std::vector<Delegation> stored_{away("anna", "cora")};
  HeldRequest request_ = test::draft("x", kNow + 10 * kDay);
};

TEST_F(Delegations, GiveTheGroupsOfWhoIsAway) {
  EXPECT_EQ(code("cora", ""), "approval.not_in_group");
  EXPECT_EQ(code("cora", "anna"), "");
  EXPECT_EQ(code("cora", "anna", kNow, Choice::deny), "");
  EXPECT_EQ(code("cora", "dirk"), "approval.not_delegated");
  EXPECT_EQ(code("cora", "Anna"), "approval.not_delegated");
  EXPECT_EQ(code("ben", "anna"), "approval.not_delegated");
  EXPECT_EQ(may_vote_for(request_, approver("cora"), rules_, kNow), std::vector<std::string>{"anna"});
  EXPECT_TRUE(may_vote_for(request_, approver("dirk"), rules_, kNow).empty());
  // From the file as well.
  stored_.clear();
  EXPECT_EQ(code("cora", "anna"), "approval.not_delegated");
  rules_.delegations = {away("anna", "cora")};
  EXPECT_EQ(code("cora", "anna"), "");
}

TEST_F(Delegations, LastFromTheFirstMomentToJustBeforeTheLast) {
  EXPECT_EQ(code("cora", "anna", kNow), "");
  EXPECT_EQ(code("cora", "anna", kNow + kDay - 1), "");
  EXPECT_EQ(code("cora", "anna", kNow + kDay), "approval.not_delegated");
  stored_[0].since = kNow + 1;
  EXPECT_EQ(code("cora", "anna", kNow), "approval.not_delegated");
}

TEST_F(Delegations, AreForTheRulesTheyName) {
  stored_ = {away("anna", "cora", {"other"})};
  EXPECT_EQ(code("cora", "anna"), "approval.not_delegated");
  stored_.push_back(away("anna", "cora", {"change"}));
  EXPECT_EQ(code("cora", "anna"), "");
  request_.rules = {"change", "other"};
  auto openings = eligibility(request_, approver("cora"), Choice::approve, rules_, kNow, "anna");
  ASSERT_TRUE(openings);
  EXPECT_EQ(openings->size(), 2U);
}

TEST_F(Delegations, LevelsAreThoseTheRuleSays) {
  stored_ = {away("anna", "ben"), away("anna", "cora"), away("ben", "dirk")};
  EXPECT_EQ(code("ben", "anna"), "approval.level_too_low");
  EXPECT_EQ(code("cora", "anna"), "");
  EXPECT_EQ(eligibility(request_, approver("cora"), Choice::approve, rules_, kNow, "anna")->front().level, "senior");
  request_.rules = {"other"};
  EXPECT_EQ(eligibility(request_, approver("ben"), Choice::approve, rules_, kNow, "anna")->front().level, "junior");
  request_.rules = {"change"};
  rules_ = rules_of("any");
  EXPECT_EQ(eligibility(request_, approver("ben"), Choice::approve, rules_, kNow, "anna")->front().level, "senior");
  EXPECT_EQ(code("dirk", "ben"), "approval.not_in_group");  // a vp in the place of a junior is a junior
  rules_ = rules_of("none");
  EXPECT_EQ(code("cora", "anna"), "approval.not_delegated");
}

TEST_F(Delegations, UseUpBoth) {
  stored_.push_back(away("dirk", "cora"));
  stored_.push_back(away("anna", "dirk"));
  vote("cora", "anna");
  EXPECT_EQ(code("anna", ""), "approval.already_voted");
  EXPECT_EQ(code("cora", "dirk"), "approval.already_voted");
  EXPECT_EQ(code("dirk", "anna"), "approval.already_voted");
  EXPECT_EQ(code("dirk", ""), "");
  Progress half = progress_of(request_, rules_, kNow).front();
  EXPECT_EQ(half.have, 1);
  EXPECT_EQ(half.counted, std::vector<std::string>{"cora"});
  EXPECT_EQ(half.spent, (std::vector<std::string>{"cora", "anna"}));
  vote("dirk", "");
  Progress done = progress_of(request_, rules_, kNow).front();
  EXPECT_TRUE(done.satisfied);
  EXPECT_EQ(done.sentence, "approved by cora for anna, dirk");
  EXPECT_EQ(done.votes, (std::vector<std::size_t>{0, 1}));
}

TEST_F(Delegations, CountNoMoreWhenTheRuleStopsAllowingThem) {
  vote("cora", "anna");
  EXPECT_EQ(progress_of(request_, rules_, kNow).front().have, 1);
  EXPECT_EQ(progress_of(request_, rules_of("none"), kNow).front().have, 0);
}

TEST_F(Delegations, NeverReachWhoAsks) {
  // alice owns the agent; helper is among its delegates.
  stored_ = {away("alice", "cora"), away("anna", "alice")};
  EXPECT_EQ(code("cora", "alice"), "approval.self");
  EXPECT_EQ(code("cora", "alice", kNow, Choice::deny), "approval.self");
  EXPECT_EQ(code("alice", "anna"), "approval.self");
  request_.requester.owner = "dirk";
  request_.requester.issuer = "ANNA";
  stored_ = {away("anna", "cora")};
  EXPECT_EQ(code("cora", "anna"), "approval.self");
  request_.requester.issuer.clear();
  request_.edited_by = "anna";
  EXPECT_EQ(code("cora", "anna"), "approval.self");
  // A team's agent whose issuer is not known: nobody of the team, and nobody in their place.
  request_.edited_by.clear();
  EXPECT_EQ(code("cora", "anna"), "");
  request_.requester.owner = "team:platform";
  EXPECT_EQ(code("cora", "anna"), "approval.self");
}

TEST_F(Delegations, MakeNoChains) {
  stored_ = {away("anna", "ben"), away("ben", "cora")};
  EXPECT_EQ(code("cora", "anna"), "approval.not_delegated");
  EXPECT_EQ(code("cora", "ben"), "approval.not_in_group");
}

TEST_F(Delegations, OfUnlistedPeopleGiveNothing) {
  stored_ = {away("mallory", "cora"), away("anna", "mallory")};
  EXPECT_TRUE(approver("cora").delegators.empty());
  EXPECT_FALSE(find_approver(people(), "mallory", {}, rules_, stored_));
}

TEST(Delegation, HasTwoPeopleAndAnEnd) {
  EXPECT_EQ(code_of(check_delegation(away("a", "b"))), "");
  auto refused = [](Delegation delegation) { return code_of(check_delegation(delegation)) == "delegation.invalid"; };
  EXPECT_TRUE(refused(away("a", "a")));
  EXPECT_TRUE(refused(away("a", "User:A")));
  EXPECT_TRUE(refused(away("", "b")));
  EXPECT_TRUE(refused(away("a", "user:")));
  Delegation span = away("a", "b");
  span.until = span.since;
  EXPECT_TRUE(refused(span));
  span.until = span.since + kLongestDelegation;
  EXPECT_FALSE(refused(span));
  span.until += 1;
  EXPECT_TRUE(refused(span));
  EXPECT_TRUE(refused(away("a", "b", std::vector<std::string>(101, "x"))));
}

TEST(DelegationsFile, IsReadAndReportsMistakesWithTheirLine) {
  Problems problems;
  std::optional<Rules> rules =
      parse_rules("approvals.yaml", R"(rules: { a: { stages: [ { name: one, group: anyone } ] } }
delegations:
  - { from: alice, to: bob, since: 2026-11-01T00:00:00Z, until: 2026-11-10T00:00:00Z, rules: [a] }
)",
                  problems);
  ASSERT_TRUE(rules) << format_problems(problems);
  ASSERT_EQ(rules->delegations.size(), 1U);
  EXPECT_EQ(rules->delegations[0].to, "bob");
  EXPECT_EQ(format_time(rules->delegations[0].until), "2026-11-10T00:00:00.000Z");
  EXPECT_EQ(rules->delegations[0].line, 3);

  EXPECT_FALSE(parse_rules("approvals.yaml", R"(delegations:
  - { from: alice, to: Alice, since: 2026-11-01T00:00:00Z, until: 2026-11-10T00:00:00Z }
  - { from: alice, to: bob, since: 2026-11-01T00:00:00Z, until: 2026-12-10T00:00:00Z }
  - { from: alice, to: bob, since: tomorrow, until: 2026-11-10T00:00:00Z }
  - { from: alice, to: bob, since: 2026-11-01T00:00:00Z, until: 2026-11-10T00:00:00Z, rules: [gone] }
  - { from: alice, to: bob, since: 2026-11-01T00:00:00Z, until: 2026-11-10T00:00:00Z, rules: [] }
  - { to: bob, since: 2026-11-01T00:00:00Z, until: 2026-11-10T00:00:00Z }
)",
                           problems));
  std::vector<int> lines;
  for (const Problem& problem : problems) lines.push_back(problem.line);
  EXPECT_EQ(lines, (std::vector<int>{2, 3, 4, 5, 6, 7})) << format_problems(problems);
}

}  // namespace
}  // namespace countersign::approvals
