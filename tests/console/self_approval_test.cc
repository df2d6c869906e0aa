// Rule 4, by every path there is: nobody approves their own request.
#include "api_fixture.h"

namespace countersign::console::test {
namespace {

class SelfApprovalTest : public ApiTest {
 protected:
  // A request whose requester is as given.
  std::string hold_for(const approvals::Requester& requester, const std::string& identity) {
    std::string id = hold(identity);
    auto request = queue_->get(id);
    approvals::HeldRequest draft = *request;
    draft.requester = requester;
    draft.frozen.identity = identity + " of somebody";
    auto holding = queue_->hold(std::move(draft), clock_.now());
    EXPECT_TRUE(holding) << holding.error().message;
    return holding ? holding->request.id : "";
  }
  approvals::Requester requester(const std::string& owner) {
    approvals::Requester out;
    out.agent = "builder";
    out.owner = owner;
    out.chain = {std::string(32, 'b')};
    out.scope = "[]";
    return out;
  }
  // Every way to vote, by session and by token; all have to be refused.
  void expect_refused(const std::string& name, const std::string& id, const std::string& want) {
    Browser browser = sign_in(name);
    std::string token = person(name);
    for (const char* verb : {"/approve", "/deny"}) {
      const std::string target = "/api/v1/requests/" + id + verb;
      EXPECT_EQ(code(submit(browser, target, {{"reason", "mine"}})), want) << verb;
      EXPECT_EQ(code(post(target, token, {{"reason", "mine"}})), want) << verb;
      EXPECT_EQ(code(socket_post(target, {{"reason", "mine"}}, token)), want) << verb;
    }
    Json batch = {{"requests", {{{"id", id}}}}, {"decision", "approve"}, {"reason", "mine"}};
    EXPECT_EQ(json(submit(browser, "/api/v1/votes", batch))["results"][0]["error"]["code"], want);
    EXPECT_EQ(json(post("/api/v1/votes", token, batch))["results"][0]["error"]["code"], want);
    enrol(browser);
    EXPECT_EQ(code(submit(browser, "/api/v1/votes/challenge",
                          {{"requests", {id}}, {"decision", "approve"}, {"reason", "mine"}})),
              want);
    Answer grant = submit(browser, "/api/v1/requests/" + id + "/grants",
                          {{"resources", {"File::files/production/config.json"}},
                           {"max_uses", 3},
                           {"until", format_time(clock_.now() + 3'600'000)}});
    EXPECT_EQ(code(grant), want) << grant.body;
    Json you = json(browse(browser, "/api/v1/requests/" + id))["you"];
    EXPECT_EQ(you["may_approve"], false);
    EXPECT_EQ(you["own"], true);
    EXPECT_EQ(state_of(id), approvals::State::held);
    EXPECT_TRUE(queue_->get(id)->votes.empty());
    EXPECT_TRUE(records_where("action", "approval:approve").empty());
  }
};

TEST_F(SelfApprovalTest, NotByTheOwner) {
  expect_refused("olivia", hold("one"), "approval.self");
}

TEST_F(SelfApprovalTest, NotByAnOwnerOfAnotherSpelling) {
  for (const char* owner : {"SAM", "user:sam", "user:Sam"}) {
    SCOPED_TRACE(owner);
    expect_refused("sam", hold_for(requester(owner), owner), "approval.self");
  }
}

TEST_F(SelfApprovalTest, NotByADelegateOfTheToken) {
  approvals::Requester by = requester("olivia");
  by.delegates = {"sam"};
  expect_refused("sam", hold_for(by, "delegate"), "approval.self");
}

TEST_F(SelfApprovalTest, NotByWhoIssuedTheToken) {
  approvals::Requester by = requester("olivia");
  by.issuer = "pat";
  expect_refused("pat", hold_for(by, "issuer"), "approval.self");
}

TEST_F(SelfApprovalTest, NotInSomebodyElsesPlaceNorBySomebodyInTheOwners) {
  write_policy_file("approvals.yaml", R"(
rules:
  production-change:
    delegation: any
    stages:
      - { name: platform, count: 1, group: anyone, min_level: senior }
delegations:
  - { from: pat, to: olivia, since: 2026-11-20T00:00:00Z, until: 2026-11-25T00:00:00Z }
  - { from: olivia, to: sam, since: 2026-11-20T00:00:00Z, until: 2026-11-25T00:00:00Z }
)");
  ASSERT_EQ(string_or(json(socket_post("/api/v1/policies/reload", Json::object())), "outcome", ""), "replaced");
  std::string id = hold("one");
  Browser olivia = sign_in("olivia");
  Browser sam = sign_in("sam");
  const std::string target = "/api/v1/requests/" + id + "/approve";
  EXPECT_EQ(code(submit(olivia, target, {{"reason", "x"}, {"for", "pat"}})), "approval.self");
  EXPECT_EQ(submit(sam, target, {{"reason", "x"}, {"for", "olivia"}}).status, 403);
  EXPECT_EQ(submit(sam, target, {{"reason", "x"}, {"for", "pat"}}).status, 403);
  EXPECT_EQ(state_of(id), approvals::State::held);
  // In their own place sam may.
  EXPECT_EQ(submit(sam, target, {{"reason", "x"}}).status, 200);
}

TEST_F(SelfApprovalTest, NotByAnEscalatedSessionOfWhoManagesEverything) {
  // A director may reset accounts and issue agent tokens; none of it makes them somebody else.
  std::string id = hold("one");
  Browser olivia = sign_in("olivia");
  EXPECT_EQ(submit(olivia, "/api/v1/people/sam/reset", {{"reason", "lost"}}).status, 200);
  EXPECT_EQ(code(submit(olivia, "/api/v1/people/sam/invite", Json::object())), "admin.socket_only");
  EXPECT_EQ(code(submit(olivia, "/api/v1/tokens", {{"user", "sam"}})), "admin.socket_only");
  Answer issued = submit(olivia, "/api/v1/tokens", {{"agent", "sam"}, {"owner", "sam"}});
  ASSERT_EQ(issued.status, 201);
  EXPECT_EQ(post("/api/v1/requests/" + id + "/approve", json(issued)["token"], {{"reason", "x"}}).status, 401);
  EXPECT_EQ(state_of(id), approvals::State::held);
}

}  // namespace
}  // namespace countersign::console::test
