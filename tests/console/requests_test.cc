// Held requests, votes, and rule 4: nobody approves their own request, and only people approve.
#include "api_fixture.h"

namespace countersign::console::test {
namespace {

class RequestsTest : public ApiTest {
 protected:
  Answer approve(const std::string& id, const std::string& token) {
    return post("/api/v1/requests/" + id + "/approve", token, {{"reason", "reviewed in CHG-417"}});
  }
};

TEST_F(RequestsTest, TheAdministratorOnTheSocketSeesButNeverVotes) {
  std::string id = hold("one");
  EXPECT_EQ(socket_get("/api/v1/requests/" + id).status, 200);
  for (const char* verb : {"/approve", "/deny"}) {
    Answer answer = socket_post("/api/v1/requests/" + id + verb, {{"reason", "I am root"}});
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(code(answer), "approval.person_required");
  }
  EXPECT_EQ(state_of(id), approvals::State::held);
  auto refused = records_where("code", "approval.person_required");
  ASSERT_EQ(refused.size(), 2U);
  EXPECT_EQ(string_or(refused[0], "request", ""), id);
  EXPECT_EQ(string_or(refused[0], "actor", ""), "local administrator");
}

TEST_F(RequestsTest, ListsSayInASentenceWhatARequestDoes) {
  const std::string id = hold("one");
  const std::string other = hold("two");
  const std::string sam = person("sam");
  EXPECT_EQ(json(get("/api/v1/requests", sam))["requests"][0]["summary"],
            "call write_file on files with path production/config.json");
  sentence_ = "Call write_file on files (production): path production/config.json.";
  EXPECT_EQ(json(get("/api/v1/requests", sam))["requests"][0]["summary"], sentence_);
  EXPECT_EQ(json(get("/api/v1/requests?waiting_for=me", sam))["requests"][0]["summary"], sentence_);
  const Json shown = json(get("/api/v1/requests/" + id, sam));
  EXPECT_EQ(shown["summary"], sentence_);
  EXPECT_EQ(shown["agent_history"]["last"][0]["summary"], sentence_);
  EXPECT_EQ(shown["agent_history"]["last"][0]["id"], other);
}

TEST_F(RequestsTest, TwoPeopleApproveOverBothChannels) {
  std::string id = hold("one");
  std::string sam = person("sam");
  std::string pat = person("pat");
  Answer first = approve(id, sam);
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(string_or(json(first), "state", ""), "held");
  ASSERT_EQ(json(first)["missing"].size(), 1U);
  EXPECT_EQ(json(first)["missing"][0].get<std::string>().find("production-change: "), 0U);
  EXPECT_EQ(code(approve(id, sam)), "approval.already_voted");
  Answer second = socket_post("/api/v1/requests/" + id + "/approve", {{"reason", "looks right"}}, pat);
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(string_or(json(second), "state", ""), "approved");
  EXPECT_TRUE(json(second)["missing"].empty());

  auto votes = records_where("action", "approval:approve");
  ASSERT_EQ(votes.size(), 2U);
  EXPECT_EQ(string_or(votes[0], "phase", ""), "approval");
  EXPECT_EQ(string_or(votes[0], "actor", ""), "sam");
  EXPECT_EQ(string_or(votes[0], "comment", ""), "reviewed in CHG-417");
  EXPECT_EQ(string_or(votes[0], "request", ""), id);
  EXPECT_FALSE(string_or(votes[0], "fingerprint", "").empty());
  EXPECT_EQ(string_or(votes[1], "actor", ""), "pat");
  auto moves = records_where("code", "approval.approved");
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_EQ(string_or(moves[0], "detail", ""), "held → approved");
  EXPECT_GT(moves[0]["seq"].get<int>(), votes[1]["seq"].get<int>());
}

TEST_F(RequestsTest, TheOwnerOfTheAgentIsRefusedWhateverTheirLevel) {
  std::string id = hold("one");
  std::string olivia = person("olivia");
  for (const char* verb : {"/approve", "/deny"}) {
    Answer answer = post("/api/v1/requests/" + id + verb, olivia, {{"reason", "it is mine"}});
    EXPECT_EQ(answer.status, 403) << verb;
    EXPECT_EQ(code(answer), "approval.self") << verb;
  }
  EXPECT_EQ(state_of(id), approvals::State::held);
  EXPECT_TRUE(records_where("action", "approval:approve").empty());
  auto refused = records_where("code", "approval.self");
  ASSERT_EQ(refused.size(), 2U);
  EXPECT_EQ(string_or(refused[0], "actor", ""), "olivia");
  EXPECT_EQ(string_or(refused[0], "request", ""), id);
}

TEST_F(RequestsTest, AJuniorDoesNotCount) {
  std::string id = hold("one");
  EXPECT_EQ(code(approve(id, person("kim"))), "approval.level_too_low");
  EXPECT_EQ(state_of(id), approvals::State::held);
}

TEST_F(RequestsTest, OneDenialDenies) {
  std::string id = hold("one");
  std::string sam = person("sam");
  Answer answer = post("/api/v1/requests/" + id + "/deny", sam, {{"reason", "no rollback plan"}});
  EXPECT_EQ(string_or(json(answer), "state", ""), "denied");
  EXPECT_EQ(code(approve(id, sam)), "approval.not_held");
  EXPECT_EQ(string_or(json(get("/api/v1/requests/" + id, sam)), "reason", ""), "no rollback plan");
}

TEST_F(RequestsTest, UnknownIdsAreNotFound) {
  std::string sam = person("sam");
  for (const char* id : {"req_0000000000000000", "x", "..", "%2e%2e%2f"}) {
    EXPECT_EQ(get(std::string("/api/v1/requests/") + id, sam).status, 404) << id;
    EXPECT_EQ(approve(id, sam).status, 404) << id;
  }
}

TEST_F(RequestsTest, OnlyTheOwnerOrTheAdministratorCancels) {
  std::string one = hold("one");
  std::string two = hold("two");
  Answer stranger = post("/api/v1/requests/" + one + "/cancel", person("sam"), {{"reason", "x"}});
  EXPECT_EQ(code(stranger), "approval.not_owner");
  EXPECT_EQ(post("/api/v1/requests/" + one + "/cancel", person("olivia"), {{"reason", "not needed"}}).status, 200);
  EXPECT_EQ(socket_post("/api/v1/requests/" + two + "/cancel", {{"reason", "shutting down"}}).status, 200);
  EXPECT_EQ(state_of(one), approvals::State::cancelled);
  EXPECT_EQ(state_of(two), approvals::State::cancelled);
  EXPECT_EQ(code(socket_post("/api/v1/requests/" + two + "/cancel", {{"reason", "again"}})), "approval.state");
}

TEST_F(RequestsTest, ARequestIsShownWholeAndNamesWhoMayApprove) {
  std::string id = hold("one");
  std::string sam = person("sam");
  Json request = json(get("/api/v1/requests/" + id, sam));
  EXPECT_EQ(request["agent"], "builder");
  EXPECT_EQ(request["owner"], "olivia");
  EXPECT_EQ(request["effect"], "write");
  EXPECT_EQ(request["input"]["path"], "production/config.json");
  ASSERT_EQ(request["policies"].size(), 1U);
  EXPECT_EQ(request["policies"][0]["says"], "changes to production need two people of the platform team");
  EXPECT_EQ(request["policies"][0]["source"].get<std::string>().find("production.cedar:"), 0U);
  ASSERT_EQ(request["approvals"].size(), 1U);
  EXPECT_EQ(request["approvals"][0]["may_approve"], (Json{"pat", "sam"}));
  EXPECT_EQ(request["approvals"][0]["open"]["need"], 2);
  EXPECT_EQ(request["preview"]["parts"][0]["title"], "body");
  EXPECT_EQ(request["reply"], Json());
  // After sam's vote only pat is left.
  approve(id, sam);
  EXPECT_EQ(json(get("/api/v1/requests/" + id, sam))["approvals"][0]["may_approve"], Json{"pat"});
}

TEST_F(RequestsTest, ListsFilterAndPage) {
  std::vector<std::string> ids;
  for (int at = 0; at < 5; ++at) {
    ids.push_back(hold("request " + std::to_string(at)));
    clock_.advance(1000);
  }
  std::string sam = person("sam");
  post("/api/v1/requests/" + ids[0] + "/deny", sam, {{"reason", "no"}});
  EXPECT_EQ(json(get("/api/v1/requests?state=held", sam))["requests"].size(), 4U);
  EXPECT_EQ(json(get("/api/v1/requests?state=denied", sam))["requests"][0]["id"], ids[0]);
  EXPECT_EQ(json(get("/api/v1/requests?agent=nobody", sam))["requests"].size(), 0U);

  std::vector<std::string> seen;
  std::string before;
  for (int page = 0; page < 10; ++page) {
    Json answer = json(get("/api/v1/requests?limit=2" + before, sam));
    for (const Json& request : answer["requests"]) seen.push_back(request["id"]);
    if (!answer["before"].is_string()) break;
    before = "&before=" + answer["before"].get<std::string>();
  }
  std::vector<std::string> newest_first(ids.rbegin(), ids.rend());
  EXPECT_EQ(seen, newest_first);
}

TEST_F(RequestsTest, NothingIsVotedWhileTheAuditLogIsUnavailable) {
  std::string id = hold("one");
  std::string sam = person("sam");
  break_audit_log();
  Answer answer = approve(id, sam);
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_EQ(code(answer).find("audit."), 0U) << answer.body;
  EXPECT_EQ(approve(id, sam).status, 503);
  auto request = queue_->get(id);
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->votes.empty());
  EXPECT_EQ(request->state, approvals::State::held);
  EXPECT_EQ(get("/readyz", "").status, 503);
}

}  // namespace
}  // namespace countersign::console::test
