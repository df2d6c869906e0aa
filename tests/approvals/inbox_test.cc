// The inbox in memory says what the rules say of each request, one by one.
#include "approvals/inbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "approvals/bursts.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::kHour;
using test::kNow;

Rules varied_rules() {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", R"(
rules:
  solo: { stages: [ { name: one, group: anyone } ] }
  pair: { stages: [ { name: two, count: 2, group: "team:platform" } ] }
  staged:
    stages:
      - { name: platform, group: "team:platform", min_level: senior }
      - { name: director, group: anyone, min_level: director }
  escalating:
    remind: [1m, 5m]
    stages: [ { name: one, group: "user:carol", escalate: { after: 10m, add: ["user:dave"] } } ]
  written:
    remind: [2m]
    documentation: [ { field: intent, min_length: 3 } ]
    stages: [ { name: one, group: "team:platform" } ]
  signed: { signature: required, stages: [ { name: one, count: 2, group: "team:platform" } ] }
)",
                                           problems);
  EXPECT_TRUE(rules) << format_problems(problems);
  return rules.value_or(Rules{});
}

enum class Together : std::uint8_t { no, in_bursts };

void agrees_with_the_rules(Together together) {
  std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  auto pick = [&](std::size_t below) { return random() % below; };
  const Rules rules = varied_rules();
  const std::vector<std::string> names{"solo", "pair", "staged", "escalating", "written", "signed", "gone"};
  std::vector<Approver> people{test::alice(), test::bob(), test::carol(), test::dave(), test::erin()};
  people[3].delegators = {{.name = "carol",
                           .level = Level::senior,
                           .teams = {"platform"},
                           .delegations = {{.from = "carol", .to = "dave", .since = kNow, .until = kNow + kHour / 4}}}};

  Inbox inbox;
  std::vector<HeldRequest> all;
  std::map<std::string, std::string> bursts;
  for (int i = 0; i < 3'000; ++i) {
    HeldRequest request = test::draft("x");
    request.id = "req_" + std::to_string(i);
    request.created = kNow + i / 10;
    request.expires = kNow + static_cast<TimeMs>(pick(40)) * 60'000 + 1;
    request.requester.agent = "agent-" + std::to_string(pick(5));
    request.requester.owner = pick(4) == 0 ? "bob" : "alice";
    request.rules = {names[pick(names.size())]};
    if (pick(4) == 0) request.rules.push_back("pair");
    if (pick(2) == 0) request.documentation = R"({"intent":"because"})";
    if (pick(10) == 0) request.edited_by = "carol";
    request.documented = request.created;
    request.reminded = static_cast<int>(pick(3));
    if (together == Together::in_bursts) {
      request.expires = kNow + 2 * kHour;  // those of a burst have the same time
      std::string& burst =
          bursts[request.requester.agent + request.rules.front() + std::to_string(request.rules.size())];
      if (burst.empty() || pick(12) == 0) burst = burst_begun_by(request.id);
      if (burst == burst_begun_by(request.id) || pick(10) != 0) request.burst = burst;
    }
    all.push_back(request);
    inbox.update(request);
    if (pick(3) != 0) continue;
    // Later something happens to one of them.
    HeldRequest& other = all[pick(all.size())];
    if (other.state != State::held) continue;
    const Approver& voter = people[pick(people.size())];
    if (Result<std::vector<Opening>> openings = eligibility(other, voter, Choice::approve, rules, kNow)) {
      for (const Opening& opening : *openings) {
        other.votes.push_back({.rule = opening.rule,
                               .stage = opening.stage,
                               .group = opening.group,
                               .by = voter.name,
                               .level = opening.level,
                               .approves = true,
                               .reason = "a long reason",
                               .at = kNow,
                               .signature = pick(2) == 0 ? R"({"statement":"x"})" : ""});
      }
    }
    if (pick(4) == 0) other.state = pick(2) == 0 ? State::denied : State::approved;
    inbox.update(other);
  }

  // Ten minutes and a bit: escalation has reached the older half.
  for (TimeMs now :
       {kNow, kNow + 5 * 60'000, kNow + 10 * 60'000 + 150, kNow + 12 * 60'000, kNow + 20 * 60'000, kNow + kHour}) {
    for (const Approver& person : people) {
      std::vector<std::string> expected;
      std::set<std::string> seen;
      for (const HeldRequest& request : all) {
        bool waits = eligibility(request, person, Choice::approve, rules, now).has_value() ||
                     !may_vote_for(request, person, rules, now).empty();
        if (waits && !request.burst.empty()) waits = seen.insert(request.burst).second;
        if (waits) expected.push_back(request.id);
      }
      EXPECT_EQ(inbox.waiting_for(person, rules, now, all.size(), {}), expected) << person.name << " " << now - kNow;
      // The same in pages.
      std::vector<std::string> paged;
      for (Inbox::Place after;;) {
        std::vector<std::string> page = inbox.waiting_for(person, rules, now, 97, after);
        paged.insert(paged.end(), page.begin(), page.end());
        if (page.size() < 97) break;
        after = inbox.place_of(*std::ranges::find(all, page.back(), &HeldRequest::id));
      }
      EXPECT_EQ(paged, expected);
    }
    std::vector<std::string> due;
    for (const HeldRequest& request : all) {
      const auto sent = static_cast<std::size_t>(request.reminded);
      if (!due_reminders(request, rules, sent, now).empty()) due.push_back(request.id);
    }
    EXPECT_EQ(inbox.to_remind(rules, now), due);
  }

  std::size_t held = 0;
  for (HeldRequest& request : all) {
    if (request.state != State::held) continue;
    if (held++ == 0) EXPECT_EQ(inbox.held().oldest, request.created);
  }
  EXPECT_EQ(inbox.held().count, held);
  for (HeldRequest& request : all) {
    request.state = State::cancelled;
    inbox.update(request);
  }
  EXPECT_EQ(inbox.held().count, 0U);
  EXPECT_EQ(inbox.held().oldest, std::nullopt);
  EXPECT_TRUE(inbox.waiting_for(people[0], rules, kNow, all.size(), {}).empty());
}

TEST(Inbox, AgreesWithTheRulesOneByOne) {
  agrees_with_the_rules(Together::no);
}

TEST(Inbox, OfABurstTheOldestThatWaitsStandsForAll) {
  agrees_with_the_rules(Together::in_bursts);
}

}  // namespace
}  // namespace countersign::approvals
