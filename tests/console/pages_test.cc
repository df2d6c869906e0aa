// The pages of the console: what browsers are told about them, and what they do not do.
#include "api_fixture.h"
#include "console/assets.h"

namespace countersign::console::test {
namespace {

class PagesTest : public ApiTest {
 protected:
  Answer open(const std::string& target, std::initializer_list<HeaderField> headers = {},
              const std::string& method = "GET") {
    Call call;
    call.head.method = method;
    call.head.target = target;
    call.head.headers.add("Host", "countersign.example:8443");
    for (const HeaderField& field : headers) call.head.headers.set(field.name, field.value);
    call.peer = "127.0.0.1:50000";
    return api_->handle(std::move(call));
  }
  static std::string header(const Answer& answer, std::string_view name) {
    return std::string(answer.headers.get(name).value_or(""));
  }
};

TEST_F(PagesTest, AllOfThemCannotBeFramedSniffedOrShared) {
  std::string id = hold("one");
  for (const std::string& target :
       {std::string("/"), "/requests/" + id, std::string("/api/v1/sign-in"), std::string("/api/v1/requests"),
        std::string("/nothing"), std::string("/healthz")}) {
    Answer answer = open(target);
    EXPECT_EQ(header(answer, "x-frame-options"), "DENY") << target;
    EXPECT_NE(header(answer, "content-security-policy").find("frame-ancestors 'none'"), std::string::npos) << target;
    EXPECT_EQ(header(answer, "content-security-policy").find("unsafe"), std::string::npos) << target;
    EXPECT_EQ(header(answer, "x-content-type-options"), "nosniff") << target;
    EXPECT_EQ(header(answer, "cross-origin-resource-policy"), "same-origin") << target;
    EXPECT_FALSE(answer.headers.get("access-control-allow-origin")) << target;
  }
}

TEST_F(PagesTest, AnApiAnswerIsNoPage) {
  Answer answer = open("/api/v1/sign-in");
  EXPECT_EQ(header(answer, "content-security-policy"),
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  EXPECT_EQ(header(answer, "cache-control"), "no-store");
}

TEST_F(PagesTest, ALinkFromElsewhereOpensAPageAndNothingElse) {
  std::string id = hold("one");
  const HeaderField site{"Sec-Fetch-Site", "cross-site"};
  const HeaderField navigate{"Sec-Fetch-Mode", "navigate"};
  const HeaderField document{"Sec-Fetch-Dest", "document"};
  EXPECT_EQ(open("/requests/" + id, {site, navigate, document}).status, 200);
  EXPECT_EQ(open("/requests/" + id, {site, navigate, {"Sec-Fetch-Dest", "iframe"}}).status, 403);
  EXPECT_EQ(open("/requests/" + id, {site, {"Sec-Fetch-Mode", "no-cors"}, document}).status, 403);
  EXPECT_EQ(open("/api/v1/sign-in", {site, navigate, document}).status, 403);
  EXPECT_EQ(open("/api/v1/sign-in/oidc", {site, navigate, document}).status, 403);
  EXPECT_NE(open("/api/v1/sign-in/oidc/callback", {site, navigate, document}).status, 403);
  EXPECT_EQ(open("/requests/" + id, {site, navigate, document, {"Host", "evil.example"}}).status, 403);
}

TEST_F(PagesTest, NothingOfTheAddressBecomesMarkupOrHeader) {
  Answer answer = open("/requests/%3Cscript%3Ealert(1)%3C%2Fscript%3E");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.find("<script>alert"), std::string::npos);
  EXPECT_EQ(open("/requests/%0d%0aset-cookie%3Ax").status, 400);
  EXPECT_EQ(open("/inbox/../api").status, 404);
  EXPECT_EQ(open("/assets/../api.cc").status, 404);
  EXPECT_EQ(open("/assets/%2e%2e/index.html").status, 404);
}

TEST_F(PagesTest, TheBuiltConsoleIsServedWithItsOwnPolicy) {
  const Asset* index = find_asset("/index.html");
  if (index == nullptr) GTEST_SKIP() << "built without the pages";
  for (const char* target : {"/", "/inbox", "/requests", "/policies/proposals/1", "/audit", "/agents/builder",
                             "/overview", "/sign-in", "/invitation", "/me", "/index.html"}) {
    Answer page = open(target);
    EXPECT_EQ(page.status, 200) << target;
    EXPECT_EQ(page.content_type, "text/html; charset=utf-8") << target;
    EXPECT_EQ(header(page, "content-security-policy"),
              "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
              "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
              "require-trusted-types-for 'script'");
    EXPECT_EQ(header(page, "cross-origin-opener-policy"), "same-origin");
    EXPECT_FALSE(header(page, "permissions-policy").empty());
    EXPECT_EQ(header(page, "cache-control"), "no-cache");
    EXPECT_FALSE(page.headers.get("set-cookie"));
  }
  // Nothing runs but our own files: no inline script, no inline style, no address elsewhere.
  std::string html = open("/").body;
  ASSERT_NE(html.find("<!doctype html>"), std::string::npos) << html.substr(0, 80);
  EXPECT_EQ(html.find("<style"), std::string::npos);
  EXPECT_EQ(html.find(" style="), std::string::npos);
  EXPECT_EQ(html.find(" onload="), std::string::npos);
  EXPECT_EQ(html.find("https://"), std::string::npos);
  for (std::size_t at = html.find("<script"); at != std::string::npos; at = html.find("<script", at + 1))
    EXPECT_NE(html.substr(at, html.find('>', at) - at).find(" src="), std::string::npos);
}

TEST_F(PagesTest, AssetsAreKeptForEverAndPagesAreAskedFor) {
  if (find_asset("/index.html") == nullptr) GTEST_SKIP() << "built without the pages";
  for (const Asset& asset : all_assets()) {
    Answer packed = open(std::string(asset.path), {{"Accept-Encoding", "br, gzip;q=0.8"}});
    Answer plain = open(std::string(asset.path));
    ASSERT_EQ(packed.status, 200) << asset.path;
    EXPECT_EQ(header(packed, "content-encoding"), "gzip");
    EXPECT_EQ(header(plain, "content-encoding"), "");
    EXPECT_EQ(packed.body, asset.gzip);
    EXPECT_GT(plain.body.size(), 0U);
    EXPECT_NE(packed.content_type, "application/octet-stream") << asset.path;
    const bool for_ever = header(plain, "cache-control").find("immutable") != std::string::npos;
    EXPECT_EQ(for_ever, asset.path.starts_with("/assets/")) << asset.path;
    Answer same = open(std::string(asset.path), {{"If-None-Match", std::string(asset.etag)}});
    EXPECT_EQ(same.status, 304);
    EXPECT_TRUE(same.body.empty());
    EXPECT_EQ(header(open(std::string(asset.path), {{"Accept-Encoding", "gzip;q=0"}}), "content-encoding"), "");
  }
  EXPECT_EQ(open("/assets/nothing.js").status, 404);
  EXPECT_EQ(open("/index.html", {{"Content-Type", "application/json"}}, "POST").status, 404);
}

}  // namespace
}  // namespace countersign::console::test
