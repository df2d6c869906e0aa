// Each test is named after an attack. It shows that the attack succeeds against the same policy under a stock Cedar
// engine, and that the policy is refused or warned of here.
#include "policies/lints/lint.h"

#include <gtest/gtest.h>

#include "attack.h"
#include "policies/check.h"
#include "policies/decide.h"
#include "policies/input.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;
constexpr const char* kAnything = "@id(\"p\") @allow(\"broad-permit\") permit (principal, action, resource);\n";

class LintsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.upstream("files", "production", 1);
    folder_.write("inputs.cedarschema",
                  "type Arguments = { amount?: Long, price?: decimal, address?: String, command?: String };");
    folder_.write("entities.yaml",
                  "teams: [contractors]\nusers: [{ name: mallory, level: junior, teams: [contractors] }]");
    folder_.write(
        "floor/f.cedar",
        "@id(\"floor\") forbid (principal, action in Action::\"mint\", resource) when { resource.tier == 0 };");
  }

  // "error lint.x", "warning lint.x": everything that is said about the policies, in order.
  std::vector<std::string> findings(const std::string& policies) {
    folder_.write("a.cedar", policies);
    Problems problems;
    auto snapshot = Snapshot::load(folder_.path(), folder_.upstreams(), problems);
    EXPECT_EQ(snapshot == nullptr, has_errors(problems));
    if (snapshot) check(*snapshot, problems);
    std::vector<std::string> out;
    for (const Problem& problem : problems) {
      out.push_back((problem.severity == Severity::error ? "error " : "warning ") + problem.code);
      EXPECT_FALSE(problem.message.empty());
      EXPECT_FALSE(problem.help.empty()) << problem.code;
    }
    return out;
  }
  Decision decide_call(const std::string& arguments, std::vector<ApprovalFact> approvals = {}) {
    return decide_write(*folder_.load(), arguments, approvals, kNow);
  }
  using Found = std::vector<std::string>;
  PolicyFolder folder_;
};

TEST_F(LintsTest, TheAgentOverflowsTheForbidsArithmetic) {
  std::string policy = std::string(kAnything) +
                       "forbid (principal, action, resource)\n"
                       "when { context has input.arguments.amount && context.input.arguments.amount * 100 > 1000 };";
  Attack overflow{.arguments = R"({"amount": 92233720368547759})"};
  EXPECT_EQ(plain_cedar(policy, {.arguments = R"({"amount": 11})"}), cedar::Decision::deny);
  EXPECT_EQ(plain_cedar(policy, overflow), cedar::Decision::allow);
  EXPECT_EQ(findings(policy), Found{"warning lint.forbid-may-err"});
  EXPECT_EQ(decide_call(overflow.arguments).code, "policy.error") << "an erring forbid denies here";
  EXPECT_EQ(findings(std::string(kAnything) +
                     "@allow(\"forbid-may-err\") forbid (principal, action, resource)\n"
                     "when { context has input.arguments.amount && -context.input.arguments.amount > 1000 };"),
            Found{});
  // What the agent does not choose cannot be made to overflow, and comparing computes nothing.
  EXPECT_EQ(findings(std::string(kAnything) + "forbid (principal, action, resource) when { resource.tier + 1 < 2 };\n" +
                     "forbid (principal, action, resource)\n"
                     "when { context has input.arguments.amount && context.input.arguments.amount > 10 };"),
            Found{});
}

TEST_F(LintsTest, TheAgentLeavesTheArgumentOut) {
  std::string policy =
      std::string(kAnything) + "forbid (principal, action, resource) when { context.input.arguments.amount > 1000 };";
  EXPECT_EQ(plain_cedar(policy, {.arguments = R"({"amount": 1001})"}), cedar::Decision::deny);
  EXPECT_EQ(plain_cedar(policy, {.arguments = "{}"}), cedar::Decision::allow);
  Found found = findings(policy);
  ASSERT_FALSE(found.empty());
  EXPECT_TRUE(std::ranges::count(found, "error cedar.unsafe-optional-attribute") +
              std::ranges::count(found, "error cedar.attribute-not-found"))
      << found.front();
}

TEST_F(LintsTest, TheAgentSendsTextWhereANumberIsCompared) {
  std::string policy = std::string(kAnything) +
                       "forbid (principal, action, resource)\n"
                       "when { context has input.arguments.amount && context.input.arguments.amount > 1000 };";
  Attack text{.arguments = R"({"amount": "1001"})"};
  EXPECT_EQ(plain_cedar(policy, text), cedar::Decision::allow);
  EXPECT_EQ(findings(policy), Found{});
  EXPECT_EQ(decide_call(text.arguments).code, "policy.error");
  EXPECT_EQ(decide_call(R"({"amount": 1e3})").code, "policy.allowed");
  EXPECT_EQ(decide_call(R"({"amount": 1.001e3})").code, "policy.forbidden");
}

TEST_F(LintsTest, TheForbiddenCommandIsAskedForWithIn) {
  std::string policy = std::string(kAnything) +
                       "forbid (principal, action, resource)\n"
                       "when { context has input.arguments.command && context.input.arguments.command in [\"rm\"] };";
  EXPECT_EQ(plain_cedar(policy, {.arguments = R"({"command": "rm"})"}), cedar::Decision::allow);
  folder_.write("a.cedar", policy);
  Problems problems;
  EXPECT_EQ(Snapshot::load(folder_.path(), folder_.upstreams(), problems), nullptr);
  ASSERT_FALSE(problems.empty());
  EXPECT_EQ(problems.front().code, "cedar.unexpected-type");
  EXPECT_NE(problems.front().help.find("contains"), std::string::npos) << problems.front().help;
}

TEST_F(LintsTest, TheAgentSendsAnAddressThatIsNone) {
  std::string policy = std::string(kAnything) +
                       "forbid (principal, action, resource)\n"
                       "when { context has input.arguments.address &&\n"
                       "       ip(context.input.arguments.address).isInRange(ip(\"10.0.0.0/8\")) };";
  EXPECT_EQ(plain_cedar(policy, {.arguments = R"({"address": "10.1.2.3"})"}), cedar::Decision::deny);
  EXPECT_EQ(plain_cedar(policy, {.arguments = R"({"address": "010.1.2.3"})"}), cedar::Decision::allow);
  EXPECT_EQ(findings(policy), Found{"error cedar.non-literal-extension"});
  folder_.write("inputs.cedarschema", "type Arguments = { address?: ipaddr };");
  EXPECT_EQ(
      findings(std::string(kAnything) + "forbid (principal, action, resource)\n"
                                        "when { context has input.arguments.address &&\n"
                                        "       context.input.arguments.address.isInRange(ip(\"10.0.0.0/8\")) };"),
      Found{});
  EXPECT_EQ(decide_call(R"({"address": "10.1.2.3"})").code, "policy.forbidden");
  EXPECT_EQ(decide_call(R"({"address": "010.1.2.3"})").code, "policy.error");
}

TEST_F(LintsTest, TheAgentAppendsAnotherCommand) {
  std::string policy =
      "permit (principal, action, resource)\n"
      "when { context has input.arguments.command && context.input.arguments.command like \"git status*\" };";
  EXPECT_EQ(plain_cedar(policy, {.arguments = R"({"command": "git status; rm -rf /"})"}), cedar::Decision::allow);
  EXPECT_EQ(findings(policy), Found{"error lint.like-on-command"});
  EXPECT_EQ(findings("@allow(\"lint.like-on-command\") " + policy), Found{});
  EXPECT_EQ(findings("permit (principal, action, resource)\n"
                     "when { context has input.arguments.command &&\n"
                     "  [\"git status\", \"git diff\"].contains(context.input.arguments.command) };"),
            Found{});
}

TEST_F(LintsTest, TheAgentSpellsTheCommandOtherwise) {
  std::string policy =
      std::string(kAnything) +
      "forbid (principal, action, resource)\n"
      "when { context has input.arguments.command && context.input.arguments.command like \"*rm *\" };";
  EXPECT_EQ(plain_cedar(policy, {.arguments = R"({"command": "rm -rf /"})"}), cedar::Decision::deny);
  EXPECT_EQ(plain_cedar(policy, {.arguments = R"({"command": "r''m\t-rf /"})"}), cedar::Decision::allow);
  EXPECT_EQ(findings(policy), Found{"warning lint.like-on-command"});
}

TEST_F(LintsTest, AMisspeltArgumentForbidsNothing) {
  std::string policy = std::string(kAnything) +
                       "forbid (principal, action, resource) when { resource.tier == 0 ||\n"
                       "  (context has input.arguments.amuont && context.input.arguments.amuont > 1000) };";
  EXPECT_EQ(plain_cedar(policy, {.arguments = R"({"amount": 1001})"}), cedar::Decision::allow);
  EXPECT_EQ(findings(policy), Found{"error lint.undeclared-attribute"});
  EXPECT_EQ(findings(std::string(kAnything) + "forbid (principal, action, resource) when { resource.labels has pii };"),
            Found{"error lint.never-applies"});
  EXPECT_EQ(findings(std::string(kAnything) +
                     "permit (principal, action, resource) when { resource.tier == 0 || principal has purpose };"),
            Found{"warning lint.undeclared-attribute"});
}

TEST_F(LintsTest, TheAgentSendsAnArgumentThatNobodyDeclared) {
  std::string policy = std::string(kAnything) +
                       "forbid (principal, action == Action::\"mcp:call_tool\", resource)\n"
                       "unless { context.input.arguments == context.input.arguments };";
  EXPECT_EQ(std::ranges::count(findings(policy), "error lint.whole-input"), 2);
  // Why: what is not declared is not there to be compared.
  auto type = cedar::Type::record({});
  EXPECT_EQ(input_value(R"({"force": true})", *type)->value, input_value("{}", *type)->value);
}

TEST_F(LintsTest, AMisspeltTeamKeepsNobodyOut) {
  std::string policy = std::string(kAnything) + "forbid (principal in Team::\"contractor\", action, resource);";
  EXPECT_EQ(plain_cedar(policy, {}), cedar::Decision::allow);
  EXPECT_EQ(plain_cedar(std::string(kAnything) + "forbid (principal in Team::\"contractors\", action, resource);", {}),
            cedar::Decision::deny);
  EXPECT_EQ(findings(policy), Found{"error lint.unknown-entity"});
  EXPECT_EQ(findings(std::string(kAnything) + "forbid (principal, action, resource in Upstream::\"file\");"),
            Found{"error lint.unknown-entity"});
  EXPECT_EQ(findings(std::string(kAnything) + "forbid (principal, action, resource == File::\"fils/a\");"),
            Found{"error lint.unknown-entity"});
  EXPECT_EQ(findings(std::string(kAnything) +
                     "@allow(\"unknown-entity\") forbid (principal, action, resource in Upstream::\"elsewhere\");\n"
                     "permit (principal in User::\"nobody\", action, resource == File::\"files/a\");"),
            Found{"warning lint.unknown-entity"});
}

TEST_F(LintsTest, NobodyApprovesAndThePermitIsOpen) {
  std::string policy = "permit (principal, action, resource) unless { context.approval.hasTag(\"one\") };";
  EXPECT_EQ(plain_cedar(policy, {}), cedar::Decision::allow);
  EXPECT_EQ(plain_cedar(policy, {.approvals = {"one"}}), cedar::Decision::deny);
  std::string asking = "@approval(\"one\") forbid (principal, action in Action::\"destroy\", resource);\n";
  EXPECT_EQ(findings(asking + policy), Found{"error lint.approval-reversed"});
  EXPECT_EQ(findings(asking + "permit (principal, action, resource) when { !context.approval.hasTag(\"one\") };"),
            Found{"error lint.approval-reversed"});
  EXPECT_EQ(
      findings(asking + kAnything + "forbid (principal, action, resource) when { context.approval.hasTag(\"one\") };"),
      Found{"error lint.approval-reversed"});
  EXPECT_EQ(
      findings(asking + "permit (principal, action, resource) when { context.approval.hasTag(\"one\") == false };"),
      Found{"error lint.approval-reversed"});
  EXPECT_EQ(findings(asking + "permit (principal, action, resource)\n"
                              "when { resource.tier == 3 || !(!context.approval.hasTag(\"one\")) };\n"
                              "forbid (principal, action, resource)\n"
                              "unless { resource.tier == 3 || context.approval.hasTag(\"one\") };"),
            Found{});
}

TEST_F(LintsTest, AnotherRulesApprovalReleasesTheForbid) {
  std::string policy = std::string(kAnything) +
                       "@approval(\"two-seniors\") forbid (principal, action, resource)\n"
                       "unless { context.approval.hasTag(\"any-junior\") };\n";
  EXPECT_EQ(plain_cedar(policy, {.approvals = {"any-junior"}}), cedar::Decision::allow);
  EXPECT_EQ(plain_cedar(policy, {.approvals = {"two-seniors"}}), cedar::Decision::deny);
  EXPECT_EQ(findings(policy + "@approval(\"any-junior\") forbid (principal, action in Action::\"destroy\", resource);"),
            Found{"error lint.release-mismatch"});
}

TEST_F(LintsTest, NobodyIsEverAsked) {
  std::string policy =
      std::string(kAnything) + "forbid (principal, action, resource) unless { context.approval.hasTag(\"one\") };";
  EXPECT_EQ(findings(policy), Found{"warning lint.approval-never-asked"});
  EXPECT_EQ(decide_call("{}").verdict, Verdict::deny) << "not held";
}

TEST_F(LintsTest, TwoApprovalRulesLookLikeOne) {
  std::string policy = std::string(kAnything) +
                       "@approval(\"One\") forbid (principal, action, resource in Upstream::\"files\");\n"
                       "@approval(\"one\") forbid (principal, action in Action::\"destroy\", resource);\n";
  EXPECT_EQ(findings(policy), Found{"warning lint.approval-case"});
  EXPECT_EQ(decide_call("{}", {{"one", "alice", "vp", kNow}}).verdict, Verdict::hold);
}

TEST_F(LintsTest, AnApprovalThatNeverHelps) {
  std::string policy =
      std::string(kAnything) +
      "@id(\"soft\") @approval(\"one\") forbid (principal is Agent, action in Action::\"write\", resource)\n"
      "when { resource.environment == \"production\" };\n";
  EXPECT_EQ(findings(policy + "@id(\"hard\") forbid (principal, action in Action::\"change\", resource);"),
            Found{"warning lint.approval-shadowed"});
  EXPECT_EQ(decide_call("{}", {{"one", "alice", "vp", kNow}}).code, "policy.forbidden");
  EXPECT_EQ(
      findings(policy +
               "@id(\"hard\") forbid (principal, action, resource) when { resource.environment == \"production\" };"),
      Found{"warning lint.approval-shadowed"});
  EXPECT_EQ(findings(policy + "@id(\"hard\") forbid (principal, action in Action::\"destroy\", resource);\n" +
                     "forbid (principal == Agent::\"x\", action in Action::\"change\", resource);\n"
                     "forbid (principal, action in Action::\"change\", resource is Tool);\n"
                     "forbid (principal, action in Action::\"change\", resource) when { resource.tier == 0 };"),
            Found{});
}

TEST_F(LintsTest, AForbidThatNeverAppliesProtectsNothing) {
  std::string policy = std::string(kAnything) +
                       "forbid (principal, action in Action::\"change\", resource)\n"
                       "when { resource is HttpEndpoint && resource is File };";
  EXPECT_EQ(plain_cedar(policy, {.effect = "destroy"}), cedar::Decision::allow);
  EXPECT_EQ(findings(policy), Found{"error lint.never-applies"});
  EXPECT_EQ(findings(std::string(kAnything) +
                     "@allow(\"never-applies\") forbid (principal, action, resource) when { false };"),
            Found{});
  EXPECT_EQ(findings(std::string(kAnything) + "permit (principal, action, resource) when { resource is User };"),
            Found{"warning lint.never-applies"});
  EXPECT_EQ(
      findings(std::string(kAnything) + "forbid (principal, action == Action::\"mcp:call_tol\", resource);").front(),
      "error cedar.unrecognized-action");
}

// Its validator takes the groups of a schema's action for facts; a request has only one effect.
TEST_F(LintsTest, ActionGroupsInConditionsAreNeitherImpossibleNorUnchecked) {
  EXPECT_EQ(
      findings(std::string(kAnything) + "forbid (principal, action, resource) unless { action in Action::\"read\" };"),
      Found{});
  EXPECT_EQ(decide_call("{}").code, "policy.forbidden");
  Found found = findings(std::string(kAnything) +
                         "forbid (principal, action == Action::\"mcp:call_tool\", resource)\n"
                         "when { !(action in Action::\"read\") && context.input.arguments.amount > 3 };");
  EXPECT_EQ(found, Found{"error cedar.unsafe-optional-attribute"});
  EXPECT_EQ(
      findings(
          std::string(kAnything) +
          "forbid (principal, action, resource) when { action in Action::\"read\" && action in Action::\"change\" };"),
      Found{"error lint.never-applies"});
  EXPECT_EQ(findings(std::string(kAnything) + "forbid (principal, action == Action::\"mcp:read_resource\", resource) "
                                              "when { action in Action::\"change\" };"),
            Found{"error lint.never-applies"});
}

TEST_F(LintsTest, OnePermitOpensProduction) {
  std::string policy = "permit (principal, action, resource);";
  EXPECT_EQ(plain_cedar(policy, {.effect = "destroy"}), cedar::Decision::allow);
  EXPECT_EQ(findings(policy), Found{"warning lint.broad-permit"});
  EXPECT_EQ(findings("permit (principal, action in [Action::\"read\", Action::\"mcp:read_resource\"], resource);\n"
                     "permit (principal, action, resource in Upstream::\"files\");\n"
                     "permit (principal, action, resource) when { resource.tier == 3 };"),
            Found{});
}

TEST_F(LintsTest, EverythingIsInReachOfAnApproval) {
  std::filesystem::remove(folder_.path() / "floor/f.cedar");
  EXPECT_EQ(findings(kAnything), Found{"warning lint.no-floor"});
}

TEST_F(LintsTest, ATemplateThatNobodyLinksForbidsNothing) {
  EXPECT_EQ(findings(std::string(kAnything) + "@id(\"t\") forbid (principal, action, resource in ?resource);"),
            Found{"error lint.unlinked-template"});
  EXPECT_EQ(findings(std::string(kAnything) + "@id(\"t\") permit (principal, action, resource in ?resource);"),
            Found{"warning lint.unlinked-template"});
}

TEST_F(LintsTest, AnAllowThatSilencesNothingIsSaid) {
  EXPECT_EQ(findings("@allow(\"broad-permitt, no-floor whole-input\") permit (principal, action, resource);"),
            (Found{"warning lint.broad-permit", "warning lint.useless-allow"}))
      << "one for the annotation";
  EXPECT_EQ(findings("@allow(\"lint.broad-permit,like-on-command\") permit (principal, action, resource);"), Found{});
}

TEST_F(LintsTest, EveryLintHasATestAndANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const lints::Lint& lint : lints::all()) EXPECT_TRUE(names.insert(lint.name).second) << lint.name;
  std::ifstream file(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/policies/lints_test.cc");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (std::string_view name : names)
    EXPECT_NE(text.find("lint." + std::string(name) + "\""), std::string::npos) << name;
}

}  // namespace
}  // namespace countersign::policies
