#include "approvals/eligibility.h"

#include <gtest/gtest.h>

#include "core/yaml.h"
#include "policies/directory.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;

HeldRequest held(std::vector<std::string> rules) {
  HeldRequest request = test::draft("x");
  request.id = "req_1";
  request.rules = std::move(rules);
  return request;
}

std::string approve_code(const HeldRequest& request, const Approver& approver, TimeMs now = test::kNow) {
  return code_of(eligibility(request, approver, Choice::approve, test::house_rules(), now));
}
std::string deny_code(const HeldRequest& request, const Approver& approver) {
  return code_of(eligibility(request, approver, Choice::deny, test::house_rules(), test::kNow));
}

void vote(HeldRequest& request, const Approver& approver) {
  auto openings = eligibility(request, approver, Choice::approve, test::house_rules(), test::kNow);
  ASSERT_TRUE(openings) << openings.error().code;
  for (const Opening& opening : *openings) {
    request.votes.push_back({.rule = opening.rule,
                             .stage = opening.stage,
                             .group = opening.group,
                             .by = approver.name,
                             .level = opening.level,
                             .approves = true,
                             .reason = "",
                             .at = test::kNow});
  }
}

Approver named(std::string name) {
  return {.name = std::move(name), .level = Level::vp, .teams = {"platform"}, .chain = {}};
}

TEST(OwnRequest, IsRefusedByEveryPath) {
  HeldRequest request = held({"solo"});
  request.requester.issuer = "ivan";
  for (const char* name : {"alice", "ALICE", "user:alice", "builder", "agent:builder", "helper", "Helper", "ivan",
                           "root-1", "leaf-1", "", "user:"}) {
    EXPECT_EQ(approve_code(request, named(name)), "approval.self") << name;
    EXPECT_EQ(deny_code(request, named(name)), "approval.self") << name;
  }
  EXPECT_EQ(approve_code(request, named("bob")), "");

  request.requester.owner = "user:Bob";
  EXPECT_EQ(approve_code(request, named("bob")), "approval.self");
}

TEST(OwnRequest, IncludesACredentialOfTheSameLineage) {
  HeldRequest request = held({"solo"});
  Approver approver = named("bob");
  approver.chain = {"root-1", "another-leaf"};
  EXPECT_EQ(approve_code(request, approver), "approval.self");
  approver.chain = {"other-root"};
  EXPECT_EQ(approve_code(request, approver), "");
}

TEST(OwnRequest, OfATeamIsTheIssuers) {
  HeldRequest request = held({"solo"});
  for (const char* owner : {"team:platform", "platform", "Team:Platform"}) {
    request.requester.owner = owner;
    request.requester.issuer = "ivan";
    EXPECT_EQ(approve_code(request, named("bob")), "") << owner;
    EXPECT_EQ(approve_code(request, named("ivan")), "approval.self") << owner;
    for (const char* nobody : {"", "local administrator"}) {
      request.requester.issuer = nobody;
      EXPECT_EQ(approve_code(request, named("bob")), "approval.self") << owner << ", issued by " << nobody;
    }
    EXPECT_EQ(approve_code(request, test::dave()), "") << owner;
  }
}

TEST(Eligibility, NeedsTheGroupAndTheLevelOfTheOpenStage) {
  HeldRequest request = held({"production-change"});
  EXPECT_EQ(approve_code(request, test::bob()), "");
  EXPECT_EQ(approve_code(request, test::dave()), "approval.not_in_group");
  EXPECT_EQ(approve_code(request, test::erin()), "approval.level_too_low");

  vote(request, test::bob());
  EXPECT_EQ(approve_code(request, test::bob()), "approval.already_voted");
  EXPECT_EQ(approve_code(request, test::carol()), "approval.level_too_low");
  EXPECT_EQ(approve_code(request, test::dave()), "");
}

TEST(Eligibility, DistinctPeople) {
  HeldRequest request = held({"pair"});
  vote(request, test::bob());
  EXPECT_EQ(approve_code(request, test::bob()), "approval.already_voted");
  EXPECT_EQ(approve_code(request, test::carol()), "");
}

TEST(Eligibility, OneVoteCountsForEachRuleThatWaitsForThePerson) {
  HeldRequest request = held({"pair", "production-change", "solo"});
  auto openings = eligibility(request, test::bob(), Choice::approve, test::house_rules(), test::kNow);
  ASSERT_TRUE(openings);
  EXPECT_EQ(openings->size(), 3U);
  vote(request, test::bob());
  // dave is outside team platform, but the director's stage waits for him; solo is satisfied already.
  openings = eligibility(request, test::dave(), Choice::approve, test::house_rules(), test::kNow);
  ASSERT_TRUE(openings);
  ASSERT_EQ(openings->size(), 1U);
  EXPECT_EQ(openings->front().rule, "production-change");
  EXPECT_EQ(openings->front().stage, "director");
  EXPECT_EQ(openings->front().group, "anyone");
}

TEST(Eligibility, OnlyWhileHeldAndInTime) {
  HeldRequest request = held({"solo"});
  EXPECT_EQ(approve_code(request, test::bob(), request.expires - 1), "");
  EXPECT_EQ(approve_code(request, test::bob(), request.expires), "approval.expired");
  for (State state : {State::approved, State::denied, State::expired, State::cancelled, State::executing, State::done,
                      State::failed, State::unknown}) {
    request.state = state;
    EXPECT_EQ(approve_code(request, test::bob()), "approval.not_held") << state_name(state);
    EXPECT_EQ(deny_code(request, test::bob()), "approval.not_held") << state_name(state);
  }
}

TEST(Eligibility, ARuleThatIsGoneLetsNobodyIn) {
  EXPECT_EQ(approve_code(held({"gone"}), test::bob()), "approval.rule_missing");
  EXPECT_EQ(deny_code(held({"gone"}), test::bob()), "approval.rule_missing");
}

TEST(Denial, IsOpenToWhoeverCouldEverApprove) {
  HeldRequest request = held({"production-change"});
  EXPECT_EQ(deny_code(request, test::bob()), "");
  EXPECT_EQ(deny_code(request, test::dave()), "");
  EXPECT_EQ(deny_code(request, test::erin()), "approval.level_too_low");
  EXPECT_EQ(deny_code(held({"pair"}), test::dave()), "approval.not_in_group");
  vote(request, test::bob());
  EXPECT_EQ(deny_code(request, test::bob()), "");
}

TEST(Approvers, AreThePeopleOfTheDirectory) {
  Problems problems;
  std::optional<yaml::Node> root = yaml::parse("entities.yaml", R"(
teams: [ platform, { name: sre, parents: [platform] } ]
users: [ { name: bob, level: senior, teams: [sre] } ]
)",
                                               problems);
  ASSERT_TRUE(root);
  yaml::Map map("entities.yaml", *root, "the file", problems);
  policies::Directory directory = policies::Directory::read("entities.yaml", map, problems);
  ASSERT_TRUE(problems.empty()) << format_problems(problems);

  std::optional<Approver> bob = find_approver(directory, "bob", {.chain = {"t"}, .at = 7}, Rules{});
  ASSERT_TRUE(bob);
  EXPECT_EQ(bob->level, Level::senior);
  EXPECT_EQ(bob->teams, (std::vector<std::string>{"platform", "sre"}));
  EXPECT_EQ(bob->chain, std::vector<std::string>{"t"});
  EXPECT_EQ(approve_code(held({"production-change"}), *bob), "");
  EXPECT_FALSE(find_approver(directory, "mallory", {}, Rules{}));
}

TEST(Refusals, SayWhatIsNeeded) {
  auto refused =
      eligibility(held({"production-change"}), test::erin(), Choice::approve, test::house_rules(), test::kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::forbidden);
  EXPECT_NE(refused.error().message.find("platform: 0 of 1 from team platform, senior or above"), std::string::npos);
}

}  // namespace
}  // namespace countersign::approvals
