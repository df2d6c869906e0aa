#include "console/policy_follower.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/json.h"
#include "tests/approvals/fixture.h"
#include "tests/policies/signed_repository.h"

namespace countersign::console {
namespace {

namespace fs = std::filesystem;
using policies::test::SignedRepository;

class PolicyFollowerTest : public testing::Test {
 protected:
  void SetUp() override {
    repository_.emplace(outer_.path() / "origin");
    repository_->add_person("alice");
    repository_->add_person("bob");
    repository_->write("a.cedar", "@id(\"all\") permit (principal, action, resource);\n");
    repository_->commit("alice", "first");
    config_.state = outer_.path() / "state";
    config_.policies = config_.state / "policies-from-git";
    fs::create_directories(config_.state);
    config_.policy_repository = config::PolicyRepository{.repository = repository_->path().string(),
                                                         .allowed_signers = repository_->allowed_signers().string()};
    start();
  }
  void start() {
    follower_.emplace(PolicyFollower::Parts{.config = config_, .clock = clock_, .reload = {}, .about_to = {}});
    auto prepared = follower_->prepare();
    ASSERT_TRUE(prepared) << prepared.error().message;
    Problems problems;
    auto ruleset = approvals::load_ruleset(config_.policies, {}, clock_.now(), problems);
    ASSERT_TRUE(ruleset) << format_problems(problems);
    rulesets_.emplace(config_.policies, std::vector<config::Upstream>(), ruleset);
    follower_->set_reload([this] { return rulesets_->reload(clock_.now()); });
  }
  [[nodiscard]] std::size_t running() const { return rulesets_->current()->policies->policies().size(); }

  approvals::test::TempFolder outer_;
  ManualClock clock_{1'795'253'400'000};
  config::Config config_;
  std::optional<SignedRepository> repository_;
  std::optional<PolicyFollower> follower_;
  std::optional<approvals::RulesetStore> rulesets_;
};

TEST_F(PolicyFollowerTest, GoesAlongWithSignedMerges) {
  EXPECT_EQ(running(), 1U);
  EXPECT_FALSE(follower_->follow());
  std::string commit =
      repository_->edit("alice", "bob", "b.cedar", "@id(\"b\") forbid (principal, action, resource);\n");
  auto followed = follower_->follow();
  ASSERT_TRUE(followed);
  EXPECT_TRUE(followed->activated) << followed->reason;
  EXPECT_EQ(followed->code, "policies.activated");
  EXPECT_EQ(running(), 2U);
  auto detail = parse_json(followed->detail);
  ASSERT_TRUE(detail);
  EXPECT_EQ((*detail)["commit"], commit);
  EXPECT_EQ((*detail)["signer"], "bob@example.com");
  EXPECT_EQ((*detail)["proposed_by"], Json{"alice@example.com"});
  EXPECT_EQ((*detail)["after"], rulesets_->current()->digest());
  EXPECT_FALSE(follower_->follow());
}

// What is wrong is told once for each commit, and the running set stays.
TEST_F(PolicyFollowerTest, WhatMayNotGoIntoForceIsToldOnceAndStaysOut) {
  auto expect_refusal = [&](const std::string& code) {
    auto followed = follower_->follow();
    ASSERT_TRUE(followed) << code;
    EXPECT_FALSE(followed->activated);
    EXPECT_EQ(followed->code, code);
    EXPECT_FALSE(followed->reason.empty());
    EXPECT_FALSE(follower_->follow());
    EXPECT_EQ(running(), 1U);
  };
  repository_->edit("alice", "alice", "b.cedar", "// one person");
  expect_refusal("policies.git_one_person");
  repository_->edit("alice", "", "b.cedar", "// unsigned");
  expect_refusal("policies.git_unsigned");
  repository_->git({"reset", "-q", "--hard", "main~2"});
  repository_->edit("alice", "bob", "b.cedar", "permit (principal, action, resource) when { resource.teir == 1 };");
  expect_refusal("policies.invalid");
  repository_->edit("alice", "bob", "b.cedar", "// nothing");
  repository_->edit("alice", "bob", "tests/t.json", "[{}]");
  expect_refusal("policies.tests_failed");
  repository_->edit("bob", "alice", "tests/t.json", "[]");
  auto followed = follower_->follow();
  ASSERT_TRUE(followed);
  EXPECT_TRUE(followed->activated) << followed->code << " " << followed->reason;
}

TEST_F(PolicyFollowerTest, AnUnreachableRepositoryStopsNoStart) {
  fs::rename(repository_->path(), outer_.path() / "gone");
  start();
  EXPECT_EQ(running(), 1U);
  auto followed = follower_->follow();
  ASSERT_TRUE(followed);
  EXPECT_EQ(followed->code, "policies.git_unreachable");
  // The folder lost, it is filled from the mirror.
  fs::remove_all(config_.policies);
  start();
  EXPECT_EQ(running(), 1U);
  // Without anything ever accepted there is nothing to start with.
  fs::remove_all(config_.state);
  follower_.emplace(PolicyFollower::Parts{.config = config_, .clock = clock_, .reload = {}, .about_to = {}});
  EXPECT_FALSE(follower_->prepare());
}

// Broken off between the folder and the mirror, the same commit is put in place once more.
TEST_F(PolicyFollowerTest, NothingIsWrittenBeforeItIsRecorded) {
  repository_->edit("alice", "bob", "b.cedar", "@id(\"b\") forbid (principal, action, resource);\n");
  bool log_works = false;
  follower_.emplace(PolicyFollower::Parts{.config = config_,
                                          .clock = clock_,
                                          .reload = [this] { return rulesets_->reload(clock_.now()); },
                                          .about_to = [&](const Followed&) -> Status {
                                            if (log_works) return {};
                                            return fail(ErrorKind::unavailable, "audit.unavailable", "full");
                                          }});
  auto followed = follower_->follow();
  ASSERT_TRUE(followed);
  EXPECT_EQ(followed->code, "audit.unavailable");
  EXPECT_EQ(running(), 1U);
  log_works = true;
  followed = follower_->follow();
  ASSERT_TRUE(followed);
  EXPECT_TRUE(followed->activated);
  EXPECT_EQ(running(), 2U);
}

}  // namespace
}  // namespace countersign::console
