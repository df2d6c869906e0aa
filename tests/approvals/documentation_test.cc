#include "approvals/documentation.h"

#include <gtest/gtest.h>

#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;

Rules tier_one() {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", R"(
rules:
  tier-1:
    documentation:
      - { field: intent, min_length: 20 }
      - { field: ticket, pattern: "[A-Z]+-[0-9]+" }
      - { field: rollback }
      - { field: references, max_age: 90d }
    stages: [ { name: one, group: anyone } ]
  strict:
    documentation: [ { field: references, max_age: 30d }, { field: intent, min_length: 30 } ]
    stages: [ { name: one, group: anyone } ]
  plain: { stages: [ { name: one, group: anyone } ] }
)",
                                           problems);
  EXPECT_TRUE(rules) << format_problems(problems);
  return rules.value_or(Rules{});
}

const TimeMs kToday = parse_time("2026-11-20T12:00:00Z").value();

std::string full(std::string_view updated = "2026-11-01") {
  return canonical_documentation(
             R"({"ticket":"OPS-17","intent":"rotate the certificate of web","rollback":"put the old one back",)"
             R"("references":[{"url":"https://wiki.example/tls","updated":")" +
             std::string(updated) + R"("}]})")
      .value_or("");
}

std::vector<std::string> missing(std::vector<std::string> names, std::string_view documentation, TimeMs now = kToday) {
  return missing_documentation(tier_one(), names, documentation, now);
}

TEST(Documentation, HasOneSpelling) {
  EXPECT_EQ(full(), R"({"intent":"rotate the certificate of web","references":[{"updated":"2026-11-01",)"
                    R"("url":"https://wiki.example/tls"}],"rollback":"put the old one back","ticket":"OPS-17"})");
  EXPECT_EQ(canonical_documentation(full()).value(), full());
  EXPECT_EQ(canonical_documentation("").value(), "");
  EXPECT_EQ(canonical_documentation(" {} ").value(), "{}");
}

TEST(Documentation, RefusesWhatItDoesNotKnow) {
  for (std::string_view bad :
       {"[]", "null", "3", "{", R"({"intent":3})", R"({"Intent":"x"})", R"({"intent":"x","intent":"y"})",
        R"({"references":{}})", R"({"references":["https://a"]})", R"({"references":[{"updated":"2026-01-01"}]})",
        R"({"references":[{"url":"javascript:alert","updated":"2026-01-01"}]})",
        R"({"references":[{"url":"https://","updated":"2026-01-01"}]})",
        R"({"references":[{"url":"https://a b","updated":"2026-01-01"}]})",
        R"({"references":[{"url":"https://a","updated":"2026-02-30"}]})",
        R"({"references":[{"url":"https://a","updated":"2026-01-01T00:00:00Z"}]})",
        R"({"references":[{"url":"https://a","updated":20260101}]})",
        R"({"references":[{"url":"https://a","updated":"2026-01-01","by":"x"}]})", "{\"intent\":\"\xff\"}"}) {
    EXPECT_EQ(code_of(canonical_documentation(bad)), "documentation.malformed") << bad;
  }
  EXPECT_EQ(code_of(canonical_documentation(R"({"intent":")" + std::string(kMostDocumentationBytes, 'x') + "\"}")),
            "documentation.too_large");
  std::string many = R"({"references":[)";
  for (int i = 0; i < 51; ++i) many += std::string(i > 0 ? "," : "") + R"({"url":"https://a","updated":"2026-01-01"})";
  EXPECT_EQ(code_of(canonical_documentation(many + "]}")), "documentation.too_large");
}

TEST(Documentation, IsMissingFieldByField) {
  EXPECT_EQ(missing({"tier-1"}, ""),
            (std::vector<std::string>{"intent is missing", "ticket is missing", "rollback is missing",
                                      "references are missing: at least one"}));
  EXPECT_TRUE(missing({"tier-1"}, full()).empty());
  EXPECT_TRUE(missing({"plain"}, "").empty());
  EXPECT_TRUE(missing({"gone"}, "").empty());
  EXPECT_TRUE(missing({}, "").empty());
  EXPECT_EQ(
      missing({"tier-1"}, R"({"intent":"  too short, blanks   ","references":[],"rollback":"\n","ticket":"OPS-1 "})"),
      (std::vector<std::string>{"intent is too short: at least 20 characters", "rollback is missing",
                                "references are missing: at least one"}));
  EXPECT_EQ(missing({"tier-1"}, R"({"intent":"a sentence that is long enough","references":[{"updated":"2026-11-01",)"
                                R"("url":"https://a"}],"rollback":"x","ticket":"see OPS-17"})"),
            std::vector<std::string>{"ticket must match [A-Z]+-[0-9]+"});
  // Twenty characters, whatever their bytes.
  EXPECT_EQ(missing({"tier-1"}, R"({"intent":"ääääääääääääääääääää"})").size(), 3U);
  EXPECT_EQ(missing({"tier-1"}, R"({"intent":"äääääääääääääääääää"})").size(), 4U);
  EXPECT_EQ(missing({"tier-1"}, "not what canonical_documentation() made").size(), 4U);
}

TEST(Documentation, OfSeveralRulesIsTheStrictest) {
  EXPECT_EQ(missing({"plain", "tier-1", "strict"}, full()),
            std::vector<std::string>{"intent is too short: at least 30 characters"});
  EXPECT_EQ(missing({"tier-1", "strict"}, "").size(), 4U);
}

TEST(Documentation, AnAgeCountsFromTheEndOfTheDay) {
  const TimeMs last = parse_time("2026-12-01T23:59:59Z").value() + 1'000;  // 30 days after the end of 2026-11-01
  const std::vector<std::string> names{"strict"};
  EXPECT_EQ(missing({"strict"}, full(), last).size(), 1U);
  EXPECT_EQ(missing({"strict"}, full(), last + 1).size(), 2U);
  EXPECT_EQ(code_of(check_references(tier_one(), names, full(), last)), "");
  auto stale = check_references(tier_one(), names, full(), last + 1);
  EXPECT_EQ(code_of(stale), "documentation.stale_reference");
  EXPECT_NE(stale.error().message.find("more than 30 days ago"), std::string::npos);
  EXPECT_EQ(code_of(check_references(tier_one(), std::vector<std::string>{"tier-1"}, full(), last + 1)), "");
  EXPECT_EQ(code_of(check_references(tier_one(), std::vector<std::string>{"plain"}, full("1999-01-01"), kToday)), "");
  EXPECT_EQ(code_of(check_references(tier_one(), names, "", kToday)), "");
}

TEST(Documentation, AReferenceMayLeaveItsDateOutWhereNobodyAsksForOne) {
  const std::string undated = canonical_documentation(R"({"references":[{"url":"https://a"}]})").value_or("");
  EXPECT_EQ(undated, R"({"references":[{"url":"https://a"}]})");
  EXPECT_TRUE(missing({"plain"}, undated).empty());
  EXPECT_EQ(
      missing({"strict"}, undated),
      (std::vector<std::string>{"reference https://a does not say when it was last updated", "intent is missing"}));
  EXPECT_EQ(code_of(check_references(tier_one(), std::vector<std::string>{"strict"}, undated, kToday)), "");
}

TEST(Documentation, GuidanceFromTheFutureIsRefused) {
  const std::vector<std::string> names{"plain"};
  EXPECT_EQ(code_of(check_references(tier_one(), names, full("2026-11-21"), kToday)), "");
  EXPECT_EQ(code_of(check_references(tier_one(), names, full("2026-11-22"), kToday)), "documentation.stale_reference");
  EXPECT_TRUE(missing({"tier-1"}, full("2026-11-21")).empty());
  EXPECT_EQ(missing({"tier-1"}, full("2026-11-22")),
            std::vector<std::string>{"reference https://wiki.example/tls is dated in the future"});
}

TEST(Documentation, HoldsBackApprovalsAndReminders) {
  HeldRequest request = test::draft("x", kToday);
  request.created = kToday;
  request.rules = {"tier-1"};
  Rules rules = tier_one();
  rules.rules.at("tier-1").remind = {60'000};
  auto approve = [&] { return code_of(eligibility(request, test::bob(), Choice::approve, rules, kToday)); };
  EXPECT_EQ(approve(), "approval.undocumented");
  EXPECT_EQ(code_of(eligibility(request, test::bob(), Choice::deny, rules, kToday)), "");
  EXPECT_TRUE(due_reminders(request, rules, 0, kToday + 60'000).empty());
  request.documentation = full("2026-08-22");
  request.documented = kToday;
  EXPECT_EQ(approve(), "");
  EXPECT_EQ(due_reminders(request, rules, 0, kToday + 60'000).size(), 1U);
  // It grows too old while people decide: that is not the agent's fault.
  request.expires = kToday + 20LL * 86'400'000;
  EXPECT_EQ(code_of(eligibility(request, test::bob(), Choice::approve, rules, kToday + 10LL * 86'400'000)), "");
  request.documented = kToday + 10LL * 86'400'000;
  EXPECT_EQ(approve(), "approval.undocumented");
}

TEST(DocumentationNeeds, ReportMistakesWithTheirLine) {
  Problems problems;
  EXPECT_FALSE(parse_rules("approvals.yaml", R"(rules:
  a:
    stages: [ { name: one, group: anyone } ]
    documentation:
      - { field: purpose }
      - { field: intent, pattern: "[" }
      - { field: references, min_length: 3 }
      - { field: ticket, max_age: 3d }
      - { field: ticket }
      - { field: rollback, min_length: 0 }
      - { min_length: 3 }
)",
                           problems));
  std::vector<int> lines;
  for (const Problem& problem : problems) lines.push_back(problem.line);
  EXPECT_EQ(lines, (std::vector<int>{5, 6, 7, 8, 9, 10, 11})) << format_problems(problems);
}

}  // namespace
}  // namespace countersign::approvals
