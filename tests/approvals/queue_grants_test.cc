// Grants in the queue: the same quorum as the request they come with, never more uses than agreed, nothing after the
// end.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <random>
#include <thread>

#include "approvals/queue.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;
using test::kHour;
using test::kNow;

constexpr TimeMs kUntil = kNow + kHour;

class QueueGrantsTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    queue.reset();
    queue = test::open_queue(folder.path());
    ASSERT_TRUE(queue);
    queue->observe([this](const Change& change) {
      if (change.kind != Change::Kind::grant) return;
      EXPECT_TRUE(change.grant);
      EXPECT_EQ(change.request.id, change.grant->request);
      const Grant& grant = *change.grant;
      told.emplace_back(grant.revoked != 0 ? "revoked" : grant.activated != 0 ? "active" : "proposed");
    });
  }
  std::string hold(std::string_view identity, std::string_view rule = "pair") {
    HeldRequest draft = test::draft(identity);
    draft.rules = {std::string(rule)};
    draft.resources = {"File::docs/a"};
    return queue->hold(draft, kNow)->request.id;
  }
  static GrantTerms terms(std::int64_t uses = 3) {
    return {.resources = {"File::docs/*"}, .arguments = {}, .max_uses = uses, .until = kUntil};
  }
  static GrantQuestion question(std::string_view resource = "File::docs/b") {
    Requester who = test::draft("").requester;
    return {.agent = who.agent,
            .owner = who.owner,
            .delegates = who.delegates,
            .root = who.chain.front(),
            .upstream = "files",
            .action = "http:PUT",
            .effect = "write",
            .environment = "production",
            .resources = {std::string(resource)},
            .input = "{}",
            .rules = {"pair"}};
  }
  Result<HeldRequest> vote(const std::string& id, const Approver& by, std::string_view grant) {
    Ballot ballot = test::yes(by);
    ballot.grant = grant;
    return queue->vote(id, ballot, rules, kNow);
  }
  Grant active(std::int64_t uses = 3) {
    std::string id = hold("g" + std::to_string(++count));
    Grant grant = *queue->propose_grant(id, terms(uses), test::bob(), rules, kNow);
    EXPECT_TRUE(vote(id, test::bob(), grant.digest));
    EXPECT_EQ(vote(id, test::carol(), grant.digest)->state, State::approved);
    return *queue->get_grant(grant.id);
  }
  std::string used(TimeMs now = kNow) {
    Result<std::optional<GrantUse>> use = queue->use_grant(question(), "op", now);
    EXPECT_TRUE(use);
    return use && *use ? (*use)->grant.id : std::string();
  }

  test::TempFolder folder;
  Rules rules = test::house_rules();
  std::unique_ptr<Queue> queue;
  std::vector<std::string> told;
  int count = 0;
};

TEST_F(QueueGrantsTest, NeedsEveryVoteThatCounts) {
  std::string id = hold("a");
  Grant grant = *queue->propose_grant(id, terms(), test::bob(), rules, kNow);
  EXPECT_EQ(used(), "") << "a proposal is nothing yet";
  ASSERT_TRUE(vote(id, test::bob(), grant.digest));
  EXPECT_EQ(used(), "") << "half of the quorum is nothing either";
  ASSERT_EQ(vote(id, test::carol(), "")->state, State::approved) << "carol approves the request only";
  EXPECT_EQ(queue->get_grant(grant.id)->activated, 0);
  EXPECT_EQ(used(), "");

  std::string other = hold("b");
  Grant one = *queue->propose_grant(other, terms(1), test::bob(), rules, kNow);
  Grant two = *queue->propose_grant(other, terms(2), test::carol(), rules, kNow);
  ASSERT_TRUE(vote(other, test::bob(), one.digest));
  ASSERT_EQ(vote(other, test::carol(), two.digest)->state, State::approved);
  EXPECT_EQ(used(), "") << "two grants with one vote each";

  Grant agreed = active();
  EXPECT_EQ(agreed.activated, kNow);
  ASSERT_EQ(agreed.facts.size(), 1U);
  EXPECT_EQ(agreed.facts[0].rule, "pair");
  EXPECT_EQ(used(), agreed.id);
  EXPECT_EQ(told, (std::vector<std::string>{"proposed", "proposed", "proposed", "proposed", "active"}));
}

TEST_F(QueueGrantsTest, OnlyWhoMayApproveProposes) {
  std::string id = hold("a");
  EXPECT_EQ(code_of(queue->propose_grant(id, terms(), test::alice(), rules, kNow)), "approval.self");
  EXPECT_EQ(code_of(queue->propose_grant(id, terms(), test::dave(), rules, kNow)), "approval.not_in_group");
  EXPECT_EQ(code_of(queue->propose_grant("req_none", terms(), test::bob(), rules, kNow)), "request.unknown");
  EXPECT_EQ(code_of(queue->propose_grant(id, terms(0), test::bob(), rules, kNow)), "grant.terms");
  EXPECT_EQ(code_of(vote(id, test::bob(), std::string(64, 'a'))), "grant.unknown");
  std::string other = hold("b");
  Grant grant = *queue->propose_grant(other, terms(), test::bob(), rules, kNow);
  EXPECT_EQ(code_of(vote(id, test::bob(), grant.digest)), "grant.unknown") << "of another request";
  EXPECT_EQ(queue->propose_grant(other, terms(), test::carol(), rules, kNow)->id, grant.id) << "the same again";
  for (int uses = 10; uses < 19; ++uses) {
    ASSERT_TRUE(queue->propose_grant(other, terms(uses), test::bob(), rules, kNow));
  }
  EXPECT_EQ(code_of(queue->propose_grant(other, terms(99), test::bob(), rules, kNow)), "grant.too_many");
}

TEST_F(QueueGrantsTest, UsesAreCountedKeptAndOver) {
  Grant grant = active(3);
  for (std::int64_t number = 1; number <= 3; ++number) {
    Result<std::optional<GrantUse>> use = queue->use_grant(question(), "op-" + std::to_string(number), kNow + number);
    ASSERT_TRUE(use && *use);
    EXPECT_EQ((*use)->number, number);
    EXPECT_EQ((*use)->grant.uses, number);
    EXPECT_EQ((*use)->grant.facts.size(), 1U);
    if (number == 2) reopen();
  }
  EXPECT_EQ(used(), "");
  Result<std::vector<UseRecord>> uses = queue->grant_uses(grant.id, 10);
  ASSERT_TRUE(uses);
  ASSERT_EQ(uses->size(), 3U);
  EXPECT_EQ(uses->front().operation, "op-3");
  EXPECT_EQ(uses->front().at, kNow + 3);
  EXPECT_TRUE(queue->list_grants({}, kNow)->empty());
  EXPECT_EQ(
      queue->list_grants({.agent = "", .request = "", .which = GrantFilter::Which::all, .before = ""}, kNow)->size(),
      1U);
}

TEST_F(QueueGrantsTest, AUseThatWouldNotHelpIsNotCounted) {
  Grant grant = active(1);
  int asked = 0;
  auto suffices = [&](bool answer) {
    return [&asked, answer](const Grant& candidate) {
      ++asked;
      EXPECT_EQ(candidate.facts.size(), 1U);
      return answer;
    };
  };
  auto use = queue->use_grant(question(), "op", kNow, suffices(false));
  ASSERT_TRUE(use);
  EXPECT_FALSE(*use);
  EXPECT_EQ(queue->get_grant(grant.id)->uses, 0);
  EXPECT_TRUE(*queue->use_grant(question(), "op", kNow, suffices(true)));
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(used(), "");
}

TEST_F(QueueGrantsTest, NothingAfterTheEndOrTheRevocation) {
  Grant grant = active();
  EXPECT_EQ(used(kUntil - 1), grant.id);
  EXPECT_EQ(used(kUntil), "");
  Result<Grant> revoked = queue->revoke_grant(grant.id, "dave", "no more", kNow);
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->revoked_by, "dave");
  EXPECT_EQ(revoked->uses, 1);
  EXPECT_EQ(used(), "");
  EXPECT_EQ(code_of(queue->revoke_grant(grant.id, "dave", "", kNow)), "grant.revoked");
  EXPECT_EQ(code_of(queue->revoke_grant("grt_none", "dave", "", kNow)), "grant.unknown");
  EXPECT_EQ(code_of(queue->get_grant("grt_none")), "grant.unknown");
  reopen();
  EXPECT_EQ(used(), "");
  EXPECT_EQ(queue->get_grant(grant.id)->revoke_reason, "no more");

  std::string id = hold("late");
  Grant proposal = *queue->propose_grant(id, terms(), test::bob(), rules, kNow);
  ASSERT_TRUE(vote(id, test::bob(), proposal.digest));
  ASSERT_TRUE(queue->revoke_grant(proposal.id, "dave", "", kNow));
  EXPECT_EQ(code_of(vote(id, test::carol(), proposal.digest)), "grant.unknown");
  ASSERT_TRUE(vote(id, test::carol(), ""));
  EXPECT_EQ(used(), "");
}

TEST_F(QueueGrantsTest, AnotherProcessesRevocationCounts) {
  Grant grant = active();
  std::unique_ptr<Queue> other = test::open_queue(folder.path());
  ASSERT_TRUE(other->revoke_grant(grant.id, "dave", "", kNow));
  EXPECT_EQ(used(), "") << "memory is only a hint; the store says no";
}

TEST_F(QueueGrantsTest, NeverMoreUsesThanAgreedWhoeverRaces) {
  std::mt19937_64 random(std::random_device{}());
  for (int round = 0; round < 10; ++round) {
    auto most = static_cast<std::int64_t>(1 + random() % 20);
    Grant grant = active(most);
    bool revokes = round % 2 == 1;
    std::atomic<std::int64_t> uses = 0;
    std::atomic<std::int64_t> others = 0;
    std::atomic<bool> gone = false;
    std::barrier start(6);
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 6; ++thread) {
      threads.emplace_back([&, thread] {
        start.arrive_and_wait();
        for (int i = 0; i < 8; ++i) {
          if (revokes && thread == 0 && i == 3) {
            EXPECT_TRUE(queue->revoke_grant(grant.id, "dave", "", kNow));
            gone = true;
          }
          bool late = gone;
          GrantQuestion asked = question();
          if (thread == 5) asked.root = "root-2";
          Result<std::optional<GrantUse>> use = queue->use_grant(asked, "op", kNow);
          EXPECT_TRUE(use);
          if (!use || !*use) continue;
          EXPECT_FALSE(late) << "used after the revocation";
          ++(thread == 5 ? others : uses);
        }
      });
    }
    threads.clear();
    EXPECT_EQ(others, 0);
    if (revokes) EXPECT_LE(uses, most);
    if (!revokes) EXPECT_EQ(uses, std::min<std::int64_t>(most, 40));
    EXPECT_EQ(queue->get_grant(grant.id)->uses, uses);
    EXPECT_EQ(std::ssize(*queue->grant_uses(grant.id, 100)), uses);
    if (!revokes && uses < most) {
      ASSERT_TRUE(queue->revoke_grant(grant.id, "dave", "", kNow));
    }
  }
}

}  // namespace
}  // namespace countersign::approvals
