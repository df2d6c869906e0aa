// When a request is held, and what its approval does: the traps that make holding by annotation fail open, and a
// property over random policy sets.
#include <gtest/gtest.h>

#include <random>

#include "attack.h"
#include "policies/cedar_request.h"
#include "policies/decide.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;

class HoldTraps : public testing::Test {
 protected:
  void SetUp() override {
    folder_.upstream("files", "production", 1);
    folder_.write("inputs.cedarschema", "type Arguments = { amt?: Long, cmd?: String };");
  }
  Decision ask(const std::string& policies, const std::string& arguments, std::vector<ApprovalFact> approvals = {}) {
    folder_.write("a.cedar", policies);
    return decide_write(*folder_.load(), arguments, approvals, kNow);
  }
  bool loads(const std::string& policies) {
    folder_.write("a.cedar", policies);
    Problems problems;
    return Snapshot::load(folder_.path(), folder_.upstreams(), problems) != nullptr;
  }
  PolicyFolder folder_;
  std::string permit_ = "@id(\"p\") permit (principal, action, resource);\n";
};

TEST_F(HoldTraps, ApprovalsThatAreMissingOrOfAnotherTypeDoNotDissolveTheForbid) {
  std::string untyped = permit_ + "forbid (principal, action, resource) unless { context.approvals.contains(\"x\") };";
  EXPECT_EQ(plain_cedar(untyped, {}), cedar::Decision::allow) << "the trap";
  EXPECT_FALSE(loads(untyped));
  std::string typed = permit_ + "forbid (principal, action, resource) unless { context.approval.hasTag(\"x\") };";
  EXPECT_EQ(ask(typed, "{}").code, "policy.forbidden");
  EXPECT_EQ(ask(typed, "{}", {{"x", "alice", "senior", kNow}}).verdict, Verdict::allow);
  std::string wrong = permit_ + "forbid (principal, action, resource) unless { context.approval.hasTag(3) };";
  EXPECT_EQ(plain_cedar(wrong, {}), cedar::Decision::allow) << "the trap";
  EXPECT_FALSE(loads(wrong));
}

TEST_F(HoldTraps, AHardForbidThatErrsIsNotHiddenByOneThatHolds) {
  std::string policies = permit_ +
                         "@id(\"hard\") forbid (principal, action, resource)\n"
                         "when { context has input.arguments.amt && context.input.arguments.amt * 2 > 10 };\n"
                         "@id(\"soft\") @approval(\"x\") forbid (principal, action, resource)\n"
                         "unless { context.approval.hasTag(\"x\") };";
  std::string overflow = R"({"amt": 9223372036854775807})";
  EXPECT_EQ(plain_cedar(policies, {.arguments = overflow, .approvals = {"x"}}), cedar::Decision::allow) << "the trap";
  EXPECT_EQ(ask(policies, overflow).code, "policy.error") << "not held";
  EXPECT_EQ(ask(policies, overflow, {{"x", "alice", "vp", kNow}}).code, "policy.error");
  EXPECT_EQ(ask(policies, R"({"amt": 1})").verdict, Verdict::hold);
  EXPECT_EQ(ask(policies, R"({"amt": 1})", {{"x", "alice", "vp", kNow}}).verdict, Verdict::allow);
}

TEST_F(HoldTraps, TheAgentCannotSwitchAForbidOffByOverflowingIt) {
  std::string policies = permit_ +
                         "forbid (principal, action, resource)\n"
                         "when { context has input.arguments.amt && context.input.arguments.amt * 100 > 1000 };";
  std::string overflow = R"({"amt": 92233720368547759})";
  EXPECT_EQ(plain_cedar(policies, {.arguments = overflow}), cedar::Decision::allow) << "the trap";
  EXPECT_EQ(ask(policies, overflow).code, "policy.error");
}

TEST_F(HoldTraps, InOnStringsDoesNotLoad) {
  std::string policies = permit_ +
                         "forbid (principal, action, resource)\n"
                         "when { context has input.arguments.cmd && context.input.arguments.cmd in [\"rm\", \"dd\"] };";
  EXPECT_EQ(plain_cedar(policies, {.arguments = R"({"cmd": "rm"})"}), cedar::Decision::allow) << "the trap";
  EXPECT_FALSE(loads(policies));
}

TEST_F(HoldTraps, NobodyIsAskedForWhatStaysDenied) {
  Decision decision = ask("@id(\"soft\") @approval(\"x\") forbid (principal, action, resource);", "{}");
  EXPECT_EQ(decision.code, "policy.no_permit");
  EXPECT_TRUE(decision.approvals.empty());
}

TEST_F(HoldTraps, ApprovalInTheFloorDoesNotLoad) {
  folder_.write("floor/f.cedar", "@approval(\"x\") forbid (principal, action, resource);");
  EXPECT_FALSE(loads(permit_));
}

// --- random sets -------------------------------------------------------------------------------------------------

class RandomSets {
 public:
  explicit RandomSets(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

  // About the request.
  std::string condition() {
    switch (below(4)) {
      case 0:
        return "resource.environment == \"" + pick({"production", "staging"}) + "\"";
      case 1:
        return "context has input.arguments.n && context.input.arguments.n > " + std::to_string(below(4));
      case 2:
        return "context has input.arguments.n && context.input.arguments.n * 4611686018427387904 > 0";
      default:
        return "principal has owner && principal.owner.rank >= 3";
    }
  }

  // About approvals: what makes it true opens.
  std::string opening() {
    std::string rule = pick(rules_);
    std::string has = "context.approval.hasTag(\"" + rule + "\")";
    std::string tag = "context.approval.getTag(\"" + rule + "\")";
    switch (below(3)) {
      case 0:
        return has;
      case 1:
        return has + " && " + tag + ".rank >= 3";
      default:
        return has + " && !(principal has owner && " + tag + ".by == principal.owner)";
    }
  }

  std::string clause(bool permit) {
    std::string opens = permit ? "when" : "unless";
    std::string closes = permit ? "unless" : "when";
    switch (below(4)) {
      case 0:
        return opens + " { " + opening() + " }";
      case 1:  // an approval that closes
        return closes + " { context.approval.hasTag(\"" + pick(rules_) + "\") }";
      default:
        return pick({"when", "unless"}) + " { " + condition() + " }";
    }
  }

  std::string policy(std::size_t number, bool floor) {
    bool permit = !floor && below(3) == 0;
    bool soft = !permit && !floor && below(3) != 0;
    std::string out = "@id(\"" + std::string(floor ? "f" : "p") + std::to_string(number) +
                      "\") @allow(\"approval-reversed never-applies approval-never-asked\") ";
    if (soft) out += "@approval(\"" + pick(rules_) + "\") ";
    out += permit ? "permit" : "forbid";
    out +=
        " (principal, " +
        pick({"action", "action in Action::\"change\"", "action in Action::\"write\"", "action in Action::\"read\""}) +
        ", resource)";
    for (std::size_t i = below(3); i > 0; --i) out += " " + clause(permit);
    return out + ";\n";
  }

  std::string policies() {
    std::string out = below(4) == 0 ? "" : "@id(\"base\") permit (principal, action, resource);\n";
    for (std::size_t i = 0, n = 1 + below(5); i < n; ++i) out += policy(i, false);
    return out;
  }

  Operation operation() {
    Operation out;
    out.protocol = "mcp";
    out.upstream = "files";
    out.action = "mcp:call_tool";
    out.input = tool_call(pick({"{}", R"({"n":1})", R"({"n":3})", R"({"n":"x"})", R"({"n":null})"}));
    for (std::size_t i = 0, n = 1 + below(2); i < n; ++i)
      out.accesses.push_back(
          access(below(2) == 0 ? Effect::write : Effect::read, "File", "files", below(2) == 0 ? "staging/a" : "a"));
    return out;
  }

  std::vector<ApprovalFact> facts() {
    std::vector<ApprovalFact> out;
    for (const std::string& rule : rules_) {
      if (below(3) == 0) out.push_back({rule, pick({"alice", "mallory"}), pick({"junior", "senior", "vp"}), kNow});
    }
    return out;
  }

 private:
  std::mt19937_64 random_;
  std::vector<std::string> rules_ = {"a", "b", "c"};
};

// By the definition, with every policy looked at: nothing erring, nothing forbidding but what approvals released.
bool is_sound_to_allow(const Snapshot& snapshot, const Subject& subject, const Operation& operation,
                       const std::vector<ApprovalFact>& facts) {
  RequestMaker maker(snapshot, subject, operation, facts, {}, kNow, RequestMaker::Input::known);
  return std::ranges::all_of(operation.accesses, [&](const Access& touched) {
    Labels labels = snapshot.inventory().classify(operation.upstream, touched.resource.name);
    RequestMaker::Made made = maker.make(touched, labels);
    cedar::Answer answer = cedar::authorize_by_scan(snapshot.policies(), made.request, made.entities);
    bool released = std::ranges::all_of(answer.satisfied_forbids, [&](cedar::PolicyRef ref) {
      const PolicyFacts& policy = snapshot.facts(ref);
      bool approved = std::ranges::find(facts, policy.approval, &ApprovalFact::rule) != facts.end();
      return !policy.floor && !policy.approval.empty() && !policy.mentions.approval && approved;
    });
    return released && !answer.satisfied_permits.empty() && answer.errored_forbids.empty() &&
           answer.maybe_forbids.empty();
  });
}

TEST(HoldProperty, WhatIsHeldIsAllowedOnceApprovedAndNothingElseIsEverAllowed) {
  RandomSets random(20261121);
  std::array<int, 3> seen{};
  int sets = 0;
  for (int i = 0; i < 500; ++i) {
    PolicyFolder folder;
    folder.upstream("files", "production", 1);
    folder.write("a.cedar", random.policies());
    if (random.below(4) == 0) folder.write("floor/f.cedar", random.policy(0, true));
    folder.write("inputs.cedarschema", "type Arguments = { n?: Long };");
    folder.write("entities.yaml",
                 "users: [{ name: mallory, level: senior }, { name: alice, level: vp }]\n"
                 "inventory: [{ match: 'files/staging/**', environment: staging }]");
    Problems problems;
    auto snapshot = Snapshot::load(folder.path(), folder.upstreams(), problems);
    if (!snapshot) continue;  // a release that does not fit its @approval
    ++sets;
    Scope scope = everything();
    Subject subject{.agent = "builder",
                    .owner = random.pick({"mallory", "nobody"}) == "mallory" ? "mallory" : "nobody",
                    .scope = &scope};
    for (int k = 0; k < 10; ++k) {
      Operation operation = random.operation();
      std::vector<ApprovalFact> facts = random.facts();
      Decision decision = decide(*snapshot, subject, operation, facts, kNow);
      ++seen[static_cast<std::size_t>(decision.verdict)];
      std::string what = "set " + std::to_string(i) + ": " + decision.reason;
      if (decision.verdict == Verdict::allow) {
        EXPECT_TRUE(is_sound_to_allow(*snapshot, subject, operation, facts)) << what;
      }
      if (decision.verdict != Verdict::hold) continue;
      ASSERT_FALSE(decision.approvals.empty()) << what;
      for (const std::string& rule : decision.approvals) facts.push_back({rule, "alice", "vp", kNow});
      Decision approved = decide(*snapshot, subject, operation, facts, kNow);
      EXPECT_EQ(approved.verdict, Verdict::allow) << what << "\nthen: " << approved.reason;
      if (approved.verdict == Verdict::allow) {
        EXPECT_TRUE(is_sound_to_allow(*snapshot, subject, operation, facts)) << what;
      }
    }
  }
  EXPECT_GT(sets, 250);
  for (int count : seen) EXPECT_GT(count, 100);
}

}  // namespace
}  // namespace countersign::policies
