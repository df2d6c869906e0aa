// @shadow: policies that are evaluated and do not count.
#include <gtest/gtest.h>

#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'795'000'600'000;
constexpr std::string_view kAll = "@id(\"all\") permit (principal, action, resource);\n";

std::string decided(PolicyFolder& folder, std::string_view policies, std::span<const ApprovalFact> approvals = {}) {
  folder.upstream("files", "production", 1);
  folder.write("a.cedar", std::string(kAll) + std::string(policies));
  auto snapshot = folder.load();
  if (!snapshot) return "(not loaded)";
  Decision out = decide_write(*snapshot, "{}", approvals, kNow);
  std::string text = verdict_name(out.verdict);
  for (const std::string& id : out.shadow) text += " " + id;
  return text;
}
std::string decided(std::string_view policies, std::span<const ApprovalFact> approvals = {}) {
  PolicyFolder folder;
  return decided(folder, policies, approvals);
}

TEST(ShadowTest, DoesNotCountAndIsNamedWhereItWouldHaveChangedSomething) {
  EXPECT_EQ(decided("@id(\"s\") @shadow forbid (principal, action, resource);"), "allow s");
  EXPECT_EQ(decided("@id(\"s\") @shadow forbid (principal, action, resource) when { resource.tier == 0 };"), "allow");
  // Of several, each; once, though two accesses may have met it.
  EXPECT_EQ(decided("@id(\"t\") @shadow forbid (principal, action, resource);\n"
                    "@id(\"s\") @shadow(\"\") @approval(\"x\") forbid (principal, action, resource);"),
            "allow s t");
  // Where the answer is no already, nothing would be other.
  EXPECT_EQ(decided("@id(\"s\") @shadow forbid (principal, action, resource);\n"
                    "forbid (principal, action, resource);"),
            "deny");
}

TEST(ShadowTest, WhatCannotBeEvaluatedWouldHaveDenied) {
  EXPECT_EQ(decided("@id(\"s\") @shadow forbid (principal, action, resource) when { resource.tier + "
                    "9223372036854775807 > 0 };"),
            "allow s");
}

TEST(ShadowTest, WithApprovalItWouldHold) {
  std::string held = "@id(\"h\") @approval(\"x\") forbid (principal, action, resource);\n";
  std::string shadow_x = "@id(\"s\") @shadow @approval(\"x\") forbid (principal, action, resource);\n";
  std::string shadow_y = "@id(\"s\") @shadow @approval(\"y\") forbid (principal, action, resource);\n";
  EXPECT_EQ(decided(shadow_x), "allow s");
  EXPECT_EQ(decided(held + shadow_x), "hold");  // asked for already
  EXPECT_EQ(decided(held + shadow_y), "hold s");
  std::vector<ApprovalFact> given = {{"x", "sam", "senior", kNow}};
  EXPECT_EQ(decided(held + shadow_x, given), "allow");
  EXPECT_EQ(decided(held + shadow_y, given), "allow s");
  EXPECT_EQ(decided("@id(\"s\") @shadow @approval(\"x\") forbid (principal, action, resource)\n"
                    "unless { context.approval.hasTag(\"x\") && context.approval.getTag(\"x\").rank >= 5 };",
                    given),
            "allow s");
}

TEST(ShadowTest, ItMayReadParametersThatNobodyElseReads) {
  PolicyFolder folder;
  folder.upstream("files", "production", 1);
  folder.write("inputs.cedarschema", "type Arguments = { amount?: Long };");
  folder.write("a.cedar", std::string(kAll) +
                              "@id(\"s\") @shadow forbid (principal, action == Action::\"mcp:call_tool\", resource)\n"
                              "when { context.input.arguments has amount && context.input.arguments.amount > 4 };");
  auto snapshot = folder.load();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(decide_write(*snapshot, R"({"amount":5})", {}, kNow).shadow, std::vector<std::string>{"s"});
  EXPECT_TRUE(decide_write(*snapshot, R"({"amount":4})", {}, kNow).shadow.empty());
  EXPECT_EQ(decide_write(*snapshot, R"({"amount":"many"})", {}, kNow).shadow, std::vector<std::string>{"s"});
}

TEST(ShadowTest, OnlyAForbidOutsideOfTheFloorAndNoTemplate) {
  PolicyFolder folder;
  folder.write("a.cedar",
               "@shadow permit (principal, action, resource);\n"
               "@shadow forbid (principal == ?principal, action, resource);\n");
  folder.write("floor/f.cedar", "@shadow forbid (principal, action, resource);");
  std::string problems = folder.problems();
  for (std::string_view part :
       {"a.cedar:1: @shadow belongs to a forbid", "a.cedar:2: @shadow does not belong to a template",
        "floor/f.cedar:1: @shadow is not allowed in the floor"})
    EXPECT_TRUE(problems.contains(part)) << problems;
}

TEST(ShadowTest, IsValidatedNamedAndCountedLikeOthers) {
  PolicyFolder folder;
  folder.write("a.cedar",
               std::string(kAll) + "@shadow forbid (principal, action, resource) when { resource.teir == 1 };");
  EXPECT_EQ(folder.codes(), std::vector<std::string>{"cedar.attribute-not-found"});
  folder.write("a.cedar", std::string(kAll) + "@id(\"all\") @shadow forbid (principal, action, resource);");
  EXPECT_TRUE(folder.problems().contains("another policy has the id `all`"));
  // Without an id it has the place it has among all policies of its file, and so have those behind it.
  folder.write("a.cedar",
               "@shadow forbid (principal, action, resource);\npermit (principal, action, resource);\n"
               "@shadow @approval(\"x\") forbid (principal, action, resource);");
  auto snapshot = folder.load();
  ASSERT_TRUE(snapshot);
  ASSERT_EQ(snapshot->policies().size(), 1U);
  ASSERT_EQ(snapshot->shadow().size(), 2U);
  EXPECT_EQ(snapshot->facts(cedar::PolicyRef{0}).id, "a.cedar:2");
  EXPECT_EQ(snapshot->shadow_facts(cedar::PolicyRef{1}).id, "a.cedar:3");
  EXPECT_EQ(snapshot->approval_uses().size(), 1U);
  // Nothing but shadows is no policy.
  folder.write("a.cedar", "@shadow forbid (principal, action, resource);");
  EXPECT_TRUE(folder.problems().contains("there is no policy at all"));
}

TEST(ShadowTest, TemplatesAndTheirLinksStay) {
  PolicyFolder folder;
  folder.write("entities.yaml", "teams: [platform]\n");
  folder.write("a.cedar",
               "@id(\"t\") permit (principal in ?principal, action, resource);\n"
               "@id(\"s\") @shadow forbid (principal, action, resource);\n");
  folder.write("links.yaml", "- { template: t, id: l, principal: 'Team::\"platform\"' }\n");
  auto snapshot = folder.load();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->policies().size(), 1U);
  EXPECT_EQ(snapshot->facts(cedar::PolicyRef{0}).id, "l");
  EXPECT_EQ(snapshot->shadow().size(), 1U);
}

}  // namespace
}  // namespace countersign::policies
