// Who may do what, and what a refusal leaves behind.
#include "api_fixture.h"
#include "auth/token.h"

namespace countersign::console::test {
namespace {

class AccessTest : public ApiTest {};

TEST_F(AccessTest, TcpWithoutTokenIsUnauthenticatedEverywhereAndRecorded) {
  std::string id = hold("one");
  const std::vector<std::string> targets = {"/api/v1/requests", "/api/v1/requests/" + id,   "/api/v1/audit",
                                            "/api/v1/audit/0",  "/api/v1/audit/0/proof",    "/api/v1/audit/key",
                                            "/api/v1/policies", "/api/v1/tokens",           "/api/v1/upstreams",
                                            "/log/checkpoint",  "/log/tile/entries/000.p/1"};
  for (const std::string& target : targets) {
    Answer answer = get(target, "");
    EXPECT_EQ(answer.status, 401) << target;
    EXPECT_EQ(code(answer), "token.missing") << target;
    EXPECT_TRUE(answer.headers.get("www-authenticate")) << target;
  }
  for (const std::string& target :
       {"/api/v1/requests/" + id + "/approve", std::string("/api/v1/tokens"), std::string("/api/v1/policies/reload")}) {
    EXPECT_EQ(post(target, "", {{"reason", "x"}}).status, 401) << target;
  }
  EXPECT_EQ(records_where("phase", "refused").size(), targets.size() + 3);
  EXPECT_EQ(state_of(id), approvals::State::held);
}

TEST_F(AccessTest, ForeignAndAgentTokensAreRefused) {
  EXPECT_EQ(code(get("/api/v1/requests", "csb1_AAAA.BBBB")), "token.malformed");
  Answer issued = socket_post("/api/v1/tokens", {{"agent", "builder"}, {"owner", "olivia"}});
  std::string delegable = string_or(json(issued), "token", "");
  EXPECT_EQ(code(get("/api/v1/requests", delegable)), "token.delegable_on_data_plane");
  auto sealed = auth::seal(delegable);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(code(get("/api/v1/requests", std::string(sealed->expose()))), "token.audience");
}

TEST_F(AccessTest, ATokenIsNotEnoughForSomebodyWhoIsNoUserAnyMore) {
  std::string sam = person("sam");
  EXPECT_EQ(get("/api/v1/requests", sam).status, 200);
  write_policy_file("entities.yaml",
                    "teams: [platform]\nusers:\n  - { name: olivia, level: senior, teams: [platform] }\n");
  EXPECT_EQ(string_or(json(socket_post("/api/v1/policies/reload", Json::object())), "outcome", ""), "replaced");
  Answer answer = get("/api/v1/requests", sam);
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(code(answer), "admin.unknown_person");
}

TEST_F(AccessTest, AnExpiredPersonalTokenIsRefused) {
  std::string sam = person("sam");
  clock_.advance(13 * 3'600'000);
  EXPECT_EQ(code(get("/api/v1/requests", sam)), "token.expired");
}

TEST_F(AccessTest, AdministrationNeedsTheSocketOrARole) {
  std::string sam = person("sam");
  EXPECT_EQ(code(post("/api/v1/tokens", sam, {{"user", "sam"}})), "admin.not_permitted");
  EXPECT_EQ(code(get("/api/v1/tokens", sam)), "admin.not_permitted");
  EXPECT_EQ(code(get("/api/v1/people", sam)), "admin.not_permitted");
  EXPECT_EQ(code(post("/api/v1/policies/reload", sam, Json::object())), "admin.socket_only");
  EXPECT_EQ(code(post("/api/v1/people/sam/invite", person("olivia"), Json::object())), "admin.socket_only");
  auto refused = records_where("code", "admin.not_permitted");
  ASSERT_EQ(refused.size(), 3U);
  EXPECT_EQ(string_or(refused[0], "detail", ""), "/api/v1/tokens");
}

TEST_F(AccessTest, WhoManagesTokensCannotMakeThemselvesSomebodyElse) {
  std::string olivia = person("olivia");
  EXPECT_EQ(get("/api/v1/tokens", olivia).status, 200);
  Answer issued = post("/api/v1/tokens", olivia, {{"agent", "builder"}, {"owner", "olivia"}});
  EXPECT_EQ(issued.status, 201) << issued.body;
  for (const char* user : {"sam", "olivia"})
    EXPECT_EQ(code(post("/api/v1/tokens", olivia, {{"user", user}})), "admin.socket_only") << user;
  // Whoever issued a token may have it: the register remembers.
  EXPECT_EQ(registry_->issuer_of(string_or(json(issued), "id", "")), "olivia");
}

TEST_F(AccessTest, RolesOfTheFolderDecide) {
  std::filesystem::create_directories(folder_ / "policies" / "roles");
  write_policy_file("roles/roles.cedar",
                    "permit (principal, action in Console::Action::\"read\", resource);\n"
                    "permit (principal == User::\"pat\", action, resource);\n");
  ASSERT_EQ(string_or(json(socket_post("/api/v1/policies/reload", Json::object())), "outcome", ""), "replaced");
  std::string id = hold("one");
  std::string sam = person("sam");
  EXPECT_EQ(get("/api/v1/requests/" + id, sam).status, 200);
  EXPECT_EQ(json(get("/api/v1/requests/" + id, sam))["you"]["code"], "admin.not_permitted");
  EXPECT_EQ(code(post("/api/v1/requests/" + id + "/approve", sam, {{"reason", "x"}})), "admin.not_permitted");
  EXPECT_EQ(code(post("/api/v1/votes", sam, {{"requests", {id}}, {"decision", "approve"}, {"reason", "x"}})),
            "admin.not_permitted");
  EXPECT_EQ(post("/api/v1/requests/" + id + "/approve", person("pat"), {{"reason", "x"}}).status, 200);
}

TEST_F(AccessTest, ABadTokenOnTheSocketDoesNotFallBackToTheAdministrator) {
  EXPECT_EQ(ask(Channel::unix_socket, "GET", "/api/v1/tokens", "csb1_AAAA.BBBB").status, 401);
}

TEST_F(AccessTest, UnknownPathsMethodsAndParametersAreRefused) {
  std::string sam = person("sam");
  EXPECT_EQ(code(get("/api/v1/nothing", sam)), "admin.unknown_path");
  EXPECT_EQ(code(get("/api/v1/requests/", sam)), "admin.unknown_path");
  EXPECT_EQ(code(get("/api/v1/requests/a/b/c", sam)), "admin.unknown_path");
  EXPECT_EQ(ask(Channel::tcp, "DELETE", "/api/v1/requests", sam).status, 405);
  EXPECT_EQ(code(get("/api/v1/requests?statte=held", sam)), "admin.bad_query");
  EXPECT_EQ(code(get("/api/v1/requests?state=held&state=done", sam)), "admin.bad_query");
  EXPECT_EQ(code(get("/api/v1/requests?state=nonsense", sam)), "admin.bad_query");
  for (const char* limit : {"0", "-1", "1001", "1e3", "x", "99999999999999999999"})
    EXPECT_EQ(code(get(std::string("/api/v1/requests?limit=") + limit, sam)), "admin.bad_query") << limit;
  EXPECT_EQ(code(get("/api/v1/requests/%zz", sam)), "admin.bad_target");
  EXPECT_EQ(code(get("/api/v1/requests/%00", sam)), "admin.bad_target");
  EXPECT_EQ(code(get("/api/v1/requests/%ff", sam)), "admin.bad_target");
}

TEST_F(AccessTest, BodiesAreReadStrictly) {
  std::string id = hold("one");
  std::string sam = person("sam");
  std::string target = "/api/v1/requests/" + id + "/approve";
  for (const char* body : {"", "[]", "null", "{", R"({"reason":"a","reason":"b"})", R"({"reason":"a","more":1})"}) {
    Answer answer = ask(Channel::tcp, "POST", target, sam, body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(code(answer), "admin.bad_body") << body;
  }
  for (const char* body : {"{}", R"({"reason":""})", R"({"reason":" \t\n"})", R"({"reason":7})"})
    EXPECT_EQ(code(ask(Channel::tcp, "POST", target, sam, body)), "approval.reason_required") << body;
  EXPECT_EQ(code(post(target, sam, {{"reason", std::string(4001, 'x')}})), "approval.reason_too_long");
  EXPECT_EQ(state_of(id), approvals::State::held);
}

}  // namespace
}  // namespace countersign::console::test
