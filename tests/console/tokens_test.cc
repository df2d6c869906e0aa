// Issuing, listing and revoking tokens; and that no token is ever written anywhere but into its answer.
#include <fstream>

#include "api_fixture.h"
#include "auth/token.h"

namespace countersign::console::test {
namespace {

class TokensTest : public ApiTest {};

TEST_F(TokensTest, AnAgentTokenIsDelegableScopedAndInTime) {
  Json body = {{"agent", "builder"},
               {"owner", "olivia"},
               {"ttl_seconds", 600},
               {"scope", Json::array({{{"upstreams", {"files"}}, {"effects", {"read"}}}})}};
  Answer answer = socket_post("/api/v1/tokens", body);
  ASSERT_EQ(answer.status, 201) << answer.body;
  std::string token = json(answer)["token"];
  EXPECT_TRUE(token.starts_with("csd1_"));
  auto seen = auth::inspect(token);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->claims.agent, "builder");
  EXPECT_EQ(seen->claims.expires, kNow + 600'000);
  EXPECT_EQ(seen->claims.scope.at(0).upstreams, std::vector<std::string>{"files"});
  auto sealed = auth::seal(token);
  ASSERT_TRUE(sealed);
  EXPECT_TRUE(auth::verify(sealed->expose(), *keyring_->current(), auth::Audience::agents, clock_.now()));

  auto issued = records_where("action", "token:issue");
  ASSERT_EQ(issued.size(), 1U);
  EXPECT_EQ(string_or(issued[0], "phase", ""), "admin");
  EXPECT_EQ(string_or(issued[0], "actor", ""), "local administrator");
  EXPECT_EQ(string_or(issued[0], "agent", ""), "builder");
}

TEST_F(TokensTest, MistakesAreNamed) {
  auto refused = [&](const Json& body) { return code(socket_post("/api/v1/tokens", body)); };
  EXPECT_EQ(refused({{"agent", "builder"}}), "admin.bad_body");
  EXPECT_EQ(refused({{"owner", "olivia"}}), "admin.bad_body");
  EXPECT_EQ(refused({{"user", "sam"}, {"agent", "builder"}}), "admin.bad_body");
  EXPECT_EQ(refused({{"user", "mallory"}}), "admin.unknown_person");
  EXPECT_EQ(refused({{"agent", "b"}, {"owner", "mallory"}}), "admin.unknown_owner");
  EXPECT_EQ(refused({{"agent", "b"}, {"owner", "team:nobody"}}), "admin.unknown_owner");
  Json scope = Json::array({{{"upstreams", {"flies"}}}});
  EXPECT_EQ(refused({{"agent", "b"}, {"owner", "olivia"}, {"scope", scope}}), "admin.unknown_upstream");
  EXPECT_EQ(refused({{"agent", "b"}, {"owner", "olivia"}, {"scope", Json::array()}}), "scope.malformed");
  EXPECT_EQ(refused({{"agent", "b\x1b[2J"}, {"owner", "olivia"}}), "token.invalid_claims");
  for (std::int64_t seconds : {std::int64_t{0}, std::int64_t{-1}, kMaxAgentTokenLife / 1000 + 1, INT64_MAX})
    EXPECT_EQ(refused({{"agent", "b"}, {"owner", "olivia"}, {"ttl_seconds", seconds}}), "admin.bad_body") << seconds;
  EXPECT_EQ(refused({{"user", "sam"}, {"ttl_seconds", kMaxUserTokenLife / 1000 + 1}}), "admin.bad_body");
  EXPECT_TRUE(json(socket_get("/api/v1/tokens?state=all"))["tokens"].empty());
}

TEST_F(TokensTest, ATeamMayOwnAnAgent) {
  EXPECT_EQ(socket_post("/api/v1/tokens", {{"agent", "b"}, {"owner", "team:shop"}}).status, 201);
}

TEST_F(TokensTest, TokensAreNeverWrittenDown) {
  std::string personal = person("sam");
  std::string agent = json(socket_post("/api/v1/tokens", {{"agent", "b"}, {"owner", "olivia"}}))["token"];
  std::string elsewhere =
      socket_get("/api/v1/tokens?state=all").body + socket_get("/api/v1/audit").body + metrics_.render();
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder_)) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream(file.path(), std::ios::binary);
    elsewhere.append(std::istreambuf_iterator<char>(stream), {});
  }
  // The last part alone would do to use a token whose body is known from elsewhere.
  for (const std::string& token : {personal, agent}) {
    EXPECT_EQ(elsewhere.find(token), std::string::npos);
    EXPECT_EQ(elsewhere.find(token.substr(token.find('.') + 1)), std::string::npos);
  }
}

TEST_F(TokensTest, RevokingTakesEffectAtOnceAndIsRecorded) {
  std::string sam = person("sam");
  Json listed = json(socket_get("/api/v1/tokens"))["tokens"];
  ASSERT_EQ(listed.size(), 1U);
  std::string id = listed[0]["id"];
  EXPECT_EQ(listed[0]["state"], "active");
  EXPECT_EQ(socket_post("/api/v1/tokens/" + id + "/revoke", {{"reason", "laptop lost"}}).status, 200);
  EXPECT_EQ(code(get("/api/v1/requests", sam)), "token.revoked");
  EXPECT_TRUE(json(socket_get("/api/v1/tokens"))["tokens"].empty());
  Json all = json(socket_get("/api/v1/tokens?state=all"))["tokens"];
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["state"], "revoked");
  EXPECT_EQ(all[0]["revoked"]["reason"], "laptop lost");
  auto revoked = records_where("action", "token:revoke");
  ASSERT_EQ(revoked.size(), 1U);
  EXPECT_EQ(string_or(revoked[0], "comment", ""), "laptop lost");
}

TEST_F(TokensTest, OverTheNetworkPeopleRevokeTheirOwnTokensOnly) {
  std::string olivia = person("olivia");
  std::string sam = person("sam");
  std::string id = json(socket_post("/api/v1/tokens", {{"agent", "builder"}, {"owner", "olivia"}}))["id"];
  Json why = {{"reason", "not needed"}};
  EXPECT_EQ(code(post("/api/v1/tokens/" + id + "/revoke", sam, why)), "token.not_owner");
  EXPECT_EQ(post("/api/v1/tokens/" + std::string(32, '0') + "/revoke", sam, why).status, 403);
  EXPECT_EQ(post("/api/v1/tokens/" + id + "/revoke", olivia, why).status, 200);
  EXPECT_EQ(code(post("/api/v1/tokens/nonsense/revoke", olivia, why)), "token.unknown");
  EXPECT_EQ(code(post("/api/v1/tokens/" + id + "/revoke", olivia, {{"reason", ""}})), "admin.bad_body");
}

TEST_F(TokensTest, WithoutTheAuditLogNothingIsIssuedButARevocationHolds) {
  std::string sam = person("sam");
  std::string id = json(socket_get("/api/v1/tokens"))["tokens"][0]["id"];
  break_audit_log();
  Answer issued = socket_post("/api/v1/tokens", {{"agent", "b"}, {"owner", "olivia"}});
  EXPECT_EQ(issued.status, 503) << issued.body;
  EXPECT_EQ(issued.body.find("csd1_"), std::string::npos);
  Answer revoked = socket_post("/api/v1/tokens/" + id + "/revoke", {{"reason", "lost"}});
  EXPECT_EQ(revoked.status, 503) << revoked.body;
  EXPECT_EQ(code(get("/api/v1/requests", sam)), "token.revoked");
}

TEST_F(TokensTest, AnAgentThatIsListedHasTheOwnerThatIsListed) {
  write_policy_file("entities.yaml", R"(
teams: [shop, platform]
users:
  - { name: olivia, level: director, teams: [shop] }
  - { name: sam, level: senior, teams: [platform] }
  - { name: pat, level: principal, teams: [platform] }
agents:
  - { name: builder, owner: olivia }
)");
  ASSERT_TRUE(rulesets_->reload(clock_.now()).replaced);
  for (const char* owner : {"sam", "team:shop", "user:sam"}) {
    Answer refused = socket_post("/api/v1/tokens", {{"agent", "builder"}, {"owner", owner}});
    EXPECT_EQ(code(refused), "admin.other_owner") << owner;
    EXPECT_EQ(refused.status, 403);
  }
  EXPECT_EQ(socket_post("/api/v1/tokens", {{"agent", "builder"}, {"owner", "olivia"}}).status, 201);
  EXPECT_EQ(socket_post("/api/v1/tokens", {{"agent", "nobody-lists-it"}, {"owner", "sam"}}).status, 201);
}

}  // namespace
}  // namespace countersign::console::test
