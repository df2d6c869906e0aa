// Budgets: what they are about, and that nobody gets more out of one than is in it.
#include "approvals/budgets.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "approvals/rules.h"

namespace countersign::approvals {
namespace {

using Kind = BudgetVerdict::Kind;
constexpr TimeMs kNow = 1'767'268'800'000;
constexpr TimeMs kHour = 3'600'000;

Rules rules(const std::string& budgets) {
  Problems problems;
  auto out = parse_rules("approvals.yaml",
                         "rules:\n  careful:\n    stages: [{ name: a, group: anyone }]\n  more:\n    stages: [{ name: "
                         "a, group: anyone }]\n"
                         "budgets:\n" +
                             budgets,
                         problems);
  EXPECT_TRUE(out) << format_problems(problems);
  return out ? *out : Rules();
}

std::string problem(const std::string& budget) {
  Problems problems;
  auto out =
      parse_rules("approvals.yaml",
                  "rules:\n  careful:\n    stages: [{ name: a, group: anyone }]\nbudgets:\n  - " + budget, problems);
  EXPECT_FALSE(out) << budget;
  return problems.empty() ? "" : problems.front().message;
}

Spending destroys(std::size_t count, const std::string& root = "r", const std::string& environment = "staging") {
  return {root, "aws", std::vector<Spending::Thing>(count, {Effect::destroy, environment})};
}

TEST(Budgets, SpendsThingsUntilNothingIsLeft) {
  const Rules all =
      rules("  - { name: destroys, effects: [destroy], at_most: 10, per: 1h, then: hold, rule: careful }\n");
  Budgets budgets;
  EXPECT_EQ(budgets.spend(all, destroys(9), kNow).kind, Kind::none);
  EXPECT_EQ(budgets.look(all, destroys(1), kNow).kind, Kind::none) << "looking spends nothing";
  EXPECT_EQ(budgets.look(all, destroys(2), kNow).kind, Kind::hold);
  const BudgetVerdict verdict = budgets.spend(all, destroys(2), kNow);
  EXPECT_EQ(verdict.kind, Kind::hold);
  EXPECT_EQ(verdict.rules, std::vector<std::string>{"careful"});
  EXPECT_NE(verdict.sentence.find("10 in 1h"), std::string::npos) << verdict.sentence;
  EXPECT_NE(verdict.sentence.find("9 of it are spent, and this takes 2"), std::string::npos) << verdict.sentence;
  // What had no room has not been taken.
  EXPECT_EQ(budgets.spend(all, destroys(1), kNow).kind, Kind::none);
  EXPECT_EQ(budgets.spend(all, destroys(1), kNow + kHour - 1).kind, Kind::hold);
  EXPECT_EQ(budgets.spend(all, destroys(10), kNow + kHour + 60'000).kind, Kind::none);
  // Fifty in one call are fifty.
  EXPECT_EQ(budgets.spend(all, destroys(50, "another"), kNow).kind, Kind::hold);
  // Every lineage has its own.
  EXPECT_EQ(budgets.spend(all, destroys(10, "another"), kNow).kind, Kind::none);
}

TEST(Budgets, AreAboutWhatTheySay) {
  const Rules all = rules(
      "  - { name: a, effects: [destroy], environments: [production], upstreams: [aws], at_most: 0, per: 1h, then: "
      "deny }\n"
      "  - { name: b, except_environments: [sandbox, production], at_most: 0, per: 1h, then: freeze }\n");
  Budgets budgets;
  auto ask = [&](Effect effect, const std::string& upstream, const std::string& environment) {
    return budgets.spend(all, {"r", upstream, {{effect, environment}}}, kNow).kind;
  };
  EXPECT_EQ(ask(Effect::destroy, "aws", "production"), Kind::deny);
  EXPECT_EQ(ask(Effect::write, "aws", "production"), Kind::none);
  EXPECT_EQ(ask(Effect::destroy, "web", "production"), Kind::none);
  EXPECT_EQ(ask(Effect::write, "web", "staging"), Kind::freeze);
  EXPECT_EQ(ask(Effect::destroy, "web", "sandbox"), Kind::none);
  EXPECT_EQ(ask(Effect::read, "web", "staging"), Kind::none);
}

TEST(Budgets, TheStrictestDecidesAndNothingIsSpent) {
  const Rules all = rules(
      "  - { name: a, at_most: 5, per: 1h, then: hold, rule: careful }\n"
      "  - { name: b, at_most: 5, per: 2h, then: hold, rule: more }\n"
      "  - { name: c, at_most: 7, per: 1d, then: freeze }\n"
      "  - { name: d, at_most: 7, per: 1d, then: deny }\n");
  Budgets budgets;
  const BudgetVerdict both = budgets.spend(all, destroys(6), kNow);
  EXPECT_EQ(both.kind, Kind::hold);
  EXPECT_EQ(both.rules, (std::vector<std::string>{"careful", "more"}));
  const BudgetVerdict all_of_them = budgets.spend(all, destroys(8), kNow);
  EXPECT_EQ(all_of_them.kind, Kind::freeze);
  EXPECT_EQ(all_of_them.name, "c");
  EXPECT_TRUE(all_of_them.rules.empty());
  EXPECT_EQ(budgets.spend(all, destroys(5), kNow).kind, Kind::none);
}

TEST(Budgets, WhatPeopleApprovedCountsAndIsNotStopped) {
  const Rules all = rules("  - { name: a, at_most: 3, per: 1h, then: deny }\n");
  Budgets budgets;
  budgets.count(all, destroys(30), kNow);
  EXPECT_EQ(budgets.spend(all, destroys(1), kNow).kind, Kind::deny);
}

TEST(Budgets, ManyAtOnceGetNoMoreThanThereIs) {
  const Rules all = rules("  - { name: a, at_most: 1000, per: 1h, then: deny }\n");
  Budgets budgets;
  std::atomic<int> spent = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 400; ++i) {
        const std::size_t things = 1 + static_cast<std::size_t>((i + t) % 3);
        if (budgets.spend(all, destroys(things), kNow + i).kind == Kind::none) spent += static_cast<int>(things);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(spent.load(), 1000);
}

TEST(Budgets, AnotherWindowKeepsWhatWasSpent) {
  Budgets budgets;
  EXPECT_EQ(budgets.spend(rules("  - { name: a, at_most: 5, per: 1h, then: deny }\n"), destroys(5), kNow).kind,
            Kind::none);
  EXPECT_EQ(budgets.spend(rules("  - { name: a, at_most: 5, per: 1m, then: deny }\n"), destroys(1), kNow + 1).kind,
            Kind::deny);
}

TEST(Budgets, MistakesAreFound) {
  EXPECT_NE(problem("{ name: a, at_most: 3, per: 1h, then: hold }").find("needs the `rule`"), std::string::npos);
  EXPECT_NE(problem("{ name: a, at_most: 3, per: 1h, then: deny, rule: careful }").find("only `then: hold`"),
            std::string::npos);
  EXPECT_NE(problem("{ name: a, at_most: 3, per: 1h, then: hold, rule: carefull }").find("did you mean `careful`"),
            std::string::npos);
  EXPECT_NE(problem("{ name: a, at_most: 3, per: 1s, then: deny }").find("a minute"), std::string::npos);
  EXPECT_NE(problem("{ name: a, per: 1h, then: deny }"), "");
  EXPECT_NE(problem("{ name: a, at_most: -1, per: 1h, then: deny }"), "");
  EXPECT_NE(problem("{ name: a, effects: [read], at_most: 1, per: 1h, then: deny }"), "");
  EXPECT_NE(problem("{ name: a, environments: [a], except_environments: [b], at_most: 1, per: 1h, then: deny }")
                .find("not both"),
            std::string::npos);
  EXPECT_NE(problem("{ name: a, at_most: 3, per: 1h, then: deny }\n  - { name: a, at_most: 3, per: 1h, then: deny }")
                .find("twice"),
            std::string::npos);
}

}  // namespace
}  // namespace countersign::approvals
