// Proofs and explanations of plain Cedar: what mattered, with which values, and that they agree with the authorizer.
#include <gtest/gtest.h>

#include <set>

#include "policies/explain.h"
#include "policies/plain.h"

namespace countersign::policies {
namespace {

constexpr const char* kEntities = R"([
  {"uid": {"type": "User", "id": "ann"}, "attrs": {"age": 17, "team": {"__entity": {"type": "Team", "id": "sre"}}},
   "parents": [{"type": "Team", "id": "sre"}]},
  {"uid": {"type": "Team", "id": "sre"}, "attrs": {}, "parents": [{"type": "Team", "id": "all"}]},
  {"uid": {"type": "Doc", "id": "plan"}, "attrs": {"level": 3, "open": false}, "parents": [], "tags": {"pii": "yes"}}
])";
constexpr const char* kContext = R"({"n": 9223372036854775807, "path": "prod/a", "list": [1, 2]})";

class Plain {
 public:
  explicit Plain(std::string policies, std::string context = kContext) {
    auto set = parse_plain_policies({{"t.cedar", std::move(policies)}});
    EXPECT_TRUE(set) << set.error().message;
    policies_ = std::move(*set);
    auto question =
        read_plain({"User::\"ann\"", "Action::\"view\"", "Doc::\"plan\"", std::move(context), kEntities}, nullptr);
    EXPECT_TRUE(question) << question.error().message;
    question_.emplace(std::move(*question));
  }
  PlainExplanation explain() const {
    return explain_plain(policies_, question_->request, cedar::EntityOverlay(question_->entities));
  }
  cedar::Answer answer() const {
    return cedar::authorize(policies_, question_->request, cedar::EntityOverlay(question_->entities));
  }
  std::size_t size() const { return policies_.size(); }

 private:
  cedar::PolicySet policies_;
  std::optional<PlainQuestion> question_;
};

// A proof in one line: `false[a && b false[b: b = 1]]` would be: result(text; values; parts).
std::string shown(const Proof& proof) {
  std::string out(came_name(proof.came));
  if (proof.parts.empty()) out += " " + proof.text;
  for (const Seen& seen : proof.seen)
    out += " | " + seen.what + " = " + seen.value + (seen.note.empty() ? "" : " ; " + seen.note);
  for (const Proof& part : proof.parts) out += " (" + shown(part) + ")";
  return out;
}

std::string proof_of(const std::string& condition) {
  PlainExplanation explained = Plain("permit (principal, action, resource) when { " + condition + " };").explain();
  return shown(explained.policies.at(0).clauses.at(0).proof);
}

TEST(Proof, OfAConjunctionOnlyWhatMadeItFalseIsKept) {
  EXPECT_EQ(proof_of("principal.age < 100 && resource.level == 1 && resource.open"),
            "false (false resource.level == 1 | resource.level = 3)");
  EXPECT_EQ(proof_of("principal.age < 100 && resource.level == 3"),
            "true (true principal.age < 100 | principal.age = 17) (true resource.level == 3 | resource.level = 3)");
}

TEST(Proof, OfADisjunctionTheOneThatHoldsOrAll) {
  EXPECT_EQ(proof_of("resource.open || resource.level > 2 || principal.age == 1"),
            "true (true resource.level > 2 | resource.level = 3)");
  EXPECT_EQ(proof_of("resource.open || principal.age == 1"),
            "false (false resource.open | resource.open = false) (false principal.age == 1 | principal.age = 17)");
}

TEST(Proof, OfAConditionalTheBranchTaken) {
  EXPECT_EQ(proof_of("if resource.open then principal.age == 1 else principal.age == 17"),
            "true (false resource.open | resource.open = false) (true principal.age == 17 | principal.age = 17)");
}

TEST(Proof, NegationKeepsItsOperand) {
  EXPECT_EQ(proof_of("!(resource.level == 3)"), "false (true resource.level == 3 | resource.level = 3)");
}

TEST(Proof, TestsShowWhatTheReaderCannotSee) {
  EXPECT_EQ(proof_of("principal in Team::\"all\""),
            "true principal in Team::\"all\" | principal = User::\"ann\" ; in Team::\"all\", Team::\"sre\"");
  EXPECT_EQ(proof_of("context has path"), "true context has path | context.path = \"prod/a\"");
  EXPECT_EQ(proof_of("resource has owner"),
            "false resource has owner | resource =  ; has no `owner`, holds `level`, `open`");
  EXPECT_EQ(proof_of("context has path.x"), "failed context has path.x | context.path =  ; has no `x`, not a record");
  EXPECT_EQ(proof_of("resource.hasTag(\"x\")"),
            "false resource.hasTag(\"x\") | resource = Doc::\"plan\" ; with the tags `pii`");
  EXPECT_EQ(proof_of("context.path like \"prod/*\""), "true context.path like \"prod/*\" | context.path = \"prod/a\"");
  EXPECT_EQ(proof_of("context.list.contains(3)"), "false context.list.contains(3) | context.list = [1, 2]");
  EXPECT_EQ(proof_of("principal.age + resource.level == 20"),
            "true principal.age + resource.level == 20 | principal.age = 17 | resource.level = 3");
  EXPECT_EQ(proof_of("principal is User in Team::\"x\""),
            "false principal is User in Team::\"x\" | principal = User::\"ann\" ; in Team::\"all\", Team::\"sre\"");
}

TEST(Proof, FailuresNameTheExpressionAndWhatIsThereInstead) {
  PlainExplanation explained =
      Plain("forbid (principal, action, resource) when { resource.level == 3 && resource.owner == \"x\" };").explain();
  const PolicyExplanation& policy = explained.policies.at(0);
  EXPECT_EQ(policy.standing, Standing::failed);
  EXPECT_EQ(shown(policy.clauses.at(0).proof),
            "failed (failed resource.owner == \"x\" | resource = Doc::\"plan\" ; holds `level`, `open`)");
  EXPECT_NE(policy.clauses.at(0).proof.parts.at(0).message.find("owner"), std::string::npos);
  EXPECT_EQ(policy.clauses.at(0).place.column, 68U);  // of the operand that failed
  EXPECT_EQ(explained.response.errors, std::vector<std::string>{"policy0"});
  EXPECT_NE(proof_of("context.n + 1 > 0").find("failed context.n + 1 > 0 | context.n = 9223372036854775807"),
            std::string::npos);
}

TEST(Proof, ConditionsThatAreNotBooleansFail) {
  EXPECT_EQ(proof_of("resource.level"), "failed resource.level | resource.level = 3");
}

TEST(Proof, LongValuesAndExpressionsAreCut) {
  std::string context = R"({"path": ")" + std::string(5000, 'x') + R"("})";
  PlainExplanation explained =
      Plain("permit (principal, action, resource) when { context.path == \"a\" };", context).explain();
  const Proof& proof = explained.policies.at(0).clauses.at(0).proof;
  EXPECT_LE(proof.seen.at(0).value.size(), kLongestText + 3);
  EXPECT_TRUE(proof.seen.at(0).value.ends_with("…"));
  std::string wide = "context.path == \"0\"";
  for (int i = 1; i < 200; ++i) wide += " || context.path == \"" + std::to_string(i) + "\"";
  PlainExplanation chain = Plain("permit (principal, action, resource) when { " + wide + " };", context).explain();
  EXPECT_EQ(chain.policies.at(0).clauses.at(0).proof.parts.size(), kMostParts);
  EXPECT_EQ(chain.policies.at(0).clauses.at(0).proof.omitted, 200 - kMostParts);
}

TEST(Proof, CharactersAreNotCutInHalf) {
  EXPECT_EQ(bounded("aé", 2), "a…");
  EXPECT_EQ(bounded("aé", 3), "aé");
}

TEST(ExplainPlain, TheNearestPermitIsTheOneWithFewestUnmetConditions) {
  Plain plain(R"(
    @id("far") permit (principal == User::"bob", action, resource) when { resource.open };
    @id("near") permit (principal, action, resource)
      when { resource.level == 3 && resource.open } unless { principal.age < 18 || resource.level > 9 };
    @id("nearest") permit (principal, action, resource) when { principal.age == 17 && resource.open };
  )");
  PlainExplanation explained = plain.explain();
  EXPECT_EQ(explained.response.decision, cedar::Decision::deny);
  ASSERT_TRUE(explained.remedy.unpermitted);
  ASSERT_EQ(explained.remedy.permits, std::vector<std::size_t>{2});
  const PolicyExplanation& nearest = explained.policies.at(2);
  ASSERT_EQ(nearest.unmet.size(), 1U);
  EXPECT_EQ(nearest.unmet[0].where, "when");
  EXPECT_EQ(nearest.unmet[0].condition.proof.text, "resource.open");
  EXPECT_TRUE(nearest.unmet[0].condition.wanted);
  const PolicyExplanation& near = explained.policies.at(1);
  ASSERT_EQ(near.unmet.size(), 2U);
  EXPECT_EQ(near.unmet[1].where, "unless");
  EXPECT_EQ(near.unmet[1].condition.proof.text, "principal.age < 18");
  EXPECT_FALSE(near.unmet[1].condition.wanted);
  const PolicyExplanation& far = explained.policies.at(0);
  EXPECT_EQ(far.standing, Standing::elsewhere);
  ASSERT_EQ(far.unmet.size(), 2U);
  EXPECT_EQ(far.unmet[0].where, "principal");
}

TEST(ExplainPlain, WhatAGuardKeepsFromBeingAskedIsNoConditionOfItsOwn) {
  PlainExplanation explained =
      Plain("permit (principal, action, resource) when { context has who && context.who == \"me\" };").explain();
  ASSERT_EQ(explained.policies.at(0).unmet.size(), 1U);
  EXPECT_EQ(explained.policies.at(0).unmet[0].condition.proof.text, "context has who");
}

TEST(ExplainPlain, AForbidSaysWhatItRestsOn) {
  PlainExplanation explained =
      Plain(
          "permit (principal, action, resource);\n"
          "forbid (principal in Team::\"all\", action, resource) when { resource.level > 2 } unless { resource.open };")
          .explain();
  EXPECT_EQ(explained.remedy.hard, std::vector<std::size_t>{1});
  EXPECT_FALSE(explained.remedy.unpermitted);
  const auto& met = explained.policies.at(1).met;
  ASSERT_EQ(met.size(), 3U);
  EXPECT_EQ(met[0].where, "principal");
  EXPECT_EQ(met[1].condition.proof.text, "resource.level > 2");
  EXPECT_EQ(met[2].condition.proof.text, "resource.open");
  EXPECT_FALSE(met[2].condition.wanted);
}

// Heads of every kind and conditions of every outcome: the standing of each policy is what the authorizer says.
TEST(ExplainPlain, AgreesWithTheAuthorizer) {
  const char* heads[] = {"principal",
                         "principal == User::\"ann\"",
                         "principal == User::\"bob\"",
                         "principal in Team::\"all\"",
                         "principal in Team::\"none\"",
                         "principal is User",
                         "principal is Doc",
                         "principal is User in Team::\"sre\"",
                         "principal is User in Team::\"none\""};
  const char* actions[] = {"action", "action == Action::\"view\"", "action == Action::\"edit\"",
                           "action in [Action::\"edit\", Action::\"view\"]", "action in []"};
  const char* conditions[] = {"",
                              "when { resource.level == 3 }",
                              "when { resource.level == 4 }",
                              "when { resource.nothing }",
                              "unless { resource.open }",
                              "when { resource.level == 3 } unless { context.n + 1 > 0 }",
                              "when { resource.level == 4 } when { resource.nothing }"};
  std::string text;
  for (const char* effect : {"permit", "forbid"}) {
    for (const char* head : heads) {
      for (const char* action : actions) {
        for (const char* condition : conditions)
          text += std::string(effect) + " (" + head + ", " + action + ", resource) " + condition + ";\n";
      }
    }
  }
  Plain plain(text);
  PlainExplanation explained = plain.explain();
  cedar::Answer answer = plain.answer();
  std::set<std::size_t> applies;
  std::set<std::size_t> fails;
  for (const auto* refs : {&answer.satisfied_permits, &answer.satisfied_forbids}) {
    for (cedar::PolicyRef ref : *refs) applies.insert(cedar::position(ref));
  }
  for (const auto* failures : {&answer.errored_permits, &answer.errored_forbids}) {
    for (const cedar::PolicyFailure& failure : *failures) fails.insert(cedar::position(failure.policy));
  }
  ASSERT_EQ(explained.policies.size(), plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    Standing standing = explained.policies[i].standing;
    EXPECT_EQ(standing == Standing::applies, applies.contains(i)) << i;
    EXPECT_EQ(standing == Standing::failed, fails.contains(i)) << i;
    bool matches = standing != Standing::elsewhere;
    EXPECT_EQ(explained.policies[i].unmet.empty(), standing == Standing::applies) << i;
    EXPECT_EQ(matches,
              explained.policies[i].head[0].came == Came::yes && explained.policies[i].head[1].came == Came::yes);
  }
  EXPECT_FALSE(applies.empty());
  EXPECT_FALSE(fails.empty());
}

TEST(ExplainPlain, DeepAndHostileExpressionsAnswer) {
  std::string deep = "resource.open";
  for (int i = 0; i < 90; ++i) deep = "!(" + deep + ")";
  PlainExplanation explained = Plain("permit (principal, action, resource) when { " + deep + " };").explain();
  EXPECT_EQ(explained.policies.at(0).standing, Standing::does_not_apply);
  EXPECT_EQ(explained.policies.at(0).unmet.size(), 1U);
}

}  // namespace
}  // namespace countersign::policies
