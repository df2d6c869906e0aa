// The policies that are shipped: what they promise in docs and comments.
#include <gtest/gtest.h>

#include "policies/check.h"
#include "policies/decide.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;

class DefaultPolicies : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"files", "web", "unlabelled"}) {
      config::Upstream upstream;
      upstream.name = name;
      upstream.protocol = "mcp";
      upstream.tools.push_back({.tool = "*", .resources = {{.pointer = "/path"}}, .resource_type = "File"});
      upstreams_.push_back(upstream);
    }
    upstreams_[0].labels = {"production", 1, "platform", {}};
    Problems problems;
    snapshot_ = Snapshot::load(folder(), upstreams_, problems);
    ASSERT_TRUE(snapshot_) << format_problems(problems);
    EXPECT_TRUE(problems.empty()) << format_problems(problems);
  }
  static std::filesystem::path folder() {
    return std::filesystem::path(COUNTERSIGN_SOURCE_DIR) / "policies" / "default";
  }
  Decision ask(Effect effect, const std::string& upstream, const std::string& name,
               std::vector<ApprovalFact> approvals = {}) {
    Operation operation;
    operation.protocol = "mcp";
    operation.upstream = upstream;
    operation.action = "mcp:call_tool";
    operation.input = tool_call("{}");
    operation.accesses = {access(effect, "File", upstream, name)};
    Scope scope = everything();
    const Session session;
    const Subject subject{.agent = "builder", .owner = "olivia", .scope = &scope, .session = &session};
    return decide(*snapshot_, subject, operation, approvals, kNow);
  }
  std::vector<config::Upstream> upstreams_;
  std::shared_ptr<const Snapshot> snapshot_;
};

TEST_F(DefaultPolicies, ReadsAreAllowedEverywhere) {
  EXPECT_EQ(ask(Effect::read, "files", "production/a").verdict, Verdict::allow);
  EXPECT_EQ(ask(Effect::read, "files", "staging/a").verdict, Verdict::allow);
}

TEST_F(DefaultPolicies, StagingIsFreeButForCredentialsAndPermissions) {
  for (Effect effect : {Effect::write, Effect::execute, Effect::destroy})
    EXPECT_EQ(ask(effect, "files", "staging/a").verdict, Verdict::allow);
  for (Effect effect : {Effect::mint, Effect::administer}) {
    Decision decision = ask(effect, "files", "staging/a");
    EXPECT_EQ(decision.verdict, Verdict::hold);
    EXPECT_EQ(decision.approvals, std::vector<std::string>{"sensitive-change"});
  }
}

TEST_F(DefaultPolicies, ProductionIsHeldAndReleasedOnce) {
  for (const char* upstream : {"files", "unlabelled"}) {
    for (Effect effect : {Effect::write, Effect::execute}) {
      Decision decision = ask(effect, upstream, "production/a");
      EXPECT_EQ(decision.verdict, Verdict::hold);
      EXPECT_EQ(decision.policies, std::vector<std::string>{"production-changes-need-approval"});
      EXPECT_EQ(decision.approvals, std::vector<std::string>{"production-change"});
      EXPECT_EQ(ask(effect, upstream, "production/a", {{"production-change", "sam", "senior", kNow}}).verdict,
                Verdict::allow);
    }
  }
}

TEST_F(DefaultPolicies, TheFloorHolds) {
  std::vector<ApprovalFact> all = {{"production-change", "dana", "vp", kNow},
                                   {"tier-0-change", "dana", "vp", kNow},
                                   {"sensitive-change", "dana", "vp", kNow}};
  for (const char* upstream : {"files", "web", "unlabelled"}) {
    for (Effect effect : {Effect::destroy, Effect::mint, Effect::administer}) {
      Decision decision = ask(effect, upstream, "production/a", all);
      EXPECT_EQ(decision.verdict, Verdict::deny);
      EXPECT_EQ(decision.code, "policy.floor");
      EXPECT_TRUE(decision.policies.front().starts_with("floor-no-"));
    }
  }
}

TEST_F(DefaultPolicies, AreCleanAndTheirApprovalRulesAreDefined) {
  Problems problems;
  check(*snapshot_, problems);
  EXPECT_TRUE(problems.empty()) << format_problems(problems);
  std::optional<yaml::Node> approvals = yaml::parse_file((folder() / "approvals.yaml").string(), problems);
  ASSERT_TRUE(approvals) << format_problems(problems);
  const yaml::Node* rules = approvals->find("rules");
  ASSERT_TRUE(rules);
  EXPECT_FALSE(snapshot_->approval_uses().empty());
  for (const ApprovalUse& use : snapshot_->approval_uses()) EXPECT_TRUE(rules->find(use.rule)) << use.rule;
}

}  // namespace
}  // namespace countersign::policies
