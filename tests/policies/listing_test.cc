#include <gtest/gtest.h>

#include "policies/decide.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;

class ListingTest : public testing::Test {
 protected:
  // Whether `effect` on something unknown of type File in `upstream` is shown.
  bool shown(Effect effect, const std::string& upstream = "files") {
    Operation operation;
    operation.protocol = "mcp";
    operation.upstream = upstream;
    operation.action = "mcp:call_tool";
    operation.accesses = {access(effect, "File", upstream, "")};
    std::shared_ptr<const Snapshot> snapshot = folder_.load();
    return snapshot && could_allow(*snapshot, subject_, operation, kNow);
  }
  PolicyFolder folder_;
  Scope scope_ = everything();
  Subject subject_{.agent = "builder", .owner = "olivia", .delegates = {}, .token = "00", .scope = &scope_};
};

TEST_F(ListingTest, WhatNothingPermitsIsHidden) {
  folder_.upstream("files", "production", 1);
  folder_.write("a.cedar", "permit (principal, action in Action::\"read\", resource);");
  EXPECT_TRUE(shown(Effect::read));
  EXPECT_FALSE(shown(Effect::write));
}

TEST_F(ListingTest, WhatParametersOrResourcesDecideIsShown) {
  folder_.upstream("files", "production", 1);
  folder_.write("a.cedar",
                "permit (principal, action in Action::\"write\", resource == File::\"files/only-this\");\n"
                "permit (principal, action in Action::\"execute\", resource) when {\n"
                "  context has input.arguments.cmd && context.input.arguments.cmd == \"ls\" };\n"
                "permit (principal, action in Action::\"mint\", resource);\n"
                "forbid (principal, action in Action::\"mint\", resource) when {\n"
                "  context has input.arguments.scope && context.input.arguments.scope == \"admin\" };\n"
                "permit (principal, action in Action::\"administer\", resource is Tool);\n");
  folder_.write("inputs.cedarschema", "type Arguments = { cmd?: String, scope?: String };");
  EXPECT_TRUE(shown(Effect::write));
  EXPECT_TRUE(shown(Effect::execute));
  EXPECT_TRUE(shown(Effect::mint));
  EXPECT_FALSE(shown(Effect::administer)) << "the type is known, and it is not Tool";
}

TEST_F(ListingTest, WhatWouldBeHeldIsShown) {
  folder_.upstream("files", "production", 1);
  folder_.write("a.cedar",
                "permit (principal, action, resource);\n"
                "@approval(\"x\") forbid (principal, action in Action::\"change\", resource);");
  EXPECT_TRUE(shown(Effect::destroy));
}

TEST_F(ListingTest, AForbidByLabelsHidesOnlyWhereTheLabelsAreKnown) {
  folder_.upstream("files", "production", 1).upstream("all", "production", 1);
  folder_.write("a.cedar", "permit (principal, action, resource);");
  folder_.write(
      "floor/f.cedar",
      "forbid (principal, action in Action::\"destroy\", resource) when { resource.environment == \"production\" };"
      "forbid (principal, action in Action::\"mint\", resource) unless { resource == File::\"all/x\" };"
      "forbid (principal, action in Action::\"execute\", resource) unless { resource.name == \"x\" };");
  folder_.write("entities.yaml", "inventory: [{ match: 'files/staging/**', environment: staging }]");
  EXPECT_FALSE(shown(Effect::destroy, "all")) << "all of it is production";
  EXPECT_TRUE(shown(Effect::destroy, "files")) << "something in it is staging";
  EXPECT_TRUE(shown(Effect::mint, "all")) << "which resource it is may matter";
  EXPECT_TRUE(shown(Effect::execute, "all")) << "its name may matter";
}

TEST_F(ListingTest, CertainForbidsAndErrorsHide) {
  folder_.upstream("files", "production", 1);
  folder_.write("a.cedar",
                "permit (principal, action, resource);\n"
                "forbid (principal, action in Action::\"write\", resource);\n"
                "forbid (principal, action in Action::\"mint\", resource) when {\n"
                "  9223372036854775807 + 1 > 0 };\n");
  EXPECT_FALSE(shown(Effect::write));
  EXPECT_FALSE(shown(Effect::mint));
  EXPECT_TRUE(shown(Effect::read));
}

TEST_F(ListingTest, TheScopeHidesWhatItSurelyExcludes) {
  folder_.upstream("files", "production", 1).upstream("web", "production", 1);
  folder_.write("a.cedar", "permit (principal, action, resource);");
  ScopeRule rule;
  rule.upstreams = {"files"};
  rule.effects = {Effect::read};
  rule.resources = {"files/docs/*"};
  rule.environments = {"staging"};
  scope_ = Scope({ScopeBlock{{rule}, std::nullopt, kNow + 1}, ScopeBlock{{ScopeRule{}}, std::nullopt, std::nullopt}});
  EXPECT_TRUE(shown(Effect::read)) << "which resource, and so which environment, is not known";
  EXPECT_FALSE(shown(Effect::write));
  EXPECT_FALSE(shown(Effect::read, "web"));
  rule.actions = {"mcp:read_*"};
  scope_ = Scope({ScopeBlock{{rule}, std::nullopt, std::nullopt}});
  EXPECT_FALSE(shown(Effect::read));
  rule.actions = {"mcp:*"};
  scope_ = Scope({ScopeBlock{{rule}, std::nullopt, kNow}});
  EXPECT_FALSE(shown(Effect::read)) << "expired";
  scope_ = Scope({ScopeBlock{{rule}, std::nullopt, std::nullopt}, ScopeBlock{}});
  EXPECT_FALSE(shown(Effect::read)) << "a block without rules admits nothing";
}

TEST_F(ListingTest, EveryAccessMustBePossible) {
  folder_.upstream("files", "production", 1);
  folder_.write("a.cedar", "permit (principal, action in Action::\"write\", resource);");
  std::shared_ptr<const Snapshot> snapshot = folder_.load();
  Operation move;
  move.protocol = "mcp";
  move.upstream = "files";
  move.action = "mcp:call_tool";
  move.accesses = {access(Effect::write, "File", "files", "")};
  EXPECT_TRUE(could_allow(*snapshot, subject_, move, kNow));
  move.accesses.push_back(access(Effect::destroy, "File", "files", ""));
  EXPECT_FALSE(could_allow(*snapshot, subject_, move, kNow));
  move.accesses = {access(Effect::write, "User", "files", "")};
  EXPECT_FALSE(could_allow(*snapshot, subject_, move, kNow));
}

}  // namespace
}  // namespace countersign::policies
