// Signed votes: what was signed is what is decided, once, by whom it says, on what they were shown.
#include "api_fixture.h"
#include "approvals/break_glass.h"
#include "approvals/statement.h"
#include "core/sha256.h"

namespace countersign::console::test {
namespace {

class VoteSignaturesTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    write_policy_file("approvals.yaml", R"(
rules:
  production-change:
    description: changes to production
    signature: required
    max_sign_in_age: 1h
    stages:
      - { name: platform, count: 2, group: "team:platform", min_level: senior }
)");
    ASSERT_EQ(string_or(json(socket_post("/api/v1/policies/reload", Json::object())), "outcome", ""), "replaced");
    sam_ = sign_in("sam");
    key_ = enrol(sam_);
  }
  Answer vote(const Browser& browser, const std::string& id, const Json& signature,
              const std::string& reason = "reviewed", const std::string& verb = "/approve") {
    return submit(browser, "/api/v1/requests/" + id + verb, {{"reason", reason}, {"signature", signature}});
  }
  std::size_t votes_on(const std::string& id) { return queue_->get(id)->votes.size(); }

  Browser sam_;
  std::unique_ptr<testing::SoftKey> key_;
};

TEST_F(VoteSignaturesTest, CountAndStandInTheLogWithEverythingToCheckThem) {
  std::string id = hold("one");
  Answer done = vote(sam_, id, signature(sam_, *key_, {id}, "approve", "reviewed"));
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(json(done)["signed"], true);
  Json request = json(browse(sam_, "/api/v1/requests/" + id));
  ASSERT_EQ(request["votes"].size(), 1U);
  EXPECT_EQ(request["votes"][0]["signed"], true);
  EXPECT_EQ(request["demands"], (Json{{"signature", true}, {"max_sign_in_age_ms", 3'600'000}}));
  auto records = records_where("action", "approval:approve");
  ASSERT_EQ(records.size(), 1U);
  Json stored = *parse_json(string_or(records[0], "signature", ""));
  auto statement = approvals::parse_statement(string_or(stored, "statement", ""));
  ASSERT_TRUE(statement) << statement.error().message;
  EXPECT_EQ(statement->by, "sam");
  EXPECT_EQ(statement->reason_sha256, to_hex(sha256("reviewed")));
  ASSERT_EQ(statement->requests.size(), 1U);
  EXPECT_EQ(statement->requests[0].fingerprint, string_or(request, "fingerprint", ""));
  EXPECT_EQ(statement->requests[0].preview_sha256, string_or(request, "preview_sha256", ""));
  EXPECT_EQ(statement->requests[0].stages, std::vector<std::string>{"production-change/platform"});
  // Anybody can compute the digest of what was shown.
  EXPECT_EQ(to_hex(sha256(*canonical_json(request["preview"]))), string_or(request, "preview_sha256", ""));
  auto facts = auth::verify_past_assertion(
      {stored["credential"], stored["authenticator_data"], stored["client_data"], stored["signature"]},
      to_base64url(key_->public_key()), {"countersign.example", {kOrigin}},
      approvals::challenge_of(string_or(stored, "statement", "")));
  EXPECT_TRUE(facts) << facts.error().message;
}

TEST_F(VoteSignaturesTest, AreNeededWhereTheRuleSaysSoAlsoToDeny) {
  std::string id = hold("one");
  for (const char* verb : {"/approve", "/deny"}) {
    Answer answer = submit(sam_, "/api/v1/requests/" + id + verb, {{"reason", "x"}});
    EXPECT_EQ(code(answer), "approval.signature_required") << verb;
    EXPECT_EQ(code(post("/api/v1/requests/" + id + verb, person("sam"), {{"reason", "x"}})),
              "approval.signature_required");
  }
  EXPECT_EQ(vote(sam_, id, signature(sam_, *key_, {id}, "deny", "no"), "no", "/deny").status, 200);
  EXPECT_EQ(state_of(id), approvals::State::denied);
}

TEST_F(VoteSignaturesTest, AnEditEndsTheRequestAndTakesThePasskeyToo) {
  std::string id = hold("one");
  const Json body = {{"change", Json::object()}, {"reason", "x"}, {"fingerprint", queue_->get(id)->fingerprint}};
  const std::string target = "/api/v1/requests/" + id + "/edit";
  EXPECT_EQ(code(submit(sam_, target, body)), "approval.signature_required");
  EXPECT_EQ(code(post(target, person("sam"), body)), "approval.signature_required");
  EXPECT_EQ(state_of(id), approvals::State::held);
  EXPECT_TRUE(records_where("action", "approval:edit").empty());
  auto fresh =
      people_->start_session({"sam", auth::SignInMethod::passkey, clock_.now(), "127.0.0.1:1", {}}, clock_.now());
  ASSERT_TRUE(fresh);
  Browser by_passkey{std::string(fresh->cookie.expose()), fresh->session.csrf};
  submit(by_passkey, target, body);
  EXPECT_EQ(records_where("action", "approval:edit").size(), 1U) << "it got as far as being carried out";
  clock_.advance(11 * 60'000);
  EXPECT_EQ(code(submit(by_passkey, target, body)), "approval.signature_required");
}

TEST_F(VoteSignaturesTest, AKeyAddedOnAStolenSessionBreaksNoGlass) {
  write_policy_file("approvals.yaml", R"(
rules:
  production-change: { stages: [ { name: platform, count: 2, group: "team:platform", min_level: senior } ] }
  keys: { signature: required, expires: 7d, stages: [ { name: keys, group: "team:platform", min_level: senior } ] }
break_glass: { rule: keys, reviewers: [ "user:olivia" ] }
)");
  ASSERT_EQ(string_or(json(socket_post("/api/v1/policies/reload", Json::object())), "outcome", ""), "replaced");
  approvals::EmergencyTerms terms{.agent = "builder",
                                  .opened_by = "sam",
                                  .upstreams = {"files"},
                                  .effects = {Effect::write},
                                  .environments = {"production"},
                                  .duration = 600'000,
                                  .reason = "so that nobody is asked"};
  auto held = queue_->hold(
      approvals::emergency_draft(terms, "olivia", "id-1", false, *rulesets_->current()->approvals, clock_.now()),
      clock_.now());
  ASSERT_TRUE(held) << held.error().message;
  const std::string id = held->request.id;
  const Json wish = {{"requests", {id}}, {"decision", "approve"}, {"reason", "fire"}};
  EXPECT_EQ(code(submit(sam_, "/api/v1/votes/challenge", wish)), "approval.key_too_new");

  // A day later the key counts, and one added just now is not even asked for.
  clock_.advance(24 * 3'600'000);
  sam_ = sign_in("sam");
  auto fresh = enrol(sam_);
  Json asked = json(submit(sam_, "/api/v1/votes/challenge", wish));
  EXPECT_EQ(asked["credentials"], Json::array({to_base64url(key_->id())})) << asked.dump();
  EXPECT_EQ(code(vote(sam_, id, signature(sam_, *fresh, {id}, "approve", "fire"), "fire")), "approval.key_too_new");
  EXPECT_EQ(votes_on(id), 0U);
  EXPECT_EQ(vote(sam_, id, signature(sam_, *key_, {id}, "approve", "fire"), "fire").status, 200);
  EXPECT_EQ(state_of(id), approvals::State::approved);
}

TEST_F(VoteSignaturesTest, AReplayDecidesNothing) {
  std::string one = hold("one");
  std::string two = hold("two");
  Json signed_one = signature(sam_, *key_, {one}, "approve", "reviewed");
  ASSERT_EQ(vote(sam_, one, signed_one).status, 200);
  EXPECT_EQ(code(vote(sam_, one, signed_one)), "approval.signature_invalid");
  EXPECT_EQ(code(vote(sam_, two, signed_one)), "approval.signature_invalid");
  EXPECT_EQ(votes_on(two), 0U);
  // A signature that was made for one request is spent when it is tried on another.
  std::string three = hold("three");
  Json signed_three = signature(sam_, *key_, {three}, "approve", "reviewed");
  EXPECT_EQ(code(vote(sam_, two, signed_three)), "approval.signature_invalid");
  EXPECT_EQ(code(vote(sam_, three, signed_three)), "approval.signature_invalid");
  EXPECT_EQ(records_where("action", "approval:approve").size(), 1U);
}

TEST_F(VoteSignaturesTest, AnothersNonceOrKeyIsNoUse) {
  std::string id = hold("one");
  Browser pat = sign_in("pat");
  auto key_of_pat = enrol(pat);
  Json of_sam = signature(sam_, *key_, {id}, "approve", "reviewed");
  EXPECT_EQ(code(vote(pat, id, of_sam)), "approval.signature_invalid");
  EXPECT_EQ(votes_on(id), 0U);
  // Pat's attempt has not spent what is sam's.
  EXPECT_EQ(vote(sam_, id, of_sam).status, 200);
  // Sam's statement signed with pat's key, and pat's with sam's.
  std::string two = hold("two");
  EXPECT_EQ(code(vote(sam_, two, signature(sam_, *key_of_pat, {two}, "approve", "reviewed"))),
            "approval.signature_invalid");
  EXPECT_EQ(code(vote(pat, two, signature(pat, *key_, {two}, "approve", "reviewed"))), "approval.signature_invalid");
  EXPECT_EQ(votes_on(two), 0U);
}

TEST_F(VoteSignaturesTest, DecisionReasonAndStatementAreBoundToIt) {
  std::string id = hold("one");
  EXPECT_EQ(code(vote(sam_, id, signature(sam_, *key_, {id}, "deny", "reviewed"))), "approval.signature_invalid");
  EXPECT_EQ(code(vote(sam_, id, signature(sam_, *key_, {id}, "approve", "something else"))),
            "approval.signature_invalid");
  Json forged = signature(sam_, *key_, {id}, "approve", "reviewed");
  std::string statement = forged["statement"];
  forged["statement"] = statement.replace(statement.find("\"approve\""), 9, "\"deny\"");
  EXPECT_EQ(code(vote(sam_, id, forged, "reviewed", "/deny")), "approval.signature_invalid");
  for (const Json& nonsense : {Json("text"), Json::object(), Json::array(), Json{{"statement", "{}"}}})
    EXPECT_EQ(code(vote(sam_, id, nonsense)), "approval.signature_invalid") << nonsense.dump();
  EXPECT_EQ(state_of(id), approvals::State::held);
  EXPECT_EQ(votes_on(id), 0U);
}

TEST_F(VoteSignaturesTest, AStatementOfOnesOwnMakingIsNotTheServers) {
  std::string id = hold("one");
  Json challenge = json(
      submit(sam_, "/api/v1/votes/challenge", {{"requests", {id}}, {"decision", "approve"}, {"reason", "reviewed"}}));
  // The server's nonce, but a preview that was never shown.
  auto statement = approvals::parse_statement(string_or(challenge, "statement", ""));
  ASSERT_TRUE(statement);
  statement->requests[0].preview_sha256 = std::string(64, 'a');
  std::string text = approvals::text(*statement);
  auth::Assertion assertion = key_->get(approvals::challenge_of(text), kOrigin);
  Json signature = {{"statement", text},
                    {"credential", assertion.credential},
                    {"authenticator_data", assertion.authenticator_data},
                    {"client_data", assertion.client_data},
                    {"signature", assertion.signature}};
  EXPECT_EQ(code(vote(sam_, id, signature)), "approval.signature_invalid");
  EXPECT_EQ(votes_on(id), 0U);
}

TEST_F(VoteSignaturesTest, APreviewThatChangedMeanwhileIsAConflict) {
  std::string id = hold("one");
  Json signed_vote = signature(sam_, *key_, {id}, "approve", "reviewed");
  preview_text_ = "delete everything";
  Answer answer = vote(sam_, id, signed_vote);
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(code(answer), "approval.preview_changed");
  EXPECT_EQ(votes_on(id), 0U);
  EXPECT_TRUE(records_where("action", "approval:approve").empty());
}

TEST_F(VoteSignaturesTest, ANonceLivesForFiveMinutes) {
  std::string id = hold("one");
  Json signed_vote = signature(sam_, *key_, {id}, "approve", "reviewed");
  clock_.advance(5 * 60'000);
  EXPECT_EQ(code(vote(sam_, id, signed_vote)), "approval.signature_invalid");
}

TEST_F(VoteSignaturesTest, AnOldSignInCannotApproveButDeny) {
  std::string one = hold("one");
  clock_.advance(59 * 60'000 / 2);
  EXPECT_EQ(browse(sam_, "/api/v1/session").status, 200);
  clock_.advance(29 * 60'000);
  EXPECT_EQ(browse(sam_, "/api/v1/session").status, 200);
  clock_.advance(5 * 60'000);
  std::string id = hold("two");
  Json you = json(browse(sam_, "/api/v1/requests/" + id))["you"];
  EXPECT_EQ(you["may_approve"], true);
  EXPECT_EQ(you["code"], "approval.sign_in_too_old");
  Answer answer = vote(sam_, id, signature(sam_, *key_, {id}, "approve", "reviewed"));
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(code(answer), "approval.sign_in_too_old");
  EXPECT_EQ(vote(sam_, id, signature(sam_, *key_, {id}, "deny", "no"), "no", "/deny").status, 200);
}

TEST_F(VoteSignaturesTest, ABatchIsOneGestureAndEachAnswersForItself) {
  std::string one = hold("one");
  std::string two = hold("two");
  std::string three = hold("three");
  Json signed_all = signature(sam_, *key_, {one, two}, "approve", "same change everywhere");
  // A request that was not among those signed cannot be slipped in.
  Json body = {{"requests", {{{"id", one}}, {{"id", two}}, {{"id", three}}}},
               {"decision", "approve"},
               {"reason", "same change everywhere"},
               {"signature", signed_all}};
  Answer answer = submit(sam_, "/api/v1/votes", body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  Json results = json(answer)["results"];
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0]["state"], "held");
  EXPECT_EQ(results[1]["signed"], true);
  EXPECT_EQ(results[2]["error"]["code"], "approval.signature_invalid");
  EXPECT_EQ(votes_on(one) + votes_on(two), 2U);
  EXPECT_EQ(votes_on(three), 0U);
  auto records = records_where("action", "approval:approve");
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0]["signature"], records[1]["signature"]);
  EXPECT_EQ(records_where("request", three).size(), 1U);  // the refusal names it
  EXPECT_EQ(code(submit(sam_, "/api/v1/votes", body)), "approval.signature_invalid");
}

TEST_F(VoteSignaturesTest, BatchesHaveBounds) {
  std::string id = hold("one");
  Json many = Json::array();
  for (int at = 0; at < 101; ++at) many.push_back("req_" + std::to_string(at));
  for (const Json& requests : {many, Json::array(), Json{id, id}, Json("x"), Json{7}}) {
    EXPECT_EQ(code(submit(sam_, "/api/v1/votes/challenge",
                          {{"requests", requests}, {"decision", "approve"}, {"reason", "x"}})),
              "admin.bad_body");
  }
  EXPECT_EQ(code(submit(sam_, "/api/v1/votes/challenge", {{"requests", {id}}, {"decision", "maybe"}, {"reason", "x"}})),
            "admin.bad_body");
  Browser pat = sign_in("pat");
  EXPECT_EQ(
      code(submit(pat, "/api/v1/votes/challenge", {{"requests", {id}}, {"decision", "approve"}, {"reason", "x"}})),
      "passkey.none");
}

}  // namespace
}  // namespace countersign::console::test
