// Groups, escalation, reminders and demands: what a stage asks for, and of whom, as time goes by.
#include <gtest/gtest.h>

#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;
using test::kHour;
using test::kNow;

Rules parse(std::string_view text) {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", text, problems);
  EXPECT_TRUE(rules) << format_problems(problems);
  return rules.value_or(Rules{});
}

std::vector<std::string> problems_of(std::string_view text) {
  Problems problems;
  EXPECT_FALSE(parse_rules("approvals.yaml", text, problems)) << text;
  std::vector<std::string> out;
  for (const Problem& problem : problems) out.push_back(format_problem(problem));
  return out;
}

void expect_problem(std::string_view text, std::string_view start, std::string_view part) {
  std::vector<std::string> problems = problems_of(text);
  ASSERT_EQ(problems.size(), 1U) << testing::PrintToString(problems);
  EXPECT_TRUE(problems[0].starts_with(start) && problems[0].find(part) != std::string::npos) << problems[0];
}

Rules escalating() {
  return parse(R"(
groups: { oncall: ["user:sam", "team:sre"] }
rules:
  change:
    expires: 4h
    stages:
      - { name: platform, count: 2, group: "team:platform", min_level: senior, escalate: { after: 1h, add: ["group:oncall"] } }
      - { name: director, group: ["user:dave", "user:vera"], escalate: { after: 30m, add: [anyone] } }
)");
}

HeldRequest held(std::vector<std::string> rules) {
  HeldRequest request = test::draft("x");
  request.id = "req_1";
  request.created = kNow;
  request.rules = std::move(rules);
  return request;
}

Approver person(std::string name, Level level, std::vector<std::string> teams) {
  return {.name = std::move(name), .level = level, .teams = std::move(teams), .chain = {}};
}
Approver sam() {
  return person("sam", Level::senior, {});
}
Approver susi() {
  return person("susi", Level::principal, {"sre"});
}

void vote(HeldRequest& request, const Rules& rules, const Approver& approver, TimeMs now) {
  auto openings = eligibility(request, approver, Choice::approve, rules, now);
  ASSERT_TRUE(openings) << approver.name << ": " << openings.error().code;
  for (const Opening& opening : *openings) {
    Vote one;
    one.rule = opening.rule;
    one.stage = opening.stage;
    one.group = opening.group;
    one.by = approver.name;
    one.level = opening.level;
    one.approves = true;
    one.at = now;
    request.votes.push_back(one);
  }
}

TEST(Groups, AStageMayAskSeveral) {
  Rules rules = parse(R"(
groups: { oncall: ["user:sam", "team:sre"] }
rules:
  a: { stages: [ { name: one, group: "group:oncall" } ] }
  b: { stages: [ { name: one, group: ["team:platform", "group:oncall", "team:sre"] } ] }
)");
  EXPECT_EQ(text_of(rules.find("a")->stages[0].groups), "user:sam, team:sre");
  EXPECT_EQ(text_of(rules.find("b")->stages[0].groups), "team:platform, user:sam, team:sre");
  EXPECT_EQ(evaluate(*rules.find("a"), {}).sentence, "one: 0 of 1 from group oncall");
  EXPECT_EQ(evaluate(*rules.find("b"), {}).sentence, "one: 0 of 1 from team platform or group oncall");
  for (const Approver& one : {sam(), susi(), test::erin()}) {
    EXPECT_EQ(code_of(eligibility(held({"b"}), one, Choice::approve, rules, kNow)), "") << one.name;
  }
  EXPECT_EQ(code_of(eligibility(held({"a"}), test::erin(), Choice::approve, rules, kNow)), "approval.not_in_group");
  // A vote tells the groups that the voter was in.
  Approver both = person("pat", Level::mid, {"platform", "sre"});
  EXPECT_EQ(eligibility(held({"b"}), both, Choice::approve, rules, kNow)->front().group, "team:platform, team:sre");
}

TEST(Groups, AVoteOutlivesOtherGroupsOfItsStage) {
  Rules rules =
      parse("rules: { a: { stages: [ { name: one, count: 2, group: [\"team:platform\", \"team:sre\"] } ] } }");
  HeldRequest request = held({"a"});
  vote(request, rules, person("pat", Level::mid, {"platform", "sre"}), kNow);
  vote(request, rules, test::erin(), kNow);
  EXPECT_TRUE(all_satisfied(progress_of(request, rules, kNow)));
  Rules fewer = parse("rules: { a: { stages: [ { name: one, count: 2, group: \"team:sre\" } ] } }");
  Progress progress = progress_of(request, fewer, kNow).front();
  EXPECT_EQ(progress.counted, std::vector<std::string>{"pat"});
  Rules others = parse("rules: { a: { stages: [ { name: one, count: 2, group: \"team:platform2\" } ] } }");
  EXPECT_TRUE(progress_of(request, others, kNow).front().counted.empty());
}

TEST(Groups, ReportMistakesWithTheirLine) {
  expect_problem(
      "rules:\n  a: { stages: [ { name: one, group: \"group:oncal\" } ] }\ngroups: { oncall: [\"user:sam\"] }",
      "approvals.yaml:2:", "did you mean `oncall`");
  expect_problem("groups:\n  oncall: [anyone]", "approvals.yaml:2:", "team:NAME");
  expect_problem("groups:\n  oncall: [\"group:other\"]", "approvals.yaml:2:", "team:NAME");
  expect_problem("groups:\n  oncall: []", "approvals.yaml:2:", "1 to 100");
  expect_problem("groups:\n  oncall: \"user:sam\"", "approvals.yaml:2:", "1 to 100");
  expect_problem("rules:\n  a:\n    stages:\n      - { name: one, group: [] }", "approvals.yaml:4:", "nobody could");
  expect_problem("rules:\n  a:\n    stages:\n      - { name: one, group: { x: 1 } }",
                 "approvals.yaml:4:", "group must be");
  expect_problem("rules:\n  a:\n    stages:\n      - { name: one, count: 3, group: [\"user:x\", \"user:y\"] }",
                 "approvals.yaml:4:", "a stage of 2 users");
}

TEST(Escalation, AddsPeopleAfterItsTime) {
  Rules rules = escalating();
  HeldRequest request = held({"change"});
  auto may = [&](const Approver& who, TimeMs now) {
    return code_of(eligibility(request, who, Choice::approve, rules, now));
  };
  EXPECT_EQ(may(sam(), kNow + kHour - 1), "approval.not_in_group");
  EXPECT_EQ(may(sam(), kNow + kHour), "");
  EXPECT_EQ(may(susi(), kNow + kHour), "");
  EXPECT_EQ(may(test::bob(), kNow + kHour), "");
  EXPECT_EQ(may(test::erin(), kNow + kHour), "approval.level_too_low");
  EXPECT_EQ(progress_of(request, rules, kNow)[0].sentence, "platform: 0 of 2 from team platform, senior or above");
  EXPECT_EQ(progress_of(request, rules, kNow + kHour)[0].sentence,
            "platform: 0 of 2 from team platform or group oncall, senior or above");
  // Whoever will be asked may deny at once.
  EXPECT_EQ(code_of(eligibility(request, sam(), Choice::deny, rules, kNow)), "");
}

TEST(Escalation, AVoteByAnAddedGroupCountsFromThenOn) {
  Rules rules = escalating();
  HeldRequest request = held({"change"});
  vote(request, rules, test::bob(), kNow);
  vote(request, rules, sam(), kNow + kHour);
  EXPECT_EQ(progress_of(request, rules, kNow + kHour)[0].open->name, "director");
  request.votes.back().at = kNow + kHour - 1;
  EXPECT_EQ(progress_of(request, rules, kNow + 2 * kHour)[0].counted, std::vector<std::string>{"bob"});
}

TEST(Escalation, OfALaterStageCountsFromItsOpening) {
  Rules rules = escalating();
  HeldRequest request = held({"change"});
  vote(request, rules, test::bob(), kNow + kHour);
  vote(request, rules, test::carol(), kNow + 2 * kHour);
  Progress progress = progress_of(request, rules, kNow + 2 * kHour)[0];
  EXPECT_EQ(progress.open->name, "director");
  EXPECT_EQ(progress.opened, kNow + 2 * kHour);
  EXPECT_EQ(text_of(progress.asked), "user:dave, user:vera");
  EXPECT_EQ(text_of(progress_of(request, rules, kNow + 2 * kHour + kHour / 2)[0].asked),
            "user:dave, user:vera, anyone");
  EXPECT_EQ(code_of(eligibility(request, test::erin(), Choice::approve, rules, kNow + 2 * kHour)),
            "approval.not_in_group");
  EXPECT_EQ(code_of(eligibility(request, test::erin(), Choice::approve, rules, kNow + 2 * kHour + kHour / 2)), "");
}

TEST(Escalation, ReportsMistakesWithTheirLine) {
  auto stage = [](std::string_view escalate) {
    return "rules:\n  a:\n    expires: 1h\n    stages:\n      - { name: one, group: anyone, escalate: " +
           std::string(escalate) + " }";
  };
  expect_problem(stage("{ after: 1h, add: [\"team:x\"] }"), "approvals.yaml:5:", "expires before");
  expect_problem(stage("{ after: 30m }"), "approvals.yaml:5:", "needs `add`");
  expect_problem(stage("{ add: [\"team:x\"] }"), "approvals.yaml:5:", "needs `after`");
  expect_problem(stage("{ after: 30m, add: [] }"), "approvals.yaml:5:", "is empty");
  expect_problem(stage("{ after: 30m, add: [\"team:x\"], min_level: junior }"), "approvals.yaml:5:", "unknown key");
  expect_problem(stage("{ after: 30m, add: [\"team:x\"], count: 1 }"), "approvals.yaml:5:", "unknown key");
}

TEST(Reminders, AreDueOnceEach) {
  Rules rules = parse(R"(
rules:
  a: { expires: 2h, remind: [30m, 60m], stages: [ { name: one, group: anyone } ] }
  b: { expires: 2h, remind: [45m, 60m], stages: [ { name: one, group: anyone } ] }
  c: { stages: [ { name: one, group: anyone } ] }
)");
  HeldRequest request = held({"a"});
  request.expires = kNow + 2 * kHour;
  constexpr TimeMs kMinute = 60'000;
  auto numbers = [&](std::size_t sent, TimeMs now) {
    std::vector<std::size_t> out;
    for (const Reminder& one : due_reminders(request, rules, sent, now)) out.push_back(one.number);
    return out;
  };
  using List = std::vector<std::size_t>;
  EXPECT_EQ(numbers(0, kNow + 30 * kMinute - 1), List{});
  EXPECT_EQ(numbers(0, kNow + 30 * kMinute), List{1});
  EXPECT_EQ(numbers(1, kNow + 59 * kMinute), List{});
  EXPECT_EQ(numbers(1, kNow + 60 * kMinute), List{2});
  EXPECT_EQ(numbers(0, kNow + 60 * kMinute), (List{1, 2}));
  EXPECT_EQ(numbers(2, kNow + 119 * kMinute), List{});
  EXPECT_EQ(numbers(0, request.expires), List{});
  EXPECT_EQ(due_reminders(request, rules, 1, kNow + kHour).front().at, kNow + kHour);
  request.rules = {"a", "b", "c", "gone"};
  EXPECT_EQ(numbers(0, kNow + kHour), (List{1, 2, 3}));
  request.state = State::approved;
  EXPECT_EQ(numbers(0, kNow + kHour), List{});

  auto remind = [](std::string_view list) {
    return "rules:\n  a:\n    expires: 2h\n    remind: " + std::string(list) +
           "\n    stages: [ { name: one, group: anyone } ]";
  };
  expect_problem(remind("[1m, 2m, 3m, 4m, 5m, 6m]"), "approvals.yaml:4:", "at most 5");
  expect_problem(remind("[soon]"), "approvals.yaml:4:", "durations");
  expect_problem(remind("[30m, 30m]"), "approvals.yaml:4:", "one after the other");
  expect_problem(remind("[2h]"), "approvals.yaml:4:", "expires before");
}

TEST(Demands, AreTheStrictestOfTheRules) {
  Rules rules = parse(R"(
rules:
  plain: { stages: [ { name: one, group: anyone } ] }
  signed: { signature: required, max_sign_in_age: 8h, stages: [ { name: one, group: anyone } ] }
  fresh: { signature: none, max_sign_in_age: 15m, stages: [ { name: one, group: anyone } ] }
)");
  auto of = [&](std::vector<std::string> names) { return demands_of(names, rules); };
  EXPECT_FALSE(of({"plain"}).signature);
  EXPECT_EQ(of({"plain"}).max_sign_in_age, 0);
  EXPECT_TRUE(of({"plain", "signed", "fresh"}).signature);
  EXPECT_EQ(of({"plain", "signed", "fresh"}).max_sign_in_age, 15 * 60'000);
  EXPECT_EQ(of({"signed", "plain", "gone"}).max_sign_in_age, 8 * kHour);
  expect_problem("rules:\n  a:\n    signature: always\n    stages: [ { name: one, group: anyone } ]",
                 "approvals.yaml:3:", "one of none, required");
  expect_problem("rules:\n  a:\n    max_sign_in_age: 31d\n    stages: [ { name: one, group: anyone } ]",
                 "approvals.yaml:3:", "max_sign_in_age");
}

TEST(Demands, AreAskedOfEachVote) {
  const Demands demands{.signature = true, .max_sign_in_age = kHour};
  Approver bob = test::bob();
  auto check = [&](Choice choice, std::string_view signature) {
    return code_of(check_demands(demands, bob, choice, signature, kNow));
  };
  EXPECT_EQ(check(Choice::approve, "{}"), "approval.sign_in_too_old");  // nobody knows when bob signed in
  bob.signed_in = kNow - kHour;
  EXPECT_EQ(check(Choice::approve, "{}"), "");
  EXPECT_EQ(check(Choice::approve, ""), "approval.signature_required");
  EXPECT_EQ(check(Choice::deny, ""), "approval.signature_required");
  bob.signed_in = kNow - kHour - 1;
  EXPECT_EQ(check(Choice::approve, "{}"), "approval.sign_in_too_old");
  EXPECT_EQ(check(Choice::deny, "{}"), "");
  EXPECT_EQ(code_of(check_demands({}, test::bob(), Choice::approve, "", kNow)), "");
  auto refused = check_demands({.max_sign_in_age = 90 * 60'000}, test::bob(), Choice::approve, "", kNow);
  EXPECT_NE(refused.error().message.find("last 90m"), std::string::npos) << refused.error().message;
}

// Also of votes given before a rule began to demand it, and of all rules when one demands it.
TEST(Demands, AnUnsignedVoteCountsNowhereWhenOneRuleWantsSignatures) {
  Rules rules = parse(R"(
rules:
  plain: { stages: [ { name: one, group: anyone } ] }
  signed: { signature: required, stages: [ { name: one, group: anyone } ] }
)");
  HeldRequest request = held({"plain"});
  vote(request, rules, test::bob(), kNow);
  EXPECT_TRUE(all_satisfied(progress_of(request, rules, kNow)));
  request.rules = {"plain", "signed"};
  for (const Progress& progress : progress_of(request, rules, kNow)) EXPECT_FALSE(progress.satisfied) << progress.rule;
  vote(request, rules, test::bob(), kNow);
  for (Vote& one : request.votes) one.signature = "{}";
  EXPECT_TRUE(all_satisfied(progress_of(request, rules, kNow)));
}

TEST(Conflicts, AreHeldUnlessTheFileSaysOtherwise) {
  EXPECT_EQ(parse("").conflicts, ConflictMode::hold);
  EXPECT_EQ(parse("conflicts: hold").conflicts, ConflictMode::hold);
  EXPECT_EQ(parse("conflicts: note").conflicts, ConflictMode::note);
  expect_problem("rules: {}\nconflicts: ignore", "approvals.yaml:2:", "one of hold, note");
}

}  // namespace
}  // namespace countersign::approvals
