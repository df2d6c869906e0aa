// The relying party against a provider that can be made to misbehave in every way. The real thing, another program's
// provider, is in tests/e2e/test_sign_in.py.
#include "auth/oidc.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "auth/jws.h"
#include "jose_keys.h"

namespace countersign::auth::test {
namespace {

constexpr TimeMs kNow = 1'795'253'400'000;
constexpr TimeMs kMinute = 60'000;
constexpr const char* kIssuer = "https://login.example.com/realm";
using Query = std::map<std::string, std::string, std::less<>>;

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(from_hex(text.substr(i + 1, 2)).value()[0]);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Query parameters(std::string_view text) {
  Query out;
  while (!text.empty()) {
    std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    std::size_t equals = pair.find('=');
    EXPECT_TRUE(out.emplace(unescaped(pair.substr(0, equals)), unescaped(pair.substr(equals + 1))).second) << pair;
  }
  return out;
}

// A provider of one person. What it says can be changed by the tests.
class FakeProvider {
 public:
  FakeProvider() {
    metadata = {{"issuer", kIssuer},
                {"authorization_endpoint", "https://login.example.com/auth?tenant=1"},
                {"token_endpoint", "https://login.example.com/token"},
                {"jwks_uri", "https://login.example.com/keys"},
                {"code_challenge_methods_supported", {"S256"}},
                {"authorization_response_iss_parameter_supported", true}};
    keys = {{"keys", {rsa_key().jwk("k1")}}};
    header = {{"alg", "RS256"}, {"kid", "k1"}, {"typ", "JWT"}};
    claims = {{"iss", kIssuer},           {"aud", "countersign"},         {"sub", "subject-1"},
              {"exp", kNow / 1000 + 600}, {"iat", kNow / 1000},           {"auth_time", kNow / 1000 - 3600},
              {"acr", "urn:mfa"},         {"preferred_username", "alice"}};
  }

  Result<HttpAnswer> fetch(const HttpAsk& ask) {
    ++asked;
    if (down) return fail(ErrorKind::unavailable, "http_client.unreachable", "the server cannot be reached");
    if (ask.url == std::string(kIssuer) + "/.well-known/openid-configuration") {
      ++metadata_asked;
      return HttpAnswer{.status = metadata_status, .headers = {}, .body = metadata.dump()};
    }
    if (ask.url == metadata.value("jwks_uri", "")) {
      ++keys_asked;
      return HttpAnswer{.status = 200, .headers = {}, .body = keys.dump()};
    }
    EXPECT_EQ(ask.url, metadata.value("token_endpoint", ""));
    token_ask = ask;
    if (token_body) return HttpAnswer{.status = token_status, .headers = {}, .body = *token_body};
    const Query form = parameters(ask.body);
    // RFC 7636: what was sent at the beginning is the digest of what comes now.
    const Digest challenge = sha256(form.at("code_verifier"));
    EXPECT_EQ(to_base64url(ByteView(challenge)), authorization.at("code_challenge"));
    Json said = claims;
    if (!said.contains("nonce")) said["nonce"] = authorization.at("nonce");
    const Json answer = {
        {"access_token", "x"}, {"token_type", "Bearer"}, {"id_token", signer->jws(header, said.dump())}};
    return HttpAnswer{.status = token_status, .headers = {}, .body = answer.dump()};
  }

  Json metadata;
  Json keys;
  Json header;
  Json claims;
  int metadata_status = 200;
  int token_status = 200;
  bool down = false;
  std::optional<std::string> token_body;
  const SigningKey* signer = &rsa_key();
  Query authorization;  // parameters of the last authorization request
  HttpAsk token_ask;
  int asked = 0;
  int metadata_asked = 0;
  int keys_asked = 0;
};

class OidcTest : public testing::Test {
 protected:
  OidcOptions options() {
    OidcOptions out;
    out.provider.issuer = kIssuer;
    out.provider.client_id = "countersign";
    out.client_secret = Secret(std::string("s&cret: 100%"));
    out.redirect_uri = "https://cs.example.com/api/v1/sign-in/oidc/callback";
    out.fetch = [this](const HttpAsk& ask) { return provider_.fetch(ask); };
    return out;
  }
  void make(OidcOptions made) { oidc_ = std::make_unique<Oidc>(std::move(made)); }
  void SetUp() override { make(options()); }

  OidcStart begin(Freshness freshness = Freshness::any, TimeMs now = kNow) {
    auto start = oidc_->begin("/inbox", freshness, "", now);
    EXPECT_TRUE(start) << start.error().message;
    if (!start) return {};
    provider_.authorization = parameters(start->location.substr(start->location.find('?') + 1));
    return std::move(*start);
  }
  Query answer() { return {{"code", "the-code"}, {"state", provider_.authorization["state"]}, {"iss", kIssuer}}; }
  std::string finish(const OidcStart& start, const Query& query, TimeMs now = kNow) {
    auto identity = oidc_->finish(query, start.browser.expose(), now);
    return identity ? "" : identity.error().code;
  }
  // The whole way, with the claim set to this.
  std::string with_claim(const std::string& name, const Json& value) {
    const Json before = provider_.claims;
    provider_.claims[name] = value;
    OidcStart start = begin();
    std::string code = finish(start, answer());
    provider_.claims = before;
    return code;
  }
  std::string without_claim(const std::string& name) {
    const Json before = provider_.claims;
    provider_.claims.erase(name);
    OidcStart start = begin();
    std::string code = finish(start, answer());
    provider_.claims = before;
    return code;
  }
  std::string whole_way() {
    OidcStart start = begin();
    return finish(start, answer());
  }
  std::string begin_code() {
    auto start = oidc_->begin("/", Freshness::any, "", kNow);
    return start ? "" : start.error().code;
  }

  FakeProvider provider_;
  std::unique_ptr<Oidc> oidc_;
};

TEST_F(OidcTest, TheWholeWay) {
  auto start = oidc_->begin("/requests/req_1?tab=2#x", Freshness::any, "ses_1", kNow);
  ASSERT_TRUE(start);
  EXPECT_TRUE(start->location.starts_with("https://login.example.com/auth?tenant=1&response_type=code&"));
  Query asked = parameters(start->location.substr(start->location.find('?') + 1));
  EXPECT_EQ(asked["client_id"], "countersign");
  EXPECT_EQ(asked["redirect_uri"], "https://cs.example.com/api/v1/sign-in/oidc/callback");
  EXPECT_EQ(asked["scope"], "openid profile");
  EXPECT_EQ(asked["code_challenge_method"], "S256");
  EXPECT_EQ(asked["state"].size(), 43U);
  EXPECT_EQ(asked["nonce"].size(), 43U);
  EXPECT_FALSE(asked.contains("prompt"));
  EXPECT_EQ(asked["max_age"], "2592000") << "so that auth_time comes back";
  EXPECT_EQ(start->location.find(start->browser.expose()), std::string::npos);
  EXPECT_EQ(start->location.find("s%26cret"), std::string::npos);
  provider_.authorization = asked;
  auto identity = oidc_->finish(answer(), start->browser.expose(), kNow + kMinute);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->issuer, kIssuer);
  EXPECT_EQ(identity->subject, "subject-1");
  EXPECT_EQ(identity->user, "alice");
  EXPECT_EQ(identity->auth_time, kNow - 3'600'000);
  EXPECT_EQ(identity->acr, "urn:mfa");
  EXPECT_EQ(identity->return_to, "/requests/req_1?tab=2#x");
  EXPECT_EQ(identity->session, "ses_1");
  // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
  EXPECT_EQ(provider_.token_ask.headers.get("authorization"),
            "Basic " + to_base64(as_bytes("countersign:s%26cret%3A%20100%25")));
  EXPECT_EQ(provider_.token_ask.redirects, 0);
  Query form = parameters(provider_.token_ask.body);
  EXPECT_EQ(form["grant_type"], "authorization_code");
  EXPECT_EQ(form["code"], "the-code");
  EXPECT_EQ(form["redirect_uri"], asked["redirect_uri"]);
  EXPECT_FALSE(form.contains("client_secret"));
}

TEST_F(OidcTest, ClientsWithoutSecretAndProvidersThatWantItInTheForm) {
  provider_.metadata["token_endpoint_auth_methods_supported"] = {"client_secret_post"};
  EXPECT_EQ(whole_way(), "");
  EXPECT_EQ(parameters(provider_.token_ask.body)["client_secret"], "s&cret: 100%");
  EXPECT_FALSE(provider_.token_ask.headers.get("authorization"));
  OidcOptions open_client = options();
  open_client.client_secret = Secret();
  make(std::move(open_client));
  EXPECT_EQ(whole_way(), "");
  EXPECT_FALSE(provider_.token_ask.headers.get("authorization"));
  EXPECT_EQ(parameters(provider_.token_ask.body)["client_id"], "countersign");
}

// --- the way back ---

TEST_F(OidcTest, AnAnswerIsForTheBrowserThatAsked) {
  OidcStart victim = begin();
  Query victims_answer = answer();
  OidcStart attacker = begin();
  EXPECT_EQ(finish(victim, answer()), "oidc.unknown_state") << "the attacker's state in the victim's browser";
  EXPECT_EQ(finish({}, answer()), "oidc.unknown_state");
  EXPECT_EQ(finish(attacker, victims_answer), "oidc.unknown_state");
  EXPECT_EQ(finish(attacker, answer()), "") << "the strangers have used nothing up";
}

TEST_F(OidcTest, AStateWorksOnceForTenMinutes) {
  OidcStart start = begin();
  Query first = answer();
  EXPECT_EQ(finish(start, first), "");
  EXPECT_EQ(finish(start, first), "oidc.unknown_state");
  OidcStart late = begin();
  EXPECT_EQ(finish(late, answer(), kNow + 10 * kMinute), "oidc.unknown_state");
  OidcStart back = begin();
  EXPECT_EQ(finish(back, answer(), kNow - kMinute * 60), "oidc.unknown_state");
  OidcStart nothing = begin();
  EXPECT_EQ(finish(nothing, {}), "oidc.unknown_state");
  EXPECT_EQ(finish(nothing, {{"state", ""}, {"code", "x"}}), "oidc.unknown_state");
}

TEST_F(OidcTest, AnotherIssuersAnswerIsNotTakenWhateverItSays) {
  OidcStart start = begin();
  Query mixed = answer();
  mixed["iss"] = "https://evil.example";
  EXPECT_EQ(finish(start, mixed), "oidc.mixed_up");
  EXPECT_EQ(provider_.token_ask.url, "") << "the code went nowhere";
  OidcStart error = begin();
  EXPECT_EQ(finish(error, {{"state", provider_.authorization["state"]},
                           {"error", "access_denied"},
                           {"iss", "https://evil.example"}}),
            "oidc.mixed_up");
  OidcStart silent = begin();
  Query without = answer();
  without.erase("iss");
  EXPECT_EQ(finish(silent, without), "oidc.mixed_up") << "it says that it always sends it";
  make(options());
  provider_.metadata.erase("authorization_response_iss_parameter_supported");
  OidcStart old = begin();
  without = answer();
  without.erase("iss");
  EXPECT_EQ(finish(old, without), "");
  OidcStart slash = begin();
  Query nearly = answer();
  nearly["iss"] = std::string(kIssuer) + "/";
  EXPECT_EQ(finish(slash, nearly), "oidc.mixed_up");
}

TEST_F(OidcTest, ARefusalIsToldWithItsCodeOnly) {
  OidcStart start = begin();
  Query refused = {{"state", provider_.authorization["state"]},
                   {"iss", kIssuer},
                   {"error", "login_required"},
                   {"error_description", "<script>"}};
  auto answered = oidc_->finish(refused, start.browser.expose(), kNow);
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().code, "oidc.refused");
  EXPECT_NE(answered.error().message.find("login_required"), std::string::npos);
  EXPECT_EQ(answered.error().message.find("script"), std::string::npos);
  OidcStart odd = begin();
  refused["state"] = provider_.authorization["state"];
  refused["error"] = "<img src=x>";
  answered = oidc_->finish(refused, odd.browser.expose(), kNow);
  EXPECT_EQ(answered.error().message.find("img"), std::string::npos);
  OidcStart empty = begin();
  EXPECT_EQ(finish(empty, {{"state", provider_.authorization["state"]}, {"iss", kIssuer}}), "oidc.refused");
}

TEST_F(OidcTest, StrangersTakeNobodysPlace) {
  OidcStart first = begin();
  Query firsts = answer();
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(oidc_->begin("/", Freshness::any, "", kNow));
  EXPECT_EQ(finish(first, firsts), "");
}

TEST_F(OidcTest, ACookieIsTakenAsItWasGivenAndByWhoGaveIt) {
  OidcStart start = begin();
  const std::string given(start.browser.expose());
  ASSERT_LE(given.size(), Oidc::kMaxCookie);
  for (std::size_t at = 0; at < given.size(); at += 7) {
    std::string other = given;
    other[at] = other[at] == 'A' ? 'B' : 'A';
    auto taken = oidc_->finish(answer(), other, kNow);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, "oidc.unknown_state") << at;
  }
  for (const std::string& odd : {std::string(), std::string("AAAA"), given.substr(0, 43), given + "AAAA",
                                 std::string(Oidc::kMaxCookie + 4, 'A')}) {
    auto taken = oidc_->finish(answer(), odd, kNow);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, "oidc.unknown_state") << odd;
  }
  EXPECT_EQ(finish(start, answer()), "");
  auto longest = oidc_->begin("/" + std::string(999, 'a'), Freshness::now, std::string(64, 's'), kNow);
  ASSERT_TRUE(longest);
  EXPECT_LE(longest->browser.expose().size(), Oidc::kMaxCookie);
}

// --- the ID token ---

TEST_F(OidcTest, TheTokenMustBeForThisSignIn) {
  EXPECT_EQ(with_claim("nonce", "another"), "oidc.bad_token");
  EXPECT_EQ(with_claim("nonce", nullptr), "oidc.bad_token");
  EXPECT_EQ(with_claim("nonce", ""), "oidc.bad_token");
  EXPECT_EQ(with_claim("iss", "https://evil.example"), "oidc.bad_token");
  EXPECT_EQ(with_claim("iss", std::string(kIssuer) + "/"), "oidc.bad_token");
  EXPECT_EQ(without_claim("iss"), "oidc.bad_token");
  EXPECT_EQ(with_claim("aud", "another-client"), "oidc.bad_token");
  EXPECT_EQ(with_claim("aud", Json::array()), "oidc.bad_token");
  EXPECT_EQ(with_claim("aud", {"another-client"}), "oidc.bad_token");
  EXPECT_EQ(with_claim("aud", Json::array({"countersign", "another-client"})), "oidc.bad_token") << "without azp";
  EXPECT_EQ(with_claim("aud", Json::array({"countersign"})), "");
  EXPECT_EQ(with_claim("azp", "countersign"), "");
  EXPECT_EQ(with_claim("azp", "another-client"), "oidc.bad_token");
  EXPECT_EQ(without_claim("aud"), "oidc.bad_token");
  provider_.claims["azp"] = "countersign";
  EXPECT_EQ(with_claim("aud", Json::array({"countersign", "another-client"})), "");
}

TEST_F(OidcTest, TheTokenMustBeForNow) {
  const std::int64_t now = kNow / 1000;
  EXPECT_EQ(with_claim("exp", now - 59), "") << "a minute's difference between clocks";
  EXPECT_EQ(with_claim("exp", now - 60), "oidc.bad_token");
  EXPECT_EQ(without_claim("exp"), "oidc.bad_token");
  for (const Json& odd : {Json("9999999999"), Json(9999999999.5), Json(-1), Json(nullptr), Json(true),
                          Json(std::numeric_limits<std::uint64_t>::max()), Json(std::int64_t{1} << 60)}) {
    EXPECT_EQ(with_claim("exp", odd), "oidc.bad_token") << odd;
    EXPECT_EQ(with_claim("iat", odd), "oidc.bad_token") << odd;
    EXPECT_EQ(with_claim("nbf", odd), "oidc.bad_token") << odd;
    EXPECT_EQ(with_claim("auth_time", odd), "oidc.bad_token") << odd;
  }
  EXPECT_EQ(with_claim("iat", now + 61), "oidc.bad_token");
  EXPECT_EQ(with_claim("iat", now - 61), "oidc.bad_token") << "made before the sign-in began";
  EXPECT_EQ(without_claim("iat"), "oidc.bad_token");
  EXPECT_EQ(with_claim("nbf", now + 61), "oidc.bad_token");
  EXPECT_EQ(with_claim("nbf", now), "");
}

TEST_F(OidcTest, TheTokenMustNameSomebody) {
  EXPECT_EQ(without_claim("sub"), "oidc.bad_token");
  EXPECT_EQ(with_claim("sub", 7), "oidc.bad_token");
  EXPECT_EQ(with_claim("sub", std::string(256, 'x')), "oidc.bad_token");
  EXPECT_EQ(with_claim("sub", "a\nb"), "oidc.bad_token");
  EXPECT_EQ(without_claim("preferred_username"), "oidc.no_user");
  for (const Json& odd : {Json(""), Json(7), Json(Json::array({"alice"})), Json(std::string(201, 'x')), Json("alice\n"),
                          Json("ali\xe2\x80\x8b"
                               "ce"),
                          Json(nullptr)})
    EXPECT_EQ(with_claim("preferred_username", odd), "oidc.no_user") << odd;
}

TEST_F(OidcTest, TheSignatureMustBeTheProviders) {
  provider_.signer = &other_rsa_key();
  EXPECT_EQ(whole_way(), "oidc.bad_token");
  provider_.signer = &rsa_key();
  provider_.header["alg"] = "PS256";
  EXPECT_EQ(whole_way(), "");
  OidcOptions pinned = options();
  pinned.provider.algorithms = {"RS256"};
  make(std::move(pinned));
  EXPECT_EQ(whole_way(), "oidc.bad_token") << "PS256 is not allowed for this provider";
  provider_.header["alg"] = "RS256";
  EXPECT_EQ(whole_way(), "");
  provider_.header["typ"] = "at+jwt";
  EXPECT_EQ(whole_way(), "oidc.bad_token") << "an access token";
  provider_.header.erase("typ");
  EXPECT_EQ(whole_way(), "");
  OidcStart start = begin();
  provider_.token_body = Json{{"id_token", to_base64url(as_bytes(R"({"alg":"none"})")) + ".e30."}}.dump();
  EXPECT_EQ(finish(start, answer()), "oidc.bad_token");
}

TEST_F(OidcTest, KeysThatTheProviderChangesAreFetchedOnceInAWhile) {
  EXPECT_EQ(whole_way(), "");
  EXPECT_EQ(whole_way(), "");
  EXPECT_EQ(provider_.keys_asked, 1);
  EXPECT_EQ(provider_.metadata_asked, 1);
  provider_.header["kid"] = "k2";
  EXPECT_EQ(whole_way(), "oidc.bad_token");
  EXPECT_EQ(provider_.keys_asked, 1) << "fetched a moment ago";
  provider_.keys = {{"keys", {rsa_key().jwk("k2")}}};
  auto way_at = [&](TimeMs now) {
    provider_.claims["iat"] = now / 1000;
    provider_.claims["exp"] = now / 1000 + 600;
    OidcStart start = begin(Freshness::any, now);
    return finish(start, answer(), now);
  };
  EXPECT_EQ(way_at(kNow + 30'000), "");
  EXPECT_EQ(provider_.keys_asked, 2);
  provider_.header["kid"] = "k3";
  for (int i = 0; i < 20; ++i) EXPECT_EQ(way_at(kNow + 40'000), "oidc.bad_token");
  EXPECT_EQ(provider_.keys_asked, 2);
  provider_.header["kid"] = "k2";
  EXPECT_EQ(way_at(kNow + 62 * kMinute), "");
  EXPECT_EQ(provider_.keys_asked, 3);
  EXPECT_EQ(provider_.metadata_asked, 2);
}

// --- step-up ---

TEST_F(OidcTest, AFreshAuthenticationIsAskedForAndProven) {
  OidcStart start = begin(Freshness::now);
  EXPECT_EQ(provider_.authorization["prompt"], "login");
  EXPECT_EQ(provider_.authorization["max_age"], "0");
  EXPECT_EQ(finish(start, answer()), "oidc.too_old") << "authenticated an hour ago";
  provider_.claims.erase("auth_time");
  OidcStart without = begin(Freshness::now);
  EXPECT_EQ(finish(without, answer()), "oidc.too_old");
  provider_.claims["auth_time"] = kNow / 1000 + 20;
  OidcStart fresh = begin(Freshness::now);
  EXPECT_EQ(finish(fresh, answer(), kNow + 30'000), "");
}

TEST_F(OidcTest, ContextsThatAreAskedForMustBeThere) {
  OidcOptions strict = options();
  strict.provider.acr_values = {"urn:hardware", "urn:mfa"};
  make(std::move(strict));
  EXPECT_EQ(whole_way(), "");
  EXPECT_EQ(provider_.authorization["acr_values"], "urn:hardware urn:mfa");
  EXPECT_EQ(with_claim("acr", "urn:password"), "oidc.acr");
  EXPECT_EQ(without_claim("acr"), "oidc.acr");
}

// --- the provider ---

TEST_F(OidcTest, MetadataOfAnotherIssuerOrWithoutEncryptionIsNotTaken) {
  const Json good = provider_.metadata;
  auto with = [&](const std::string& name, const Json& value) {
    make(options());
    provider_.metadata = good;
    provider_.metadata[name] = value;
    return begin_code();
  };
  EXPECT_EQ(with("issuer", "https://login.example.com/realm/"), "oidc.bad_metadata");
  EXPECT_EQ(with("issuer", "https://evil.example"), "oidc.bad_metadata");
  EXPECT_EQ(with("issuer", nullptr), "oidc.bad_metadata");
  for (const char* name : {"authorization_endpoint", "token_endpoint", "jwks_uri"}) {
    for (const Json& url : {Json("http://login.example.com/x"), Json("http://127.0.0.1/x"), Json("file:///etc/passwd"),
                            Json("javascript:alert(1)"), Json("https://user:pw@login.example.com/"), Json(""),
                            Json("//login.example.com/"), Json(nullptr), Json(7)})
      EXPECT_EQ(with(name, url), "oidc.bad_metadata") << name << " " << url;
  }
  EXPECT_EQ(with("code_challenge_methods_supported", {"plain"}), "oidc.bad_metadata");
  EXPECT_EQ(with("code_challenge_methods_supported", Json::array()), "oidc.bad_metadata");
  provider_.metadata = good;
  provider_.metadata.erase("code_challenge_methods_supported");
  make(options());
  EXPECT_EQ(begin_code(), "") << "many do it without saying so";
}

TEST_F(OidcTest, AProviderThatIsDownIsAskedOnceAndThenAfterAWhile) {
  provider_.down = true;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(begin_code(), "oidc.unavailable");
  EXPECT_EQ(provider_.asked, 1);
  provider_.down = false;
  EXPECT_EQ(begin_code(), "oidc.unavailable");
  auto later = oidc_->begin("/", Freshness::any, "", kNow + 5'000);
  EXPECT_TRUE(later);
  provider_.metadata_status = 500;
  auto stale = oidc_->begin("/", Freshness::any, "", kNow + 70 * kMinute);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, "oidc.unavailable");
}

TEST_F(OidcTest, ATokenEndpointThatGivesNothing) {
  for (const auto& [status, body] : std::vector<std::pair<int, std::string>>{
           {400, R"({"error":"invalid_grant","error_description":"secret details"})"},
           {302, ""},
           {200, "not json"},
           {200, "{}"},
           {200, R"({"id_token":7})"},
           {200, R"({"id_token":"a","id_token":"b"})"}}) {
    OidcStart start = begin();
    provider_.token_status = status;
    provider_.token_body = body;
    auto identity = oidc_->finish(answer(), start.browser.expose(), kNow);
    ASSERT_FALSE(identity) << body;
    EXPECT_EQ(identity.error().code, "oidc.token_refused") << body;
    EXPECT_EQ(identity.error().message.find("secret"), std::string::npos);
  }
  OidcStart start = begin();
  provider_.token_body = R"({"id_token":"a.b"})";
  provider_.token_status = 200;
  EXPECT_EQ(finish(start, answer()), "oidc.bad_token");
}

TEST_F(OidcTest, ManyAtOnceFetchTheMetadataOnce) {
  std::atomic<int> begun = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (oidc_->begin("/", Freshness::any, "", kNow)) ++begun;
    });
  }
  threads.clear();
  EXPECT_EQ(begun, 8);
  EXPECT_EQ(provider_.metadata_asked, 1);
}

TEST(LocalPath, OnlyPathsOfThisSite) {
  for (const char* good :
       {"/", "/inbox", "/requests/req_1?a=b&c=//d#e", "/?return=https://x", "/a/../b", "/%2F%2Fevil"})
    EXPECT_TRUE(is_local_path(good)) << good;
  for (const std::string& bad :
       {std::string(), std::string("inbox"), std::string("//evil.example"), std::string("/\\evil.example"),
        std::string("\\\\evil.example"), std::string("https://evil.example"), std::string("javascript:alert(1)"),
        std::string("/\t/evil.example"), std::string("/\n/evil.example"), std::string(" /x"), std::string("/x y"),
        std::string("/a//evil.example"), std::string("/.//evil.example"), std::string("///evil.example"),
        std::string("/\xc2\xa0/evil"), std::string("/x\0y", 4), "/" + std::string(1000, 'x')})
    EXPECT_FALSE(is_local_path(bad)) << bad;
}

}  // namespace
}  // namespace countersign::auth::test
