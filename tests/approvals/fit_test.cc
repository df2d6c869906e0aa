#include "approvals/fit.h"

#include <gtest/gtest.h>

#include <fstream>

#include "approvals/ruleset.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

class Fit : public testing::Test {
 protected:
  Fit() {
    write("a.cedar",
          "@id(\"p\") permit (principal, action, resource);\n"
          "@id(\"f\") @approval(\"change\") forbid (principal, action in Action::\"change\", resource);\n");
    write("entities.yaml",
          "teams: [ platform ]\nusers: [ { name: bob, level: senior, teams: [platform] } ]\n"
          "agents: [ { name: builder, owner: bob } ]\n");
  }
  void write(const std::string& name, std::string_view text) {
    std::ofstream(folder_.path() / name, std::ios::binary) << text;
  }
  // "line: message" of each problem in approvals.yaml.
  std::vector<std::string> problems_of(std::string_view rules, Severity severity = Severity::error) {
    write("approvals.yaml", rules);
    config::Upstream web;
    web.name = "web";
    web.protocol = "http";
    Problems problems;
    auto loaded = load_ruleset(folder_.path(), {web}, 1, problems);
    EXPECT_EQ(loaded == nullptr, has_errors(problems));
    std::vector<std::string> out;
    for (const Problem& one : problems) {
      if (one.severity == severity && one.file.ends_with("approvals.yaml")) {
        out.push_back(std::to_string(one.line) + ": " + one.message);
      }
    }
    return out;
  }
  test::TempFolder folder_;
};

using List = std::vector<std::string>;

TEST_F(Fit, EveryGroupExists) {
  EXPECT_EQ(problems_of(R"(groups:
  oncall: ["user:bob", "team:platform"]
rules:
  change:
    stages:
      - { name: one, group: ["team:platform", "group:oncall"], escalate: { after: 1h, add: [anyone] } }
)"),
            List{});
  EXPECT_EQ(problems_of(R"(groups:
  oncall: ["user:sam", "team:platform"]
rules:
  change:
    stages:
      - { name: one, group: ["team:web", "group:oncall"] }
      - { name: two, group: anyone, escalate: { after: 1h, add: ["team:sre"] } }
)"),
            (List{"6: entities.yaml lists no `team:web`: nobody could approve this stage",
                  "6: entities.yaml lists no `user:sam`: nobody could approve this stage",
                  "7: entities.yaml lists no `team:sre`: nobody could approve this stage"}));
}

TEST_F(Fit, EverybodyInADelegationExists) {
  EXPECT_EQ(problems_of(R"(rules: { change: { stages: [ { name: one, group: anyone } ] } }
delegations:
  - { from: bob, to: sam, since: 2026-11-01T00:00:00Z, until: 2026-11-10T00:00:00Z }
  - { from: builder, to: bob, since: 2026-11-01T00:00:00Z, until: 2026-11-10T00:00:00Z }
)"),
            (List{"3: entities.yaml lists no user `sam`", "4: entities.yaml lists no user `builder`"}));
}

TEST_F(Fit, ARuleThatOnlyAFreezeAsksForIsUsed) {
  constexpr std::string_view kRules =
      "rules:\n"
      "  change: { stages: [ { name: one, group: anyone } ] }\n"
      "  exemption: { stages: [ { name: one, group: anyone } ] }\n"
      "  spare: { stages: [ { name: one, group: anyone } ] }\n"
      "freezes:\n"
      "  - { name: n, from: 2026-11-27T00:00, until: 2026-12-01T00:00, rule: exemption, exempt_agents: [builder, bot] "
      "}\n";
  EXPECT_EQ(problems_of(kRules), List{});
  List warnings = problems_of(kRules, Severity::warning);
  ASSERT_EQ(warnings.size(), 2U) << testing::PrintToString(warnings);
  EXPECT_TRUE(warnings[0].starts_with("4: no policy says @approval(\"spare\")")) << warnings[0];
  EXPECT_TRUE(warnings[1].starts_with("6: entities.yaml lists no agent `bot`")) << warnings[1];
}

}  // namespace
}  // namespace countersign::approvals
