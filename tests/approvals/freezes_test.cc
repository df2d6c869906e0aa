#include "approvals/freezes.h"

#include <gtest/gtest.h>

#include <random>

#include "approvals/rules.h"
#include "core/problem.h"

namespace countersign::approvals {
namespace {

using Kind = FreezeVerdict::Kind;

TimeMs at(std::string_view text) {
  Result<TimeMs> time = parse_time(text);
  EXPECT_TRUE(time) << text;
  return time.value_or(0);
}

Rules rules_of(std::string_view freezes) {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", R"(
rules:
  exemption: { stages: [ { name: one, group: anyone } ] }
  other: { stages: [ { name: one, group: anyone } ] }
freezes:
)" + std::string(freezes),
                                           problems);
  EXPECT_TRUE(rules) << format_problems(problems);
  return rules.value_or(Rules{});
}

FreezeVerdict ask(const Rules& rules, TimeMs now, std::string_view environment = "production",
                  Effect effect = Effect::write, std::string_view upstream = "web",
                  std::string_view agent = "builder") {
  const std::vector<std::string> environments{std::string(environment)};
  return frozen(rules, {.agent = agent, .upstream = upstream, .environments = environments, .effect = effect}, now);
}

bool is_frozen(const Rules& rules, std::string_view time) {
  return ask(rules, at(time)).kind != Kind::none;
}

std::string problem_of(std::string_view freezes) {
  Problems problems;
  EXPECT_FALSE(parse_rules("approvals.yaml", "freezes:\n" + std::string(freezes), problems)) << freezes;
  return problems.empty() ? "" : format_problem(problems.front());
}

// Berlin: UTC+1; UTC+2 from 2026-03-29 01:00Z until 2026-10-25 01:00Z.
TEST(Freezes, OneWindowIsHalfOpenInItsZone) {
  Rules rules = rules_of("  - { name: sale, zone: Europe/Berlin, from: 2026-11-27T00:00, until: 2026-12-01T00:00 }");
  EXPECT_FALSE(is_frozen(rules, "2026-11-26T22:59:59.999Z"));
  EXPECT_TRUE(is_frozen(rules, "2026-11-26T23:00:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2026-11-30T22:59:59.999Z"));
  EXPECT_FALSE(is_frozen(rules, "2026-11-30T23:00:00Z"));
}

TEST(Freezes, ZoneIsUtcWhenNotSaid) {
  Rules rules = rules_of("  - { name: sale, from: 2026-11-27T00:00, until: 2026-11-27T01:00 }");
  EXPECT_FALSE(is_frozen(rules, "2026-11-26T23:59:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2026-11-27T00:00:00Z"));
  EXPECT_FALSE(is_frozen(rules, "2026-11-27T01:00:00Z"));
}

TEST(Freezes, OverTheHourThatClocksSkip) {
  Rules night = rules_of("  - { name: n, zone: Europe/Berlin, from: 2026-03-28T22:00, until: 2026-03-29T04:00 }");
  EXPECT_FALSE(is_frozen(night, "2026-03-28T20:59:00Z"));
  EXPECT_TRUE(is_frozen(night, "2026-03-28T21:00:00Z"));
  EXPECT_TRUE(is_frozen(night, "2026-03-29T01:00:00Z"));
  EXPECT_TRUE(is_frozen(night, "2026-03-29T01:59:00Z"));
  EXPECT_FALSE(is_frozen(night, "2026-03-29T02:00:00Z"));

  // 02:30 never comes: what begins or ends then does so when the clocks jump.
  Rules begins = rules_of("  - { name: n, zone: Europe/Berlin, from: 2026-03-29T02:30, until: 2026-03-29T04:00 }");
  EXPECT_FALSE(is_frozen(begins, "2026-03-29T00:59:00Z"));
  EXPECT_TRUE(is_frozen(begins, "2026-03-29T01:00:00Z"));
  Rules ends = rules_of("  - { name: n, zone: Europe/Berlin, from: 2026-03-29T01:00, until: 2026-03-29T02:30 }");
  EXPECT_TRUE(is_frozen(ends, "2026-03-29T00:59:00Z"));
  EXPECT_FALSE(is_frozen(ends, "2026-03-29T01:00:00Z"));

  EXPECT_NE(problem_of("  - { name: n, zone: Europe/Berlin, from: 2026-03-29T02:10, until: 2026-03-29T02:50 }")
                .find("clocks are put forward"),
            std::string::npos);
}

TEST(Freezes, OverTheHourThatComesTwice) {
  Rules rules = rules_of("  - { name: n, zone: Europe/Berlin, from: 2026-10-25T02:15, until: 2026-10-25T02:45 }");
  EXPECT_FALSE(is_frozen(rules, "2026-10-25T00:14:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2026-10-25T00:15:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2026-10-25T00:50:00Z"));  // 02:50 the first time: the window has not ended for good
  EXPECT_TRUE(is_frozen(rules, "2026-10-25T01:10:00Z"));  // 02:10 the second time
  EXPECT_TRUE(is_frozen(rules, "2026-10-25T01:44:00Z"));
  EXPECT_FALSE(is_frozen(rules, "2026-10-25T01:45:00Z"));
}

constexpr std::string_view kWeekends =
    "  - { name: weekends, zone: Europe/Berlin, weekly: { from: \"fri 18:00\", until: \"mon 06:00\" } }";

TEST(Freezes, WeeklyOverTheTurnOfTheWeekAndOfTheYear) {
  Rules rules = rules_of(kWeekends);
  // 2027-12-31 is a Friday.
  EXPECT_FALSE(is_frozen(rules, "2027-12-31T16:59:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2027-12-31T17:00:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2027-12-31T23:59:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2028-01-01T12:00:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2028-01-03T04:59:59.999Z"));
  EXPECT_FALSE(is_frozen(rules, "2028-01-03T05:00:00Z"));
  EXPECT_EQ(ask(rules, at("2027-12-31T20:00:00Z")).until, at("2028-01-03T05:00:00Z"));
  // A leap day: 2028-02-29 is a Tuesday, the weekend before it ends on the 28th.
  EXPECT_TRUE(is_frozen(rules, "2028-02-28T04:59:00Z"));
  EXPECT_FALSE(is_frozen(rules, "2028-02-29T12:00:00Z"));
}

TEST(Freezes, WeeklyOverAChangeOfTheClocks) {
  Rules rules = rules_of(kWeekends);
  EXPECT_TRUE(is_frozen(rules, "2026-03-27T17:00:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2026-03-30T03:59:00Z"));
  EXPECT_FALSE(is_frozen(rules, "2026-03-30T04:00:00Z"));
  EXPECT_FALSE(is_frozen(rules, "2026-10-23T15:59:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2026-10-23T16:00:00Z"));
  EXPECT_TRUE(is_frozen(rules, "2026-10-26T04:59:00Z"));
  EXPECT_FALSE(is_frozen(rules, "2026-10-26T05:00:00Z"));

  Rules skipped =
      rules_of("  - { name: n, zone: Europe/Berlin, weekly: { from: \"sun 02:00\", until: \"sun 03:00\" } }");
  EXPECT_TRUE(is_frozen(skipped, "2026-03-22T01:30:00Z"));
  EXPECT_FALSE(is_frozen(skipped, "2026-03-29T00:59:00Z"));
  EXPECT_FALSE(is_frozen(skipped, "2026-03-29T01:00:00Z"));
  EXPECT_TRUE(is_frozen(skipped, "2026-10-25T00:00:00Z"));
  EXPECT_TRUE(is_frozen(skipped, "2026-10-25T01:59:00Z"));
  EXPECT_FALSE(is_frozen(skipped, "2026-10-25T02:00:00Z"));
}

// Where no clock changes near by, a weekly window is what the wall's minute of the week says.
TEST(Freezes, WeeklyAgreesWithTheClockOnTheWall) {
  std::mt19937_64 random(20'261'127);  // NOLINT: the same numbers each time
  for (const char* name : {"Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC",
                           "Pacific/Kiritimati", "America/Sao_Paulo"}) {
    Result<Zone> zone = Zone::find(name);
    ASSERT_TRUE(zone) << name;
    int compared = 0;
    for (int i = 0; i < 3'000; ++i) {
      const WallMinutes from = static_cast<WallMinutes>(random() % kMinutesOfWeek);
      const WallMinutes until = static_cast<WallMinutes>(random() % kMinutesOfWeek);
      if (from == until) continue;
      const TimeMs now = at("2024-01-01T00:00:00Z") + static_cast<TimeMs>(random() % 200'000'000) * 1'000;
      auto offset = [&](TimeMs time) { return zone->wall(time) * 60'000 - time / 60'000 * 60'000; };
      constexpr TimeMs kNear = 9LL * 86'400'000;
      if (offset(now) != offset(now - kNear) || offset(now) != offset(now + kNear)) continue;
      Freeze freeze;
      freeze.weekly = Freeze::Weekly{*zone, from, until};
      const WallMinutes minute = zone->wall(now) - week_of(zone->wall(now));
      const bool inside = from < until ? from <= minute && minute < until : minute >= from || minute < until;
      EXPECT_EQ(freeze.ends(now).has_value(), inside) << name << " " << format_time(now) << " " << from << " " << until;
      ++compared;
    }
    EXPECT_GT(compared, 1'000) << name;
  }
}

TEST(Freezes, DenyOrHoldAndSayWhich) {
  Rules rules = rules_of(R"(
  - { name: sale, reason: we sell, from: 2026-11-27T00:00, until: 2026-12-01T00:00, environments: [production] }
  - { name: weekends, weekly: { from: "sat 00:00", until: "mon 00:00" }, rule: other }
  - { name: audits, from: 2026-11-28T00:00, until: 2026-11-29T00:00, rule: exemption }
  - { name: again, from: 2026-11-28T00:00, until: 2026-11-29T00:00, rule: exemption }
)");
  FreezeVerdict friday = ask(rules, at("2026-11-27T12:00:00Z"));
  EXPECT_EQ(friday.kind, Kind::deny);
  EXPECT_EQ(friday.name, "sale");
  EXPECT_EQ(friday.sentence, "changes are frozen (sale) until 2026-12-01T00:00:00.000Z: we sell");
  EXPECT_TRUE(friday.rules.empty());
  FreezeVerdict staging = ask(rules, at("2026-11-28T12:00:00Z"), "staging");
  EXPECT_EQ(staging.kind, Kind::hold);
  EXPECT_EQ(staging.name, "weekends");
  EXPECT_EQ(staging.rules, (std::vector<std::string>{"exemption", "other"}));
  FreezeVerdict production = ask(rules, at("2026-11-28T12:00:00Z"));
  EXPECT_EQ(production.kind, Kind::deny);
  EXPECT_TRUE(production.rules.empty());
  EXPECT_EQ(ask(rules, at("2026-12-02T12:00:00Z")).kind, Kind::none);
  EXPECT_EQ(ask(rules, at("2026-11-27T12:00:00Z"), "production", Effect::read).kind, Kind::none);
  EXPECT_EQ(FreezeVerdict{}.kind, Kind::deny);
}

TEST(Freezes, AreAboutWhatTheyName) {
  Rules rules = rules_of(R"(
  - { name: n, from: 2026-11-27T00:00, until: 2026-12-01T00:00, environments: [production, dr], upstreams: [web, db],
      effects: [destroy, administer], exempt_agents: [incident-bot] }
)");
  const TimeMs now = at("2026-11-28T12:00:00Z");
  auto kind = [&](std::string_view environment, Effect effect, std::string_view upstream, std::string_view agent) {
    return ask(rules, now, environment, effect, upstream, agent).kind;
  };
  EXPECT_EQ(kind("production", Effect::destroy, "web", "builder"), Kind::deny);
  EXPECT_EQ(kind("dr", Effect::administer, "db", "builder"), Kind::deny);
  EXPECT_EQ(kind("staging", Effect::destroy, "web", "builder"), Kind::none);
  EXPECT_EQ(kind("production", Effect::write, "web", "builder"), Kind::none);
  EXPECT_EQ(kind("production", Effect::destroy, "files", "builder"), Kind::none);
  EXPECT_EQ(kind("production", Effect::destroy, "web", "incident-bot"), Kind::none);
  EXPECT_EQ(kind("production", Effect::destroy, "web", "Incident-Bot"), Kind::deny);
  const std::vector<std::string> several{"staging", "production"};
  EXPECT_EQ(
      frozen(rules, {.agent = "a", .upstream = "web", .environments = several, .effect = Effect::destroy}, now).kind,
      Kind::deny);
}

TEST(Freezes, ReportMistakesWithTheirLine) {
  auto expect = [](std::string_view freezes, std::string_view start, std::string_view part) {
    std::string problem = problem_of(freezes);
    EXPECT_TRUE(problem.starts_with(start) && problem.find(part) != std::string::npos) << problem;
  };
  constexpr std::string_view kOnce = "from: 2026-11-27T00:00, until: 2026-12-01T00:00";
  auto once = [&](std::string_view more) {
    return "  - { name: n, " + std::string(more) + ", " + std::string(kOnce) + " }";
  };
  expect("  - name: n\n    zone: Europe/Berln\n    from: 2026-11-27T00:00\n    until: 2026-12-01T00:00",
         "approvals.yaml:3:", "Europe/Berln");
  expect("  - name: n\n    zone: ../../etc/passwd\n    from: 2026-11-27T00:00\n    until: 2026-12-01T00:00",
         "approvals.yaml:3:", "no time zone");
  expect("  - { name: n }", "approvals.yaml:2:", "needs `from`");
  expect("  - { name: n, from: 2026-11-27, until: 2026-12-01T00:00 }", "approvals.yaml:2:", "2026-11-27T18:00");
  expect("  - { name: n, from: 2026-02-30T00:00, until: 2026-12-01T00:00 }", "approvals.yaml:2:", "expected a time");
  expect("  - { name: n, from: 2026-12-01T00:00, until: 2026-12-01T00:00 }",
         "approvals.yaml:2:", "ends after it begins");
  expect("  - { name: n, weekly: { from: \"friday 18:00\", until: \"mon 06:00\" } }", "approvals.yaml:2:", "fri 18:00");
  expect("  - { name: n, weekly: { from: \"fri 24:00\", until: \"mon 06:00\" } }", "approvals.yaml:2:", "fri 18:00");
  expect("  - { name: n, weekly: { from: \"fri 18:00\", until: \"fri 18:00\" } }", "approvals.yaml:2:", "never end");
  expect(once("weekly: { from: \"fri 18:00\", until: \"mon 06:00\" }"), "approvals.yaml:2:", "not both");
  expect(once("effects: [read]"), "approvals.yaml:2:", "effects are");
  expect(once("environments: []"), "approvals.yaml:2:", "leave it out");
  expect(once("rule: gone"), "approvals.yaml:2:", "no rule `gone`");
  expect(once("zones: UTC"), "approvals.yaml:2:", "unknown key");
  expect("  - { name: a, from: 2026-11-27T00:00, until: 2026-12-01T00:00 }\n" + once("reason: x") + "\n" +
             once("reason: y"),
         "approvals.yaml:4:", "`n` is there twice");
}

TEST(Zones, NameTheirMoments) {
  EXPECT_FALSE(Zone::find(""));
  EXPECT_FALSE(Zone::find("europe/berlin"));
  EXPECT_FALSE(Zone::find(std::string(1'000, 'x')));
  EXPECT_EQ(Zone::find("Mars/Olympus").error().code, "time_zone.unknown");
  Result<Zone> utc = Zone::find("UTC");
  ASSERT_TRUE(utc);
  EXPECT_EQ(week_of(utc->wall(0)), -3 * kMinutesOfDay);  // 1970-01-01 was a Thursday
  EXPECT_EQ(week_of(utc->wall(-4 * 86'400'000LL)), -10 * kMinutesOfDay);
  EXPECT_EQ(parse_wall_of_week("mon 00:00").value(), 0);
  EXPECT_EQ(parse_wall_of_week("sun 23:59").value(), kMinutesOfWeek - 1);
  for (std::string_view bad : {"", "mon", "mon 0:00", "mon 00:60", "Mon 00:00", "mon  00:00", "mon 00:00 ", "mo 000:00",
                               "mon -1:00", "mon 00-00"}) {
    EXPECT_FALSE(parse_wall_of_week(bad)) << bad;
  }
}

}  // namespace
}  // namespace countersign::approvals
