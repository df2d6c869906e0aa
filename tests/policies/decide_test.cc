#include "policies/decide.h"

#include <gtest/gtest.h>

#include <thread>

#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;

Operation operation(std::vector<Access> accesses) {
  Operation out;
  out.protocol = "mcp";
  out.upstream = "files";
  out.action = "mcp:call_tool";
  out.input = tool_call("{}");
  out.accesses = std::move(accesses);
  return out;
}

class DecideTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.upstream("files", "production", 1);
    folder_.write("a.cedar",
                  "@id(\"p\") permit (principal, action, resource);\n"
                  "@id(\"f\") @approval(\"one\") forbid (principal, action in Action::\"change\", resource)\n"
                  "when { context has input.arguments.path && context.input.arguments.path like \"production/*\" };");
    folder_.write("inputs.cedarschema", "type Arguments = { path?: String };");
    folder_.write("entities.yaml", "inventory: [{ match: 'files/staging/**', environment: staging, tier: 3 }]");
    snapshot_ = folder_.load();
  }
  PolicyFolder folder_;
  std::shared_ptr<const Snapshot> snapshot_;
  Scope scope_ = everything();
  Subject subject_{.agent = "builder", .owner = "olivia", .delegates = {}, .token = "00", .scope = &scope_};
};

TEST_F(DecideTest, ADefaultDecisionDenies) {
  EXPECT_EQ(Decision().verdict, Verdict::deny);
}

TEST_F(DecideTest, NoScopeNoBusiness) {
  Operation read = operation({access(Effect::read, "File", "files", "a")});
  subject_.scope = nullptr;
  Decision decision = decide(*snapshot_, subject_, read, {}, kNow);
  EXPECT_EQ(decision.verdict, Verdict::deny);
  EXPECT_EQ(decision.code, "scope.empty");
  EXPECT_FALSE(could_allow(*snapshot_, subject_, read, kNow));
  Scope empty;
  subject_.scope = &empty;
  EXPECT_EQ(decide(*snapshot_, subject_, read, {}, kNow).code, "scope.empty");
  EXPECT_FALSE(could_allow(*snapshot_, subject_, read, kNow));
}

TEST_F(DecideTest, TheScopeComesFirstAndSeesTheInventory) {
  ScopeRule staging;
  staging.environments = {"staging"};
  Scope scope({ScopeBlock{{staging}, std::nullopt, kNow + 1}});
  subject_.scope = &scope;
  Operation read = operation({access(Effect::read, "File", "files", "staging/a")});
  EXPECT_EQ(decide(*snapshot_, subject_, read, {}, kNow).verdict, Verdict::allow);
  EXPECT_EQ(decide(*snapshot_, subject_, read, {}, kNow + 1).code, "scope.expired");
  Operation production = operation({access(Effect::read, "File", "files", "production/a")});
  Decision decision = decide(*snapshot_, subject_, production, {}, kNow);
  EXPECT_EQ(decision.code, "scope.environment");
  EXPECT_EQ(decision.verdict, Verdict::deny);
  EXPECT_TRUE(decision.policies.empty());
  // An approval widens no scope.
  std::vector<ApprovalFact> facts = {{"one", "alice", "vp", kNow}};
  EXPECT_EQ(decide(*snapshot_, subject_, production, facts, kNow).code, "scope.environment");
  // A name that could be another one is not in staging.
  for (const char* trap :
       {"staging/../production/a", "staging//a", "staging/%2e%2e/a", "STAGING/a", "staging\\..\\a"}) {
    Operation hidden = operation({access(Effect::read, "File", "files", trap)});
    EXPECT_EQ(decide(*snapshot_, subject_, hidden, {}, kNow).code, "scope.environment") << trap;
  }
}

TEST_F(DecideTest, AScopesEnvironmentsMustAdmitEveryLabelSet) {
  folder_.write("entities.yaml",
                "inventory: [{ match: 'files/staging/**', environment: staging, tier: 3, owner: platform },\n"
                "  { match: 'files/staging/live/**', environment: production, tier: 1, pii: 'yes' },\n"
                "  { match: 'files/staging/copy/**', environment: staging, tier: 3, pii: 'yes' }]");
  snapshot_ = folder_.load();
  ScopeRule staging;
  staging.environments = {"staging"};
  Scope scope({ScopeBlock{{staging}, std::nullopt, std::nullopt}});
  subject_.scope = &scope;
  auto code = [&](const std::string& name) {
    return decide(*snapshot_, subject_, operation({access(Effect::read, "File", "files", name)}), {}, kNow).code;
  };
  EXPECT_EQ(code("staging/a"), "policy.allowed");
  EXPECT_EQ(code("staging/copy/a"), "policy.allowed");
  EXPECT_EQ(code("staging/COPY/a"), "policy.allowed") << "two label sets, and both are staging";
  EXPECT_EQ(code("staging/"), "scope.environment");
  EXPECT_EQ(code("staging"), "scope.environment");
  EXPECT_EQ(code("staging/LIVE/a"), "scope.environment");
  EXPECT_EQ(code("staging/a/../live"), "scope.environment");
}

TEST_F(DecideTest, AListingIsNotNarrowedByLabelsThatMayApply) {
  folder_.write("a.cedar",
                "permit (principal, action, resource);\n"
                "forbid (principal, action, resource) when { resource.labels has pii };");
  folder_.write("entities.yaml", "inventory: [{ match: 'files/data/secret/**', pii: 'yes' }]");
  snapshot_ = folder_.load();
  Operation read = operation({access(Effect::read, "File", "files", "data")});
  EXPECT_EQ(decide(*snapshot_, subject_, read, {}, kNow).code, "policy.forbidden");
  EXPECT_TRUE(could_allow(*snapshot_, subject_, read, kNow));
  read.accesses = {access(Effect::read, "File", "files", "")};
  EXPECT_TRUE(could_allow(*snapshot_, subject_, read, kNow));
}

TEST_F(DecideTest, AnOperationThatTouchesNothingIsRefused) {
  EXPECT_EQ(decide(*snapshot_, subject_, operation({}), {}, kNow).code, "policy.error");
  EXPECT_FALSE(could_allow(*snapshot_, subject_, operation({}), kNow));
}

TEST_F(DecideTest, HandshakesNeedAScopeThatNamesTheUpstream) {
  Operation handshake = operation({});
  handshake.reach = Reach::gateway;
  EXPECT_EQ(decide(*snapshot_, subject_, handshake, {}, kNow).verdict, Verdict::allow);
  ScopeRule other;
  other.upstreams = {"web"};
  Scope scope({ScopeBlock{{other}, std::nullopt, std::nullopt}});
  subject_.scope = &scope;
  Decision decision = decide(*snapshot_, subject_, handshake, {}, kNow);
  EXPECT_EQ(decision.code, "scope.upstream");
  EXPECT_EQ(decision.verdict, Verdict::deny);
  handshake.upstream = "";
  EXPECT_EQ(decide(*snapshot_, subject_, handshake, {}, kNow).code, "scope.upstream");
  scope = everything();
  EXPECT_EQ(decide(*snapshot_, subject_, handshake, {}, kNow).verdict, Verdict::allow);
}

TEST_F(DecideTest, ParametersPastTheLimitsDeny) {
  Operation write = operation({access(Effect::write, "File", "files", "a")});
  write.input = tool_call("{\"path\":\"staging/x\"}");
  EXPECT_EQ(decide(*snapshot_, subject_, write, {}, kNow).verdict, Verdict::allow);
  write.input = tool_call("{\"path\":\"staging/x\",\"more\":" + std::string(40, '[') + std::string(40, ']') + "}");
  EXPECT_EQ(decide(*snapshot_, subject_, write, {}, kNow).code, "policy.error");
  write.input = tool_call("{\"path\":\"staging/x\",\"more\":\"" + std::string(1U << 20, 'x') + "\"}");
  EXPECT_EQ(decide(*snapshot_, subject_, write, {}, kNow).code, "policy.error");
  // Nobody reads the parameters of a read.
  write.accesses = {access(Effect::read, "File", "files", "a")};
  EXPECT_EQ(decide(*snapshot_, subject_, write, {}, kNow).verdict, Verdict::allow);
}

TEST_F(DecideTest, ManyThreadsDecideOnOneSnapshot) {
  std::vector<std::thread> threads;
  std::array<int, 4> right{};
  for (std::size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        bool production = (i + static_cast<int>(t)) % 2 == 0;
        Operation write = operation(
            {access(Effect::write, "File", "files", "a"), access(Effect::read, "File", "files", "staging/b")});
        write.input = tool_call(production ? R"({"path":"production/x"})" : R"({"path":"staging/x"})");
        Decision decision = decide(*snapshot_, subject_, write, {}, kNow);
        if (decision.verdict == (production ? Verdict::hold : Verdict::allow) &&
            could_allow(*snapshot_, subject_, write, kNow))
          ++right[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int count : right) EXPECT_EQ(count, 500);
}

}  // namespace
}  // namespace countersign::policies
