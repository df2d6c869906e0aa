// From a held request to its attestation: who counts, and when there is nothing to say.
#include "proxy/attest.h"

#include <gtest/gtest.h>

namespace countersign::proxy {
namespace {

using approvals::Group;
using approvals::HeldRequest;
using approvals::Level;

const std::string kFirst(40, 'a');

approvals::Rules rules() {
  approvals::Rule rule;
  rule.name = "production-change";
  rule.stages = {
      {.name = "platform", .count = 1, .groups = {{Group::Kind::team, "platform"}}, .min_level = Level::senior},
      {.name = "director", .count = 1, .groups = {{Group::Kind::anyone, ""}}, .min_level = Level::director}};
  approvals::Rules out;
  out.rules.emplace(rule.name, rule);
  return out;
}

HeldRequest request() {
  HeldRequest out;
  out.id = "req_1";
  out.requester.agent = "builder";
  out.requester.owner = "alice";
  out.requester.delegates = {"tester"};
  out.frozen.upstream = "origin";
  out.frozen.body_sha256 = std::string(64, 'b');
  out.fingerprint = std::string(64, 'c');
  out.policy_digest = std::string(64, 'd');
  out.rules = {"production-change"};
  out.votes = {
      // Given when the stage was open to everybody: it does not count any more.
      {"production-change", "platform", "anyone", "eve", "vp", true, "", 100},
      {"production-change", "platform", "team:platform", "sam", "senior", true, "fine", 200},
      {"other", "platform", "team:platform", "ann", "vp", true, "", 250},
      {"production-change", "director", "anyone", "pat", "director", true, "", 300},
  };
  return out;
}

LandedPush landed() {
  LandedPush out;
  out.repository = "team/app";
  out.refs = {{"refs/heads/main", "", kFirst, "created", {kFirst}}};
  out.origin = "gateway.example/log";
  out.operation = "0192f0c1-0000-7000-8000-000000000000";
  out.outcome.seq = 7;
  out.outcome.leaf.fill(0xab);
  out.executed_at = 400;
  return out;
}

TEST(Attest, NamesThoseWhoseApprovalsCount) {
  const HeldRequest held = request();
  const auto progress = approvals::progress_of(held, rules(), held.created);
  const auto made = attestation_of(held, progress, landed());
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_TRUE(*made);
  const audit::Attestation& attestation = **made;
  ASSERT_EQ(attestation.approvals.size(), 2U);
  EXPECT_EQ(attestation.approvals[0].by, "sam");
  EXPECT_EQ(attestation.approvals[0].level, "senior");
  EXPECT_EQ(attestation.approvals[0].stage, "platform");
  EXPECT_EQ(attestation.approvals[0].at, 200);
  EXPECT_EQ(attestation.approvals[1].by, "pat");
  EXPECT_EQ(attestation.request, "req_1");
  EXPECT_EQ(attestation.agent, "builder");
  EXPECT_EQ(attestation.delegates, std::vector<std::string>{"tester"});
  EXPECT_EQ(attestation.upstream, "origin");
  EXPECT_EQ(attestation.repository, "team/app");
  EXPECT_EQ(attestation.log.seq, 7U);
  EXPECT_EQ(attestation.log.leaf.substr(0, 4), "abab");
  const auto text = audit::statement_text(attestation);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_TRUE(audit::parse_statement(*text));
}

TEST(Attest, SaysNothingOfAPushThatAddedNoCommit) {
  const HeldRequest held = request();
  LandedPush push = landed();
  push.refs[0].commits.clear();
  const auto made = attestation_of(held, approvals::progress_of(held, rules(), held.created), push);
  ASSERT_TRUE(made);
  EXPECT_FALSE(*made);
}

TEST(Attest, NeedsEveryRuleSatisfied) {
  HeldRequest held = request();
  held.votes.pop_back();
  EXPECT_EQ(attestation_of(held, approvals::progress_of(held, rules(), held.created), landed()).error().code,
            "attestation.not_approved");
  EXPECT_EQ(attestation_of(held, {}, landed()).error().code, "attestation.not_approved");
}

TEST(Attest, RefusesMoreCommitsThanOneMayName) {
  const HeldRequest held = request();
  LandedPush push = landed();
  push.refs[0].commits.resize(audit::kMaxAttestedCommits + 1);
  EXPECT_EQ(attestation_of(held, approvals::progress_of(held, rules(), held.created), push).error().code,
            "attestation.too_large");
}

}  // namespace
}  // namespace countersign::proxy
