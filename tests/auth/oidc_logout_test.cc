// Logout tokens (OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6), good ones and bad ones. The real thing,
// another program's provider, is in tests/e2e/test_sign_in.py.
#include <gtest/gtest.h>

#include "auth/oidc.h"
#include "jose_keys.h"

namespace countersign::auth::test {
namespace {

constexpr TimeMs kNow = 1'795'253'400'000;
constexpr TimeMs kMinute = 60'000;
constexpr const char* kIssuer = "https://login.example.com/realm";
constexpr const char* kEvent = "http://schemas.openid.net/event/backchannel-logout";

class OidcLogoutTest : public testing::Test {
 protected:
  OidcLogoutTest() {
    header_ = {{"alg", "RS256"}, {"kid", "k1"}, {"typ", "logout+jwt"}};
    claims_ = {
        {"iss", kIssuer},     {"aud", "countersign"},     {"sub", "subject-1"}, {"sid", "session-1"},
        {"iat", kNow / 1000}, {"exp", kNow / 1000 + 120}, {"jti", "token-1"},   {"events", {{kEvent, Json::object()}}}};
    OidcOptions options;
    options.provider.issuer = kIssuer;
    options.provider.client_id = "countersign";
    options.provider.algorithms = {"RS256"};
    options.fetch = [this](const HttpAsk& ask) { return fetch(ask); };
    oidc_ = std::make_unique<Oidc>(std::move(options));
  }

  Result<HttpAnswer> fetch(const HttpAsk& ask) const {
    if (down_) return fail(ErrorKind::unavailable, "http_client.unreachable", "the server cannot be reached");
    const Json metadata = {{"issuer", kIssuer},
                           {"authorization_endpoint", "https://login.example.com/auth"},
                           {"token_endpoint", "https://login.example.com/token"},
                           {"jwks_uri", "https://login.example.com/keys"}};
    const Json keys = {{"keys", {rsa_key().jwk("k1")}}};
    return HttpAnswer{.status = 200, .headers = {}, .body = (ask.url.ends_with("/keys") ? keys : metadata).dump()};
  }
  std::string code(const std::string& token, TimeMs now = kNow) {
    auto logout = oidc_->logout(token, now);
    return logout ? "" : logout.error().code;
  }
  std::string code_now(TimeMs now = kNow) { return code(rsa_key().jws(header_, claims_.dump()), now); }
  std::string with(const std::string& claim, const Json& value) {
    const Json before = claims_;
    claims_[claim] = value;
    std::string out = code_now();
    claims_ = before;
    return out;
  }
  std::string without(const std::string& claim) {
    const Json before = claims_;
    claims_.erase(claim);
    std::string out = code_now();
    claims_ = before;
    return out;
  }

  Json header_;
  Json claims_;
  bool down_ = false;
  std::unique_ptr<Oidc> oidc_;
};

constexpr const char* kBad = "oidc.bad_logout_token";

TEST_F(OidcLogoutTest, SaysWhoseWhichAndUntilWhen) {
  auto logout = oidc_->logout(rsa_key().jws(header_, claims_.dump()), kNow);
  ASSERT_TRUE(logout) << logout.error().message;
  EXPECT_EQ(logout->issuer, kIssuer);
  EXPECT_EQ(logout->subject, "subject-1");
  EXPECT_EQ(logout->session, "session-1");
  EXPECT_EQ(logout->token_id, "token-1");
  EXPECT_EQ(logout->until, kNow + 11 * kMinute);
  EXPECT_EQ(without("sub"), "") << "the session alone will do";
  EXPECT_EQ(without("sid"), "") << "and so will the subject";
  claims_.erase("sub");
  EXPECT_EQ(without("sid"), kBad) << "nobody";
}

TEST_F(OidcLogoutTest, MustBeForUs) {
  EXPECT_EQ(with("iss", "https://evil.example"), kBad);
  EXPECT_EQ(without("iss"), kBad);
  EXPECT_EQ(with("aud", "another-client"), kBad);
  EXPECT_EQ(with("aud", Json::array()), kBad);
  EXPECT_EQ(with("aud", Json::array({"countersign", "another-client"})), kBad);
  EXPECT_EQ(with("aud", Json::array({"countersign"})), "");
  EXPECT_EQ(without("aud"), kBad);
  EXPECT_EQ(with("azp", "another-client"), kBad);
}

TEST_F(OidcLogoutTest, MustBeForNow) {
  const std::int64_t now = kNow / 1000;
  EXPECT_EQ(with("exp", now - 59), "") << "a minute's difference between clocks";
  EXPECT_EQ(with("exp", now - 60), kBad);
  EXPECT_EQ(without("exp"), kBad);
  EXPECT_EQ(without("iat"), kBad);
  EXPECT_EQ(with("iat", now + 61), kBad);
  for (const Json& odd : {Json("9999999999"), Json(9999999999.5), Json(-1), Json(nullptr), Json(true)}) {
    EXPECT_EQ(with("exp", odd), kBad) << odd;
    EXPECT_EQ(with("iat", odd), kBad) << odd;
  }
  claims_["exp"] = now + 86'400 * 365;
  EXPECT_EQ(code_now(kNow + 11 * kMinute - 1), "");
  EXPECT_EQ(code_now(kNow + 11 * kMinute), kBad) << "one that is good for a year is still used within minutes";
}

TEST_F(OidcLogoutTest, MustBeALogoutAndNothingElse) {
  EXPECT_EQ(without("events"), kBad) << "an ID token";
  EXPECT_EQ(with("events", Json::object()), kBad);
  EXPECT_EQ(with("events", {{"http://schemas.openid.net/event/other", Json::object()}}), kBad);
  EXPECT_EQ(with("events", {{kEvent, nullptr}}), kBad);
  EXPECT_EQ(with("events", {{kEvent, "yes"}}), kBad);
  EXPECT_EQ(with("events", Json::array({kEvent})), kBad);
  EXPECT_EQ(with("events", kEvent), kBad);
  EXPECT_EQ(with("nonce", "n"), kBad);
  EXPECT_EQ(with("nonce", nullptr), kBad) << "not even an empty one";
  for (const char* claim : {"jti", "sub", "sid"}) {
    for (const Json& odd : {Json(""), Json(7), Json(nullptr), Json("a\nb"), Json(std::string(256, 'x'))})
      EXPECT_EQ(with(claim, odd), kBad) << claim << odd;
  }
  EXPECT_EQ(without("jti"), kBad);
}

TEST_F(OidcLogoutTest, TypesThatAreSaidAreLookedAt) {
  for (const char* type : {"JWT", "Logout+JWT", "application/logout+jwt"}) {
    header_["typ"] = type;
    EXPECT_EQ(code_now(), "") << type;
  }
  header_["typ"] = "at+jwt";
  EXPECT_EQ(code_now(), kBad);
  header_.erase("typ");
  EXPECT_EQ(code_now(), "");
}

TEST_F(OidcLogoutTest, MustBeSignedByTheProvider) {
  EXPECT_EQ(code(other_rsa_key().jws(header_, claims_.dump())), kBad);
  EXPECT_EQ(code(to_base64url(as_bytes(R"({"alg":"none"})")) + "." + to_base64url(as_bytes(claims_.dump())) + "."),
            kBad);
  header_["alg"] = "PS256";
  EXPECT_EQ(code_now(), kBad) << "not allowed here";
  for (const char* nonsense : {"", "a.b.c", "...", "x"}) EXPECT_EQ(code(nonsense), kBad) << nonsense;
  EXPECT_EQ(code(std::string(100'000, 'x')), kBad);
  const std::string twice = R"({"iss":"https://login.example.com/realm","iss":"https://login.example.com/realm"})";
  header_["alg"] = "RS256";
  EXPECT_EQ(code(rsa_key().jws(header_, twice)), kBad);
}

TEST_F(OidcLogoutTest, NeedsTheProvidersKeys) {
  down_ = true;
  EXPECT_EQ(code_now(), "oidc.unavailable");
}

}  // namespace
}  // namespace countersign::auth::test
