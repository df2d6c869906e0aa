#include "console/policy_desk.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "tests/approvals/fixture.h"

namespace countersign::console {
namespace {

namespace fs = std::filesystem;
using Files = PolicyDesk::Files;

constexpr TimeMs kNow = 1'795'253'400'000;

class PolicyDeskTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = outer_.path() / "policies";
    fs::create_directories(folder_ / "tests");
    config::Upstream files;
    files.name = "files";
    files.protocol = "mcp";
    upstreams_.push_back(files);
    write("a.cedar", "@id(\"all\") permit (principal, action, resource);\n");
    write("entities.yaml",
          "users:\n  - { name: olivia, level: senior, teams: [] }\n  - { name: sam, level: senior, teams: [] }\n");
    open();
  }
  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name) << text; }
  void open(std::string read_only = "") {
    Problems problems;
    auto ruleset = approvals::load_ruleset(folder_, upstreams_, kNow, problems);
    ASSERT_TRUE(ruleset) << format_problems(problems);
    rulesets_.emplace(folder_, upstreams_, ruleset);
    auto journal = policies::Journal::open(outer_.path() / "state" / "operations", {}, clock_, log_);
    ASSERT_TRUE(journal);
    journal_ = std::move(*journal);
    auto desk = PolicyDesk::open({.rulesets = *rulesets_,
                                  .clock = clock_,
                                  .state = outer_.path() / "state",
                                  .journal = journal_.get(),
                                  .reload = [this] { return rulesets_->reload(clock_.now()); },
                                  .read_only = std::move(read_only)});
    ASSERT_TRUE(desk) << desk.error().message;
    desk_ = std::move(*desk);
  }
  [[nodiscard]] std::string running() const { return rulesets_->current()->digest(); }
  // The running files with one more, or another one.
  [[nodiscard]] Files draft(const std::string& path, std::string_view text) const {
    Files out;
    for (const policies::FileText* file : rulesets_->current()->files->all()) {
      if (file->name != path) out.push_back({file->name, file->text});
    }
    out.push_back({path, std::string(text)});
    return out;
  }
  Result<Proposal> propose(const std::string& path, std::string_view text, const std::string& who = "olivia",
                           std::vector<std::string> chain = {}) {
    return desk_->propose(draft(path, text), running(), "because", {who, std::move(chain)});
  }
  std::string activate(const std::string& id, const std::string& who, std::vector<std::string> chain = {}) {
    auto done = desk_->activate(id, "looks right", {who, std::move(chain)}, [](const auto&) { return Status(); });
    return done ? "" : done.error().code;
  }
  template <class T>
  static std::string code(const Result<T>& result) {
    return result ? "" : result.error().code;
  }
  static constexpr std::string_view kForbid = "@id(\"no\") forbid (principal, action, resource);\n";

  approvals::test::TempFolder outer_;
  fs::path folder_;
  std::vector<config::Upstream> upstreams_;
  ManualClock clock_{kNow};
  Log log_{LogLevel::off};
  std::optional<approvals::RulesetStore> rulesets_;
  std::unique_ptr<policies::Journal> journal_;
  std::unique_ptr<PolicyDesk> desk_;
};

TEST_F(PolicyDeskTest, ShowsWhatRuns) {
  Json files = desk_->files();
  EXPECT_EQ(files["digest"], running());
  ASSERT_EQ(files["files"].size(), 2U);
  EXPECT_EQ(files["files"][0]["path"], "a.cedar");
  EXPECT_EQ(files["read_only"], "");
  Json schema = desk_->schema();
  EXPECT_TRUE(schema["text"].get<std::string>().contains("entity Agent"));
  EXPECT_TRUE(schema["entities"]["Agent"]["attributes"].contains("delegates"));
  EXPECT_EQ(schema["entities"]["User"]["ids"], (Json{"olivia", "sam"}));
  EXPECT_TRUE(schema["context"]["attributes"]["input"]["attributes"].contains("arguments"));
  EXPECT_TRUE(schema["context"]["attributes"]["now"]["type"] == "datetime");
}

TEST_F(PolicyDeskTest, ChecksWithTheTestsOfTheDraft) {
  Json good = *desk_->check(draft("b.cedar", kForbid));
  EXPECT_TRUE(good["ok"]);
  EXPECT_EQ(good["digest"].get<std::string>().size(), 64U);
  EXPECT_EQ(good["tests"]["passed"], 0);
  Json bad = *desk_->check(draft("b.cedar", "forbid (principal, action, resource) when { resource.teir == 1 };"));
  EXPECT_FALSE(bad["ok"]);
  EXPECT_EQ(bad["digest"], "");
  EXPECT_TRUE(bad["tests"].is_null());
  EXPECT_EQ(bad["problems"][0]["code"], "cedar.attribute-not-found");
  EXPECT_EQ(bad["problems"][0]["file"], "b.cedar");
  Json failing = *desk_->check(draft(
      "tests/t.json",
      R"([{"name":"n","request":{"agent":"b","owner":"o","action":"mcp:call_tool","effect":"write","resource":"Tool::files/x","input":{"tool":"x"}},"decision":"deny"}])"));
  EXPECT_FALSE(failing["ok"]);
  EXPECT_EQ(failing["tests"]["failed"], 1);
  EXPECT_EQ((*desk_->check({{"../x.cedar", ""}}))["problems"][0]["code"], "draft.file_name");
}

TEST_F(PolicyDeskTest, WhatIsBeingPutIntoForceIsNotWithdrawnUnderneath) {
  auto proposal = propose("b.cedar", kForbid);
  ASSERT_TRUE(proposal) << proposal.error().message;
  Status withdrawn;
  auto done = desk_->activate(proposal->id, "looks right", {"sam", {}}, [&](const auto&) {
    std::jthread([&] { withdrawn = desk_->withdraw(proposal->id, "rather not", {"olivia", {}}); }).join();
    return Status();
  });
  ASSERT_FALSE(withdrawn);
  EXPECT_EQ(withdrawn.error().code, "policies.busy");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(running(), proposal->digest);
  EXPECT_EQ(desk_->list()["proposals"][0]["state"], "activated");
  EXPECT_EQ(code(desk_->find(proposal->id)), "");
  auto late = desk_->withdraw(proposal->id, "rather not", {"olivia", {}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "proposals.closed");
}

TEST_F(PolicyDeskTest, TwoPeopleAndNotOneUnderTwoNames) {
  auto proposal = propose("b.cedar", kForbid, "olivia", {"aa", "bb"});
  ASSERT_TRUE(proposal) << proposal.error().message;
  std::string before = running();
  for (const char* name : {"olivia", "Olivia", "OLIVIA", "user:olivia"})
    EXPECT_EQ(activate(proposal->id, name), "policies.self");
  // A token of the same lineage is the same hand, whatever name it carries.
  EXPECT_EQ(activate(proposal->id, "sam", {"aa", "cc"}), "policies.self");
  EXPECT_EQ(running(), before);
  EXPECT_EQ(activate(proposal->id, "sam", {"dd"}), "");
  EXPECT_EQ(running(), proposal->digest);
  EXPECT_NE(running(), before);
  EXPECT_EQ(rulesets_->current()->policies->policies().size(), 2U);
  EXPECT_EQ(activate(proposal->id, "sam"), "proposals.closed");
  Json shown = desk_->list()["proposals"][0];
  EXPECT_EQ(shown["state"], "activated");
  EXPECT_EQ(shown["by"], "olivia");
  EXPECT_EQ(shown["activated_by"], "sam");
  Json history = desk_->history()["history"];
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0]["digest"], proposal->digest);
  EXPECT_EQ(history[0]["by"], "sam");
  EXPECT_EQ(history[0]["proposed_by"], "olivia");
  EXPECT_EQ(history[0]["replaced"], before);
  EXPECT_EQ(history[1]["digest"], before);
}

TEST_F(PolicyDeskTest, OnlySoundEditsOfWhatRunsAreProposed) {
  EXPECT_EQ(code(propose("b.cedar", "forbid")), "policies.invalid");
  EXPECT_EQ(code(propose("a.cedar", "@id(\"all\") permit (principal, action, resource);\n")), "policies.unchanged");
  EXPECT_EQ(code(propose("x/y.cedar", kForbid)), "policies.invalid");
  EXPECT_EQ(code(desk_->propose(draft("b.cedar", kForbid), "", "why", {"olivia", {}})), "policies.outdated");
  EXPECT_EQ(code(desk_->propose(draft("b.cedar", kForbid), running(), "", {"olivia", {}})), "policies.description");
  EXPECT_EQ(code(propose("tests/t.json", "[{}]")), "policies.tests_failed");
  EXPECT_TRUE(desk_->list()["proposals"].empty());
}

TEST_F(PolicyDeskTest, AnEditOfWhatDoesNotRunAnyMoreIsOutdated) {
  auto first = propose("b.cedar", kForbid);
  auto second = propose("c.cedar", "@id(\"c\") forbid (principal, action, resource) when { resource.tier == 0 };");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(activate(first->id, "sam"), "");
  EXPECT_EQ(activate(second->id, "sam"), "policies.outdated");
  EXPECT_EQ(running(), first->digest);
  Json shown = *desk_->show(second->id);
  EXPECT_EQ(shown["state"], "outdated");
  // It is still compared with what it was made from.
  ASSERT_EQ(shown["diff"]["policies"].size(), 1U);
  EXPECT_EQ(shown["diff"]["policies"][0]["id"], "c");
}

TEST_F(PolicyDeskTest, WhatIsNoLongerSoundIsNotActivated) {
  auto proposal = propose("b.cedar", kForbid);
  ASSERT_TRUE(proposal);
  // Edited by hand in between: the running set is still the one it was made from, the folder is not.
  write("z.cedar", "// by hand");
  EXPECT_EQ(activate(proposal->id, "sam"), "policies.folder_differs");
  fs::remove(folder_ / "z.cedar");
  // Nobody may put into force what could not be recorded.
  auto refused = desk_->activate(proposal->id, "", {"sam", {}}, [](const auto&) -> Status {
    return fail(ErrorKind::unavailable, "audit.unavailable", "the log is full");
  });
  EXPECT_EQ(code(refused), "audit.unavailable");
  EXPECT_FALSE(fs::exists(folder_ / "b.cedar"));
  EXPECT_EQ(activate(proposal->id, "sam"), "");
}

TEST_F(PolicyDeskTest, BackToASetThatWasInForce) {
  std::string before = running();
  auto proposal = propose("b.cedar", kForbid);
  ASSERT_TRUE(proposal);
  ASSERT_EQ(activate(proposal->id, "sam"), "");
  EXPECT_EQ(code(desk_->propose_rollback(std::string(64, 'a'), "oops", {"sam", {}})), "policies.unknown_digest");
  EXPECT_EQ(code(desk_->propose_rollback("../../etc/passwd", "oops", {"sam", {}})), "policies.unknown_digest");
  auto back = desk_->propose_rollback(before, "too strict", {"sam", {}});
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->digest, before);
  EXPECT_EQ(activate(back->id, "sam"), "policies.self");
  EXPECT_EQ(activate(back->id, "olivia"), "");
  EXPECT_EQ(running(), before);
  EXPECT_EQ(desk_->history()["history"].size(), 3U);
}

TEST_F(PolicyDeskTest, EverythingIsThereAfterARestart) {
  auto first = propose("b.cedar", kForbid);
  auto second = propose("c.cedar", kForbid);
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(desk_->withdraw(second->id, "changed my mind", {"olivia", {}}));
  ASSERT_EQ(activate(first->id, "sam"), "");
  Json history = desk_->history();
  Json list = desk_->list();
  open();
  EXPECT_EQ(desk_->history(), history);
  EXPECT_EQ(desk_->list(), list);
  EXPECT_EQ(activate(second->id, "sam"), "proposals.closed");
  EXPECT_EQ(activate("pol_nobody", "sam"), "proposals.unknown");
  EXPECT_EQ(activate("../policy-history/history", "sam"), "proposals.unknown");
  // Changed on disk while the gateway was down: the history says so.
  write("d.cedar", "@id(\"d\") forbid (principal, action, resource) when { resource.tier == 0 };");
  open();
  EXPECT_EQ(desk_->history()["history"].size(), history["history"].size() + 1);
  EXPECT_EQ(desk_->history()["history"][0]["by"], "");
}

TEST_F(PolicyDeskTest, AProposalThatCannotBeReadStopsTheStartRatherThanVanish) {
  std::ofstream(outer_.path() / "state" / "proposals" / "pol_x.json") << "{";
  auto desk = PolicyDesk::open({.rulesets = *rulesets_, .clock = clock_, .state = outer_.path() / "state"});
  EXPECT_EQ(code(desk), "proposals.unreadable");
}

TEST_F(PolicyDeskTest, AReadOnlyFolderSaysWhy) {
  open("they come from somewhere else");
  EXPECT_TRUE(desk_->files()["read_only"].get<std::string>().contains("somewhere else"));
  EXPECT_EQ(code(propose("b.cedar", kForbid)), "policies.read_only");
  open();
  auto proposal = propose("b.cedar", kForbid);
  ASSERT_TRUE(proposal);
  fs::create_directories(outer_.path() / ".git");
  EXPECT_EQ(activate(proposal->id, "sam"), "policies.read_only");
}

TEST_F(PolicyDeskTest, ReplaysWhatHappened) {
  EXPECT_EQ((*desk_->replay(draft("b.cedar", kForbid), 7, 1000, PolicyDesk::Against::recorded))["operations"], 0);
  Operation operation;
  operation.protocol = "mcp";
  operation.upstream = "files";
  operation.action = "mcp:call_tool";
  operation.input = R"({"arguments":{},"tool":"x"})";
  operation.accesses = {{{"Tool", "files/x", "x"}, Effect::write}};
  Scope scope({ScopeBlock{{ScopeRule{}}, std::nullopt, std::nullopt}});
  policies::Subject subject{.agent = "builder", .owner = "olivia", .scope = &scope};
  auto snapshot = rulesets_->current()->policies;
  journal_->note(snapshot, subject, operation, policies::decide(*snapshot, subject, operation, {}, kNow), kNow);
  Json out = *desk_->replay(draft("b.cedar", kForbid), 7, 1000, PolicyDesk::Against::running);
  EXPECT_EQ(out["operations"], 1);
  ASSERT_EQ(out["flips"].size(), 1U);
  EXPECT_EQ(out["flips"][0]["to"], "deny");
  EXPECT_EQ(out["flips"][0]["policies_after"], Json{"no"});
  EXPECT_EQ(out["against"], "running");
  EXPECT_EQ(code(desk_->replay(draft("b.cedar", "forbid"), 7, 1000, PolicyDesk::Against::recorded)),
            "policies.invalid");
}

}  // namespace
}  // namespace countersign::console
