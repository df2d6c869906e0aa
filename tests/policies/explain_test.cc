// Explanations in the gateway's words, the questions they answer, and tests of policies.
#include "policies/explain.h"

#include <gtest/gtest.h>

#include "policies/explain_json.h"
#include "policies/testing.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Json();
}

std::filesystem::path default_folder() {
  return std::filesystem::path(COUNTERSIGN_SOURCE_DIR) / "policies" / "default";
}

std::shared_ptr<const Snapshot> load_default(const std::vector<config::Upstream>& upstreams) {
  Problems problems;
  auto snapshot = Snapshot::load(default_folder(), upstreams, problems);
  EXPECT_TRUE(snapshot) << format_problems(problems);
  return snapshot;
}

std::vector<config::Upstream> three_upstreams() {
  std::vector<config::Upstream> out(3);
  out[0].name = "files";
  out[0].labels = {"production", 1, "platform", {}};
  out[1].name = "ledger";
  out[1].labels = {"production", 0, "platform", {}};
  out[2].name = "lab";
  out[2].labels = {"staging", 3, "platform", {}};
  for (config::Upstream& upstream : out) {
    upstream.protocol = "mcp";
    upstream.tools.push_back(
        {.tool = "*", .effect = {}, .resources = {{.pointer = "/path", .effect = {}}}, .resource_type = "File"});
  }
  return out;
}

Explanation explain_question(const Snapshot& snapshot, const Question& question) {
  return explain(snapshot, question.subject(), question.operation, question.approvals, question.now, question.input);
}

// Whatever decide() says, the explanation's remedy is empty exactly when the request is allowed, names the approvals it
// is held for, and never calls something releasable that is denied.
TEST(Explain, AgreesWithTheDecision) {
  auto snapshot = load_default(three_upstreams());
  const std::vector<std::string> rules = {"production-change", "tier-0-change", "sensitive-change"};
  int verdicts[3] = {};
  for (const char* resource : {"files/production/a", "files/staging/a", "files", "ledger/a", "lab/a", "nobody/a"}) {
    for (const char* effect : {"read", "write", "execute", "mint", "administer", "destroy"}) {
      for (unsigned given = 0; given < 8; ++given) {
        Json request = {{"agent", "builder"},
                        {"action", "mcp:call_tool"},
                        {"effect", effect},
                        {"resource", "File::" + std::string(resource)},
                        {"approvals", Json::array()}};
        for (unsigned i = 0; i < 3; ++i) {
          if ((given >> i & 1U) != 0) request["approvals"].push_back(rules[i]);
        }
        auto question = read_question(request, snapshot->directory(), kNow);
        ASSERT_TRUE(question) << question.error().message;
        Explanation explained = explain_question(*snapshot, *question);
        ++verdicts[static_cast<int>(explained.decision.verdict)];
        bool clear = true;
        bool releasable = true;
        std::vector<std::string> approvals;
        for (const AccessExplanation& access : explained.accesses) {
          clear = clear && access.remedy.is_empty();
          releasable =
              releasable && access.remedy.hard.empty() && access.remedy.failing.empty() && !access.remedy.unpermitted;
          for (const Remedy::Approval& approval : access.remedy.approvals) approvals.push_back(approval.rule);
        }
        std::string where = std::string(effect) + " " + resource + " " + std::to_string(given);
        EXPECT_EQ(clear, explained.decision.verdict == Verdict::allow) << where;
        EXPECT_EQ(releasable && !clear, explained.decision.verdict == Verdict::hold) << where;
        if (explained.decision.verdict == Verdict::hold) EXPECT_EQ(approvals, explained.decision.approvals) << where;
      }
    }
  }
  for (int count : verdicts) EXPECT_GT(count, 0);
}

TEST(Explain, AnApprovalWhoseConditionNobodyCanMeetIsSaid) {
  PolicyFolder folder;
  folder.upstream("files", "production", 1).write("a.cedar", R"(
    @id("p") permit (principal, action, resource);
    @id("h") @approval("x") forbid (principal, action in Action::"change", resource);
    @id("never") @approval("y") forbid (principal, action in Action::"change", resource)
      unless { context.approval.hasTag("y") && resource.tier > 5 };
  )");
  auto snapshot = folder.load();
  auto question = read_question(json(R"({"agent": "a", "owner": "olivia", "action": "mcp:call_tool", "effect": "write",
                                         "resource": "File::files/a"})"),
                                snapshot->directory(), kNow);
  ASSERT_TRUE(question);
  Explanation explained = explain_question(*snapshot, *question);
  EXPECT_EQ(explained.decision.verdict, Verdict::deny);
  ASSERT_EQ(explained.accesses.at(0).once_approved.size(), 1U);
  EXPECT_EQ(explained.accesses[0].once_approved[0].id, "never");
}

TEST(Explain, JsonHoldsVerdictPoliciesAndRemedy) {
  auto snapshot = load_default(three_upstreams());
  auto question = read_question(json(R"({"agent": "builder", "action": "mcp:call_tool", "effect": "destroy",
                                         "resource": "File::\"files/production/a\""})"),
                                snapshot->directory(), kNow);
  ASSERT_TRUE(question) << question.error().message;
  Explanation explained = explain_question(*snapshot, *question);
  Json all = to_json(explained, *question, Show::all);
  Json matching = to_json(explained, *question, Show::matching);
  EXPECT_EQ(all["decision"]["verdict"], "deny");
  EXPECT_EQ(all["decision"]["code"], "policy.floor");
  EXPECT_EQ(all["accesses"][0]["policies"].size(), snapshot->policies().size());
  EXPECT_EQ(matching["accesses"][0]["policies"].size() + matching["accesses"][0]["others"].get<std::size_t>(),
            snapshot->policies().size());
  const Json& remedy = matching["accesses"][0]["to_allow"];
  EXPECT_EQ(remedy["must_not_apply"][0]["policy"], "floor-no-destroy-on-production");
  EXPECT_EQ(remedy["must_not_apply"][0]["because"].back()["proof"]["values"][0],
            json(R"({"expression": "resource.environment", "value": "\"production\""})"));
  EXPECT_EQ(remedy["approvals"][0]["rule"], "production-change");
  EXPECT_EQ(remedy["permit_needed"], true);
}

class Questions : public testing::Test {
 protected:
  Result<Question> read(std::string_view text) { return read_question(json(text), snapshot_->directory(), kNow); }
  std::string error(std::string_view text) {
    auto question = read(text);
    EXPECT_FALSE(question) << text;
    return question ? "" : question.error().code + ": " + question.error().message;
  }
  std::shared_ptr<const Snapshot> snapshot_ = load_default(three_upstreams());
};

TEST_F(Questions, FlatAndNestedMeanTheSame) {
  auto flat =
      read(R"({"agent": "builder", "action": "mcp:call_tool", "effect": "write", "resource": "File::files/a b"})");
  auto nested = read(R"({"principal": "Agent::\"builder\"", "now": "2023-11-14T22:13:20Z", "operation": {
      "upstream": "files", "protocol": "mcp", "action": "Action::\"mcp:call_tool\"",
      "accesses": [{"effect": "write", "resource": {"type": "File", "id": "files/a b"}}]}})");
  ASSERT_TRUE(flat) << flat.error().message;
  ASSERT_TRUE(nested) << nested.error().message;
  for (const Question* question : {&*flat, &*nested}) {
    EXPECT_EQ(question->agent, "builder");
    EXPECT_EQ(question->owner, "olivia");  // of entities.yaml
    EXPECT_EQ(question->now, kNow);
    EXPECT_EQ(question->operation.upstream, "files");
    EXPECT_EQ(question->operation.protocol, "mcp");
    EXPECT_EQ(question->operation.action, "mcp:call_tool");
    ASSERT_EQ(question->operation.accesses.size(), 1U);
    EXPECT_EQ(question->operation.accesses[0].resource.name, "a b");
    EXPECT_EQ(question->operation.accesses[0].effect, Effect::write);
  }
}

TEST_F(Questions, ApprovalsTakeTheLevelOfTheDirectory) {
  auto question = read(R"({"agent": "builder", "action": "mcp:call_tool", "effect": "read", "resource": "File::files/a",
                           "approvals": ["a", {"rule": "b", "by": "jun"}, {"rule": "c", "by": "zoe", "level": "mid"}]})");
  ASSERT_TRUE(question) << question.error().message;
  ASSERT_EQ(question->approvals.size(), 3U);
  EXPECT_EQ(question->approvals[1].level, "junior");
  EXPECT_EQ(question->approvals[2].level, "mid");
}

TEST_F(Questions, MistakesAreNamed) {
  EXPECT_EQ(error("[]"), "question.invalid: a question is an object");
  EXPECT_NE(error(R"({"agnet": "a"})").find("did you mean `agent`?"), std::string::npos);
  EXPECT_NE(error(R"({"agent": "stranger"})").find("say its `owner`"), std::string::npos);
  const std::string lead = R"({"agent": "builder", "action": "mcp:call_tool", )";
  EXPECT_NE(error(lead + R"("resource": "File::files/a"})").find("`effect` is missing"), std::string::npos);
  EXPECT_NE(error(lead + R"("effect": "write"})").find("`resource` is missing"), std::string::npos);
  EXPECT_NE(error(lead + R"("effect": "wirte", "resource": "File::files/a"})").find("is no effect"), std::string::npos);
  EXPECT_NE(error(lead + R"("effect": "read", "resource": "files/a"})").find("is no resource"), std::string::npos);
  EXPECT_NE(error(lead + R"("effect": "read", "upstream": "web", "resource": "File::files/a"})").find("web/"),
            std::string::npos);
  EXPECT_NE(error(lead + R"("effect": "read", "resource": "File::files/a", "input": "x"})").find("`input`"),
            std::string::npos);
  EXPECT_NE(error(lead + R"("effect": "read", "resource": "File::files/a", "now": "noon"})").find("`now`"),
            std::string::npos);
  EXPECT_NE(error(lead + R"("effect": "read", "resource": "File::files/a", "approvals": [{"rule": "x"}]})")
                .find("`rule` and `by`"),
            std::string::npos);
  EXPECT_NE(error(lead + R"("accesses": [], "delegates": []})").find("`accesses`"), std::string::npos);
}

TEST_F(Questions, AScopeRefusesBeforeThePolicies) {
  auto question = read(R"({"agent": "builder", "action": "mcp:call_tool", "effect": "write", "resource": "File::lab/a",
                           "scope": {"effects": ["read"]}})");
  ASSERT_TRUE(question) << question.error().message;
  EXPECT_EQ(explain_question(*snapshot_, *question).decision.code, "scope.effect");
}

TEST_F(Questions, AHeldRequestIsAskedAgain) {
  Json held = json(R"({"id": "req_1", "state": "held", "fingerprint": "f", "created": "2023-11-14T22:13:20Z",
      "agent": "builder", "owner": "olivia", "delegates": ["sub"], "protocol": "mcp", "upstream": "files",
      "action": "mcp:call_tool", "effect": "write", "resources": ["File::files/production/a"], "input": {"tool": "t"},
      "code": "policy.held", "policy_digest": "x", "approvals": [{"rule": "production-change", "satisfied": true}],
      "votes": [{"rule": "production-change", "by": "jun", "level": "junior", "approves": true, "at": "2023-11-14T22:14:00Z"},
                {"rule": "production-change", "by": "sam", "level": "senior", "approves": true, "at": "2023-11-14T22:13:30Z"}]})");
  ASSERT_TRUE(is_recorded(held));
  auto question = read_recorded(held);
  ASSERT_TRUE(question) << question.error().message;
  ASSERT_EQ(question->approvals.size(), 1U);
  EXPECT_EQ(question->approvals[0].by, "sam");
  EXPECT_EQ(question->approvals[0].at, kNow + 40'000);
  EXPECT_EQ(explain_question(*snapshot_, *question).decision.verdict, Verdict::allow);
  held["resources"].push_back("File::files/b");
  auto several = read_recorded(held);
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, "question.not_recorded");
}

TEST_F(Questions, AnAuditRecordLeavesTheParametersUnknown) {
  Json record = json(R"({"v": 1, "seq": 7, "ts": "2023-11-14T22:13:20.000Z", "phase": "intent", "agent": "builder",
      "owner": "olivia", "chain": ["aa"], "upstream": "files", "protocol": "mcp", "action": "mcp:call_tool",
      "effect": "destroy", "resources": ["File::files/production/a"], "decision": "deny", "code": "policy.floor"})");
  auto question = read_recorded(record);
  ASSERT_TRUE(question) << question.error().message;
  EXPECT_EQ(question->input, InputKnown::no);
  EXPECT_EQ(question->recorded->decision, "deny");
  EXPECT_EQ(question->recorded->missing.size(), 3U);
  Explanation explained = explain_question(*snapshot_, *question);
  EXPECT_EQ(explained.accesses.at(0).remedy.hard.size(), 1U);
  EXPECT_TRUE(check_answerable(*question, *snapshot_));
  Json outcome = record;
  outcome["phase"] = "outcome";
  EXPECT_FALSE(read_recorded(outcome));
  Json released = record;
  released["request"] = "req_1";
  auto answer = read_recorded(released);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("--held req_1"), std::string::npos);
}

// What an AWS resource was tagged with is not known any more, but which environment came of it is.
TEST(Recorded, TheEnvironmentThatTagsGaveIsRecalled) {
  PolicyFolder folder;
  folder.upstream("aws", "staging", 3);
  folder.write("a.cedar", "@id(\"p\") permit (principal, action, resource) when { resource.environment == \"dev\" };");
  auto snapshot = folder.load();
  const auto asked = [&](const std::string& environment, const std::string& protocol = "aws") {
    auto question = read_recorded(json(R"({"seq": 7, "ts": "2023-11-14T22:13:20Z", "phase": "intent", "agent": "a",
        "owner": "olivia", "chain": ["aa"], "upstream": "aws", "protocol": ")" +
                                       protocol + R"(", "action": "aws:ec2:StopInstances",
        "effect": "destroy", "resources": ["AwsResource::aws/arn:aws:ec2:eu-central-1:1:instance/i-1"], "environment": ")" +
                                       environment + "\"}"));
    EXPECT_TRUE(question) << question.error().message;
    recall_labels(*question, *snapshot);
    const Labels labels = snapshot->inventory().classify("aws", question->operation.accesses.front());
    return labels.environment + "/" + std::to_string(labels.tier) + " " +
           (question->recorded->missing.back().ends_with("tags said") ? "recalled" : "as it is");
  };
  EXPECT_EQ(asked("dev"), "dev/1 recalled");
  EXPECT_EQ(asked("production"), "production/1 recalled");
  EXPECT_EQ(asked("staging"), "staging/3 as it is");
  EXPECT_EQ(asked("dev,production"), "staging/3 as it is");
  EXPECT_EQ(asked(""), "staging/3 as it is");
  EXPECT_EQ(asked("dev", "http"), "staging/3 as it is");
}

TEST(Recorded, WhoseSubAgentsMatterIsNotGuessed) {
  PolicyFolder folder;
  folder.write("a.cedar", "@id(\"p\") permit (principal, action, resource) when { !context.caller.delegated };");
  auto snapshot = folder.load();
  auto question = read_recorded(json(R"({"seq": 7, "ts": "2023-11-14T22:13:20Z", "phase": "intent", "agent": "a",
      "owner": "olivia", "chain": ["aa", "bb"], "upstream": "files", "protocol": "mcp", "action": "mcp:call_tool",
      "effect": "read", "resources": ["File::files/a"]})"));
  ASSERT_TRUE(question) << question.error().message;
  auto answerable = check_answerable(*question, *snapshot);
  ASSERT_FALSE(answerable);
  EXPECT_EQ(answerable.error().code, "question.not_recorded");
}

}  // namespace
}  // namespace countersign::policies
