// /api/v1/policies/…: who may, what is recorded, what the JSON is.
#include "api_fixture.h"

namespace countersign::console::test {
namespace {

class PoliciesTest : public ApiTest {
 protected:
  // The running files and one more.
  Json draft(
      const std::string& path = "more.cedar",
      const std::string& text = "@id(\"more\") forbid (principal, action, resource) when { resource.tier == 0 };") {
    Json files = json(socket_get("/api/v1/policies/files"))["files"];
    files.push_back({{"path", path}, {"text", text}});
    return files;
  }
  std::string digest() { return rulesets_->current()->digest(); }
  Answer propose(const std::string& who) {
    return post("/api/v1/policies/proposals", person(who),
                {{"files", draft()}, {"base", digest()}, {"description", "tier 0 is off limits"}});
  }
  std::string activate(const std::string& id) { return "/api/v1/policies/proposals/" + id + "/activate"; }
};

TEST_F(PoliciesTest, ADraftMayBeLarge) {
  std::string text = "// " + std::string(300'000, 'x') + "\n@id(\"more\") forbid (principal, action, resource);\n";
  Answer checked = post("/api/v1/policies/check", person("olivia"), {{"files", draft("more.cedar", text)}});
  EXPECT_EQ(checked.status, 200) << checked.body.substr(0, 300);
  EXPECT_EQ(json(checked)["ok"], true);
}

TEST_F(PoliciesTest, FromDraftToForceWithTwoPeople) {
  std::string before = digest();
  Json checked = json(post("/api/v1/policies/check", person("olivia"), {{"files", draft()}}));
  EXPECT_TRUE(checked["ok"]) << checked;
  Json diff = json(post("/api/v1/policies/diff", person("olivia"), {{"files", draft()}}));
  ASSERT_EQ(diff["policies"].size(), 1U) << diff;
  EXPECT_EQ(diff["policies"][0]["change"], "added");

  Answer proposed = propose("olivia");
  ASSERT_EQ(proposed.status, 201) << proposed.body;
  std::string id = json(proposed)["id"];
  EXPECT_EQ(json(proposed)["state"], "open");
  EXPECT_EQ(json(get("/api/v1/policies/proposals/" + id, person("sam")))["diff"]["files"].size(), 1U);
  EXPECT_EQ(json(get("/api/v1/policies/proposals", person("sam")))["proposals"].size(), 1U);

  EXPECT_EQ(code(post(activate(id), person("olivia"), {{"reason", "mine"}})), "policies.self");
  EXPECT_EQ(digest(), before);
  Answer activated = post(activate(id), person("sam"), {{"reason", "agreed"}});
  ASSERT_EQ(activated.status, 200) << activated.body;
  EXPECT_EQ(json(activated)["state"], "activated");
  EXPECT_EQ(json(activated)["activated_by"], "sam");
  EXPECT_EQ(checked["digest"], digest());

  // Both people, both digests, the description; before the first byte was written, and after.
  auto acts = records_where("action", "policies:activate");
  ASSERT_EQ(acts.size(), 2U);
  EXPECT_EQ(acts[0]["code"], "policies.activating");
  EXPECT_EQ(acts[0]["policy_digest"], before);
  EXPECT_EQ(acts[1]["code"], "policies.activated");
  EXPECT_EQ(acts[1]["policy_digest"], digest());
  for (const Json& act : acts) {
    EXPECT_EQ(act["actor"], "sam");
    EXPECT_EQ(act["comment"], "agreed");
    auto detail = parse_json(act["detail"].get<std::string>());
    ASSERT_TRUE(detail);
    EXPECT_EQ((*detail)["proposed_by"], "olivia");
    EXPECT_EQ((*detail)["before"], before);
    EXPECT_EQ((*detail)["after"], digest());
    EXPECT_EQ((*detail)["description"], "tier 0 is off limits");
  }
  EXPECT_EQ(records_where("action", "policies:propose").size(), 1U);
  EXPECT_EQ(records_where("code", "policies.self").size(), 1U);

  Json history = json(get("/api/v1/policies/history", person("olivia")))["history"];
  EXPECT_EQ(history[0]["proposed_by"], "olivia");
  Answer back = post("/api/v1/policies/history/" + before + "/rollback", person("sam"), {{"reason", "too strict"}});
  ASSERT_EQ(back.status, 201) << back.body;
  std::string back_id = json(back)["id"];
  ASSERT_EQ(post(activate(back_id), person("olivia"), Json::object()).status, 200);
  EXPECT_EQ(digest(), before);
}

TEST_F(PoliciesTest, WhoMayNotIsRefusedAndRecorded) {
  std::string id = json(propose("olivia"))["id"];
  // A junior reads and does not edit.
  EXPECT_EQ(get("/api/v1/policies/files", person("kim")).status, 200);
  EXPECT_EQ(get("/api/v1/policies/schema", person("kim")).status, 200);
  for (const std::string target : {"check", "diff", "replay"})
    EXPECT_EQ(post("/api/v1/policies/" + target, person("kim"), {{"files", draft()}}).status, 403) << target;
  EXPECT_EQ(propose("kim").status, 403);
  EXPECT_EQ(post(activate(id), person("kim"), Json::object()).status, 403);
  // The machine's administrator has no name, and an edit needs two.
  EXPECT_EQ(
      socket_post("/api/v1/policies/proposals", {{"files", draft()}, {"base", digest()}, {"description", "x"}}).status,
      403);
  EXPECT_EQ(socket_post(activate(id), Json::object()).status, 403);
  // Nobody at all.
  EXPECT_EQ(get("/api/v1/policies/files", "").status, 401);
  EXPECT_EQ(records_where("action", "policies:activate").size(), 0U);
}

TEST_F(PoliciesTest, NothingGoesIntoForceUnrecorded) {
  std::string id = json(propose("olivia"))["id"];
  std::string sam = person("sam");
  std::string before = digest();
  break_audit_log();
  EXPECT_EQ(post(activate(id), sam, Json::object()).status, 503);
  EXPECT_EQ(digest(), before);
}

TEST_F(PoliciesTest, BodiesThatAreNone) {
  std::string token = person("olivia");
  for (const Json& body :
       {Json{{"files", 7}}, Json{{"files", {7}}}, Json{{"files", {{{"path", "a"}}}}},
        Json{{"files", {{{"path", "a"}, {"text", "b"}, {"mode", 7}}}}}, Json{{"file", Json::array()}}})
    EXPECT_EQ(code(post("/api/v1/policies/check", token, body)), "admin.bad_body") << body;
  for (const Json& part : {Json{{"days", 0}}, Json{{"days", "7"}}, Json{{"limit", -1}}, Json{{"against", "then"}}}) {
    Json body = {{"files", draft()}};
    body.update(part);
    EXPECT_EQ(code(post("/api/v1/policies/replay", token, body)), "admin.bad_body") << part;
  }
  EXPECT_EQ(json(post("/api/v1/policies/replay", token, {{"files", draft()}}))["operations"], 0);
  EXPECT_EQ(code(post("/api/v1/policies/proposals/pol_x/activate", token, Json::object())), "proposals.unknown");
  EXPECT_EQ(code(get("/api/v1/policies/proposals/pol_x", token)), "proposals.unknown");
}

TEST_F(PoliciesTest, WithdrawnByItsAuthorOrByWhoCouldHaveActivatedIt) {
  std::string first = json(propose("olivia"))["id"];
  auto withdraw = [&](const std::string& id, const std::string& who) {
    return post("/api/v1/policies/proposals/" + id + "/withdraw", person(who), {{"reason", "no"}});
  };
  Answer done = withdraw(first, "olivia");
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(json(done)["state"], "withdrawn");
  EXPECT_EQ(json(done)["withdrawn_by"], "olivia");
  EXPECT_EQ(code(withdraw(first, "olivia")), "proposals.closed");
  std::string second = json(propose("olivia"))["id"];
  EXPECT_EQ(withdraw(second, "sam").status, 200);
  EXPECT_EQ(post(activate(second), person("sam"), Json::object()).status, 409);
}

}  // namespace
}  // namespace countersign::console::test
