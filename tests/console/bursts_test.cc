// Bursts over the API: one card, one vote on the list that was seen, and a record for each request.
#include "approvals/bursts.h"
#include "api_fixture.h"

namespace countersign::console::test {
namespace {

class BurstsTest : public ApiTest {
 protected:
  static constexpr approvals::BurstLimits kLimits{.window = 30'000};

  std::vector<std::string> hold_some(int count, const std::string& name = "some") {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i)
      ids.push_back(hold(name + std::to_string(i), "builder", kLimits, i == 0 ? "destroy" : "write"));
    return ids;
  }
  std::string burst_of(const std::string& id) { return queue_->get(id)->burst; }
  Json listed(const std::vector<std::string>& ids) {
    Json out = Json::array();
    for (const std::string& id : ids) out.push_back({{"id", id}, {"fingerprint", queue_->get(id)->fingerprint}});
    return out;
  }
  Answer decide(const std::string& burst, const std::string& token, const Json& requests,
                const std::string& verb = "/approve") {
    return post("/api/v1/bursts/" + burst + verb, token, {{"reason", "as planned in CHG-1"}, {"requests", requests}});
  }
};

TEST_F(BurstsTest, ListsHaveOneEntryAndSayWhatIsInIt) {
  const std::vector<std::string> ids = hold_some(3);
  const std::string alone = hold("alone", "somebody-else", kLimits);
  const std::string sam = person("sam");
  Json inbox = json(get("/api/v1/requests?waiting_for=me", sam));
  ASSERT_EQ(inbox["requests"].size(), 2U);
  EXPECT_EQ(inbox["waiting"], 2);
  const std::string burst = burst_of(ids[0]);
  EXPECT_EQ(inbox["requests"][0]["id"], ids[0]);
  EXPECT_EQ(inbox["requests"][0]["burst"], burst);
  EXPECT_EQ(inbox["requests"][1]["id"], alone);
  EXPECT_EQ(inbox["requests"][1]["burst"], "") << "one alone is an ordinary request";
  ASSERT_EQ(inbox["bursts"].size(), 1U);
  const Json& facts = inbox["bursts"][burst];
  EXPECT_EQ(facts["sentence"], "3 changes by agent builder on files (production): 2 write, 1 destroy");
  EXPECT_EQ(facts["members"], 3);
  EXPECT_EQ(facts["held"], 3);
  EXPECT_EQ(facts["effects"], (Json{{"destroy", 1}, {"write", 2}}));
  Json all = json(get("/api/v1/requests?state=held", sam));
  EXPECT_EQ(all["requests"].size(), 4U) << "other lists have every request";
  EXPECT_EQ(all["bursts"].size(), 1U);
  EXPECT_EQ(json(get("/api/v1/requests/" + ids[1], sam))["burst"], burst);
}

TEST_F(BurstsTest, ThePageHasEverythingThatIsDecided) {
  const std::vector<std::string> ids = hold_some(3);
  const std::string burst = burst_of(ids[0]);
  const std::string sam = person("sam");
  Json shown = json(get("/api/v1/bursts/" + burst, sam));
  ASSERT_EQ(shown["requests"].size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const Json& one = shown["requests"][i];
    const Json whole = json(get("/api/v1/requests/" + ids[i], sam));
    EXPECT_EQ(one["id"], ids[i]);
    EXPECT_EQ(one["fingerprint"], whole["fingerprint"]);
    EXPECT_EQ(one["preview_sha256"], whole["preview_sha256"]);
    EXPECT_EQ(one["sentence"], whole["preview"]["sentence"]);
    EXPECT_EQ(one["you"], whole["you"]);
  }
  EXPECT_EQ(get("/api/v1/bursts/bst_none", sam).status, 404);
  EXPECT_EQ(code(get("/api/v1/bursts/bst_none", sam)), "burst.unknown");
  EXPECT_EQ(get("/api/v1/bursts/" + burst, "").status, 401);
}

TEST_F(BurstsTest, TwoPeopleApproveTheListAndEveryRequestHasItsRecord) {
  const std::vector<std::string> ids = hold_some(4);
  const std::string burst = burst_of(ids[0]);
  Answer first = decide(burst, person("sam"), listed({ids[0], ids[1], ids[2]}));
  ASSERT_EQ(first.status, 200) << first.body;
  ASSERT_EQ(json(first)["results"].size(), 3U);
  EXPECT_EQ(json(first)["results"][0]["state"], "held");
  EXPECT_EQ(json(first)["results"][0]["missing"].size(), 1U);
  Answer second = decide(burst, person("pat"), listed({ids[0], ids[1], ids[2]}));
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(json(second)["held"], 1) << "what is left";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(state_of(ids[static_cast<std::size_t>(i)]), approvals::State::approved);
  EXPECT_EQ(state_of(ids[3]), approvals::State::held);

  auto votes = records_where("action", "approval:approve");
  ASSERT_EQ(votes.size(), 6U);
  EXPECT_EQ(string_or(votes[0], "request", ""), ids[0]);
  EXPECT_EQ(string_or(votes[0], "fingerprint", ""), queue_->get(ids[0])->fingerprint);
  EXPECT_EQ(string_or(*parse_json(string_or(votes[0], "detail", "")), "burst", ""), burst);
  EXPECT_EQ(records_where("code", "approval.approved").size(), 3U);
}

TEST_F(BurstsTest, WhatWasNotSeenAsItIsIsNotDecided) {
  const std::vector<std::string> ids = hold_some(3);
  const std::string burst = burst_of(ids[0]);
  const std::string foreign = hold("foreign", "somebody-else", kLimits);
  const std::string sam = person("sam");
  auto refused = [&](const Json& requests) {
    Answer answer = decide(burst, sam, requests);
    EXPECT_GE(answer.status, 400);
    for (const std::string& id : ids) EXPECT_TRUE(queue_->get(id)->votes.empty());
    return code(answer);
  };
  Json wrong = listed(ids);
  wrong[1]["fingerprint"] = wrong[0]["fingerprint"];
  EXPECT_EQ(refused(wrong), "approval.changed");
  EXPECT_EQ(refused(listed({ids[0], foreign})), "approval.changed");
  wrong = listed(ids);
  wrong[2]["preview_sha256"] = std::string(64, '0');
  EXPECT_EQ(refused(wrong), "approval.preview_changed");
  EXPECT_EQ(refused(Json::array()), "admin.bad_body");
  EXPECT_EQ(refused(Json::array({ids[0]})), "admin.bad_body") << "an id alone says nothing about what was seen";
  EXPECT_EQ(refused(listed({ids[0], ids[0]})), "admin.bad_body");
  EXPECT_EQ(refused(Json::array({{{"id", ids[0]}}})), "admin.bad_body");
  wrong = listed(ids);
  wrong[0]["sentence"] = "x";
  EXPECT_EQ(refused(wrong), "admin.bad_body");
  EXPECT_TRUE(records_where("action", "approval:approve").empty()) << "nor is a vote on record";
  EXPECT_EQ(code(decide("bst_none", sam, listed(ids))), "burst.unknown");
  EXPECT_EQ(code(post("/api/v1/bursts/" + burst + "/approve", sam, {{"requests", listed(ids)}})),
            "approval.reason_required");
}

TEST_F(BurstsTest, WhoMayNotDecideOneDecidesNone) {
  const std::vector<std::string> ids = hold_some(2);
  const std::string burst = burst_of(ids[0]);
  EXPECT_EQ(code(decide(burst, person("olivia"), listed(ids))), "approval.self");
  EXPECT_EQ(code(decide(burst, person("kim"), listed(ids))), "approval.level_too_low");
  Answer admin = socket_post("/api/v1/bursts/" + burst + "/approve", {{"reason", "x"}, {"requests", listed(ids)}});
  EXPECT_EQ(code(admin), "approval.person_required");
  EXPECT_TRUE(records_where("action", "approval:approve").empty());
  EXPECT_EQ(state_of(ids[0]), approvals::State::held);
  const std::string sam = person("sam");
  ASSERT_EQ(post("/api/v1/requests/" + ids[1] + "/approve", sam, {{"reason", "this one"}}).status, 200);
  EXPECT_EQ(code(decide(burst, sam, listed(ids))), "approval.already_voted");
  EXPECT_TRUE(queue_->get(ids[0])->votes.empty());
}

TEST_F(BurstsTest, WhatIsDecidedMeanwhileIsToldAndTheRestGoesOn) {
  const std::vector<std::string> ids = hold_some(3);
  const std::string burst = burst_of(ids[0]);
  const Json list = listed(ids);
  ASSERT_EQ(post("/api/v1/requests/" + ids[1] + "/deny", person("pat"), {{"reason", "not this"}}).status, 200);
  Answer done = decide(burst, person("sam"), list);
  ASSERT_EQ(done.status, 200) << done.body;
  std::size_t told = 0;
  for (const Json& one : json(done)["results"]) {
    if (one["id"] != ids[1]) continue;
    ++told;
    EXPECT_EQ(one["state"], "denied");
    EXPECT_EQ(one["error"]["code"], "approval.not_held");
  }
  EXPECT_EQ(told, 1U);
  EXPECT_EQ(queue_->get(ids[0])->votes.size(), 1U);
  EXPECT_EQ(records_where("action", "approval:approve").size(), 2U) << "no record of a vote that was none";

  clock_.advance(3'600'000);
  Answer late = decide(burst, person("pat"), listed({ids[0], ids[2]}));
  ASSERT_EQ(late.status, 200) << late.body;
  EXPECT_EQ(json(late)["results"][0]["state"], "expired");
  EXPECT_EQ(queue_->get(ids[0])->votes.size(), 1U);
}

TEST_F(BurstsTest, OneDenialDeniesTheList) {
  const std::vector<std::string> ids = hold_some(3);
  Answer done = decide(burst_of(ids[0]), person("sam"), listed(ids), "/deny");
  ASSERT_EQ(done.status, 200) << done.body;
  for (const std::string& id : ids) EXPECT_EQ(state_of(id), approvals::State::denied);
  EXPECT_EQ(records_where("action", "approval:deny").size(), 3U);
}

TEST_F(BurstsTest, OneSignatureForTheListAndNothingBesides) {
  write_policy_file("approvals.yaml", R"(
rules:
  production-change:
    signature: required
    stages: [ { name: platform, count: 2, group: "team:platform", min_level: senior } ]
)");
  ASSERT_EQ(string_or(json(socket_post("/api/v1/policies/reload", Json::object())), "outcome", ""), "replaced");
  const std::vector<std::string> ids = hold_some(3);
  const std::string burst = burst_of(ids[0]);
  Browser sam = sign_in("sam");
  auto key = enrol(sam);
  auto vote = [&](const std::vector<std::string>& named, const Json& proof) {
    return submit(sam, "/api/v1/bursts/" + burst + "/approve",
                  {{"reason", "as planned"}, {"requests", listed(named)}, {"signature", proof}});
  };
  EXPECT_EQ(
      code(submit(sam, "/api/v1/bursts/" + burst + "/approve", {{"reason", "as planned"}, {"requests", listed(ids)}})),
      "approval.signature_required");
  EXPECT_EQ(code(vote(ids, signature(sam, *key, {ids[0], ids[1]}, "approve", "as planned"))),
            "approval.signature_invalid")
      << "one of them was not signed for";
  EXPECT_TRUE(queue_->get(ids[0])->votes.empty());
  Answer done = vote(ids, signature(sam, *key, ids, "approve", "as planned"));
  ASSERT_EQ(done.status, 200) << done.body;
  for (const std::string& id : ids) {
    auto request = queue_->get(id);
    ASSERT_EQ(request->votes.size(), 1U);
    EXPECT_NE(request->votes[0].signature.find(request->fingerprint), std::string::npos) << "the list is kept";
  }
  EXPECT_EQ(json(done)["results"][0]["signed"], true);
}

TEST_F(BurstsTest, WithoutTheLogNothingIsDecided) {
  const std::vector<std::string> ids = hold_some(2);
  const std::string sam = person("sam");
  const Json list = listed(ids);
  break_audit_log();
  EXPECT_GE(decide(burst_of(ids[0]), sam, list).status, 500);
  for (const std::string& id : ids) EXPECT_TRUE(queue_->get(id)->votes.empty());
}

}  // namespace
}  // namespace countersign::console::test
