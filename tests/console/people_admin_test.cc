// What whoever manages people may do about others: see where they are signed in, and sign them out.
#include "api_fixture.h"

namespace countersign::console::test {
namespace {

class PeopleAdminTest : public ApiTest {};

constexpr const char* kSignOut = "/api/v1/people/sam/sign-out";

TEST_F(PeopleAdminTest, EverybodyIsListedWithWhatLetsThemIn) {
  Browser sam = sign_in("sam");
  Json people = json(socket_get("/api/v1/people"))["people"];
  Json found;
  for (const Json& each : people) {
    if (each["user"] == "sam") found = each;
    EXPECT_EQ(each["listed"], true) << each;
  }
  EXPECT_EQ(found["password"], true);
  EXPECT_EQ(found["sessions"], 1);
  EXPECT_GT(people.size(), 1U) << "also those who were never here";
}

TEST_F(PeopleAdminTest, SessionsAreShownWithoutWhatOpensThem) {
  Browser sam = sign_in("sam");
  Answer answer = socket_get("/api/v1/people/sam/sessions");
  ASSERT_EQ(answer.status, 200) << answer.body;
  Json sessions = json(answer)["sessions"];
  ASSERT_FALSE(sessions.empty());
  EXPECT_TRUE(string_or(sessions[0], "id", "").starts_with("ses_"));
  EXPECT_EQ(sessions[0]["peer"], "127.0.0.1:50000");
  EXPECT_EQ(answer.body.find(sam.cookie), std::string::npos);
  EXPECT_EQ(answer.body.find(sam.csrf), std::string::npos);
  EXPECT_TRUE(json(socket_get("/api/v1/people/nobody/sessions"))["sessions"].empty());
}

TEST_F(PeopleAdminTest, SigningSomebodyOutEndsAllAndIsRecordedWithItsReason) {
  Browser sam = sign_in("sam");
  Browser olivia = sign_in("olivia");
  Answer done = socket_post(kSignOut, {{"reason", "laptop lost"}});
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_GE(json(done)["sessions"].get<int>(), 1);
  EXPECT_EQ(code(browse(sam, "/api/v1/session")), "session.none");
  EXPECT_EQ(browse(olivia, "/api/v1/session").status, 200);
  auto records = records_where("action", "person:sign-out");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]["resources"], Json::array({"User::sam"}));
  EXPECT_EQ(string_or(records[0], "actor", ""), "local administrator");
  EXPECT_NE(string_or(records[0], "detail", "").find("laptop lost"), std::string::npos);
  Answer again = socket_post(kSignOut, {{"reason", "to be sure"}});
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(json(again)["sessions"], 0);
}

TEST_F(PeopleAdminTest, ItTakesAReasonAPersonAndThePermission) {
  Browser sam = sign_in("sam");
  EXPECT_EQ(code(socket_post(kSignOut, Json::object())), "admin.bad_body");
  EXPECT_EQ(code(socket_post(kSignOut, {{"reason", "  "}})), "admin.bad_body");
  EXPECT_EQ(code(socket_post(kSignOut, {{"reason", "x"}, {"all", true}})), "admin.bad_body");
  EXPECT_EQ(code(socket_post("/api/v1/people/nobody/sign-out", {{"reason", "x"}})), "person.unknown");
  Browser kim = sign_in("kim");  // a junior
  for (const Answer& refused : {submit(kim, kSignOut, {{"reason", "x"}}), browse(kim, "/api/v1/people/sam/sessions"),
                                browse(kim, "/api/v1/people"), post(kSignOut, person("kim"), {{"reason", "x"}})}) {
    EXPECT_EQ(refused.status, 403) << refused.body;
    EXPECT_EQ(code(refused), "admin.not_permitted");
  }
  EXPECT_EQ(post(kSignOut, "", {{"reason", "x"}}).status, 401);
  EXPECT_EQ(browse(sam, "/api/v1/session").status, 200);
  // A director may.
  EXPECT_EQ(submit(sign_in("olivia"), kSignOut, {{"reason", "left"}}).status, 200);
}

TEST_F(PeopleAdminTest, WithoutTheAuditLogASignOutHoldsAndSaysSo) {
  Browser sam = sign_in("sam");
  break_audit_log();
  Answer done = socket_post(kSignOut, {{"reason", "lost"}});
  EXPECT_EQ(done.status, 503) << done.body;
  EXPECT_EQ(code(browse(sam, "/api/v1/session")), "session.none");
}

}  // namespace
}  // namespace countersign::console::test
