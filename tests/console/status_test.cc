// Open routes, policies, upstreams.
#include "api_fixture.h"
#include "console/html.h"
#include "core/markup.h"

namespace countersign::console::test {
namespace {

class StatusTest : public ApiTest {};

TEST_F(StatusTest, OpenRoutesNeedNoTokenAndLeaveNoRecord) {
  for (const char* target : {"/", "/healthz", "/readyz", "/metrics", "/requests/req_1"}) {
    Answer answer = get(target, "");
    EXPECT_EQ(answer.status, 200) << target;
    EXPECT_EQ(answer.headers.get("x-content-type-options"), "nosniff") << target;
    auto caching = answer.headers.get("cache-control").value_or("");
    EXPECT_TRUE(caching == "no-store" || caching == "no-cache") << target;
    auto policy = answer.headers.get("content-security-policy");
    ASSERT_TRUE(policy) << target;
    EXPECT_EQ(policy->find("default-src 'none'"), 0U) << target;
  }
  EXPECT_TRUE(records().empty());
  EXPECT_NE(get("/metrics", "").body.find("countersign_admin_requests_total{status=\"200\"}"), std::string::npos);
}

TEST_F(StatusTest, ThePageOfARequestSaysNothingAboutItAndEscapesItsId) {
  std::string id = hold("one");
  EXPECT_NE(request_page(id).body.find("countersign approve " + id), std::string::npos);
  Answer known = get("/requests/" + id, "");
  EXPECT_EQ(known.status, 200);
  for (const char* secret : {"builder", "olivia", "write_file", "production/config.json"})
    EXPECT_EQ(known.body.find(secret), std::string::npos) << secret;
  Answer hostile = request_page("<script>alert(1)</script>\"'&");
  EXPECT_EQ(hostile.body.find("<script"), std::string::npos);
  EXPECT_NE(hostile.body.find("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"), std::string::npos);
  EXPECT_EQ(escape_markup(std::string("a\0\x1b b", 5)), "a\xEF\xBF\xBD\xEF\xBF\xBD b");
}

TEST_F(StatusTest, NotReadySaysWhichCodeAndNoMore) {
  ready_ = fail(ErrorKind::unavailable, "upstream.down", "cannot connect to 10.1.2.3");
  Answer answer = get("/readyz", "");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "upstream.down\n");
  EXPECT_EQ(get("/healthz", "").status, 200);
}

TEST_F(StatusTest, UpstreamsAreListedWithoutAddressOrCredential) {
  Answer answer = get("/api/v1/upstreams", person("sam"));
  Json upstream = json(answer)["upstreams"][0];
  EXPECT_EQ(upstream["name"], "files");
  EXPECT_EQ(upstream["health"], "up");
  EXPECT_EQ(upstream["labels"]["environment"], "production");
  for (const char* secret : {"10.1.2.3", "inner-path", "FILES_TOKEN_VARIABLE"})
    EXPECT_EQ(answer.body.find(secret), std::string::npos) << secret;
}

TEST_F(StatusTest, PoliciesAreShownAndReloaded) {
  std::string sam = person("sam");
  Json before = json(get("/api/v1/policies", sam));
  EXPECT_EQ(before["files"], Json{"production.cedar"});
  EXPECT_EQ(before["policies"], 2);

  write_policy_file("broken.cedar", "permit (principal, action, resource)\nwhen { oops( };\n");
  Json kept = json(socket_post("/api/v1/policies/reload", Json::object()));
  EXPECT_EQ(kept["outcome"], "kept");
  ASSERT_FALSE(kept["problems"].empty());
  EXPECT_GE(kept["problems"][0]["line"].get<int>(), 1);
  EXPECT_EQ(kept["digest"], before["digest"]);

  write_policy_file("broken.cedar", "@id(\"more\") permit (principal, action, resource);\n");
  Json replaced = json(socket_post("/api/v1/policies/reload", Json::object()));
  EXPECT_EQ(replaced["outcome"], "replaced");
  EXPECT_EQ(replaced["policies"], 3);
  EXPECT_NE(replaced["digest"], before["digest"]);

  auto recorded = records_where("action", "policies:reload");
  ASSERT_EQ(recorded.size(), 2U);
  EXPECT_EQ(string_or(recorded[0], "code", ""), "policies.kept");
  EXPECT_EQ(string_or(recorded[1], "code", ""), "policies.replaced");
  EXPECT_EQ(string_or(recorded[1], "policy_digest", ""), std::string(replaced["digest"]));
}

}  // namespace
}  // namespace countersign::console::test
