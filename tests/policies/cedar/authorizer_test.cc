#include "policies/cedar/authorizer.h"

#include <thread>

#include <gtest/gtest.h>

#include "answers.h"
#include "random_set.h"

namespace cedar {
namespace {

using test::describe;
using test::parse;

const Request kRequest(EntityUid("User", "alice"), EntityUid("Action", "read"), EntityUid("Doc", "d"));

TEST(CedarAuthorizer, OneEvaluationGivesAllSets) {
  PolicySet set = parse(
      "permit(principal, action, resource);\n"
      "forbid(principal, action, resource) when { resource == Doc::\"d\" };\n"
      "permit(principal, action, resource) when { context.nope };\n"
      "forbid(principal, action, resource)\n  unless { context.nope };\n"
      "forbid(principal, action, resource) unless { true };\n"
      "permit(principal == User::\"bob\", action, resource) when { context.nope };\n"
      "forbid(principal, action, resource);\n"
      "permit(principal, action == Action::\"read\", resource);\n");
  Entities base;
  EntityOverlay entities(base);
  Answer answer = authorize(set, kRequest, entities);
  EXPECT_EQ(describe(set, answer),
            "permit policy0\n"
            "permit policy7\n"
            "forbid policy1\n"
            "forbid policy6\n"
            "errored permit policy2 policies:3:44: the record has no attribute `nope`\n"
            "errored forbid policy3 policies:5:12: the record has no attribute `nope`\n");
  Response response = respond(set, answer);
  EXPECT_EQ(response.decision, Decision::deny);
  EXPECT_EQ(response.reason, (std::vector<std::string>{"policy1", "policy6"}));
  EXPECT_EQ(response.errors, (std::vector<std::string>{"policy2", "policy3"}));
}

TEST(CedarAuthorizer, VanillaDecisions) {
  Entities base;
  EntityOverlay entities(base);
  auto decide = [&](std::string_view text) {
    PolicySet set = parse(text);
    return respond(set, authorize(set, kRequest, entities));
  };
  EXPECT_EQ(decide("").decision, Decision::deny);
  EXPECT_TRUE(decide("").reason.empty());
  EXPECT_EQ(decide("permit(principal, action, resource);").decision, Decision::allow);
  // Upstream's rule: an erroring forbid is skipped. Callers that must fail closed look at errored_forbids.
  Response skipped =
      decide("permit(principal, action, resource); forbid(principal, action, resource) when { context.x };");
  EXPECT_EQ(skipped.decision, Decision::allow);
  EXPECT_EQ(skipped.reason, std::vector<std::string>{"policy0"});
  EXPECT_EQ(skipped.errors, std::vector<std::string>{"policy1"});
  EXPECT_EQ(decide("permit(principal, action, resource) when { context.x };").decision, Decision::deny);
}

TEST(CedarAuthorizer, HeadsSelect) {
  Entities base = Entities::make({{.uid = EntityUid("User", "alice"), .parents = {EntityUid("Team", "red")}},
                                  {.uid = EntityUid("Action", "read"), .parents = {EntityUid("Action", "any")}}})
                      .value();
  EntityOverlay entities(base);
  for (auto [head, matches] :
       {std::pair{"principal, action, resource", true},
        {"principal == User::\"alice\", action, resource", true},
        {"principal == User::\"bob\", action, resource", false},
        {"principal in Team::\"red\", action, resource", true},
        {"principal in Team::\"blue\", action, resource", false},
        {"principal in User::\"alice\", action, resource", true},
        {"principal is User, action, resource", true},
        {"principal is N::User, action, resource", false},
        {"principal is User in Team::\"red\", action, resource", true},
        {"principal is User in Team::\"blue\", action, resource", false},
        {"principal is Team in Team::\"red\", action, resource", false},
        {"principal, action == Action::\"read\", resource", true},
        {"principal, action == Action::\"any\", resource", false},
        {"principal, action in Action::\"any\", resource", true},
        {"principal, action in Action::\"read\", resource", true},
        {"principal, action in Action::\"write\", resource", false},
        {"principal, action in [Action::\"write\", Action::\"any\"], resource", true},
        {"principal, action in [Action::\"any\", Action::\"any\", Action::\"read\"], resource", true},
        {"principal, action in [], resource", false},
        {"principal, action, resource == Doc::\"d\"", true},
        {"principal, action, resource in Doc::\"d\"", true},
        {"principal, action, resource is Doc", true},
        {"principal, action, resource is Doc in Folder::\"f\"", false}}) {
    PolicySet set = parse("permit(" + std::string(head) + ");");
    EXPECT_EQ(authorize(set, kRequest, entities).satisfied_permits.size(), matches ? 1U : 0U) << head;
    EXPECT_EQ(authorize_by_scan(set, kRequest, entities).satisfied_permits.size(), matches ? 1U : 0U) << head;
  }
}

TEST(CedarAuthorizer, ActionsOfTheRequestBringTheirGroups) {
  PolicySet set = parse("forbid(principal, action in Action::\"change\", resource);");
  Entities base;
  EntityOverlay entities(base);
  EXPECT_TRUE(authorize(set, kRequest, entities).satisfied_forbids.empty());
  ASSERT_TRUE(
      entities.add({.uid = EntityUid("Action", "read"), .parents = {EntityUid("Action", "change")}}).has_value());
  EXPECT_EQ(authorize(set, kRequest, entities).satisfied_forbids.size(), 1U);
}

TEST(CedarAuthorizer, PoliciesKnowTheirSourceAndAnnotations) {
  auto set =
      PolicySet::parse({{"a.cedar", "@id(\"first\")\npermit(principal, action, resource);"},
                        {"floor/b.cedar", "\n@approval forbid(principal, action, resource) when { context.x };"}});
  ASSERT_TRUE(set.has_value());
  ASSERT_EQ(set->size(), 2U);
  const Policy& first = (*set)[PolicyRef{0}];
  const Policy& second = (*set)[PolicyRef{1}];
  EXPECT_EQ(first.id(), "policy0");
  EXPECT_EQ(first.annotation("id"), "first");
  EXPECT_EQ(first.annotation("approval"), std::nullopt);
  EXPECT_EQ(second.id(), "policy1");
  EXPECT_EQ(second.annotation("approval"), "");
  EXPECT_EQ(second.effect(), Effect::forbid);
  EXPECT_EQ(second.source().name(), "floor/b.cedar");
  EXPECT_EQ(second.position().line, 2U);
  EXPECT_EQ(second.text(), "@approval forbid(principal, action, resource) when { context.x };");
  Entities base;
  EntityOverlay entities(base);
  Answer answer = authorize(*set, kRequest, entities);
  EXPECT_EQ(to_text(*set, answer.errored_forbids.at(0)), "floor/b.cedar:2:54: the record has no attribute `x`");
}

TEST(CedarAuthorizer, OneBadFileSpoilsTheSetAndAllAreReported) {
  auto set =
      PolicySet::parse({{"a.cedar", "x;"}, {"b.cedar", "permit(principal, action, resource);"}, {"c.cedar", "y;"}});
  ASSERT_FALSE(set.has_value());
  ASSERT_EQ(set.error().size(), 2U);
  EXPECT_EQ(set.error().at(0).source->name(), "a.cedar");
  EXPECT_EQ(set.error().at(1).source->name(), "c.cedar");
}

// The index may skip only what cannot match: same sets, same errors, same order.
TEST(CedarAuthorizer, IndexedAndScannedAgree) {
  constexpr std::uint64_t kSeed = 20'240'607;
  std::size_t decided = 0;
  for (std::uint64_t round = 0; round < 300; ++round) {
    test::Generator generate(kSeed + round);
    PolicySet set = parse(generate.policies(1 + round % 40));
    Entities base = Entities::make(generate.entities()).value();
    EntityOverlay entities(base);
    Answer reused;
    for (int i = 0; i < 20; ++i) {
      Request request = generate.request();
      authorize(set, request, entities, reused);
      std::string indexed = describe(set, reused);
      ASSERT_EQ(indexed, describe(set, authorize_by_scan(set, request, entities))) << "seed " << kSeed + round;
      if (!indexed.empty()) ++decided;
    }
  }
  EXPECT_GT(decided, 3000U);  // the generator makes policies that matter
}

TEST(CedarAuthorizer, ManyThreadsShareOneSet) {
  test::Generator generate(7);
  PolicySet set = parse(generate.policies(30));
  Entities base = Entities::make(generate.entities()).value();
  std::vector<Request> requests;
  std::vector<std::string> expected;
  for (int i = 0; i < 50; ++i) {
    requests.push_back(generate.request());
    EntityOverlay entities(base);
    expected.push_back(describe(set, authorize(set, requests.back(), entities)));
  }
  std::vector<std::size_t> wrong(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t& mine : wrong) {
      threads.emplace_back([&set, &base, &requests, &expected, &mine] {
        for (int round = 0; round < 20; ++round) {
          for (std::size_t i = 0; i < requests.size(); ++i) {
            EntityOverlay entities(base);
            if (describe(set, authorize(set, requests[i], entities)) != expected[i]) ++mine;
          }
        }
      });
    }
  }
  EXPECT_EQ(wrong, std::vector<std::size_t>(4));
}

}  // namespace
}  // namespace cedar
