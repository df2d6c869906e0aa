#include "approvals/break_glass.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "approvals/emergencies.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;
using test::kHour;
using test::kNow;

constexpr std::string_view kRules = R"(
rules:
  break-glass: { signature: required, stages: [ { name: keys, count: 2, group: "team:platform" } ] }
  in-debt: { signature: required, stages: [ { name: director, group: anyone, min_level: director } ] }
  plain: { stages: [ { name: keys, group: anyone } ] }
break_glass:
  rule: break-glass
  in_debt: in-debt
  longest: 30m
  review_within: 24h
  reviewers: ["user:dave", "user:bob"]
  environments: [production]
  effects: [write, destroy]
)";

Rules rules_of(std::string_view text = kRules) {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", text, problems);
  EXPECT_TRUE(rules) << (problems.empty() ? "" : format_problem(problems.front()));
  return rules.value_or(Rules{});
}

EmergencyTerms terms() {
  return {.agent = "builder",
          .opened_by = "bob",
          .upstreams = {"web"},
          .effects = {Effect::write},
          .environments = {"production"},
          .duration = 20 * 60'000,
          .reason = "checkout is down for everybody"};
}

Ballot signed_yes(const Approver& approver) {
  Ballot ballot = test::yes(approver);
  ballot.signature = R"({"statement":"…"})";
  ballot.key_enrolled = kNow - 24 * kHour;
  return ballot;
}

class BreakGlassTest : public testing::Test {
 protected:
  BreakGlassTest() : queue(test::open_queue(folder.path())) { reopen(); }
  void reopen() {
    emergencies.reset();
    auto opened = Emergencies::open(database(), {});
    EXPECT_TRUE(opened) << opened.error().message;
    emergencies = std::move(*opened);
  }
  // Where open_queue() puts it.
  std::filesystem::path database() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      if (entry.path().extension() == ".db") return entry.path();
    }
    return {};
  }
  HeldRequest signed_by_two(const EmergencyTerms& wanted = terms()) {
    auto holding =
        queue->hold(emergency_draft(wanted, "alice", "id-" + std::to_string(++count), false, rules, kNow), kNow);
    EXPECT_TRUE(holding) << holding.error().message;
    EXPECT_TRUE(queue->vote(holding->request.id, signed_yes(test::bob()), rules, kNow));
    auto approved = queue->vote(holding->request.id, signed_yes(test::carol()), rules, kNow);
    EXPECT_TRUE(approved) << approved.error().message;
    return approved.value_or(HeldRequest{});
  }
  Emergency started() {
    auto emergency = emergencies->start(signed_by_two(), rules, kNow);
    EXPECT_TRUE(emergency) << emergency.error().message;
    return emergency.value_or(Emergency{});
  }
  bool used(const EmergencyQuestion& asked, TimeMs now = kNow) {
    auto use = emergencies->use(asked, {"production-change"}, "op", now);
    EXPECT_TRUE(use) << use.error().message;
    EXPECT_EQ(use && use->has_value(), emergencies->covers_now(asked, now));
    return use && use->has_value();
  }

  test::TempFolder folder;
  std::unique_ptr<Queue> queue;
  std::unique_ptr<Emergencies> emergencies;
  Rules rules = rules_of();
  const std::set<std::string> production{"production"};
  const EmergencyQuestion question{"builder", "web", production, Effect::write};
  int count = 0;
};

TEST_F(BreakGlassTest, TermsGoNoFurtherThanTheRules) {
  EXPECT_TRUE(check_terms(terms(), rules));
  EXPECT_EQ(check_terms(terms(), Rules{}).error().code, "break_glass.off");
  auto refused = [&](auto change) {
    EmergencyTerms other = terms();
    change(other);
    Status checked = check_terms(other, rules);
    return checked ? std::string() : checked.error().code;
  };
  EXPECT_EQ(refused([](EmergencyTerms& t) { t.duration = 31 * 60'000; }), "break_glass.beyond");
  EXPECT_EQ(refused([](EmergencyTerms& t) { t.environments.push_back("staging"); }), "break_glass.beyond");
  EXPECT_EQ(refused([](EmergencyTerms& t) { t.effects = {Effect::mint}; }), "break_glass.beyond");
  EXPECT_EQ(refused([](EmergencyTerms& t) { t.upstreams = {"anything"}; }), "") << "no list of upstreams: all";
  EXPECT_EQ(refused([](EmergencyTerms& t) { t.effects = {Effect::read}; }), "break_glass.terms");
  EXPECT_EQ(refused([](EmergencyTerms& t) { t.upstreams.clear(); }), "break_glass.terms") << "nothing means everything";
  EXPECT_EQ(refused([](EmergencyTerms& t) { t.environments.clear(); }), "break_glass.terms");
  EXPECT_EQ(refused([](EmergencyTerms& t) { t.reason = "fire"; }), "break_glass.terms");
  EXPECT_EQ(refused([](EmergencyTerms& t) { t.duration = 0; }), "break_glass.terms");
}

TEST_F(BreakGlassTest, TermsAreWrittenAndReadTheSame) {
  auto read = parse_terms(text_of(terms()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(text_of(*read), text_of(terms()));
  for (const char* bad : {"", "[]", R"({"upstreams":"web"})", R"({"upstreams":[1],"effects":[],"environments":[]})",
                          R"({"upstreams":[],"effects":["fly"],"environments":[]})"})
    EXPECT_EQ(code_of(parse_terms(bad)), "break_glass.terms") << bad;
}

TEST(BreakGlassRules, MistakesAreReportedWhereTheyAre) {
  auto problem = [](std::string_view glass) {
    Problems problems;
    std::string text = std::string(kRules.substr(0, kRules.find("break_glass:"))) + std::string(glass);
    EXPECT_FALSE(parse_rules("approvals.yaml", text, problems)) << glass;
    return problems.empty() ? std::string() : problems.front().message;
  };
  EXPECT_NE(problem("break_glass: { rule: plain, reviewers: anyone }\n").find("signature: required"),
            std::string::npos);
  EXPECT_NE(problem("break_glass: { rule: other, reviewers: anyone }\n").find("no rule `other`"), std::string::npos);
  EXPECT_FALSE(problem("break_glass: { rule: break-glass, longest: 2h, reviewers: anyone }\n").empty());
  EXPECT_FALSE(problem("break_glass: { rule: break-glass }\n").empty()) << "somebody must review";
  EXPECT_FALSE(problem("break_glass: { rule: break-glass, reviewers: anyone, effects: [read] }\n").empty());
}

TEST_F(BreakGlassTest, ItTakesSignaturesOfSeveralAndNotOfTheAgentsOwner) {
  auto holding = queue->hold(emergency_draft(terms(), "alice", "id", false, rules, kNow), kNow);
  ASSERT_TRUE(holding) << holding.error().message;
  const std::string& id = holding->request.id;
  EXPECT_EQ(code_of(queue->vote(id, test::yes(test::bob()), rules, kNow)), "approval.signature_required");
  EXPECT_EQ(code_of(queue->vote(id, signed_yes(test::alice()), rules, kNow)), "approval.self");
  EXPECT_EQ(queue->vote(id, signed_yes(test::bob()), rules, kNow)->state, State::held);
  EXPECT_EQ(code_of(queue->vote(id, signed_yes(test::bob()), rules, kNow)), "approval.already_voted");
  EXPECT_EQ(queue->vote(id, signed_yes(test::carol()), rules, kNow)->state, State::approved);
}

TEST_F(BreakGlassTest, AKeyOfYesterdayAtTheEarliestMayOnlyDeny) {
  auto holding = queue->hold(emergency_draft(terms(), "alice", "id", true, rules, kNow), kNow);
  ASSERT_TRUE(holding) << holding.error().message;
  const std::string& id = holding->request.id;
  auto with_key_of = [](const Approver& approver, TimeMs enrolled) {
    Ballot ballot = signed_yes(approver);
    ballot.key_enrolled = enrolled;
    return ballot;
  };
  for (TimeMs enrolled : {TimeMs{0}, kNow - 24 * kHour + 1, kNow, kNow + kHour})
    EXPECT_EQ(code_of(queue->vote(id, with_key_of(test::bob(), enrolled), rules, kNow)), "approval.key_too_new");
  EXPECT_EQ(code_of(queue->vote(id, with_key_of(test::dave(), kNow - 1), rules, kNow)), "approval.key_too_new")
      << "nor does one of those who are asked because of debt";
  EXPECT_TRUE(queue->vote(id, with_key_of(test::bob(), kNow - 24 * kHour), rules, kNow));
  Ballot denial = test::no(test::carol());
  denial.signature = "{}";
  EXPECT_EQ(queue->vote(id, denial, rules, kNow)->state, State::denied);
}

TEST(BreakGlassRules, TheAgeOfKeysIsConfigured) {
  EXPECT_EQ(rules_of().find("break-glass")->demands.min_key_age, 24 * kHour);
  EXPECT_EQ(rules_of().find("in-debt")->demands.min_key_age, 24 * kHour);
  EXPECT_EQ(rules_of().find("plain")->demands.min_key_age, 0);
  EXPECT_EQ(rules_of(std::string(kRules) + "  key_age: 0s\n").find("break-glass")->demands.min_key_age, 0);
  const Rules week = rules_of(std::string(kRules) + "  key_age: 7d\n");
  EXPECT_EQ(demands_of(std::vector<std::string>{"plain", "break-glass"}, week).min_key_age, 7 * 24 * kHour);
}

TEST_F(BreakGlassTest, DebtAsksForMore) {
  HeldRequest draft = emergency_draft(terms(), "alice", "id", true, rules, kNow);
  EXPECT_EQ(draft.rules, (std::vector<std::string>{"break-glass", "in-debt"}));
}

TEST_F(BreakGlassTest, ItCoversWhatItNamesUntilItIsOver) {
  const Emergency emergency = started();
  EXPECT_EQ(emergency.until, kNow + 20 * 60'000);
  EXPECT_EQ(emergency.by, (std::vector<std::string>{"bob", "carol"}));
  EXPECT_TRUE(used(question));
  const std::set<std::string> both{"production", "staging"};
  const std::set<std::string> nowhere;
  EXPECT_FALSE(used({"other", "web", production, Effect::write}));
  EXPECT_FALSE(used({"builder", "files", production, Effect::write}));
  EXPECT_FALSE(used({"builder", "web", both, Effect::write}));
  EXPECT_FALSE(used({"builder", "web", nowhere, Effect::write}));
  EXPECT_FALSE(used({"builder", "web", production, Effect::destroy}));
  EXPECT_TRUE(used(question, emergency.until - 1));
  EXPECT_FALSE(used(question, emergency.until));
  EXPECT_FALSE(used(question, kNow - 1)) << "a clock that went back opens nothing";
}

TEST_F(BreakGlassTest, AUseSpeaksForEveryRuleWithTheMostSenior) {
  std::ignore = started();
  auto use = emergencies->use(question, {"a", "b"}, "op", kNow);
  ASSERT_TRUE(use && *use);
  ASSERT_EQ((*use)->facts.size(), 2U);
  EXPECT_EQ((*use)->facts[0].rule, "a");
  EXPECT_EQ((*use)->facts[1].rule, "b");
  EXPECT_EQ((*use)->facts[0].by, "bob");
  EXPECT_EQ((*use)->number, 1);
  EXPECT_EQ((*emergencies->use(question, {"a"}, "op2", kNow))->number, 2);
  reopen();
  EXPECT_EQ(emergencies->list(10)->front().uses, 2) << "uses are durable";
  EXPECT_EQ((*emergencies->use(question, {"a"}, "op3", kNow))->number, 3);
}

TEST_F(BreakGlassTest, StartingTwiceIsStartingOnce) {
  const HeldRequest request = signed_by_two();
  auto first = emergencies->start(request, rules, kNow);
  auto second = emergencies->start(request, rules, kNow + kHour);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->until, second->until) << "the clock is not wound up again";
  EXPECT_EQ(emergencies->list(10)->size(), 1U);
}

TEST_F(BreakGlassTest, StricterRulesShortenIt) {
  const HeldRequest request = signed_by_two();
  Rules stricter = rules;
  stricter.break_glass->longest = 60'000;
  EXPECT_EQ(emergencies->start(request, stricter, kNow)->until, kNow + 60'000);
  stricter.break_glass.reset();
  auto none = emergencies->start(signed_by_two(), stricter, kNow);
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->is_open(kNow)) << "switched off meanwhile";
}

TEST_F(BreakGlassTest, WhatStricterRulesDoNotAllowIsNotOpened) {
  const HeldRequest request = signed_by_two();
  Rules narrower = rules;
  narrower.break_glass->environments = {"staging"};
  EXPECT_EQ(code_of(emergencies->start(request, narrower, kNow)), "break_glass.changed");
  Rules more = rules;
  more.rules.find("break-glass")->second.stages[0].count = 3;
  EXPECT_EQ(code_of(emergencies->start(request, more, kNow)), "break_glass.changed");
  EXPECT_TRUE(emergencies->list(10)->empty());
  EXPECT_TRUE(emergencies->start(request, rules, kNow));
}

TEST_F(BreakGlassTest, VotesThatDoNotCountMakeNobodySenior) {
  HeldRequest request = signed_by_two();
  Vote vain = request.votes.front();
  vain.by = "victor";
  vain.level = "vp";
  vain.signature.clear();
  request.votes.insert(request.votes.begin(), vain);
  auto emergency = emergencies->start(request, rules, kNow);
  ASSERT_TRUE(emergency) << emergency.error().message;
  EXPECT_EQ(emergency->by, (std::vector<std::string>{"bob", "carol"}));
  EXPECT_EQ((*emergencies->use(question, {"a"}, "op", kNow))->facts.front().level, "senior");
}

TEST_F(BreakGlassTest, AUseThatWouldNotHelpIsNotCounted) {
  std::ignore = started();
  std::size_t asked = 0;
  auto never = [&](std::span<const policies::ApprovalFact> facts) {
    asked += facts.size();
    return false;
  };
  auto use = emergencies->use(question, {"a", "b"}, "op", kNow, never);
  ASSERT_TRUE(use);
  EXPECT_FALSE(*use);
  EXPECT_EQ(asked, 2U);
  EXPECT_EQ(emergencies->list(1)->front().uses, 0);
}

TEST_F(BreakGlassTest, ClosingEndsItAtOnce) {
  const Emergency emergency = started();
  EXPECT_EQ(code_of(emergencies->close("req_other", "bob", kNow)), "break_glass.unknown");
  ASSERT_TRUE(emergencies->close(emergency.request, "bob", kNow + 1));
  EXPECT_FALSE(used(question, kNow + 2));
  EXPECT_EQ(code_of(emergencies->close(emergency.request, "bob", kNow + 2)), "break_glass.over");
  reopen();
  EXPECT_FALSE(used(question, kNow + 2));
}

TEST_F(BreakGlassTest, SomebodyElseReviewsItAndUntilThenThereIsDebt) {
  const Emergency emergency = started();
  const std::string& id = emergency.request;
  auto review = [&](const Approver& who, std::string_view comment, TimeMs now) {
    return code_of(emergencies->review(id, who, "alice", comment, rules, now));
  };
  EXPECT_EQ(review(test::dave(), "all of it was needed", kNow), "break_glass.open");
  const TimeMs after = emergency.until;
  EXPECT_EQ(emergencies->debt(after), 0U);
  EXPECT_EQ(emergencies->debt(emergency.review_due), 1U);
  reopen();
  EXPECT_EQ(emergencies->debt(emergency.review_due), 1U) << "debt outlives the process";
  EXPECT_EQ(review(test::bob(), "all of it was needed", after), "break_glass.own") << "bob is a reviewer, and signed";
  EXPECT_EQ(review(test::erin(), "all of it was needed", after), "break_glass.not_reviewer");
  EXPECT_EQ(review(test::dave(), "fine", after), "break_glass.comment");
  EXPECT_EQ(review(test::dave(), "all of it was needed", after), "");
  EXPECT_EQ(review(test::dave(), "once more, to be sure", after), "break_glass.reviewed");
  EXPECT_EQ(emergencies->debt(emergency.review_due), 0U);
}

TEST_F(BreakGlassTest, ManyUsesAtOnceAreAllCounted) {
  const Emergency emergency = started();
  std::vector<std::jthread> threads;
  std::atomic<int> ok = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10; ++j) {
        auto use = emergencies->use(question, {"a"}, "op", kNow);
        if (use && *use) ++ok;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(ok, 80);
  EXPECT_EQ(emergencies->list(1)->front().uses, 80);
}

}  // namespace
}  // namespace countersign::approvals
