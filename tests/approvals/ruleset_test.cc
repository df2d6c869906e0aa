#include "approvals/ruleset.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

class RulesetTest : public testing::Test {
 protected:
  void SetUp() override {
    config::Upstream files;
    files.name = "files";
    files.protocol = "mcp";
    upstreams_.push_back(files);
    write("a.cedar", kGood);
    write("approvals.yaml", "rules: { change: { stages: [{ name: one, group: anyone }] } }");
  }
  void write(const std::string& name, std::string_view text) {
    std::ofstream(folder_.path() / name, std::ios::binary) << text;
  }
  std::vector<std::string> codes(const Problems& problems, Severity severity) {
    std::vector<std::string> out;
    for (const Problem& problem : problems) {
      if (problem.severity == severity) out.push_back(problem.code);
    }
    return out;
  }
  static constexpr std::string_view kGood =
      "@id(\"p\") permit (principal, action, resource) when { resource.tier == 1 };\n"
      "@id(\"f\") @approval(\"change\") forbid (principal, action in Action::\"change\", resource);\n";
  test::TempFolder folder_;
  std::vector<config::Upstream> upstreams_;
};

// Whatever is wrong: the set that runs goes on, and the answer says why.
TEST_F(RulesetTest, ASetThatDoesNotValidateNeverReplacesTheOneThatRuns) {
  Problems problems;
  auto first = load_ruleset(folder_.path(), upstreams_, 1, problems);
  ASSERT_TRUE(first) << format_problems(problems);
  RulesetStore store(folder_.path(), upstreams_, first);
  for (auto [text, code] : std::initializer_list<std::pair<std::string, std::string>>{
           {"permit (principal, action, resource) when { context.input.arguments.amount > 3 };",
            "cedar.attribute-not-found"},
           {"permit (principal, action, resource) when { resource.teir == 1 };", "cedar.attribute-not-found"},
           {"permit (principal, action, resource is Fiel);", "cedar.unrecognized-entity-type"},
           {"permit (principal, action == Action::\"mcp:call_tol\", resource);", "cedar.unrecognized-action"},
           {"permit (principal == User::\"x\", action, resource);", "cedar.invalid-action-application"},
           {"forbid (principal, action, resource) when { resource.labels has pii };", "lint.never-applies"},
           {"forbid (principal, action, resource in Upstream::\"fils\");", "lint.unknown-entity"},
           {"@approval(\"chnage\") forbid (principal, action, resource);", "lint.approval-unknown"},
           {"permit (principal, action, resource", "cedar.syntax"}}) {
    write("b.cedar", text);
    RulesetStore::Reloaded reloaded = store.reload(2);
    EXPECT_FALSE(reloaded.replaced) << text;
    std::vector<std::string> errors = codes(reloaded.problems, Severity::error);
    EXPECT_NE(std::ranges::find(errors, code), errors.end()) << text << "\n" << format_problems(reloaded.problems);
    EXPECT_EQ(store.current(), first) << text;
    EXPECT_EQ(reloaded.digest, first->policies->digest());
  }
  write("b.cedar", "@id(\"more\") permit (principal, action in Action::\"read\", resource);");
  EXPECT_TRUE(store.reload(3).replaced);
  EXPECT_NE(store.current(), first);
  // The declarations are part of the set.
  write("inputs.cedarschema", "type Arguments = { amount: Long };");
  EXPECT_FALSE(store.reload(4).replaced);
  write("inputs.cedarschema", "type Arguments = { amount?: Long };");
  std::string before = store.current()->policies->digest();
  EXPECT_TRUE(store.reload(5).replaced);
  EXPECT_NE(store.current()->policies->digest(), before);
}

TEST_F(RulesetTest, WarningsAreShownAndDoNotHinder) {
  write("approvals.yaml",
        "rules: { change: { stages: [{ name: one, group: anyone }] }, spare: { stages: [{ name: one, group: anyone }] "
        "} }");
  Problems problems;
  EXPECT_TRUE(load_ruleset(folder_.path(), upstreams_, 1, problems));
  EXPECT_EQ(codes(problems, Severity::warning), (std::vector<std::string>{"lint.approval-unused", "lint.no-floor"}));
  EXPECT_TRUE(codes(problems, Severity::error).empty());
}

}  // namespace
}  // namespace countersign::approvals
