#include "approvals/queue.h"

#include <gtest/gtest.h>

#include <fstream>

#include "approvals/fingerprint.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;
using test::kHour;
using test::kNow;
using test::no;
using test::yes;

class QueueTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    queue.reset();
    queue = test::open_queue(folder.path());
    ASSERT_TRUE(queue);
    queue->observe([this](const Change& change) {
      log.push_back(std::string(change.from ? state_name(*change.from) : "-") + ">" + state_name(change.to));
    });
  }
  std::string hold(HeldRequest request, TimeMs now = kNow) {
    Result<Holding> held = queue->hold(std::move(request), now);
    EXPECT_TRUE(held) << held.error().message;
    EXPECT_EQ(held->how, Holding::How::held);
    return held->request.id;
  }
  std::string approved(std::string_view identity) {
    std::string id = hold(test::draft(identity));
    EXPECT_EQ(queue->vote(id, yes(test::bob()), rules, kNow)->state, State::approved);
    return id;
  }
  std::string executing(std::string_view identity) {
    std::string id = approved(identity);
    EXPECT_TRUE(queue->begin_execution(id, kNow));
    return id;
  }
  std::string ended(std::string_view identity, State state) {
    std::string id = executing(identity);
    EXPECT_TRUE(queue->finish(id, {.state = state, .reply = reply(), .code = "", .reason = ""}, kNow + 5));
    return id;
  }
  static StoredReply reply() {
    return {.status = 201, .head = R"({"etag":"x"})", .body = std::string("a\0\xff", 3), .truncated = true};
  }
  std::string key(std::string_view identity) {
    HeldRequest request = test::draft(identity);
    return retry_key(request.frozen, request.requester);
  }
  // The id a retry belongs to, or "".
  std::string belongs(std::string_view identity, TimeMs now = kNow) {
    Result<std::optional<HeldRequest>> found = queue->find_by_retry(key(identity), now);
    EXPECT_TRUE(found);
    return *found ? (*found)->id : "";
  }
  State state(const std::string& id) { return queue->get(id)->state; }

  test::TempFolder folder;
  Rules rules = test::house_rules();
  std::unique_ptr<Queue> queue;
  std::vector<std::string> log;
};

TEST_F(QueueTest, EverythingHeldIsThereAfterAReopen) {
  HeldRequest draft = test::draft(std::string("id\0entity", 9));
  draft.rules = {"pair"};
  draft.requester.issuer = "ivan";
  draft.frozen.retry_identity = RetryIdentity::identity;
  test::add_body(draft, folder.path(), std::string("bo\0dy", 5));
  std::filesystem::path spool = draft.frozen.body_file;
  std::string id = hold(draft);
  EXPECT_TRUE(id.starts_with("req_"));
  EXPECT_FALSE(std::filesystem::exists(spool));
  ASSERT_TRUE(queue->vote(id, yes(test::bob()), rules, kNow + 1));
  reopen();

  Result<HeldRequest> got = queue->get(id);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->state, State::held);
  EXPECT_EQ(got->created, kNow);
  EXPECT_EQ(got->expires, draft.expires);
  EXPECT_EQ(got->requester.agent, "builder");
  EXPECT_EQ(got->requester.owner, "alice");
  EXPECT_EQ(got->requester.issuer, "ivan");
  EXPECT_EQ(got->requester.delegates, draft.requester.delegates);
  EXPECT_EQ(got->requester.chain, draft.requester.chain);
  EXPECT_EQ(got->requester.scope, "all");
  EXPECT_EQ(got->action, draft.action);
  EXPECT_EQ(got->effect, draft.effect);
  EXPECT_EQ(got->environment, draft.environment);
  EXPECT_EQ(got->summary, draft.summary);
  EXPECT_EQ(got->resources, draft.resources);
  EXPECT_EQ(got->input, draft.input);
  EXPECT_EQ(got->frozen.head, draft.frozen.head);
  EXPECT_EQ(got->frozen.identity, draft.frozen.identity);
  EXPECT_EQ(got->frozen.preconditions, draft.frozen.preconditions);
  EXPECT_EQ(got->frozen.retry_identity, RetryIdentity::identity);
  EXPECT_EQ(test::slurp(got->frozen.body_file), std::string("bo\0dy", 5));
  EXPECT_EQ(got->fingerprint, fingerprint(*got));
  EXPECT_EQ(got->fingerprint, fingerprint(draft));
  EXPECT_EQ(got->retry_key, retry_key(draft.frozen, draft.requester));
  EXPECT_EQ(got->policies, draft.policies);
  EXPECT_EQ(got->rules, draft.rules);
  EXPECT_EQ(got->policy_digest, "p1");
  EXPECT_EQ(got->operation, "op-1");
  ASSERT_EQ(got->votes.size(), 1U);
  EXPECT_EQ(got->votes[0].by, "bob");
  EXPECT_EQ(got->votes[0].level, "senior");
  EXPECT_EQ(got->votes[0].group, "team:platform");
  EXPECT_EQ(got->votes[0].at, kNow + 1);
  EXPECT_TRUE(got->votes[0].approves);
}

TEST_F(QueueTest, TheWholeWayOfAnApprovedRequest) {
  HeldRequest draft = test::draft("x");
  draft.rules = {"production-change"};
  std::string id = hold(draft);
  EXPECT_EQ(queue->vote(id, yes(test::bob()), rules, kNow + 1)->state, State::held);
  EXPECT_EQ(code_of(queue->vote(id, yes(test::bob()), rules, kNow + 1)), "approval.already_voted");
  Result<HeldRequest> decided = queue->vote(id, yes(test::dave()), rules, kNow + 2);
  ASSERT_TRUE(decided);
  EXPECT_EQ(decided->state, State::approved);
  EXPECT_EQ(decided->decided_by, "dave");
  EXPECT_EQ(decided->decided, kNow + 2);
  EXPECT_EQ(code_of(queue->claim_result(id, kNow)), "approval.not_over");
  ASSERT_TRUE(queue->begin_execution(id, kNow + 3));
  ASSERT_TRUE(queue->finish(id, {.state = State::done, .reply = reply(), .code = "", .reason = ""}, kNow + 4));

  reopen();
  Result<HeldRequest> claimed = queue->claim_result(id, kNow + 5);
  ASSERT_TRUE(claimed);
  EXPECT_TRUE(claimed->delivered);
  EXPECT_EQ(claimed->finished, kNow + 4);
  ASSERT_TRUE(claimed->reply);
  EXPECT_EQ(claimed->reply->status, 201);
  EXPECT_EQ(claimed->reply->head, reply().head);
  EXPECT_EQ(claimed->reply->body, reply().body);
  EXPECT_TRUE(claimed->reply->truncated);
  EXPECT_EQ(log,
            (std::vector<std::string>{"->held", "held>held", "held>approved", "approved>executing", "executing>done"}));
}

TEST_F(QueueTest, OneDenialDenies) {
  HeldRequest draft = test::draft("x");
  draft.rules = {"pair", "solo"};
  std::string id = hold(draft);
  ASSERT_TRUE(queue->vote(id, yes(test::bob()), rules, kNow));
  Result<HeldRequest> denied = queue->vote(id, no(test::carol(), "wrong file"), rules, kNow + 1);
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->state, State::denied);
  EXPECT_EQ(denied->code, "approval.denied");
  EXPECT_EQ(denied->reason, "wrong file");
  EXPECT_EQ(denied->decided_by, "carol");
  EXPECT_FALSE(queue->get(id)->votes.back().approves);
  EXPECT_EQ(code_of(queue->vote(id, yes(test::dave()), rules, kNow + 2)), "approval.not_held");
  EXPECT_EQ(code_of(queue->begin_execution(id, kNow + 2)), "approval.state");
}

TEST_F(QueueTest, AllRulesMustBeSatisfied) {
  HeldRequest draft = test::draft("x");
  draft.rules = {"pair", "production-change", "gone"};
  std::string id = hold(draft);
  for (const Approver& approver : {test::bob(), test::carol(), test::dave()}) {
    Result<HeldRequest> after = queue->vote(id, yes(approver), rules, kNow);
    ASSERT_TRUE(after) << approver.name;
    EXPECT_EQ(after->state, State::held);
  }
  EXPECT_EQ(queue->get(id)->votes.size(), 4U);
}

TEST_F(QueueTest, TheOwnerIsRefusedAndNothingChanges) {
  std::string id = hold(test::draft("x"));
  EXPECT_EQ(code_of(queue->vote(id, yes(test::alice()), rules, kNow)), "approval.self");
  EXPECT_EQ(state(id), State::held);
  EXPECT_TRUE(queue->get(id)->votes.empty());
  EXPECT_EQ(log, std::vector<std::string>{"->held"});
}

TEST_F(QueueTest, AnIdenticalRetryJoinsAndAnotherRequestDoesNot) {
  std::string id = hold(test::draft("x"));
  HeldRequest refreshed = test::draft("x", kNow + 1);
  refreshed.requester.chain = {"root-1", "leaf-2"};
  test::add_body(refreshed, folder.path(), "");
  refreshed.frozen.body_sha256.clear();
  refreshed.frozen.body_file.clear();
  Result<Holding> joined = queue->hold(refreshed, kNow + 1);
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->how, Holding::How::joined);
  EXPECT_EQ(joined->request.id, id);
  EXPECT_EQ(belongs("x"), id);
  EXPECT_EQ(belongs("y"), "");

  HeldRequest stranger = test::draft("x");
  stranger.requester.chain = {"root-2", "leaf-1"};
  EXPECT_NE(hold(stranger), id);
  EXPECT_NE(hold(test::draft("y")), id);
  HeldRequest with_body = test::draft("x");
  test::add_body(with_body, folder.path(), "1");
  std::string first = hold(with_body);
  test::add_body(with_body, folder.path(), "2");
  EXPECT_NE(hold(with_body), first);
}

TEST_F(QueueTest, AJoiningCallerKeepsItsSpooledBody) {
  HeldRequest draft = test::draft("x");
  test::add_body(draft, folder.path(), "bytes");
  std::string id = hold(draft);
  test::add_body(draft, folder.path(), "bytes");
  ASSERT_EQ(queue->hold(draft, kNow)->how, Holding::How::joined);
  EXPECT_TRUE(std::filesystem::exists(draft.frozen.body_file));
  EXPECT_EQ(test::slurp(queue->get(id)->frozen.body_file), "bytes");
}

TEST_F(QueueTest, ResultsAreToldOnceThenARetryIsANewRequest) {
  for (State end : {State::done, State::failed, State::unknown}) {
    std::string identity = state_name(end);
    std::string id = ended(identity, end);
    EXPECT_EQ(belongs(identity), id);
    ASSERT_TRUE(queue->claim_result(id, kNow));
    EXPECT_EQ(code_of(queue->claim_result(id, kNow)), "approval.delivered");
    EXPECT_EQ(belongs(identity), "");
    EXPECT_NE(hold(test::draft(identity)), id);
  }
}

TEST_F(QueueTest, AReleasedClaimIsToldBeforeANewerRequest) {
  std::string id = ended("x", State::done);
  ASSERT_TRUE(queue->claim_result(id, kNow));
  std::string newer = hold(test::draft("x"));
  ASSERT_TRUE(queue->release_claim(id));
  EXPECT_EQ(belongs("x"), id);
  EXPECT_EQ(queue->hold(test::draft("x"), kNow)->request.id, id);
  ASSERT_TRUE(queue->claim_result(id, kNow));
  EXPECT_EQ(belongs("x"), newer);
  EXPECT_EQ(code_of(queue->release_claim("req_none")), "request.unknown");
}

TEST_F(QueueTest, ADenialIsToldToEveryRetryUntilTheExpiry) {
  std::string id = hold(test::draft("x"));
  ASSERT_TRUE(queue->vote(id, no(test::bob()), rules, kNow));
  TimeMs expires = queue->get(id)->expires;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(belongs("x", expires - 1), id);
    EXPECT_TRUE(queue->claim_result(id, expires - 1));
  }
  EXPECT_EQ(belongs("x", expires), "");
  EXPECT_EQ(code_of(queue->claim_result(id, expires)), "approval.delivered");
  EXPECT_NE(hold(test::draft("x", expires), expires), id);
}

TEST_F(QueueTest, CancelledUntilItRuns) {
  std::string id = hold(test::draft("x"));
  Result<HeldRequest> cancelled = queue->cancel(id, "alice", "not needed", kNow + 1);
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->state, State::cancelled);
  EXPECT_EQ(cancelled->code, "approval.cancelled");
  EXPECT_EQ(cancelled->decided_by, "alice");
  EXPECT_EQ(code_of(queue->cancel(id, "alice", "", kNow)), "approval.state");
  EXPECT_EQ(belongs("x"), id);
  std::string late = approved("y");
  ASSERT_TRUE(queue->cancel(late, "alice", "", kNow));
  EXPECT_EQ(state(late), State::cancelled);
  EXPECT_EQ(code_of(queue->begin_execution(late, kNow)), "approval.state");
  std::string running = approved("z");
  ASSERT_TRUE(queue->begin_execution(running, kNow));
  EXPECT_EQ(code_of(queue->cancel(running, "alice", "", kNow)), "approval.state");
}

TEST_F(QueueTest, WhatWasSupersededIsNobodysAnswer) {
  std::string id = hold(test::draft("x"));
  Result<HeldRequest> superseded = queue->cancel(id, "", "policies allow it by now", kNow + 1);
  ASSERT_TRUE(superseded);
  EXPECT_EQ(superseded->code, "approval.superseded");
  EXPECT_EQ(superseded->state, State::superseded);
  EXPECT_EQ(belongs("x"), "");
  EXPECT_NE(hold(test::draft("x")), id);
}

TEST_F(QueueTest, ExpiryIsNoDenial) {
  HeldRequest soon = test::draft("soon");
  soon.expires = kNow + 10;
  std::string id = hold(soon);
  std::string late = hold(test::draft("late"));
  EXPECT_TRUE(queue->expire_due(kNow + 9)->empty());
  EXPECT_EQ(*queue->expire_due(kNow + 10), std::vector<std::string>{id});
  EXPECT_TRUE(queue->expire_due(kNow + 10)->empty());
  EXPECT_EQ(state(id), State::expired);
  EXPECT_EQ(queue->get(id)->code, "approval.expired");
  EXPECT_EQ(state(late), State::held);
  // Told once, and then the agent may ask again.
  EXPECT_EQ(belongs("soon", kNow + 11), id);
  ASSERT_TRUE(queue->claim_result(id, kNow + 11));
  EXPECT_EQ(belongs("soon", kNow + 11), "");
}

TEST_F(QueueTest, AVoteAfterTheExpiryExpires) {
  HeldRequest soon = test::draft("x");
  soon.expires = kNow + 10;
  std::string id = hold(soon);
  EXPECT_EQ(code_of(queue->vote(id, yes(test::bob()), rules, kNow + 10)), "approval.expired");
  EXPECT_EQ(state(id), State::expired);
  EXPECT_EQ(log, (std::vector<std::string>{"->held", "held>expired"}));
}

TEST_F(QueueTest, ARetryAfterTheExpiryFindsItExpired) {
  HeldRequest soon = test::draft("x");
  soon.expires = kNow + 10;
  std::string id = hold(soon);
  Result<Holding> joined = queue->hold(test::draft("x", kNow + 20), kNow + 20);
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->how, Holding::How::joined);
  EXPECT_EQ(joined->request.id, id);
  EXPECT_EQ(joined->request.state, State::expired);
}

TEST_F(QueueTest, AnApprovalThatIsNotUsedExpires) {
  std::string id = approved("x");
  TimeMs expires = queue->get(id)->expires;
  EXPECT_EQ(code_of(queue->begin_execution(id, expires)), "approval.expired");
  EXPECT_EQ(state(id), State::expired);
  EXPECT_EQ(code_of(queue->begin_execution(id, kNow)), "approval.state");
  std::string other = approved("y");
  EXPECT_EQ(*queue->expire_due(expires), std::vector<std::string>{other});
}

TEST_F(QueueTest, TodaysPoliciesMayStillSayNo) {
  std::string id = approved("x");
  Result<HeldRequest> refused = queue->refuse_execution(id, "policy.changed", "the floor forbids it now", kNow + 1);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->state, State::denied);
  EXPECT_EQ(refused->code, "policy.changed");
  EXPECT_EQ(queue->get(id)->decided_by, "");
  EXPECT_EQ(code_of(queue->begin_execution(id, kNow)), "approval.state");
  EXPECT_EQ(code_of(queue->refuse_execution(hold(test::draft("y")), "policy.changed", "", kNow)), "approval.state");
  EXPECT_EQ(code_of(queue->refuse_execution(executing("z"), "policy.changed", "", kNow)), "approval.state");
}

TEST_F(QueueTest, ExecutionBeginsOnceAndEndsOnce) {
  std::string id = executing("x");
  EXPECT_EQ(code_of(queue->begin_execution(id, kNow)), "approval.state");
  EXPECT_EQ(code_of(queue->finish(id, {.state = State::denied, .reply = {}, .code = "", .reason = ""}, kNow)),
            "approval.state");
  ASSERT_TRUE(
      queue->finish(id, {.state = State::failed, .reply = {}, .code = "upstream.timeout", .reason = "r"}, kNow));
  EXPECT_EQ(code_of(queue->finish(id, {.state = State::done, .reply = {}, .code = "", .reason = ""}, kNow)),
            "approval.state");
  EXPECT_EQ(queue->get(id)->code, "upstream.timeout");
  EXPECT_FALSE(queue->get(id)->reply);
}

TEST_F(QueueTest, NothingRunsWhenTheStoredBodyIsAnother) {
  HeldRequest draft = test::draft("x");
  test::add_body(draft, folder.path(), "delete a");
  std::string id = hold(draft);
  ASSERT_TRUE(queue->vote(id, yes(test::bob()), rules, kNow));
  std::filesystem::path body = queue->get(id)->frozen.body_file;
  std::filesystem::remove(body);
  EXPECT_EQ(code_of(queue->begin_execution(id, kNow)), "approval.body_changed");
  std::ofstream(body) << "delete b";
  EXPECT_EQ(code_of(queue->begin_execution(id, kNow)), "approval.body_changed");
  EXPECT_EQ(state(id), State::approved);
  std::ofstream(body) << "delete a";
  EXPECT_TRUE(queue->begin_execution(id, kNow));
}

TEST_F(QueueTest, NothingRunsWhenTheStoredRowIsAnother) {
  std::string id = approved("x");
  queue.reset();
  {
    Result<sql::Database> database = sql::Database::open(folder.path() / "store.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute("UPDATE requests SET head = '{\"method\":\"DELETE\"}'"));
  }
  reopen();
  EXPECT_EQ(code_of(queue->begin_execution(id, kNow)), "approval.changed");
  EXPECT_EQ(state(id), State::approved);
}

TEST_F(QueueTest, RecoveryNeverRunsAgainWhatWasRunning) {
  std::string running = executing("a");
  std::string waiting = approved("b");
  HeldRequest draft = test::draft("c");
  test::add_body(draft, folder.path(), "body");
  std::string held = hold(draft);
  std::ofstream(folder.path() / "requests" / "req_orphan.body") << "x";
  reopen();
  log.clear();
  Result<Recovered> recovered = queue->recover(kNow + 9);
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->interrupted, std::vector<std::string>{running});
  EXPECT_EQ(recovered->approved, std::vector<std::string>{waiting});
  EXPECT_EQ(state(running), State::unknown);
  EXPECT_EQ(queue->get(running)->code, "approval.interrupted");
  EXPECT_EQ(queue->get(running)->finished, kNow + 9);
  EXPECT_EQ(state(waiting), State::approved);
  EXPECT_EQ(state(held), State::held);
  EXPECT_EQ(test::slurp(queue->get(held)->frozen.body_file), "body");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "requests" / "req_orphan.body"));
  EXPECT_EQ(log, std::vector<std::string>{"executing>unknown"});
  EXPECT_TRUE(queue->recover(kNow + 10)->interrupted.empty());
}

TEST_F(QueueTest, WhatCouldNeverBeApprovedIsNotHeld) {
  auto code = [&](auto change) {
    HeldRequest draft = test::draft("x");
    change(draft);
    return code_of(queue->hold(draft, kNow));
  };
  EXPECT_EQ(code([](HeldRequest& r) { r.rules.clear(); }), "approval.incomplete");
  EXPECT_EQ(code([](HeldRequest& r) { r.frozen.identity.clear(); }), "approval.incomplete");
  EXPECT_EQ(code([](HeldRequest& r) { r.requester.agent.clear(); }), "approval.incomplete");
  EXPECT_EQ(code([](HeldRequest& r) { r.requester.chain.clear(); }), "approval.incomplete");
  EXPECT_EQ(code([](HeldRequest& r) { r.expires = kNow; }), "approval.incomplete");
  EXPECT_EQ(code([](HeldRequest& r) { r.frozen.body_size = 3; }), "approval.incomplete");
  EXPECT_EQ(code([](HeldRequest& r) { r.input.assign((1U << 20) + 1, 'x'); }), "approval.too_large");
  EXPECT_EQ(code([](HeldRequest& r) { r.resources.assign(10'001, "T::x"); }), "approval.too_large");
  EXPECT_EQ(code([](HeldRequest& r) { r.resources = {"T::\xff"}; }), "json.not_utf8");
  EXPECT_EQ(code([&](HeldRequest& r) {
              test::add_body(r, folder.path(), "abc");
              r.frozen.body_sha256[0] ^= 1;
            }),
            "approval.body_changed");
  EXPECT_TRUE(queue->list({})->empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "requests"));
  EXPECT_TRUE(log.empty());
}

TEST_F(QueueTest, AnAgentCannotFillTheQueue) {
  queue.reset();
  queue = test::open_queue(folder.path(), {.retention = kHour, .max_open = 3, .max_open_of_agent = 2, .store = {}});
  std::string first = hold(test::draft("a"));
  hold(test::draft("b"));
  EXPECT_EQ(code_of(queue->hold(test::draft("c"), kNow)), "approval.too_many");
  EXPECT_EQ(queue->hold(test::draft("a"), kNow)->how, Holding::How::joined);
  HeldRequest other = test::draft("c");
  other.requester.agent = "other";
  hold(other);
  other.requester.agent = "third";
  EXPECT_EQ(code_of(queue->hold(other, kNow)), "approval.too_many");
  ASSERT_TRUE(queue->cancel(first, "alice", "", kNow));
  hold(other);
}

TEST_F(QueueTest, ListsByStateAgentOwnerAndPage) {
  std::string a = hold(test::draft("a"));
  std::string b = approved("b");
  HeldRequest other = test::draft("c");
  other.requester.agent = "other";
  other.requester.owner = "zoe";
  other.frozen.upstream = "origin";
  std::string c = hold(other);
  auto ids = [&](const Filter& filter) {
    std::vector<std::string> out;
    for (const HeldRequest& request : *queue->list(filter)) out.push_back(request.id);
    return out;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids({}), (Ids{c, b, a}));
  EXPECT_EQ(ids({.states = {State::held}, .agent = "", .owner = "", .before = ""}), (Ids{c, a}));
  EXPECT_EQ(ids({.states = {State::held, State::approved}, .agent = "builder", .owner = "", .before = ""}),
            (Ids{b, a}));
  EXPECT_EQ(ids({.states = {}, .agent = "", .owner = "zoe", .before = ""}), (Ids{c}));
  EXPECT_EQ(ids({.states = {}, .agent = "", .owner = "", .upstream = "origin", .before = ""}), (Ids{c}));
  EXPECT_EQ(ids({.states = {State::approved}, .agent = "", .owner = "", .upstream = "files", .before = ""}), (Ids{b}));
  EXPECT_EQ(ids({.states = {}, .agent = "' OR 1 --", .owner = "", .before = ""}), Ids{});
  EXPECT_EQ(ids({.states = {}, .agent = "", .owner = "", .before = "", .limit = 2}), (Ids{c, b}));
  EXPECT_EQ(ids({.states = {}, .agent = "", .owner = "", .before = b, .limit = 2}), (Ids{a}));
}

TEST_F(QueueTest, KnowsWhoIsWaitedFor) {
  HeldRequest draft = test::draft("a");
  draft.rules = {"production-change"};
  std::string a = hold(draft);
  std::string b = hold(test::draft("b"));
  auto ids = [&](const Approver& approver, TimeMs now = kNow, std::size_t limit = 10) {
    std::vector<std::string> out;
    for (const HeldRequest& request : *queue->waiting_for(approver, rules, now, limit)) out.push_back(request.id);
    return out;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids(test::bob()), (Ids{a, b}));
  EXPECT_EQ(ids(test::bob(), kNow, 1), (Ids{a}));
  EXPECT_EQ(ids(test::dave()), (Ids{b}));
  EXPECT_EQ(ids(test::alice()), Ids{});
  EXPECT_EQ(ids(test::bob(), kNow + 5 * kHour), Ids{});
  ASSERT_TRUE(queue->vote(a, yes(test::bob()), rules, kNow));
  EXPECT_EQ(ids(test::bob()), (Ids{b}));
  EXPECT_EQ(ids(test::dave()), (Ids{a, b}));
}

TEST_F(QueueTest, PurgeRemovesBodiesAndRepliesButNotRows) {
  HeldRequest draft = test::draft("x");
  test::add_body(draft, folder.path(), "body");
  std::string id = hold(draft);
  ASSERT_TRUE(queue->vote(id, yes(test::bob()), rules, kNow));
  ASSERT_TRUE(queue->begin_execution(id, kNow));
  ASSERT_TRUE(queue->finish(id, {.state = State::done, .reply = reply(), .code = "", .reason = ""}, kNow));
  std::string open = hold(test::draft("y"));
  TimeMs month = 30LL * 24 * kHour;
  EXPECT_EQ(*queue->purge(kNow + month), 0U);
  EXPECT_EQ(*queue->purge(kNow + month + 1), 1U);
  EXPECT_EQ(*queue->purge(kNow + month + 1), 0U);
  Result<HeldRequest> kept = queue->get(id);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->state, State::done);
  EXPECT_TRUE(kept->frozen.body_file.empty());
  EXPECT_FALSE(kept->reply);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "requests"));
  EXPECT_EQ(state(open), State::held);
  Result<std::optional<HeldRequest>> again = queue->find_by_retry(kept->retry_key, kNow + month + 1);
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);
}

TEST_F(QueueTest, UnknownIdsAndLongReasonsAreRefused) {
  EXPECT_EQ(code_of(queue->get("req_none")), "request.unknown");
  EXPECT_EQ(code_of(queue->vote("req_none", yes(test::bob()), rules, kNow)), "request.unknown");
  EXPECT_EQ(code_of(queue->cancel("req_none", "x", "", kNow)), "request.unknown");
  EXPECT_EQ(code_of(queue->begin_execution("req_none", kNow)), "request.unknown");
  EXPECT_EQ(code_of(queue->finish("req_none", {}, kNow)), "request.unknown");
  EXPECT_EQ(code_of(queue->refuse_execution("req_none", "c", "", kNow)), "request.unknown");
  EXPECT_EQ(code_of(queue->claim_result("req_none", kNow)), "request.unknown");
  std::string id = hold(test::draft("x"));
  EXPECT_EQ(code_of(queue->vote(id, no(test::bob(), std::string(4001, 'x')), rules, kNow)), "approval.reason_too_long");
  EXPECT_EQ(code_of(queue->cancel(id, "x", std::string(4001, 'x'), kNow)), "approval.reason_too_long");
  EXPECT_EQ(state(id), State::held);
}

TEST_F(QueueTest, ObserversMayCallTheQueue) {
  queue->observe([this](const Change& change) {
    if (change.to == State::approved) EXPECT_TRUE(queue->begin_execution(change.request.id, kNow));
    if (change.to == State::executing) {
      EXPECT_TRUE(
          queue->finish(change.request.id, {.state = State::done, .reply = {}, .code = "", .reason = ""}, kNow));
    }
  });
  std::string id = hold(test::draft("x"));
  ASSERT_TRUE(queue->vote(id, yes(test::bob()), rules, kNow));
  EXPECT_EQ(state(id), State::done);
}

}  // namespace
}  // namespace countersign::approvals
