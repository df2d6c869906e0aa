// Signing in: by password, passkey and invitation, and what strangers can try.
#include "api_fixture.h"

namespace countersign::console::test {
namespace {

class SignInTest : public ApiTest {
 protected:
  // Without a cookie, as the sign-in page does it.
  Answer try_in(const std::string& target, const Json& body, const std::string& cookie = "") {
    Call call = call_of({cookie, ""}, "POST", target, body.dump());
    call.head.headers.remove("X-CSRF-Token");
    if (cookie.empty()) call.head.headers.remove("Cookie");
    return api_->handle(std::move(call));
  }
  Answer password(const std::string& user, const std::string& password, const std::string& cookie = "") {
    return try_in("/api/v1/sign-in/password", {{"user", user}, {"password", password}}, cookie);
  }
  Json passkey_body(testing::SoftKey& key, const std::string& challenge) {
    auth::Assertion assertion = key.get(*from_base64url(challenge), kOrigin);
    return {{"credential", assertion.credential},
            {"authenticator_data", assertion.authenticator_data},
            {"client_data", assertion.client_data},
            {"signature", assertion.signature}};
  }
  std::string challenge() {
    Json answer = json(try_in("/api/v1/sign-in/passkey/challenge", Json::object()));
    EXPECT_EQ(answer["rp_id"], "countersign.example");
    return string_or(answer, "challenge", "");
  }
};

TEST_F(SignInTest, SaysHow) {
  Json methods = json(get("/api/v1/sign-in", ""));
  EXPECT_EQ(methods["passwords"], true);
  EXPECT_EQ(methods["passkeys"], true);
  EXPECT_EQ(methods["oidc"], Json());
}

TEST_F(SignInTest, ByPasswordWithARecordAndAStrictCookie) {
  sign_in("sam");
  Answer in = password("sam", kPassword);
  ASSERT_EQ(in.status, 200) << in.body;
  EXPECT_EQ(json(in)["user"], "sam");
  EXPECT_EQ(json(in)["how"], "password");
  std::string set(in.headers.get("set-cookie").value_or(""));
  for (const char* part : {"__Host-countersign=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"})
    EXPECT_NE(set.find(part), std::string::npos) << set;
  EXPECT_EQ(set.find("Domain"), std::string::npos);
  EXPECT_EQ(in.body.find(cookie_of(in)), std::string::npos);
  Browser sam{cookie_of(in), json(in)["csrf"]};
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 200);
  auto records = records_where("action", "person:sign-in");
  ASSERT_FALSE(records.empty());
  EXPECT_EQ(string_or(records.back(), "actor", ""), "sam");
  EXPECT_EQ(string_or(records.back(), "peer", ""), "127.0.0.1:50000");
}

TEST_F(SignInTest, FailuresAreAlikeAndRecordedWithoutWhatWasTyped) {
  sign_in("sam");
  Answer wrong = password("sam", "not the password at all");
  Answer nobody = password("my-secret-typed-as-a-name", "whatever it may be");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(code(wrong), "sign_in.failed");
  EXPECT_EQ(wrong.body, nobody.body);
  EXPECT_TRUE(cookie_of(wrong).empty());
  auto failed = records_where("action", "person:sign-in-failed");
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(string_or(failed[0], "phase", ""), "refused");
  EXPECT_EQ(string_or(failed[0], "code", ""), "sign_in.failed");
  for (const Json& record : records()) {
    EXPECT_EQ(record.dump().find("not the password"), std::string::npos);
    EXPECT_EQ(record.dump().find("my-secret-typed"), std::string::npos);
  }
}

TEST_F(SignInTest, GuessingIsSlowedDown) {
  sign_in("sam");
  Answer last = password("sam", "wrong wrong wrong");
  for (int at = 0; at < 30 && code(last) != "sign_in.too_many"; ++at) last = password("sam", "wrong wrong wrong");
  EXPECT_EQ(code(last), "sign_in.too_many");
  EXPECT_EQ(last.status, 403);
}

TEST_F(SignInTest, PasswordsCanBeSwitchedOff) {
  sign_in("sam");
  config_.sign_in.passwords = false;
  EXPECT_EQ(code(password("sam", kPassword)), "sign_in.no_passwords");
  EXPECT_EQ(json(get("/api/v1/sign-in", ""))["passwords"], false);
}

TEST_F(SignInTest, BodiesAreStrictAndBounded) {
  for (const Json& body :
       {Json{{"user", "sam"}}, Json{{"user", ""}, {"password", "x"}}, Json{{"user", "sam"}, {"password", 7}},
        Json{{"user", "sam"}, {"password", "x"}, {"y", 1}}}) {
    EXPECT_EQ(code(try_in("/api/v1/sign-in/password", body)), "admin.bad_body") << body.dump();
  }
  EXPECT_EQ(password("sam", std::string(60'000, 'x')).status, 401);
  EXPECT_EQ(password(std::string(60'000, 'x'), "x").status, 401);
}

TEST_F(SignInTest, ASessionIsNeverTheOneThatCameAlong) {
  Browser old = sign_in("sam");
  const std::string planted(43, 'B');
  Answer in = password("sam", kPassword, planted);
  ASSERT_EQ(in.status, 200);
  EXPECT_NE(cookie_of(in), planted);
  EXPECT_EQ(browse({planted, ""}, "/api/v1/session").status, 401);
  // The one a browser had before dies with the sign-in, whoever's it was.
  Answer again = password("sam", kPassword, old.cookie);
  ASSERT_EQ(again.status, 200);
  EXPECT_NE(cookie_of(again), old.cookie);
  EXPECT_EQ(browse(old, "/api/v1/session").status, 401);
}

TEST_F(SignInTest, AnInvitationWorksOnceAndIsMadeOnTheMachine) {
  Answer invited = socket_post("/api/v1/people/pat/invite", Json::object());
  ASSERT_EQ(invited.status, 201) << invited.body;
  std::string code_text = json(invited)["code"];
  EXPECT_EQ(json(invited)["link"], std::string(kOrigin) + "/invitation#" + code_text);
  for (const Json& record : records()) EXPECT_EQ(record.dump().find(code_text), std::string::npos);
  Json body = {{"code", code_text}, {"password", kPassword}};
  Answer in = try_in("/api/v1/sign-in/invitation", body);
  ASSERT_EQ(in.status, 200) << in.body;
  EXPECT_EQ(json(in)["user"], "pat");
  EXPECT_EQ(code(try_in("/api/v1/sign-in/invitation", body)), "invitation.invalid");
  EXPECT_EQ(password("pat", kPassword).status, 200);
}

TEST_F(SignInTest, ByPasskeyOnceForEachChallenge) {
  Browser sam = sign_in("sam");
  auto key = enrol(sam);
  std::string asked = challenge();
  Json body = passkey_body(*key, asked);
  Answer in = try_in("/api/v1/sign-in/passkey", body);
  ASSERT_EQ(in.status, 200) << in.body;
  EXPECT_EQ(json(in)["user"], "sam");
  EXPECT_EQ(json(in)["how"], "passkey");
  EXPECT_EQ(code(try_in("/api/v1/sign-in/passkey", body)), "challenge.unknown");
  // A challenge of our own making, but not the server's.
  EXPECT_EQ(code(try_in("/api/v1/sign-in/passkey", passkey_body(*key, to_base64url(Bytes(56, 7))))),
            "challenge.unknown");
  std::string old = challenge();
  clock_.advance(5 * 60'000);
  EXPECT_EQ(code(try_in("/api/v1/sign-in/passkey", passkey_body(*key, old))), "challenge.unknown");
  testing::SoftKey stranger(auth::CoseAlgorithm::es256, "countersign.example");
  EXPECT_EQ(code(try_in("/api/v1/sign-in/passkey", passkey_body(stranger, challenge()))), "passkey.unknown");
  key->flags = testing::kUserPresent;
  EXPECT_EQ(code(try_in("/api/v1/sign-in/passkey", passkey_body(*key, challenge()))), "webauthn.user_not_verified");
  EXPECT_EQ(records_where("action", "person:sign-in-failed").size(), 5U);
}

TEST_F(SignInTest, AnAnswerThatIsWorthNothingUsesUpNoChallenge) {
  Browser sam = sign_in("sam");
  auto key = enrol(sam);
  const std::string asked = challenge();
  testing::SoftKey stranger(auth::CoseAlgorithm::es256, "countersign.example");
  EXPECT_EQ(code(try_in("/api/v1/sign-in/passkey", passkey_body(stranger, asked))), "passkey.unknown");
  Json spoiled = passkey_body(*key, asked);
  spoiled["signature"] = passkey_body(stranger, asked)["signature"];
  EXPECT_EQ(code(try_in("/api/v1/sign-in/passkey", spoiled)), "webauthn.signature");
  Json body = passkey_body(*key, asked);
  EXPECT_EQ(try_in("/api/v1/sign-in/passkey", body).status, 200);
  EXPECT_EQ(code(try_in("/api/v1/sign-in/passkey", body)), "challenge.unknown");
}

TEST_F(SignInTest, AStepUpChangesTheCookieAndTheTime) {
  Browser sam = sign_in("sam");
  auto key = enrol(sam);
  clock_.advance(20 * 60'000);
  Answer in = try_in("/api/v1/sign-in/passkey", passkey_body(*key, challenge()), sam.cookie);
  ASSERT_EQ(in.status, 200) << in.body;
  EXPECT_NE(cookie_of(in), sam.cookie);
  EXPECT_EQ(json(in)["signed_in"], format_time(clock_.now()));
  EXPECT_NE(json(in)["csrf"], sam.csrf);
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 401);
  EXPECT_EQ(records_where("action", "person:step-up").size(), 1U);
}

TEST_F(SignInTest, NobodySignsInWithoutARecord) {
  sign_in("sam");
  break_audit_log();
  Answer in = password("sam", kPassword);
  EXPECT_EQ(in.status, 503) << in.body;
  EXPECT_TRUE(cookie_of(in).empty());
}

TEST_F(SignInTest, NoPasswordIsSetWithoutARecord) {
  auto invitation = people_->invite("pat", clock_.now());
  ASSERT_TRUE(invitation);
  const std::string code_text(invitation->code.expose());
  auto no_record = [](const auth::PersonEvents& events) -> Status {
    EXPECT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].action, "person:accept-invitation");
    EXPECT_EQ(events[1].action, "person:sign-in");
    return fail(ErrorKind::unavailable, "audit.unavailable", "the disk is full");
  };
  auto refused = people_->accept_invitation(Secret(code_text), Secret(std::string(kPassword)), "127.0.0.1:1",
                                            clock_.now(), no_record);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "audit.unavailable");
  EXPECT_EQ(code(password("pat", kPassword)), "sign_in.failed");
  EXPECT_TRUE(people_->sessions_of("pat", clock_.now())->empty());
  Answer in = try_in("/api/v1/sign-in/invitation", {{"code", code_text}, {"password", kPassword}});
  EXPECT_EQ(in.status, 200) << "the invitation was not used up";
  EXPECT_EQ(records_where("action", "person:accept-invitation").size(), 1U) << "and it is recorded once";
  EXPECT_EQ(records_where("action", "person:sign-in").size(), 1U);

  auto other = people_->invite("kim", clock_.now());
  ASSERT_TRUE(other);
  break_audit_log();
  const Json body = {{"code", std::string(other->code.expose())}, {"password", kPassword}};
  EXPECT_EQ(try_in("/api/v1/sign-in/invitation", body).status, 503);
  for (const auth::PersonSummary& each : *people_->list(clock_.now())) EXPECT_EQ(each.has_password, each.user != "kim");
}

TEST_F(SignInTest, TheProviderIsAskedForThisSitesPagesOnly) {
  EXPECT_EQ(code(get("/api/v1/sign-in/oidc", "")), "sign_in.no_oidc");
  auth::OidcOptions options;
  options.provider.issuer = "https://id.example";
  options.provider.client_id = "countersign";
  options.redirect_uri = std::string(kOrigin) + "/api/v1/sign-in/oidc/callback";
  options.fetch = [](const HttpAsk&) -> Result<HttpAnswer> {
    return fail(ErrorKind::unavailable, "http.unreachable", "no network here");
  };
  auth::Oidc oidc(std::move(options));
  Services all = services();
  all.oidc = &oidc;
  api_ = std::make_unique<AdminApi>(std::move(all));
  for (const char* to : {"https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "evil.example",
                         "%2Fx%09y", "javascript%3Aalert(1)"}) {
    Answer answer = get(std::string("/api/v1/sign-in/oidc?return=") + to, "");
    EXPECT_GE(answer.status, 400) << to;
    EXPECT_FALSE(answer.headers.get("location")) << to;
  }
  EXPECT_EQ(code(get("/api/v1/sign-in/oidc?return=%2Finbox", "")), "oidc.unavailable");
  // What comes back without having been asked for ends at our own page, with a code and nothing else.
  Answer back = get("/api/v1/sign-in/oidc/callback?code=x&state=y&return=https%3A%2F%2Fevil.example", "");
  EXPECT_EQ(back.status, 302);
  EXPECT_EQ(back.headers.get("location").value_or(""), "/sign-in?error=oidc.unknown_state");
  EXPECT_TRUE(cookie_of(back).empty());
}

}  // namespace
}  // namespace countersign::console::test
