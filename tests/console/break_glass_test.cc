// Broken glasses in the API: who is told at once, and that a review never counts without its record.
#include "approvals/break_glass.h"
#include "api_fixture.h"

namespace countersign::console::test {
namespace {

constexpr std::string_view kGlassRules = R"(
rules:
  production-change:
    stages: [ { name: platform, count: 2, group: "team:platform", min_level: senior } ]
  break-glass:
    signature: required
    stages: [ { name: keys, group: "team:platform" } ]
break_glass: { rule: break-glass, longest: 30m, review_within: 1h, reviewers: [ "team:platform" ],
  key_age: 1s }
)";
constexpr TimeMs kMinute = 60'000;

class GlassTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    write_policy_file("approvals.yaml", kGlassRules);
    ASSERT_TRUE(rulesets_->reload(clock_.now()).replaced);
    emergencies_->observe([this](const approvals::Emergency& emergency, approvals::EmergencyStep step) {
      api_->emergency_changed(emergency, step);
    });
  }

  const approvals::Rules& rules() { return *rulesets_->current()->approvals; }
  // One that sam asked for and signed, for builder, whose owner is olivia.
  std::string broken() {
    approvals::EmergencyTerms terms{.agent = "builder",
                                    .opened_by = "sam",
                                    .upstreams = {"files"},
                                    .effects = {Effect::write},
                                    .environments = {"production"},
                                    .duration = 10 * kMinute,
                                    .reason = "the files are on fire"};
    auto holding =
        queue_->hold(approvals::emergency_draft(terms, "olivia", "id-1", false, rules(), clock_.now()), clock_.now());
    EXPECT_TRUE(holding) << holding.error().message;
    const auto ruleset = rulesets_->current();
    auto sam = approvals::find_approver(ruleset->policies->directory(), "sam", {{}, clock_.now()}, rules());
    EXPECT_TRUE(sam);
    approvals::Ballot ballot{.approver = *sam, .choice = approvals::Choice::approve, .reason = "I see the fire"};
    ballot.signature = "{}";
    ballot.key_enrolled = clock_.now() - kMinute;
    ballot.fingerprint = holding->request.fingerprint;
    auto approved = queue_->vote(holding->request.id, ballot, rules(), clock_.now());
    EXPECT_TRUE(approved) << approved.error().message;
    auto started = emergencies_->start(*approved, rules(), clock_.now());
    EXPECT_TRUE(started) << started.error().message;
    return holding->request.id;
  }
  std::string step(const std::string& id, const std::string& name) {
    return "event: emergency\ndata: {\"request\":\"" + id + "\",\"step\":\"" + name + "\"}\n\n";
  }
  Answer review(const Browser& browser, const std::string& id, const std::string& comment) {
    return submit(browser, "/api/v1/break-glass/" + id + "/review", {{"comment", comment}});
  }
};

TEST_F(GlassTest, EverybodyWhoLooksIsToldOfEachStep) {
  Browser pat = sign_in("pat");
  Answer stream = browse(pat, "/api/v1/events");
  ASSERT_TRUE(stream.events) << stream.body;
  const std::string id = broken();
  EXPECT_NE(stream.events->take().text.find(step(id, "started")), std::string::npos);
  const std::set<std::string> production{"production"};
  const approvals::EmergencyQuestion question{"builder", "files", production, Effect::write};
  auto use = emergencies_->use(question, {"production-change"}, "op", clock_.now());
  ASSERT_TRUE(use && use->has_value());
  EXPECT_EQ(stream.events->take().text, step(id, "used"));
  clock_.advance(kMinute);
  EXPECT_EQ(submit(pat, "/api/v1/break-glass/" + id + "/close", {{"reason", "it is out"}}).status, 200);
  EXPECT_EQ(stream.events->take().text, step(id, "closed"));
  EXPECT_EQ(review(pat, id, "too short").status, 400);
  EXPECT_EQ(stream.events->take().text, "");
  EXPECT_EQ(review(pat, id, "it was right to do so").status, 200);
  EXPECT_EQ(stream.events->take().text, step(id, "reviewed"));
}

TEST_F(GlassTest, AReviewCountsOnlyWithItsRecord) {
  const std::string id = broken();
  EXPECT_EQ(code(review(sign_in("pat"), id, "it is not over yet, though")), "break_glass.open");
  clock_.advance(71 * kMinute);
  Browser pat = sign_in("pat");
  Browser sam = sign_in("sam");
  EXPECT_EQ(emergencies_->debt(clock_.now()), 1U);
  EXPECT_EQ(code(review(sam, id, "I was right to do so")), "break_glass.own");
  EXPECT_TRUE(records_where("action", "break_glass:review").empty()) << "what is refused was not reviewed";
  break_audit_log();
  EXPECT_EQ(review(pat, id, "it was right to do so").status, 503);
  EXPECT_EQ(emergencies_->debt(clock_.now()), 1U);
  EXPECT_EQ(emergencies_->list(1)->front().reviewed, 0);
}

TEST_F(GlassTest, AReviewIsDueAfterTheEndWheneverThatWas) {
  const std::string id = broken();
  EXPECT_EQ(emergencies_->list(1)->front().review_due, clock_.now() + 70 * kMinute);
  clock_.advance(2 * kMinute);
  auto closed = emergencies_->close(id, "sam", clock_.now());
  ASSERT_TRUE(closed) << closed.error().message;
  EXPECT_EQ(closed->review_due, clock_.now() + 60 * kMinute);
  EXPECT_EQ(emergencies_->list(1)->front().review_due, clock_.now() + 60 * kMinute) << "on disk as well";
  EXPECT_EQ(emergencies_->debt(clock_.now() + 60 * kMinute - 1), 0U);
  EXPECT_EQ(emergencies_->debt(clock_.now() + 60 * kMinute), 1U);
}

TEST_F(GlassTest, NobodyWhoOwnsATokenOfTheAgentSignsForIt) {
  for (const char* owner : {"pat", "olivia"})
    ASSERT_EQ(socket_post("/api/v1/tokens", {{"agent", "builder"}, {"owner", owner}}).status, 201);
  Browser sam = sign_in("sam");
  Answer opened = submit(sam, "/api/v1/break-glass",
                         {{"agent", "builder"},
                          {"upstreams", {"files"}},
                          {"effects", {"write"}},
                          {"environments", {"production"}},
                          {"duration_ms", 10 * kMinute},
                          {"reason", "the files are on fire"}});
  ASSERT_EQ(opened.status, 201) << opened.body;
  auto request = queue_->get(string_or(json(opened), "request", ""));
  ASSERT_TRUE(request);
  const auto ruleset = rulesets_->current();
  const auto& directory = ruleset->policies->directory();
  for (const char* owner : {"pat", "olivia"}) {
    auto person = approvals::find_approver(directory, owner, {{}, clock_.now()}, rules());
    ASSERT_TRUE(person);
    EXPECT_TRUE(approvals::is_own_request(request->requester, *person)) << owner;
  }
  auto sams = approvals::find_approver(directory, "sam", {{}, clock_.now()}, rules());
  EXPECT_FALSE(approvals::is_own_request(request->requester, *sams));
  Json shown = json(browse(sam, "/api/v1/break-glass"));
  EXPECT_EQ(shown["rules"]["key_age_ms"], 1'000);
}

}  // namespace
}  // namespace countersign::console::test
