// An identity provider signs somebody out: what the address takes and answers.
#include "../auth/jose_keys.h"
#include "api_fixture.h"

namespace countersign::console::test {
namespace {

constexpr const char* kIssuer = "https://login.example.com";
constexpr const char* kPath = "/api/v1/sign-in/oidc/backchannel-logout";

class BackchannelTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    auth::OidcOptions options;
    options.provider.issuer = kIssuer;
    options.provider.client_id = "countersign";
    options.provider.algorithms = {"RS256"};
    options.fetch = [](const HttpAsk& ask) -> Result<HttpAnswer> {
      const Json metadata = {{"issuer", kIssuer},
                             {"authorization_endpoint", "https://login.example.com/auth"},
                             {"token_endpoint", "https://login.example.com/token"},
                             {"jwks_uri", "https://login.example.com/keys"}};
      const Json keys = {{"keys", {auth::test::rsa_key().jwk("k1")}}};
      return HttpAnswer{.status = 200, .headers = {}, .body = (ask.url.ends_with("/keys") ? keys : metadata).dump()};
    };
    oidc_ = std::make_unique<auth::Oidc>(std::move(options));
    Services all = services();
    all.oidc = oidc_.get();
    api_ = std::make_unique<AdminApi>(std::move(all));
  }

  std::string token(const Json& more = Json::object()) {
    const std::int64_t now = clock_.now() / 1000;
    Json claims = {{"iss", kIssuer},
                   {"aud", "countersign"},
                   {"sub", "subject-sam"},
                   {"iat", now},
                   {"exp", now + 120},
                   {"jti", "token-" + std::to_string(++tokens_)},
                   {"events", {{"http://schemas.openid.net/event/backchannel-logout", Json::object()}}}};
    claims.update(more);
    return auth::test::rsa_key().jws({{"alg", "RS256"}, {"kid", "k1"}, {"typ", "logout+jwt"}}, claims.dump());
  }
  Answer send(const std::string& body, const std::string& type = "application/x-www-form-urlencoded") {
    Call call;
    call.head.method = "POST";
    call.head.target = kPath;
    call.head.headers.add("Host", "countersign.example:8443");
    call.head.headers.add("Content-Type", type);
    call.body = body;
    call.peer = "127.0.0.1:50000";
    return api_->handle(std::move(call));
  }
  // Sam's session, as the provider's answer would have begun it.
  Browser sign_in_there(const std::string& sid) {
    auto in = people_->start_session(
        {"sam", auth::SignInMethod::oidc, clock_.now(), "127.0.0.1:1", {kIssuer, "subject-sam", sid}}, clock_.now());
    EXPECT_TRUE(in) << in.error().message;
    return {std::string(in->cookie.expose()), in->session.csrf};
  }

  std::unique_ptr<auth::Oidc> oidc_;
  int tokens_ = 0;
};

TEST_F(BackchannelTest, EndsSessionsAndTheirStreamsWithARecord) {
  Browser sam = sign_in_there("sid-1");
  Browser other = sign_in_there("sid-2");
  Answer stream = browse(sam, "/api/v1/events");
  ASSERT_TRUE(stream.events) << stream.body;
  const std::string sent = token({{"sid", "sid-1"}});
  Answer done = send("state=x&logout_token=" + sent);
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.headers.get("cache-control").value_or(""), "no-store");
  EXPECT_TRUE(stream.events->take().ended);
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 401);
  EXPECT_EQ(browse(other, "/api/v1/session").status, 200);
  auto signed_out = records_where("action", "person:sign-out");
  ASSERT_EQ(signed_out.size(), 1U);
  EXPECT_NE(signed_out[0].dump().find("User::sam"), std::string::npos);

  Answer again = send("logout_token=" + sent);
  EXPECT_EQ(again.status, 400) << "a token works once";
  EXPECT_EQ(code(again), "session.logout_used");
  EXPECT_EQ(browse(other, "/api/v1/session").status, 200);
  EXPECT_EQ(send("logout_token=" + token()).status, 200) << "all of the subject's";
  EXPECT_EQ(browse(other, "/api/v1/session").status, 401);
  EXPECT_EQ(send("logout_token=" + token({{"sub", "nobody-here"}})).status, 200) << "who is not here is signed out";
  for (const Json& record : records()) EXPECT_EQ(record.dump().find(sent), std::string::npos);
}

TEST_F(BackchannelTest, WhateverIsWrongIsA400ThatIsRecorded) {
  Browser sam = sign_in_there("sid-1");
  const std::string good = token();
  auto refused = [&](const std::string& body) {
    Answer answer = send(body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.headers.get("cache-control").value_or(""), "no-store");
    EXPECT_EQ(json(answer)["error"], "invalid_request");
    return code(answer);
  };
  EXPECT_EQ(refused(""), "admin.bad_body");
  EXPECT_EQ(refused("token=x"), "admin.bad_body");
  EXPECT_EQ(refused("logout_token=" + good + "&logout_token=" + good), "admin.bad_body");
  EXPECT_EQ(refused("logout_token="), "oidc.bad_logout_token");
  EXPECT_EQ(refused("logout_token=a.b.c"), "oidc.bad_logout_token");
  EXPECT_EQ(refused("logout_token=" + token({{"nonce", "n"}})), "oidc.bad_logout_token");
  EXPECT_EQ(refused("logout_token=" + token({{"aud", "another"}})), "oidc.bad_logout_token");
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 200);
  EXPECT_EQ(records_where("code", "oidc.bad_logout_token").size(), 4U);
  EXPECT_EQ(code(send("{}", "application/json")), "admin.content_type");
  EXPECT_EQ(send("logout_token=" + good, "text/plain").status, 400);
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 200);
}

TEST_F(BackchannelTest, ItEndsSessionsAlsoWhereNothingCanBeRecorded) {
  Browser sam = sign_in_there("sid-1");
  break_audit_log();
  EXPECT_EQ(send("logout_token=" + token()).status, 400) << "the provider may say it again";
  EXPECT_FALSE(people_->find_session(sam.cookie, clock_.now()));
}

TEST_F(BackchannelTest, OnlyThisAddressTakesForms) {
  Call call = call_of(sign_in("sam"), "POST", "/api/v1/sign-out", "{}");
  call.head.headers.remove("Content-Type");
  call.head.headers.add("Content-Type", "application/x-www-form-urlencoded");
  EXPECT_EQ(code(api_->handle(std::move(call))), "admin.content_type");
}

TEST_F(ApiTest, WithoutAProviderNobodySignsAnybodyOut) {
  Call call;
  call.head.method = "POST";
  call.head.target = kPath;
  call.head.headers.add("Host", "countersign.example:8443");
  call.head.headers.add("Content-Type", "application/x-www-form-urlencoded");
  call.body = "logout_token=x";
  EXPECT_EQ(code(api_->handle(std::move(call))), "sign_in.no_oidc");
}

}  // namespace
}  // namespace countersign::console::test
