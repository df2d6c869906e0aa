// @secrets("reveal"), and what the gateway answers with less than the caller has (Reach::narrowing).
#include <gtest/gtest.h>

#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'795'000'600'000;

class SecretsTest : public testing::Test {
 protected:
  Decision decided(std::string_view policies, std::vector<Access> accesses, std::span<const ApprovalFact> facts = {},
                   Reach reach = Reach::upstream) {
    PolicyFolder folder;
    folder.upstream("files", "production", 1);
    folder.write("a.cedar", policies);
    auto snapshot = folder.load();
    if (!snapshot) return {};
    Operation operation;
    operation.protocol = "mcp";
    operation.upstream = "files";
    operation.action = "mcp:call_tool";
    operation.reach = reach;
    operation.accesses = std::move(accesses);
    return decide(*snapshot, subject_, operation, facts, kNow);
  }
  Decision decided(std::string_view policies, std::span<const ApprovalFact> facts = {}) {
    return decided(policies, {access(Effect::mint, "File", "files", "a")}, facts);
  }
  Decision narrowed(std::string_view policies) {
    return decided(policies, {access(Effect::read, "File", "files", "a")}, {}, Reach::narrowing);
  }

  Scope scope_ = everything();
  Subject subject_{.agent = "builder", .owner = "olivia", .delegates = {}, .token = "00", .scope = &scope_};
};

TEST_F(SecretsTest, AreRevealedWhereASatisfiedPermitSaysSo) {
  EXPECT_FALSE(Decision().reveals_secrets);
  EXPECT_FALSE(decided("permit (principal, action, resource);").reveals_secrets);
  EXPECT_TRUE(decided("@secrets(\"reveal\") permit (principal, action, resource);").reveals_secrets);
  EXPECT_TRUE(decided("permit (principal, action, resource);\n"
                      "@secrets(\"reveal\") permit (principal, action in Action::\"mint\", resource);")
                  .reveals_secrets);
  Decision other = decided(
      "permit (principal, action, resource);\n"
      "@secrets(\"reveal\") permit (principal, action, resource) when { resource.environment == \"staging\" };");
  EXPECT_EQ(other.verdict, Verdict::allow);
  EXPECT_FALSE(other.reveals_secrets);
  // A permit that errs is not satisfied.
  EXPECT_FALSE(decided("permit (principal, action, resource);\n"
                       "@secrets(\"reveal\") permit (principal, action, resource)\n"
                       "when { resource.tier + 9223372036854775807 > 0 };")
                   .reveals_secrets);
}

TEST_F(SecretsTest, ADenialRevealsNothing) {
  Decision denied =
      decided("@secrets(\"reveal\") permit (principal, action, resource);\nforbid (principal, action, resource);");
  EXPECT_EQ(denied.verdict, Verdict::deny);
  EXPECT_FALSE(denied.reveals_secrets);
}

TEST_F(SecretsTest, OfEverythingThatIsTouchedOrOfNothing) {
  std::string policies =
      "permit (principal, action, resource);\n"
      "@secrets(\"reveal\") permit (principal, action, resource == File::\"files/a\");";
  EXPECT_TRUE(decided(policies, {access(Effect::read, "File", "files", "a")}).reveals_secrets);
  Decision both =
      decided(policies, {access(Effect::read, "File", "files", "a"), access(Effect::read, "File", "files", "b")});
  EXPECT_EQ(both.verdict, Verdict::allow);
  EXPECT_FALSE(both.reveals_secrets);
}

TEST_F(SecretsTest, WhatIsHeldIsRevealedAsTheDecisionAfterTheApprovalSays) {
  std::string policies =
      "@secrets(\"reveal\") permit (principal, action, resource);\n@approval(\"x\") forbid (principal, action, "
      "resource);";
  Decision held = decided(policies);
  EXPECT_EQ(held.verdict, Verdict::hold);
  EXPECT_TRUE(held.reveals_secrets);
  std::vector<ApprovalFact> given = {{"x", "sam", "senior", kNow}};
  Decision released = decided(policies, given);
  EXPECT_EQ(released.verdict, Verdict::allow);
  EXPECT_TRUE(released.reveals_secrets);
  EXPECT_FALSE(decided("permit (principal, action, resource);\n"
                       "@approval(\"x\") forbid (principal, action, resource);",
                       given)
                   .reveals_secrets);
}

TEST_F(SecretsTest, OtherValuesAndOtherPlacesDoNotLoad) {
  PolicyFolder folder;
  folder.write("a.cedar",
               "@secrets(\"show\") permit (principal, action, resource);\n"
               "@secrets permit (principal, action, resource);\n"
               "@secrets(\"reveal\") forbid (principal, action, resource);\n"
               "@secret(\"reveal\") permit (principal, action, resource);\n");
  EXPECT_EQ(folder.problems(),
            "a.cedar:1: @secrets has one value, \"reveal\"; without it secrets in answers are redacted\n"
            "a.cedar:2: @secrets has one value, \"reveal\"; without it secrets in answers are redacted\n"
            "a.cedar:3: @secrets belongs to a permit: what a forbid forbids has no answer\n"
            "a.cedar:4: warning: unknown annotation @secret; did you mean @secrets?\n");
}

TEST_F(SecretsTest, LessThanTheCallerHasNeedsNoPermitAndHeedsEveryForbid) {
  std::string nothing = "permit (principal, action, resource) when { resource.tier == 9 };";
  EXPECT_EQ(narrowed(nothing).verdict, Verdict::allow);
  EXPECT_FALSE(narrowed("@secrets(\"reveal\") permit (principal, action, resource);").reveals_secrets);
  EXPECT_EQ(narrowed(nothing + "forbid (principal, action in Action::\"mint\", resource);").verdict, Verdict::allow);
  EXPECT_EQ(narrowed(nothing + "forbid (principal, action, resource);").code, "policy.forbidden");
  EXPECT_EQ(narrowed(nothing + "@approval(\"x\") forbid (principal, action, resource);").code, "policy.forbidden");
  EXPECT_EQ(
      narrowed(nothing + "forbid (principal, action, resource) when { resource.tier + 9223372036854775807 > 0 };").code,
      "policy.error");
  ScopeRule elsewhere;
  elsewhere.upstreams = {"web"};
  scope_ = Scope({ScopeBlock{{elsewhere}, std::nullopt, std::nullopt}});
  EXPECT_EQ(narrowed(nothing).code, "scope.upstream");
  // A scope of other actions is no hindrance: it binds what is given out as well.
  ScopeRule reads;
  reads.actions = {"mcp:read*"};
  scope_ = Scope({ScopeBlock{{reads}, std::nullopt, std::nullopt}});
  EXPECT_EQ(narrowed(nothing).verdict, Verdict::allow);
  EXPECT_EQ(decided("permit (principal, action, resource);").code, "scope.action");
  scope_ = Scope({ScopeBlock{{ScopeRule{}}, std::nullopt, kNow}});
  EXPECT_EQ(narrowed(nothing).code, "scope.expired");
}

}  // namespace
}  // namespace countersign::policies
