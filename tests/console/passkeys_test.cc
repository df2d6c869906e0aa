// A person's own passkeys: enrolment and removal, and the records that signed votes are checked by.
#include "api_fixture.h"

namespace countersign::console::test {
namespace {

class PasskeysTest : public ApiTest {
 protected:
  Answer add(const Browser& browser, const testing::SoftKey& key, const std::string& challenge,
             const std::string& name = "laptop") {
    auto created = key.create(*from_base64url(challenge), kOrigin);
    return submit(
        browser, "/api/v1/passkeys",
        {{"name", name}, {"client_data", created.client_data}, {"attestation_object", created.attestation_object}});
  }
  std::string challenge(const Browser& browser) {
    return string_or(json(submit(browser, "/api/v1/passkeys/challenge", Json::object())), "challenge", "");
  }
};

TEST_F(PasskeysTest, AreEnrolledAndRemovedWithTheirRecords) {
  Browser sam = sign_in("sam");
  Json asked = json(submit(sam, "/api/v1/passkeys/challenge", Json::object()));
  EXPECT_EQ(asked["rp"]["id"], "countersign.example");
  EXPECT_EQ(asked["user"]["name"], "sam");
  EXPECT_EQ(asked["algorithms"], (Json{-7, -8, -257}));
  EXPECT_EQ(asked["exclude"], Json::array());
  auto key = enrol(sam);
  Json listed = json(browse(sam, "/api/v1/session"))["passkeys"];
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0]["name"], "laptop");
  std::string id = listed[0]["id"];
  EXPECT_EQ(json(submit(sam, "/api/v1/passkeys/challenge", Json::object()))["exclude"], Json{id});
  auto enrolled = records_where("action", "passkey:enrol");
  ASSERT_EQ(enrolled.size(), 1U);
  EXPECT_EQ(string_or(enrolled[0], "actor", ""), "sam");
  Json detail = *parse_json(string_or(enrolled[0], "detail", ""));
  EXPECT_EQ(detail["credential"], id);
  EXPECT_EQ(detail["rp_id"], "countersign.example");
  EXPECT_EQ(detail["origin"], kOrigin);
  EXPECT_EQ(detail["public_key"], to_base64url(key->public_key()));

  EXPECT_EQ(code(submit(sign_in("pat"), "/api/v1/passkeys/" + id + "/remove", Json::object())), "passkey.unknown");
  EXPECT_EQ(submit(sam, "/api/v1/passkeys/" + id + "/remove", Json::object()).status, 200);
  auto removed = records_where("action", "passkey:remove");
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(removed[0]["detail"], enrolled[0]["detail"]);
}

TEST_F(PasskeysTest, AnOldSessionTakesNoneAway) {
  Browser sam = sign_in("sam");
  auto key = enrol(sam);
  const std::string target = "/api/v1/passkeys/" + to_base64url(key->id()) + "/remove";
  clock_.advance(10 * 60'000 + 1);
  EXPECT_EQ(code(submit(sam, target, Json::object())), "passkey.sign_in_too_old");
  EXPECT_EQ(people_->passkeys_of("sam")->size(), 1U);
  EXPECT_EQ(submit(sign_in("sam"), target, Json::object()).status, 200);
  EXPECT_TRUE(people_->passkeys_of("sam")->empty());
}

TEST_F(PasskeysTest, AChallengeIsForOnePersonOnce) {
  Browser sam = sign_in("sam");
  Browser pat = sign_in("pat");
  testing::SoftKey key(auth::CoseAlgorithm::es256, "countersign.example");
  std::string of_sam = challenge(sam);
  EXPECT_EQ(code(add(pat, key, of_sam)), "challenge.unknown");
  EXPECT_EQ(add(sam, key, of_sam).status, 201);
  testing::SoftKey other(auth::CoseAlgorithm::es256, "countersign.example");
  EXPECT_EQ(code(add(sam, other, of_sam)), "challenge.unknown");
  EXPECT_EQ(code(add(pat, key, challenge(pat))), "passkey.known");
  testing::SoftKey elsewhere(auth::CoseAlgorithm::es256, "evil.example");
  EXPECT_EQ(code(add(pat, elsewhere, challenge(pat))), "webauthn.relying_party");
  EXPECT_EQ(records_where("action", "passkey:enrol").size(), 1U);
}

TEST_F(PasskeysTest, NeedAFreshSignIn) {
  Browser sam = sign_in("sam");
  clock_.advance(11 * 60'000);
  testing::SoftKey key(auth::CoseAlgorithm::es256, "countersign.example");
  Answer answer = add(sam, key, challenge(sam));
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(code(answer), "passkey.sign_in_too_old");
}

TEST_F(PasskeysTest, WithoutARecordThereIsNoKey) {
  Browser sam = sign_in("sam");
  std::string asked = challenge(sam);
  break_audit_log();
  testing::SoftKey key(auth::CoseAlgorithm::es256, "countersign.example");
  EXPECT_EQ(add(sam, key, asked).status, 503);
  EXPECT_TRUE(people_->passkeys_of("sam")->empty());
}

TEST_F(PasskeysTest, AResetTakesThemAwayAndIsNoWayIn) {
  Browser sam = sign_in("sam");
  enrol(sam);
  Browser olivia = sign_in("olivia");
  EXPECT_EQ(json(browse(olivia, "/api/v1/people"))["people"].size(), 4U);
  Answer reset = submit(olivia, "/api/v1/people/sam/reset", {{"reason", "lost laptop"}});
  ASSERT_EQ(reset.status, 200) << reset.body;
  EXPECT_EQ(json(reset)["passkeys"], 1);
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 401);
  auto removed = records_where("action", "passkey:remove");
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(string_or(removed[0], "actor", ""), "sam");
  EXPECT_EQ(string_or(removed[0], "comment", ""), "reset by olivia");
  auto done = records_where("action", "person:reset");
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(string_or(done[0], "actor", ""), "olivia");
  // Nothing in the answer lets olivia in as sam.
  EXPECT_EQ(reset.body.find("code"), std::string::npos);
  EXPECT_EQ(code(submit(olivia, "/api/v1/people/sam/invite", Json::object())), "admin.socket_only");
}

TEST_F(PasskeysTest, OneThatIsAddedIsToldToWhoeverIsTold) {
  Browser sam = sign_in("sam");
  ASSERT_TRUE(queue_->events_after(0, 10)->empty());
  enrol(sam);
  auto events = queue_->events_after(0, 10);
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->front().name, "passkey_added");
  EXPECT_TRUE(events->front().request.ends_with(" sam")) << events->front().request;
}

}  // namespace
}  // namespace countersign::console::test
