// Sessions of STS: what is asked, who waits for whom, how long an answer is believed, and that nothing wider is ever
// used where none came.
#include "proxy/aws_sessions.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "auth/sigv4_uri.h"
#include "core/sha256.h"
#include "net/mailbox.h"
#include "proxy/aws_sts.h"
#include "upstream/scripted_server.h"

namespace countersign::proxy {
namespace {

using testing_net::Mailbox;
using testing_net::ScriptedServer;
using Step = ScriptedServer::Step;
using Then = ScriptedServer::Then;

constexpr TimeMs kNow = 1'795'000'000'000;
constexpr TimeMs kMinute = 60'000;
constexpr TimeMs kHour = 60 * kMinute;
constexpr std::string_view kPolicy = R"({"Statement":[],"Version":"2012-10-17"})";

std::string http(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Some\r\nContent-Type: text/xml\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string answer(const std::string& call, const std::string& number, TimeMs expires) {
  return "<" + call + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <" + call +
         "Result>\n    <Credentials><AccessKeyId>ASIA" + number + "</AccessKeyId><SecretAccessKey>secret/" + number +
         "</SecretAccessKey><SessionToken>token+" + number + "==</SessionToken><Expiration>" + format_time(expires) +
         "</Expiration></Credentials>\n    <AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/r/s</Arn>" +
         "<AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser>\n  </" + call + "Result>\n" +
         "  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\n</" + call + "Response>\n";
}
Step role(const std::string& number, TimeMs expires = kNow + kHour) {
  return {http(200, answer("AssumeRole", number, expires)), Then::keep};
}
Step web(const std::string& number, TimeMs expires = kNow + kHour) {
  return {http(200, answer("AssumeRoleWithWebIdentity", number, expires)), Then::keep};
}

// The parameters of a request's body.
std::map<std::string, std::string> parameters(const std::string& request) {
  std::map<std::string, std::string> out;
  const std::size_t body = request.find("\r\n\r\n");
  Result<std::vector<auth::QueryPair>> pairs = auth::parse_query(std::string_view(request).substr(body + 4));
  for (auth::QueryPair& pair : *pairs) out[pair.name] = pair.value;
  return out;
}

struct Got {
  std::string key_id;  // or the error's code
  std::string message;
};

Task<void> ask(AwsSessions* sessions, AwsWish wish, Mailbox<Got>* out) {
  auto keys = co_await sessions->get(std::move(wish));
  out->put(keys ? Got{(*keys)->key_id, ""} : Got{keys.error().code, keys.error().message});
}

Task<void> find(AwsSessions* sessions, AwsWish wish, Mailbox<AwsSessions::Keys>* out) {
  auto keys = co_await sessions->get(std::move(wish));
  out->put(keys.value());
}

class AwsSessionsTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("COUNTERSIGN_TEST_KEY_ID", "AKIAWIDE", 1);
    ::setenv("COUNTERSIGN_TEST_KEY", "the-wider-secret", 1);
    folder_ = std::filesystem::temp_directory_path() / ("countersign-sts-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    write_token("first-token");
    for (std::size_t i = 0; i < workers_.size(); ++i)
      clients_.push_back(std::make_unique<upstream::Client>(workers_.at(i), upstream::ClientOptions()));
  }
  void TearDown() override {
    workers_.stop();
    sessions_.reset();
    clients_.clear();
    std::filesystem::remove_all(folder_);
  }
  void write_token(const std::string& text) {
    std::ofstream(folder_ / "token") << text << "\n";
    ::chmod((folder_ / "token").c_str(), 0644);
  }

  static config::AwsKeys static_keys() {
    config::AwsKeys keys;
    keys.from = config::AwsKeys::From::sources;
    keys.access_key = {config::SecretSource::Kind::environment, "COUNTERSIGN_TEST_KEY_ID"};
    keys.secret_key = {config::SecretSource::Kind::environment, "COUNTERSIGN_TEST_KEY"};
    return keys;
  }
  config::AwsKeys web_keys() const {
    config::AwsKeys keys;
    keys.from = config::AwsKeys::From::web_identity;
    keys.web_role = "arn:aws:iam::111122223333:role/web";
    keys.token_file = folder_ / "token";
    return keys;
  }
  static config::AwsRole narrowed() {
    return {.arn = "arn:aws:iam::111122223333:role/agents", .external_id = "from/us"};
  }
  void open(config::AwsKeys keys, std::vector<ScriptedServer::Script> scripts,
            std::optional<config::AwsTags> tags = std::nullopt) {
    config::Upstream upstream;
    upstream.name = "aws";
    upstream.protocol = "aws";
    upstream.credential.kind = config::Credential::Kind::aws;
    upstream.credential.aws = std::move(keys);
    upstream.aws.tags = std::move(tags);
    config_.upstreams = {upstream};
    auto vault = auth::Vault::open(config_.upstreams);
    ASSERT_TRUE(vault) << vault.error().message;
    vault_ = std::move(*vault);
    sessions_ = std::make_unique<AwsSessions>(config_, *vault_, clock_);
    server_ = std::make_unique<ScriptedServer>(std::move(scripts));
    origin_ = std::make_shared<const upstream::Origin>(upstream::parse_origin(server_->address()).value());
    workers_.start();
  }
  void begin(const std::string& agent, std::string_view policy = kPolicy, std::size_t worker = 0,
             AwsWish::For purpose = AwsWish::For::operation) {
    AwsWish wish{.upstream = "aws",
                 .purpose = purpose,
                 .agent = agent,
                 .operation = "0192f0c1-2b3c-7d4e-8f5a-6b7c8d9e0f1a",
                 .policy = std::string(policy),
                 .region = "eu-central-1",
                 .origin = origin_,
                 .worker = &workers_.at(worker),
                 .client = clients_.at(worker).get()};
    workers_.at(worker).spawn([this, wish] { return proxy::ask(sessions_.get(), wish, &got_); },
                              [](std::exception_ptr error) { std::rethrow_exception(error); });
  }
  Got answered() { return got_.take().value_or(Got{"nothing came", ""}); }
  std::string asked() { return server_->log.take().value_or("nothing was asked\r\n\r\n"); }
  Got get(const std::string& agent, std::string_view policy = kPolicy) {
    begin(agent, policy);
    return answered();
  }
  void refused(config::AwsKeys keys, const std::string& bytes) {
    open(std::move(keys), {{{bytes, Then::close}}});
    const Got got = get("builder");
    EXPECT_EQ(got.key_id, "aws.credential_unavailable") << bytes.substr(0, 200);
    for (const char* secret : {"the-wider-secret", "secret/1", "token+1", "first-token"})
      EXPECT_FALSE(got.message.contains(secret)) << got.message;
    message_ = got.message;
  }

  net::Workers workers_{2};
  std::vector<std::unique_ptr<upstream::Client>> clients_;
  ManualClock clock_{kNow};
  config::Config config_;
  std::unique_ptr<auth::Vault> vault_;
  std::unique_ptr<AwsSessions> sessions_;
  std::unique_ptr<ScriptedServer> server_;
  std::shared_ptr<const upstream::Origin> origin_;
  Mailbox<Got> got_;
  std::filesystem::path folder_;
  std::string message_;
};

TEST_F(AwsSessionsTest, KeysWithoutARoleAreUsedAsTheyAre) {
  open(static_keys(), {});
  EXPECT_EQ(get("builder").key_id, "AKIAWIDE");
  EXPECT_FALSE(sessions_->wants_policy("aws"));
}

TEST_F(AwsSessionsTest, ARoleIsTakenOnForOneAgentAndOneOperation) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  open(keys, {{role("1")}});
  EXPECT_TRUE(sessions_->wants_policy("aws"));
  EXPECT_EQ(get("builder").key_id, "ASIA1");
  const std::string request = asked();
  EXPECT_TRUE(request.starts_with("1: POST / HTTP/1.1\r\n")) << request;
  EXPECT_TRUE(request.contains("Credential=AKIAWIDE/")) << request;
  EXPECT_TRUE(request.contains("/eu-central-1/sts/aws4_request")) << request;
  EXPECT_FALSE(request.contains("the-wider-secret"));
  const auto given = parameters(request);
  EXPECT_EQ(given.at("Action"), "AssumeRole");
  EXPECT_EQ(given.at("RoleArn"), "arn:aws:iam::111122223333:role/agents");
  EXPECT_EQ(given.at("SourceIdentity"), "builder");
  EXPECT_EQ(given.at("RoleSessionName"), "builder-6b7c8d9e0f1a");
  EXPECT_EQ(given.at("Policy"), kPolicy);
  EXPECT_EQ(given.at("DurationSeconds"), "3600");
  EXPECT_EQ(given.at("ExternalId"), "from/us");
  EXPECT_TRUE(sessions_->shows("aws", "x token+1== y"));
  EXPECT_FALSE(sessions_->shows("other", "x token+1== y"));
}

TEST_F(AwsSessionsTest, ASessionIsSharedByNobodyElseAndForNothingElse) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  open(keys, {{role("1"), role("2"), role("3")}});
  EXPECT_EQ(get("builder").key_id, "ASIA1");
  EXPECT_EQ(get("builder").key_id, "ASIA1");
  EXPECT_EQ(get("tester").key_id, "ASIA2");
  EXPECT_EQ(get("builder", R"({"Version":"2012-10-17"})").key_id, "ASIA3");
  EXPECT_EQ(get("builder").key_id, "ASIA1");
}

TEST_F(AwsSessionsTest, AWholeSessionIsOneForEachAgent) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  keys.role->session = config::AwsRole::Session::whole;
  open(keys, {{role("1"), role("2")}});
  EXPECT_FALSE(sessions_->wants_policy("aws"));
  EXPECT_EQ(get("builder", "").key_id, "ASIA1");
  EXPECT_EQ(get("builder", kPolicy).key_id, "ASIA1");
  EXPECT_EQ(get("tester", "").key_id, "ASIA2");
  EXPECT_FALSE(parameters(asked()).contains("Policy"));
}

TEST_F(AwsSessionsTest, WithoutItsPolicyNoSessionIsMade) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  open(keys, {});
  EXPECT_EQ(get("builder", "").key_id, "aws.credential_unavailable");
}

TEST_F(AwsSessionsTest, AllWhoWantTheSameWaitForOneAnswer) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  open(keys, {{role("1"), {http(500, "never asked for"), Then::close}}});
  constexpr int kMany = 40;
  for (int i = 0; i < kMany; ++i) begin("builder", kPolicy, static_cast<std::size_t>(i % 2));
  for (int i = 0; i < kMany; ++i) EXPECT_EQ(answered().key_id, "ASIA1");
}

TEST_F(AwsSessionsTest, OneThatEndsSoonIsReplaced) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  open(keys, {{role("1"), role("2", kNow + 2 * kHour)}});
  EXPECT_EQ(get("builder").key_id, "ASIA1");
  clock_.advance(kHour - kAwsSessionMargin - 1);
  EXPECT_EQ(get("builder").key_id, "ASIA1");
  clock_.advance(1);
  EXPECT_EQ(get("builder").key_id, "ASIA2");
}

TEST_F(AwsSessionsTest, AnEndFarAwayIsNotBelieved) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  keys.role->duration = 15 * kMinute;
  open(keys, {{role("1", kNow + 24 * kHour), role("2", kNow + 48 * kHour)}});
  EXPECT_EQ(get("builder").key_id, "ASIA1");
  clock_.advance(15 * kMinute);
  EXPECT_EQ(get("builder").key_id, "ASIA2") << "by our own clock it has ended";
}

TEST_F(AwsSessionsTest, OneThatHasEndedByOurClockIsNotUsed) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  refused(keys, http(200, answer("AssumeRole", "1", kNow)));
  EXPECT_TRUE(message_.contains("clock"));
}

TEST_F(AwsSessionsTest, ARefusalIsNotFollowedByAWiderCredential) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  refused(keys, http(403,
                     "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: "
                     "the-wider-secret is not authorized</Message></Error></ErrorResponse>"));
  EXPECT_TRUE(message_.contains("AccessDenied")) << message_;
}

TEST_F(AwsSessionsTest, FractionsOfASecondMayHaveAnyLength) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  std::string text = answer("AssumeRole", "1", kNow + kHour);
  const std::size_t dot = text.find(".", text.find("<Expiration>"));
  text.replace(dot, 4, ".928332");
  open(keys, {{{http(200, text), Then::keep}}});
  EXPECT_EQ(get("builder").key_id, "ASIA1");
}

TEST_F(AwsSessionsTest, AfterAFailureItIsAskedAgain) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  open(keys, {{{http(503, ""), Then::keep}, role("1")}});
  EXPECT_EQ(get("builder").key_id, "aws.credential_unavailable");
  EXPECT_EQ(get("builder").key_id, "ASIA1");
}

struct Bad {
  const char* what;
  std::string body;
};
class AwsSessionsBadAnswer : public AwsSessionsTest, public testing::WithParamInterface<Bad> {};
TEST_P(AwsSessionsBadAnswer, IsNone) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  refused(keys, http(200, GetParam().body));
}
std::string without(const std::string& element) {
  std::string text = answer("AssumeRole", "1", kNow + kHour);
  const std::size_t begin = text.find("<" + element + ">");
  const std::size_t end = text.find("</" + element + ">") + element.size() + 3;
  return text.erase(begin, end - begin);
}
INSTANTIATE_TEST_SUITE_P(
    All, AwsSessionsBadAnswer,
    testing::Values(Bad{"empty", ""}, Bad{"no_xml", "{}"}, Bad{"no_session_token", without("SessionToken")},
                    Bad{"no_secret", without("SecretAccessKey")}, Bad{"no_key", without("AccessKeyId")},
                    Bad{"no_end", without("Expiration")},
                    Bad{"of_another_call", answer("AssumeRoleWithWebIdentity", "1", kNow + kHour)},
                    Bad{"doctype", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>" +
                                       answer("AssumeRole", "1", kNow + kHour)},
                    Bad{"cut", answer("AssumeRole", "1", kNow + kHour).substr(0, 300)},
                    Bad{"too_long", answer("AssumeRole", std::string(kMaxStsAnswer, '1'), kNow + kHour)},
                    Bad{"a_line_in_the_token",
                        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>"
                        "<SecretAccessKey>s</SecretAccessKey><SessionToken>a&#13;&#10;X-Evil: 1</SessionToken>"
                        "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
                        "</AssumeRoleResponse>"}),
    [](const auto& one) { return one.param.what; });

TEST_F(AwsSessionsTest, AWebIdentityIsNotSignedAndReadsItsTokenEachTime) {
  open(web_keys(), {{web("1"), web("2", kNow + 3 * kHour)}});
  EXPECT_EQ(get("builder").key_id, "ASIA1");
  EXPECT_EQ(get("tester").key_id, "ASIA1") << "it is the gateway's own";
  const std::string first = asked();
  EXPECT_FALSE(first.contains("Authorization")) << first;
  EXPECT_FALSE(first.contains("X-Amz-")) << first;
  EXPECT_EQ(parameters(first).at("Action"), "AssumeRoleWithWebIdentity");
  EXPECT_EQ(parameters(first).at("WebIdentityToken"), "first-token");
  EXPECT_EQ(parameters(first).at("RoleArn"), "arn:aws:iam::111122223333:role/web");
  write_token("second-token");
  clock_.advance(kHour);
  EXPECT_EQ(get("builder").key_id, "ASIA2");
  EXPECT_EQ(parameters(asked()).at("WebIdentityToken"), "second-token");
}

TEST_F(AwsSessionsTest, AFileWithoutATokenIsSaidSo) {
  open(web_keys(), {});
  for (const char* text : {"", "a b", "x"}) {
    write_token(text);
    const Got got = get("builder");
    EXPECT_EQ(got.key_id, "aws.credential_unavailable");
    EXPECT_TRUE(got.message.contains("token file")) << got.message;
  }
  write_token(std::string(kMaxWebToken + 1, 'x'));
  EXPECT_EQ(get("builder").key_id, "aws.credential_unavailable");
  std::filesystem::remove(folder_ / "token");
  EXPECT_EQ(get("builder").key_id, "aws.credential_unavailable");
}

TEST_F(AwsSessionsTest, ARoleOnTopOfAWebIdentityIsSignedWithItsSession) {
  config::AwsKeys keys = web_keys();
  keys.role = narrowed();
  keys.role->duration = 12 * kHour;
  open(keys, {{web("1"), role("2")}});
  EXPECT_EQ(get("builder").key_id, "ASIA2");
  std::ignore = asked();
  const std::string second = asked();
  EXPECT_TRUE(second.contains("Credential=ASIA1/")) << second;
  EXPECT_TRUE(second.contains("token+1==")) << second;
  EXPECT_EQ(parameters(second).at("DurationSeconds"), "3600") << "a chain of roles has an hour at most";
}

TEST_F(AwsSessionsTest, TagsAreLookedUpWithKeysForThat) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  config::AwsTags tags;
  tags.credential = static_keys();
  open(keys, {}, tags);
  begin("", "", 0, AwsWish::For::tags);
  EXPECT_EQ(answered().key_id, "AKIAWIDE");
}

TEST_F(AwsSessionsTest, TagsWithoutKeysOfTheirOwnHaveTheWholeRole) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  open(keys, {{role("1"), role("2")}}, config::AwsTags());
  begin("", "", 0, AwsWish::For::tags);
  EXPECT_EQ(answered().key_id, "ASIA1");
  EXPECT_EQ(parameters(asked()).at("SourceIdentity"), "countersign");
  EXPECT_EQ(get("", kPolicy).key_id, "ASIA2") << "no operation gets that session";
}

TEST_F(AwsSessionsTest, KeysThatAreReadAgainEndTheSessionsOfTheOldOnes) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  open(keys, {{role("1"), role("2")}});
  EXPECT_EQ(get("builder").key_id, "ASIA1");
  ASSERT_TRUE(vault_->reload());
  EXPECT_EQ(get("builder").key_id, "ASIA2");
}

bool refuses(int status, const std::string& body, const std::string& type = "") {
  ResponseHead head{status, {}};
  if (!type.empty()) head.headers.add("x-amzn-ErrorType", type);
  return refuses_keys(head, body);
}

TEST(RefusedKeys, AreSeenInEveryProtocol) {
  EXPECT_TRUE(refuses(400, "<Error><Code>ExpiredToken</Code><Message>x</Message></Error>"));
  EXPECT_TRUE(refuses(
      403, "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code></Error></ErrorResponse>"));
  EXPECT_TRUE(refuses(403, "<Response><Errors><Error><Code>ExpiredToken</Code></Error></Errors></Response>"));
  EXPECT_TRUE(refuses(400, R"({"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"x"})"));
  EXPECT_TRUE(refuses(403, "{}", "ExpiredTokenException:http://internal.amazon.com/coral/"));
}

TEST(RefusedKeys, AreNotSeenInWhatARequestSays) {
  EXPECT_FALSE(refuses(403, "<Error><Code>AccessDenied</Code><Message>ExpiredToken</Message></Error>"));
  EXPECT_FALSE(
      refuses(400, R"({"__type":"ValidationException","message":"<Error><Code>ExpiredToken</Code></Error>"})"));
  EXPECT_FALSE(refuses(200, "<Error><Code>ExpiredToken</Code></Error>"));
  EXPECT_FALSE(refuses(500, "<Error><Code>ExpiredToken</Code></Error>"));
  for (const char* body : {"", "{", "<", "<Error>", "ExpiredToken"}) EXPECT_FALSE(refuses(403, body)) << body;
}

TEST_F(AwsSessionsTest, OneThatWasRefusedIsMadeAnew) {
  config::AwsKeys keys = static_keys();
  keys.role = narrowed();
  open(keys, {{role("1"), role("2"), role("3")}});
  EXPECT_EQ(get("builder").key_id, "ASIA1");
  EXPECT_EQ(get("tester").key_id, "ASIA2");
  AwsWish wish{.upstream = "aws",
               .agent = "builder",
               .policy = std::string(kPolicy),
               .region = "eu-central-1",
               .origin = origin_,
               .worker = &workers_.at(0),
               .client = clients_.at(0).get()};
  Mailbox<AwsSessions::Keys> found;
  workers_.at(0).spawn([&] { return find(sessions_.get(), wish, &found); },
                       [](std::exception_ptr error) { std::rethrow_exception(error); });
  sessions_->forget(wish, found.take().value());
  EXPECT_EQ(get("tester").key_id, "ASIA2");
  EXPECT_EQ(get("builder").key_id, "ASIA3");
}

TEST(StsNames, AreThoseOfStsAndTellAgentsApart) {
  EXPECT_EQ(sts_name("builder"), "builder");
  EXPECT_EQ(sts_name("ci_2+a=b,c.d@e-f"), "ci_2+a=b,c.d@e-f");
  EXPECT_EQ(sts_name(""), "countersign");
  const std::vector<std::string> hostile = {
      "a", "a b", "a/b", "a:b", "aws:x", "ä", std::string(200, 'x'), std::string(200, 'x') + "y", "a\r\nb"};
  std::set<std::string> seen;
  for (const std::string& agent : hostile) {
    const std::string name = sts_name(agent);
    EXPECT_GE(name.size(), 2U);
    EXPECT_LE(name.size(), 64U);
    EXPECT_EQ(name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-"),
              std::string::npos)
        << name;
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_LE(sts_session_name(agent, "0192f0c1-2b3c-7d4e-8f5a-6b7c8d9e0f1a").size(), 64U);
  }
  EXPECT_EQ(sts_session_name("builder", ""), "builder");
}

TEST(StsEndpoint, IsTheRegionsOwn) {
  EXPECT_EQ(sts_endpoint("eu-central-1", "aws").value(), "sts.eu-central-1.amazonaws.com");
  EXPECT_EQ(sts_endpoint("cn-north-1", "aws-cn").value(), "sts.cn-north-1.amazonaws.com.cn");
  for (const char* region : {"", "evil", "evil.example/x-", "a.b-1", "-", "eu-central-1-", "EU-WEST-1"})
    EXPECT_FALSE(sts_endpoint(region, "aws")) << region;
}

}  // namespace
}  // namespace countersign::proxy
