// Sessions: what a cookie opens, what it does not, and what another site cannot make a browser do with it.
#include "api_fixture.h"

namespace countersign::console::test {
namespace {

class SessionTest : public ApiTest {};

TEST_F(SessionTest, TheCookieOpensWhatATokenOpens) {
  std::string id = hold("one");
  Browser sam = sign_in("sam");
  Json session = json(browse(sam, "/api/v1/session"));
  EXPECT_EQ(session["user"], "sam");
  EXPECT_EQ(session["level"], "senior");
  EXPECT_EQ(session["csrf"], sam.csrf);
  EXPECT_EQ(session["how"], "invitation");
  EXPECT_EQ(session["rp_id"], "countersign.example");
  EXPECT_EQ(session["passkeys"], Json::array());
  EXPECT_NE(session["permissions"].dump().find("\"vote\""), std::string::npos);
  EXPECT_EQ(session["permissions"].dump().find("manage_people"), std::string::npos);
  EXPECT_EQ(browse(sam, "/api/v1/requests/" + id).status, 200);
  Answer voted = submit(sam, "/api/v1/requests/" + id + "/approve", {{"reason", "reviewed"}, {"viewed_ms", 500}});
  EXPECT_EQ(voted.status, 200) << voted.body;
  auto records = records_where("action", "approval:approve");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(string_or(records[0], "actor", ""), "sam");
  Json detail = *parse_json(string_or(records[0], "detail", ""));
  EXPECT_EQ(detail["viewed_ms"], 500);
  EXPECT_EQ(detail["unread"], true);
}

TEST_F(SessionTest, AChangeNeedsTokenAndOriginOfTheConsoleItself) {
  std::string id = hold("one");
  Browser sam = sign_in("sam");
  const std::string target = "/api/v1/requests/" + id + "/approve";
  auto refused = [&](const std::function<void(HeaderList&)>& change) {
    Call call = call_of(sam, "POST", target, R"({"reason":"x"})");
    change(call.head.headers);
    return code(api_->handle(std::move(call)));
  };
  EXPECT_EQ(refused([](HeaderList& h) { h.remove("X-CSRF-Token"); }), "admin.csrf");
  EXPECT_EQ(refused([](HeaderList& h) { h.set("X-CSRF-Token", ""); }), "admin.csrf");
  EXPECT_EQ(refused([](HeaderList& h) { h.set("X-CSRF-Token", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"); }),
            "admin.csrf");
  EXPECT_EQ(refused([&](HeaderList& h) { h.add("X-CSRF-Token", sam.csrf); }), "admin.csrf");
  EXPECT_EQ(refused([](HeaderList& h) { h.remove("Origin"); }), "admin.csrf");
  for (const char* origin : {"https://evil.example", "null", "https://countersign.example",
                             "https://countersign.example:8443.evil.example", "https://countersign.example:84430"}) {
    EXPECT_EQ(refused([&](HeaderList& h) { h.set("Origin", origin); }), "admin.cross_site") << origin;
  }
  // The host is right, but not the scheme: somebody on the line.
  EXPECT_EQ(refused([](HeaderList& h) { h.set("Origin", "http://countersign.example:8443"); }), "admin.csrf");
  for (const char* site : {"cross-site", "same-site"})
    EXPECT_EQ(refused([&](HeaderList& h) { h.set("Sec-Fetch-Site", site); }), "admin.cross_site") << site;
  EXPECT_EQ(refused([](HeaderList& h) { h.set("Sec-Fetch-Site", "none"); }), "admin.csrf");
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""})
    EXPECT_EQ(refused([&](HeaderList& h) { h.set("Content-Type", type); }), "admin.content_type") << type;
  // Another person's token does not fit either.
  Browser pat = sign_in("pat");
  EXPECT_EQ(refused([&](HeaderList& h) { h.set("X-CSRF-Token", pat.csrf); }), "admin.csrf");
  EXPECT_EQ(state_of(id), approvals::State::held);
  EXPECT_TRUE(records_where("action", "approval:approve").empty());
  EXPECT_GE(records_where("code", "admin.csrf").size(), 8U);
}

TEST_F(SessionTest, OtherMethodsDoNotGetAroundTheToken) {
  std::string id = hold("one");
  Browser sam = sign_in("sam");
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    Call call = call_of(sam, method, "/api/v1/requests/" + id + "/approve", R"({"reason":"x"})");
    EXPECT_EQ(api_->handle(std::move(call)).status, 405) << method;
  }
  EXPECT_EQ(state_of(id), approvals::State::held);
}

TEST_F(SessionTest, CookiesThatAreNotOursOpenNothing) {
  for (const std::string& value : {std::string("x"), std::string(43, 'A'), std::string(300, 'A'), std::string("a b"),
                                   std::string("\"quoted\""), std::string("..%2f")}) {
    Browser nobody{value, ""};
    Answer answer = browse(nobody, "/api/v1/requests");
    EXPECT_GE(answer.status, 400) << value;
    EXPECT_LE(answer.status, 401) << value;
  }
  Browser sam = sign_in("sam");
  Call twice = call_of(sam, "GET", "/api/v1/requests");
  twice.head.headers.add("Cookie", "__Host-countersign=" + sign_in("pat").cookie);
  EXPECT_EQ(code(api_->handle(std::move(twice))), "admin.bad_cookie");
  // Neighbours' names are other cookies.
  Call other = call_of(sam, "GET", "/api/v1/requests");
  other.head.headers.set("Cookie", "countersign=" + sam.cookie + "; x__Host-countersign=" + sam.cookie);
  EXPECT_EQ(api_->handle(std::move(other)).status, 401);
}

TEST_F(SessionTest, ADeadCookieIsTakenBack) {
  Browser sam = sign_in("sam");
  clock_.advance(31 * 60'000);
  Answer answer = browse(sam, "/api/v1/session");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(code(answer), "session.expired");
  EXPECT_NE(answer.headers.get("set-cookie").value_or("").find("Max-Age=0"), std::string_view::npos);
}

TEST_F(SessionTest, OneThatIsUsedLivesForTwelveHours) {
  Browser sam = sign_in("sam");
  for (int at = 0; at < 28; ++at) {
    clock_.advance(25 * 60'000);
    EXPECT_EQ(browse(sam, "/api/v1/session").status, 200) << at;
  }
  clock_.advance(25 * 60'000);
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 401);
}

TEST_F(SessionTest, APersonTakenOffTheListLosesTheSessionAtOnce) {
  std::string id = hold("one");
  Browser sam = sign_in("sam");
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 200);
  Answer stream = browse(sam, "/api/v1/events");
  ASSERT_TRUE(stream.events);
  EXPECT_TRUE(stream.events->owner().may_read());
  write_policy_file("entities.yaml",
                    "teams: [platform]\nusers:\n  - { name: olivia, level: senior, teams: [platform] }\n");
  ASSERT_EQ(string_or(json(socket_post("/api/v1/policies/reload", Json::object())), "outcome", ""), "replaced");
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 401);
  EXPECT_EQ(submit(sam, "/api/v1/requests/" + id + "/deny", {{"reason", "x"}}).status, 401);
  EXPECT_FALSE(stream.events->owner().may_read());
  EXPECT_EQ(state_of(id), approvals::State::held);
}

TEST_F(SessionTest, SigningOutEndsItAndItsStreams) {
  Browser sam = sign_in("sam");
  Answer stream = browse(sam, "/api/v1/events");
  ASSERT_TRUE(stream.events);
  Answer out = submit(sam, "/api/v1/sign-out", Json::object());
  EXPECT_EQ(out.status, 204) << out.body;
  EXPECT_NE(out.headers.get("set-cookie").value_or("").find("Max-Age=0"), std::string_view::npos);
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 401);
  EXPECT_TRUE(stream.events->take().ended);
  EXPECT_EQ(records_where("action", "person:sign-out").size(), 1U);
}

TEST_F(SessionTest, SessionsAreListedAndEndedByTheirOwnPersonOnly) {
  Browser one = sign_in("sam");
  Json sessions = json(browse(one, "/api/v1/sessions"))["sessions"];
  ASSERT_EQ(sessions.size(), 1U);
  EXPECT_EQ(sessions[0]["current"], true);
  EXPECT_EQ(sessions[0].dump().find(one.cookie), std::string::npos);
  std::string id = sessions[0]["id"];
  Browser pat = sign_in("pat");
  EXPECT_NE(submit(pat, "/api/v1/sessions/" + id + "/end", Json::object()).status, 200);
  EXPECT_EQ(browse(one, "/api/v1/session").status, 200);
  EXPECT_EQ(submit(one, "/api/v1/sessions/" + id + "/end", Json::object()).status, 200);
  EXPECT_EQ(browse(one, "/api/v1/session").status, 401);
}

TEST_F(SessionTest, ACookieIsNothingOnTheSocketAndATokenGoesFirst) {
  Browser sam = sign_in("sam");
  Call call = call_of(sam, "GET", "/api/v1/session");
  call.channel = Channel::unix_socket;
  EXPECT_EQ(code(api_->handle(std::move(call))), "admin.person_required");
  Call both = call_of(sam, "GET", "/api/v1/session");
  both.head.headers.add("Authorization", "Bearer " + person("pat"));
  EXPECT_EQ(json(api_->handle(std::move(both)))["user"], "pat");
}

}  // namespace
}  // namespace countersign::console::test
