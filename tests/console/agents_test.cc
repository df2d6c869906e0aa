// Agents: the list, the tree of their tokens, and the switch that stops one.
#include "api_fixture.h"
#include "auth/token.h"

namespace countersign::console::test {
namespace {

class AgentsTest : public ApiTest {
 protected:
  // A token of agent builder, sealed.
  std::string agent_token(const std::string& agent = "builder", const std::string& owner = "olivia") {
    Answer issued = socket_post("/api/v1/tokens", {{"agent", agent}, {"owner", owner}});
    EXPECT_EQ(issued.status, 201) << issued.body;
    last_id_ = string_or(json(issued), "id", "");
    return std::string(auth::seal(string_or(json(issued), "token", ""))->expose());
  }
  Json agent(const std::string& name) {
    Json all = json(get("/api/v1/agents", person("sam")));
    for (const Json& each : all["agents"]) {
      if (each["name"] == name) return each;
    }
    return {};
  }
  // A decided request of the agent, as the pipeline records it.
  void used(const std::string& agent, const std::vector<std::string>& chain) {
    audit::Entry entry;
    entry.phase = audit::Phase::intent;
    entry.agent = agent;
    entry.chain = chain;
    entry.decision = audit::Decision::deny;
    log_->append(std::move(entry));
    records();
  }
  std::string last_id_;
};

TEST_F(AgentsTest, AreListedFromEverythingThatKnowsThem) {
  hold("one");
  agent_token();
  agent_token("deployer", "sam");
  used("stranger", {std::string(32, 'c')});
  Json builder = agent("builder");
  EXPECT_EQ(builder["owner"], "olivia");
  EXPECT_EQ(builder["listed"], false);
  EXPECT_EQ(builder["frozen"], Json());
  EXPECT_EQ(builder["tokens"], 1);
  EXPECT_EQ(builder["open_requests"], 1);
  EXPECT_EQ(agent("deployer")["owner"], "sam");
  EXPECT_EQ(agent("stranger")["last_seen"], format_time(clock_.now()));
  EXPECT_EQ(get("/api/v1/agents/nobody", person("sam")).status, 404);
}

TEST_F(AgentsTest, TokensShowWhatWasNarrowedFromThemAndUsed) {
  agent_token();
  const std::string child(32, 'd');
  used("builder", {last_id_});
  clock_.advance(1000);
  used("builder", {last_id_, child});
  used("builder", {last_id_, child});
  ASSERT_TRUE(revocations_->revoke(*auth::token_id_from_hex(child), "sam", "x", clock_.now()));
  Json shown = json(get("/api/v1/agents/builder", person("sam")));
  ASSERT_EQ(shown["tokens"].size(), 1U);
  const Json& token = shown["tokens"][0];
  EXPECT_EQ(token["id"], last_id_);
  EXPECT_EQ(token["seen"]["uses"], 1);
  ASSERT_EQ(token["children"].size(), 1U);
  EXPECT_EQ(token["children"][0]["id"], child);
  EXPECT_EQ(token["children"][0]["parent"], last_id_);
  EXPECT_EQ(token["children"][0]["uses"], 2);
  EXPECT_EQ(token["children"][0]["revoked"], true);
}

TEST_F(AgentsTest, AFrozenOneIsRefusedAtOnceAndSoIsWhatWasApproved) {
  std::string token = agent_token();
  Answer stream = get("/api/v1/events", person("sam"));
  ASSERT_TRUE(authenticator_->identify_token(token, auth::Audience::agents, clock_.now()));
  Answer frozen = post("/api/v1/agents/builder/freeze", person("sam"), {{"reason", "deletes too much"}});
  ASSERT_EQ(frozen.status, 200) << frozen.body;
  EXPECT_EQ(json(frozen)["frozen"]["by"], "sam");
  auto refused = authenticator_->identify_token(token, auth::Audience::agents, clock_.now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "agent.frozen");
  EXPECT_FALSE(authenticator_->check_stored("builder", {last_id_}));
  EXPECT_EQ(agent("builder")["frozen"]["reason"], "deletes too much");
  EXPECT_NE(stream.events->take().text.find("event: agents"), std::string::npos);
  auto records = records_where("action", "agent:freeze");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(string_or(records[0], "actor", ""), "sam");
  EXPECT_EQ(string_or(records[0], "agent", ""), "builder");
  EXPECT_EQ(string_or(records[0], "comment", ""), "deletes too much");

  EXPECT_EQ(post("/api/v1/agents/builder/unfreeze", person("sam"), {{"reason", "mended"}}).status, 200);
  EXPECT_TRUE(authenticator_->identify_token(token, auth::Audience::agents, clock_.now()));
  EXPECT_EQ(records_where("action", "agent:unfreeze").size(), 1U);
  EXPECT_EQ(code(post("/api/v1/agents/builder/unfreeze", person("sam"), {{"reason", "x"}})), "agent.not_frozen");
}

TEST_F(AgentsTest, FreezingTakesAReasonAndTheRightPerson) {
  agent_token();
  agent_token("helper", "kim");
  EXPECT_EQ(code(post("/api/v1/agents/builder/freeze", person("sam"), {{"reason", " "}})), "approval.reason_required");
  EXPECT_EQ(code(post("/api/v1/agents/nobody/freeze", person("sam"), {{"reason", "x"}})), "agent.unknown");
  std::string kim = person("kim");  // a junior
  EXPECT_EQ(code(post("/api/v1/agents/builder/freeze", kim, {{"reason", "x"}})), "admin.not_permitted");
  EXPECT_FALSE(frozen_->is_frozen("builder"));
  // Whose agent it is may always stop it, but not let it go again.
  EXPECT_EQ(post("/api/v1/agents/helper/freeze", kim, {{"reason", "my own"}}).status, 200);
  EXPECT_EQ(code(post("/api/v1/agents/helper/unfreeze", kim, {{"reason", "x"}})), "admin.not_permitted");
  EXPECT_TRUE(frozen_->is_frozen("helper"));
  EXPECT_EQ(socket_post("/api/v1/agents/helper/unfreeze", {{"reason", "checked"}}).status, 200);
}

TEST_F(AgentsTest, AFreezeHoldsWithoutALogButNothingIsThawedWithoutOne) {
  agent_token();
  agent_token("helper", "kim");
  std::string sam = person("sam");
  ASSERT_EQ(post("/api/v1/agents/helper/freeze", sam, {{"reason", "x"}}).status, 200);
  break_audit_log();
  Answer answer = post("/api/v1/agents/builder/freeze", sam, {{"reason", "now"}});
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(frozen_->is_frozen("builder"));
  EXPECT_EQ(post("/api/v1/agents/helper/unfreeze", sam, {{"reason", "x"}}).status, 503);
  EXPECT_TRUE(frozen_->is_frozen("helper"));
}

}  // namespace
}  // namespace countersign::console::test
