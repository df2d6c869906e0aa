#include "policies/snapshot.h"

#include <gtest/gtest.h>

#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr std::string_view kPermit = "permit (principal, action, resource);";

TEST(SnapshotTest, NoPolicyAtAllIsAnError) {
  PolicyFolder folder;
  EXPECT_EQ(folder.problems(), "policies: there is no policy at all: nothing would ever be allowed\n");
  folder.write("only-comments.cedar", "// nothing\n");
  EXPECT_EQ(folder.problems(), "policies: there is no policy at all: nothing would ever be allowed\n");
  folder.write("a.cedar", kPermit);
  EXPECT_EQ(folder.problems(), "");
}

TEST(SnapshotTest, EveryProblemOfEveryFileAtOnceWithItsPlace) {
  PolicyFolder folder;
  folder.write("a.cedar", "permit (principal, action, resource);\n\npermit (principal, action resource);\n");
  folder.write("b.cedar", "permit (principal, action, resource) when { principal.x == };");
  folder.write("floor/c.cedar", "forbid (principal, action, resource)");
  folder.write("entities.yaml", "users: [{ name: a }]\npeople: []\n");
  Problems problems;
  EXPECT_EQ(Snapshot::load(folder.path(), {}, problems), nullptr);
  std::vector<std::string> places;
  for (const Problem& problem : problems) {
    places.push_back(std::filesystem::path(problem.file).filename().string() + ":" + std::to_string(problem.line));
    EXPECT_GT(problem.column, 0);
  }
  EXPECT_EQ(places,
            (std::vector<std::string>{"a.cedar:3", "b.cedar:1", "entities.yaml:1", "entities.yaml:2", "c.cedar:1"}));
}

TEST(SnapshotTest, ApprovalsStandWhereTheyMean) {
  PolicyFolder folder;
  folder.write("a.cedar",
               "@approval(\"x\") permit (principal, action, resource);\n"
               "@approval forbid (principal, action, resource);\n"
               "@approval(\"\") forbid (principal, action, resource);\n"
               "@approval(\"two words\") forbid (principal, action, resource);\n");
  folder.write("floor/f.cedar", "\n@approval(\"x\") forbid (principal, action, resource);");
  EXPECT_EQ(folder.problems(),
            "a.cedar:1: @approval belongs to a forbid: on a permit it would hold nothing back\n"
            "a.cedar:2: @approval needs the name of a rule in approvals.yaml\n"
            "a.cedar:3: @approval needs the name of a rule in approvals.yaml\n"
            "a.cedar:4: @approval needs the name of a rule in approvals.yaml\n"
            "floor/f.cedar:2: @approval is not allowed in the floor: nothing releases what stands there\n");
}

TEST(SnapshotTest, IdsAreUniqueAndAnnotationsKnown) {
  PolicyFolder folder;
  folder.write("a.cedar",
               "@id(\"x\") permit (principal, action, resource);\n"
               "@id(\"x\") permit (principal, action, resource);\n"
               "@id(\"\") permit (principal, action, resource);\n"
               "@aproval(\"x\") forbid (principal, action, resource);\n"
               "@description(\"d\") @reason(\"r\") permit (principal, action, resource);\n");
  std::string problems = folder.problems();
  EXPECT_NE(problems.find("a.cedar:2: another policy has the id `x`, at "), std::string::npos) << problems;
  EXPECT_NE(problems.find("a.cedar:3: @id has 1 to 100 letters"), std::string::npos) << problems;
  EXPECT_NE(problems.find("a.cedar:4: warning: unknown annotation @aproval; did you mean @approval?\n"),
            std::string::npos)
      << problems;
  EXPECT_EQ(problems.find("a.cedar:5"), std::string::npos) << problems;
}

TEST(SnapshotTest, FoldersThatAreNotThere) {
  Problems problems;
  EXPECT_EQ(Snapshot::load("/nonexistent", {}, problems), nullptr);
  EXPECT_TRUE(has_errors(problems));
  PolicyFolder folder;
  folder.write("a.cedar", kPermit);
  std::filesystem::remove_all(folder.path() / "floor");
  EXPECT_EQ(folder.problems(), "");
  // A floor that is there but cannot be listed must not count as none.
  folder.write("floor", "not a folder");
  EXPECT_NE(folder.problems().find("cannot read the folder"), std::string::npos);
}

TEST(SnapshotTest, AFileThatCannotBeReadIsAnError) {
  PolicyFolder folder;
  folder.write("a.cedar", kPermit);
  std::filesystem::create_directory(folder.path() / "b.cedar");
  EXPECT_NE(folder.problems().find("b.cedar is not a regular file"), std::string::npos);
  std::filesystem::remove(folder.path() / "b.cedar");
  std::filesystem::create_directory(folder.path() / "entities.yaml");
  EXPECT_NE(folder.problems().find("entities.yaml is not a regular file"), std::string::npos);
}

TEST(SnapshotTest, TheDigestSeesEveryByteThatDecides) {
  PolicyFolder folder;
  folder.upstream("files", "staging", 3);
  folder.write("a.cedar", kPermit);
  std::string first = folder.load()->digest();
  EXPECT_EQ(first.size(), 64U);
  EXPECT_EQ(folder.load()->digest(), first);
  std::vector<std::string> seen = {first};
  auto changed = [&](const PolicyFolder& now) {
    std::string digest = now.load()->digest();
    EXPECT_EQ(std::ranges::count(seen, digest), 0);
    seen.push_back(digest);
  };
  changed(folder.write("a.cedar", std::string(kPermit) + " "));
  changed(folder.write("entities.yaml", "teams: []\n"));
  changed(folder.write("entities.yaml", "teams: [a]\n"));
  changed(folder.write("floor/f.cedar", "forbid (principal, action, resource) when { resource.tier == 0 };"));
  std::filesystem::rename(folder.path() / "floor/f.cedar", folder.path() / "f.cedar");
  changed(folder);
  changed(folder.upstream("web", "staging", 3));
  PolicyFolder other;
  other.upstream("files", "staging", 2);
  other.write("a.cedar", kPermit);
  changed(other);
  // Who approves and who may do what belong to the set.
  changed(other.write("approvals.yaml", "rules: {}"));
  std::filesystem::create_directories(other.path() / "roles");
  changed(other.write("roles/r.cedar", kPermit));
  // What does not decide does not count.
  std::filesystem::create_directories(other.path() / "tests");
  other.write("README.md", "text").write("tests/t.json", "[]");
  EXPECT_EQ(other.load()->digest(), seen.back());
}

TEST(SnapshotTest, ApprovalRulesInUseAreListedWithTheirPlaces) {
  PolicyFolder folder;
  folder.write("a.cedar",
               "\n@approval(\"two\") forbid (principal, action, resource);\n"
               "@approval(\"one\") forbid (principal, action, resource);\n");
  auto uses = folder.load()->approval_uses();
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].rule, "one");
  EXPECT_EQ(uses[0].line, 3);
  EXPECT_EQ(uses[1].rule, "two");
  EXPECT_EQ(uses[1].line, 2);
}

TEST(Mentions, AreExact) {
  auto mentions = [](const std::string& body) {
    auto policies = cedar::PolicySet::parse("permit (principal, action, resource) when { " + body + " };");
    EXPECT_TRUE(policies) << body;
    return policies ? mentions_of(policies->all().front()) : Mentions();
  };
  EXPECT_TRUE(mentions("context.input.x == 1").input);
  EXPECT_TRUE(mentions("context has input").input);
  EXPECT_TRUE(mentions("context has input.x").input);
  EXPECT_TRUE(mentions("context[\"input\"].x == 1").input);
  EXPECT_TRUE(mentions("{a: context} == {a: context}").input);
  EXPECT_TRUE(mentions("context == {}").approval);
  EXPECT_TRUE(mentions("context.approval.hasTag(\"x\")").approval);
  EXPECT_FALSE(mentions("context.effect == \"input\"").input);
  EXPECT_FALSE(mentions("resource.input == 1 && principal has approval").input);
  EXPECT_FALSE(mentions("resource.input == 1 && principal has approval").approval);
  EXPECT_TRUE(mentions("resource == File::\"x\"").resource_itself);
  EXPECT_FALSE(mentions("resource.tier == 1").resource_itself);
  EXPECT_TRUE(mentions("resource.name like \"*x\"").resource_name);
}

TEST(Snapshot, AReasonIsCutBetweenCharacters) {
  PolicyFolder folder;
  std::string reason(499, 'a');
  folder.write("a.cedar", "@id(\"x\") @reason(\"" + reason + "€€\") permit (principal, action, resource);");
  auto snapshot = folder.load();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->facts(cedar::PolicyRef{0}).reason, reason);
}

}  // namespace
}  // namespace countersign::policies
