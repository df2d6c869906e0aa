// Documentation, withdrawal, edits, what a ballot brings along, and reminders.
#include <gtest/gtest.h>

#include "approvals/documentation.h"
#include "approvals/fingerprint.h"
#include "approvals/queue.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;
using test::kHour;
using test::kNow;
using test::yes;

Rules strict_rules() {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", R"(
rules:
  written:
    documentation: [ { field: intent, min_length: 5 }, { field: ticket, pattern: "OPS-[0-9]+" } ]
    stages: [ { name: one, group: "team:platform" } ]
  signed:
    signature: required
    stages: [ { name: one, group: "team:platform" } ]
  fresh:
    max_sign_in_age: 8h
    stages: [ { name: one, group: "team:platform" } ]
  reminding:
    expires: 4h
    remind: [30m, 60m]
    stages: [ { name: one, group: "team:platform" } ]
  pair:
    stages: [ { name: two, count: 2, group: "team:platform" } ]
)",
                                           problems);
  EXPECT_TRUE(rules) << format_problems(problems);
  return rules.value_or(Rules{});
}

class QueueChangesTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    queue.reset();
    queue = test::open_queue(folder.path());
    ASSERT_TRUE(queue);
    queue->observe([this](const Change& change) { kinds.push_back(change.kind); });
  }
  std::string hold(std::string_view identity, std::string_view rule) {
    HeldRequest draft = test::draft(identity);
    draft.rules = {std::string(rule)};
    Result<Holding> held = queue->hold(draft, kNow);
    EXPECT_TRUE(held) << held.error().message;
    EXPECT_EQ(held->how, Holding::How::held);
    return held->request.id;
  }
  std::size_t inbox(const Approver& approver, TimeMs now = kNow) {
    return queue->waiting_for(approver, rules, now, 100)->size();
  }

  test::TempFolder folder;
  Rules rules = strict_rules();
  std::unique_ptr<Queue> queue;
  std::vector<Change::Kind> kinds;
};

TEST_F(QueueChangesTest, UndocumentedRequestsWaitForTheAgent) {
  std::string id = hold("x", "written");
  EXPECT_EQ(inbox(test::bob()), 0U);
  EXPECT_EQ(code_of(queue->vote(id, yes(test::bob()), rules, kNow)), "approval.undocumented");
  EXPECT_FALSE(queue->document(id, "{", rules, kNow));
  EXPECT_FALSE(queue->document(id, R"({"secret":"x"})", rules, kNow));

  Result<HeldRequest> half = queue->document(id, R"({ "intent": "because" })", rules, kNow + 1);
  ASSERT_TRUE(half) << half.error().message;
  EXPECT_EQ(half->documentation, R"({"intent":"because"})");
  EXPECT_EQ(half->documented, kNow + 1);
  EXPECT_EQ(inbox(test::bob()), 0U);
  EXPECT_EQ(code_of(queue->vote(id, yes(test::bob()), rules, kNow)), "approval.undocumented");

  std::string before = queue->get(id)->fingerprint;
  ASSERT_TRUE(queue->document(id, R"({"intent":"because","ticket":"OPS-1"})", rules, kNow + 2));
  EXPECT_EQ(queue->get(id)->fingerprint, before);
  EXPECT_EQ(inbox(test::bob()), 1U);
  EXPECT_EQ(code_of(queue->document(id, R"({"intent":"another","ticket":"OPS-2"})", rules, kNow + 3)),
            "approval.documented");
  reopen();
  EXPECT_EQ(queue->get(id)->documentation, R"({"intent":"because","ticket":"OPS-1"})");
  EXPECT_EQ(inbox(test::bob()), 1U);
  EXPECT_EQ(queue->vote(id, yes(test::bob()), rules, kNow)->state, State::approved);
  EXPECT_EQ(code_of(queue->document(id, "{}", rules, kNow)), "approval.not_held");
}

TEST_F(QueueChangesTest, DocumentationMayComeWithTheRequestAndIsNeverChangedUnderAVote) {
  HeldRequest draft = test::draft("x");
  draft.rules = {"written"};
  draft.documentation = R"({"ticket":"OPS-7", "intent":"because"})";
  Result<Holding> held = queue->hold(draft, kNow);
  ASSERT_TRUE(held);
  EXPECT_EQ(held->request.documentation, R"({"intent":"because","ticket":"OPS-7"})");
  EXPECT_EQ(inbox(test::bob()), 1U);
  draft.frozen.identity = "y";
  draft.documentation = "[]";
  EXPECT_FALSE(queue->hold(draft, kNow));

  std::string pair = hold("z", "pair");
  ASSERT_TRUE(queue->vote(pair, yes(test::bob()), rules, kNow));
  EXPECT_EQ(code_of(queue->document(pair, R"({"intent":"something else"})", rules, kNow)), "approval.documented");
  EXPECT_EQ(code_of(queue->document("req_none", "{}", rules, kNow)), "request.unknown");
  EXPECT_EQ(kinds, (std::vector<Change::Kind>{Change::Kind::state, Change::Kind::state, Change::Kind::vote}));
}

TEST_F(QueueChangesTest, WithdrawnByItsOwnLineageOnly) {
  std::string id = hold("x", "pair");
  Requester other = test::draft("").requester;
  other.chain.front() = "root-2";
  EXPECT_EQ(code_of(queue->withdraw(id, other, "", kNow)), "request.unknown");
  other = test::draft("").requester;
  other.delegates.clear();
  EXPECT_EQ(code_of(queue->withdraw(id, other, "", kNow)), "request.unknown");
  Requester refreshed = test::draft("").requester;
  refreshed.chain = {"root-1", "another-leaf"};
  Result<HeldRequest> gone = queue->withdraw(id, refreshed, "not needed", kNow + 1);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->state, State::withdrawn);
  EXPECT_EQ(gone->code, "approval.withdrawn");
  EXPECT_EQ(gone->decided_by, "");
  EXPECT_EQ(code_of(queue->withdraw(id, refreshed, "", kNow)), "approval.state");
  EXPECT_EQ(code_of(queue->vote(id, yes(test::bob()), rules, kNow)), "approval.not_held");
  EXPECT_NE(hold("x", "pair"), id) << "a retry is a new request";
  EXPECT_TRUE(queue->claim_result(id, kNow)) << "who still waits is told";

  std::string running = hold("y", "reminding");
  ASSERT_TRUE(queue->vote(running, yes(test::bob()), rules, kNow));
  ASSERT_TRUE(queue->begin_execution(running, kNow));
  EXPECT_EQ(code_of(queue->withdraw(running, refreshed, "", kNow)), "approval.state");
}

TEST_F(QueueChangesTest, StaleIsNoDenialAndToldOnce) {
  std::string id = hold("x", "reminding");
  ASSERT_TRUE(queue->vote(id, yes(test::bob()), rules, kNow));
  Result<HeldRequest> stale = queue->refuse_execution(id, "request.stale", "the branch has moved", kNow);
  ASSERT_TRUE(stale);
  EXPECT_EQ(stale->state, State::stale);
  EXPECT_EQ(stale->code, "request.stale");
  EXPECT_EQ((*queue->find_by_retry(stale->retry_key, kNow))->id, id);
  EXPECT_TRUE(queue->claim_result(id, kNow));
  EXPECT_EQ(code_of(queue->claim_result(id, kNow)), "approval.delivered");
  EXPECT_FALSE(*queue->find_by_retry(stale->retry_key, kNow));
}

TEST_F(QueueChangesTest, AnEditTakesTheRequestsPlace) {
  std::string id = hold("x", "pair");
  HeldRequest original = *queue->get(id);
  ASSERT_TRUE(queue->vote(id, yes(test::erin()), rules, kNow));
  Edit edit{.request = test::draft("x, smaller"), .what = "limit 10, not 10,000", .fingerprint = original.fingerprint};
  edit.request.rules = {"pair"};
  edit.request.requester.agent = "somebody else";
  edit.request.requester.owner = "bob";
  edit.request.operation = "op-2";
  test::add_body(edit.request, folder.path(), "small");
  Edit unseen = edit;
  unseen.fingerprint = std::string(64, '0');
  EXPECT_EQ(code_of(queue->supersede_with_edit(id, unseen, test::bob(), rules, kNow)), "approval.changed");
  unseen = edit;
  unseen.what = "";
  EXPECT_EQ(code_of(queue->supersede_with_edit(id, unseen, test::bob(), rules, kNow)), "approval.incomplete");
  EXPECT_EQ(code_of(queue->supersede_with_edit(id, edit, test::alice(), rules, kNow)), "approval.self");
  EXPECT_EQ(code_of(queue->supersede_with_edit(id, edit, test::dave(), rules, kNow)), "approval.not_in_group");
  EXPECT_EQ(queue->get(id)->state, State::held);

  Result<HeldRequest> edited = queue->supersede_with_edit(id, edit, test::bob(), rules, kNow + 1);
  ASSERT_TRUE(edited) << edited.error().message;
  EXPECT_EQ(edited->state, State::held);
  EXPECT_EQ(edited->edited_by, "bob");
  EXPECT_EQ(edited->edited, "limit 10, not 10,000");
  EXPECT_EQ(edited->supersedes, id);
  EXPECT_EQ(edited->requester.agent, "builder");
  EXPECT_EQ(edited->requester.owner, "alice");
  EXPECT_EQ(edited->operation, original.operation);
  EXPECT_TRUE(edited->votes.empty()) << "erin approved something else";
  EXPECT_NE(edited->fingerprint, original.fingerprint);
  EXPECT_EQ(edited->retry_key, original.retry_key);
  EXPECT_EQ(test::slurp(edited->frozen.body_file), "small");

  HeldRequest gone = *queue->get(id);
  EXPECT_EQ(gone.state, State::superseded);
  EXPECT_EQ(gone.code, "approval.edited");
  EXPECT_EQ(gone.superseded_by, edited->id);
  EXPECT_NE(gone.reason.find(edited->id), std::string::npos);
  EXPECT_EQ((*queue->find_by_retry(original.retry_key, kNow))->id, edited->id);
  EXPECT_EQ(queue->hold(original, kNow)->request.id, edited->id) << "a retry of the original joins it";

  EXPECT_EQ(code_of(queue->vote(edited->id, yes(test::bob()), rules, kNow)), "approval.self");
  Edit again{.request = test::draft("x, smallest"), .what = "limit 1", .fingerprint = ""};
  EXPECT_EQ(code_of(queue->supersede_with_edit(edited->id, again, test::carol(), rules, kNow)), "approval.edited");
  ASSERT_TRUE(queue->vote(edited->id, yes(test::erin()), rules, kNow));
  EXPECT_EQ(queue->vote(edited->id, yes(test::carol()), rules, kNow)->state, State::approved);
  reopen();
  EXPECT_TRUE(queue->begin_execution(edited->id, kNow)) << "the stored fingerprint is that of the stored request";
}

TEST_F(QueueChangesTest, TheFingerprintOfAnEditSaysWhoAndWhat) {
  HeldRequest plain = test::draft("x");
  HeldRequest edited = plain;
  edited.edited_by = "bob";
  edited.edited = "smaller";
  edited.supersedes = "req_1";
  EXPECT_NE(fingerprint(plain), fingerprint(edited));
  for (std::string HeldRequest::* field : {&HeldRequest::edited_by, &HeldRequest::edited, &HeldRequest::supersedes}) {
    HeldRequest other = edited;
    other.*field += "!";
    EXPECT_NE(fingerprint(other), fingerprint(edited));
  }
  HeldRequest documented = plain;
  documented.documentation = "{}";
  EXPECT_EQ(fingerprint(documented), fingerprint(plain));
}

TEST_F(QueueChangesTest, ABallotIsBoundToWhatItsVoterSaw) {
  std::string id = hold("x", "pair");
  Ballot ballot = yes(test::bob());
  ballot.fingerprint = std::string(64, '0');
  EXPECT_EQ(code_of(queue->vote(id, ballot, rules, kNow)), "approval.changed");
  ballot.fingerprint = queue->get(id)->fingerprint;
  ballot.viewed_ms = 4'200;
  ballot.signature = R"({"statement":"…"})";
  ASSERT_TRUE(queue->vote(id, ballot, rules, kNow));
  reopen();
  Vote vote = queue->get(id)->votes.at(0);
  EXPECT_EQ(vote.viewed_ms, 4'200);
  EXPECT_EQ(vote.signature, ballot.signature);
  EXPECT_EQ(vote.for_whom, "");
  ballot = yes(test::carol());
  ballot.signature = std::string(70'000, 'x');
  EXPECT_EQ(code_of(queue->vote(id, ballot, rules, kNow)), "approval.signature_invalid");
}

TEST_F(QueueChangesTest, RulesMayDemandASignature) {
  std::string id = hold("x", "signed");
  EXPECT_EQ(code_of(queue->vote(id, yes(test::bob()), rules, kNow)), "approval.signature_required");
  EXPECT_EQ(code_of(queue->vote(id, test::no(test::bob()), rules, kNow)), "approval.signature_required");
  Ballot ballot = yes(test::bob());
  ballot.signature = "{}";
  EXPECT_EQ(queue->vote(id, ballot, rules, kNow)->state, State::approved);
}

TEST_F(QueueChangesTest, RulesMayDemandAFreshSignIn) {
  std::string id = hold("x", "fresh");
  Edit edit{.request = test::draft("smaller"), .what = "smaller", .fingerprint = ""};
  edit.request.rules = {"fresh"};
  Approver bob = test::bob();
  EXPECT_EQ(code_of(queue->vote(id, yes(bob), rules, kNow)), "approval.sign_in_too_old");
  EXPECT_EQ(code_of(queue->supersede_with_edit(id, edit, bob, rules, kNow)), "approval.sign_in_too_old");
  bob.signed_in = kNow - 8 * kHour;
  Result<HeldRequest> edited = queue->supersede_with_edit(id, edit, bob, rules, kNow);
  ASSERT_TRUE(edited) << edited.error().message;
  Approver carol = test::carol();
  carol.signed_in = kNow - 8 * kHour - 1;
  EXPECT_EQ(code_of(queue->vote(edited->id, yes(carol), rules, kNow)), "approval.sign_in_too_old");
  EXPECT_EQ(queue->vote(edited->id, test::no(carol), rules, kNow)->state, State::denied) << "a denial opens nothing";
}

TEST_F(QueueChangesTest, AVoteInSomebodysPlaceNamesBoth) {
  std::string id = hold("x", "pair");
  Approver dave = test::dave();
  dave.delegators = {{.name = "carol",
                      .level = Level::senior,
                      .teams = {"platform"},
                      .delegations = {{.from = "carol", .to = "dave", .since = kNow - 1, .until = kNow + kHour}}}};
  EXPECT_EQ(inbox(test::dave()), 0U);
  EXPECT_EQ(inbox(dave), 1U);
  EXPECT_EQ(inbox(dave, kNow + kHour), 0U) << "carol is back";
  EXPECT_EQ(code_of(queue->vote(id, yes(dave), rules, kNow)), "approval.not_in_group");
  Ballot ballot = yes(dave);
  ballot.for_whom = "carol";
  ASSERT_TRUE(queue->vote(id, ballot, rules, kNow));
  Vote vote = queue->get(id)->votes.at(0);
  EXPECT_EQ(vote.by, "dave");
  EXPECT_EQ(vote.for_whom, "carol");
  EXPECT_FALSE(queue->vote(id, yes(test::carol()), rules, kNow)) << "carol's voice is used up";
  EXPECT_EQ(inbox(dave), 0U);
  reopen();
  EXPECT_EQ(inbox(dave), 0U);
  EXPECT_EQ(inbox(test::bob()), 1U);
}

TEST_F(QueueChangesTest, RemindersAreToldOnce) {
  std::string id = hold("x", "reminding");
  std::string other = hold("y", "pair");
  TimeMs half = kHour / 2;
  auto due = [&](TimeMs at) { return queue->upkeep(kNow + at, rules)->size(); };
  EXPECT_EQ(due(half - 1), 0U);
  kinds.clear();
  EXPECT_EQ(due(half), 1U);
  EXPECT_EQ(kinds, std::vector<Change::Kind>{Change::Kind::reminded});
  EXPECT_EQ(due(half), 0U);
  EXPECT_EQ(queue->get(id)->reminded, 1);
  reopen();
  EXPECT_EQ(due(half + 1), 0U);
  EXPECT_EQ(due(2 * half), 1U);
  EXPECT_EQ(queue->get(id)->reminded, 2);
  EXPECT_EQ(due(3 * half), 0U);
  EXPECT_EQ(queue->get(other)->reminded, 0);

  std::string late = hold("z", "reminding");
  EXPECT_EQ(due(3 * half), 1U) << "two at once are one";
  EXPECT_EQ(queue->get(late)->reminded, 2);
  std::string decided = hold("w", "reminding");
  ASSERT_TRUE(queue->vote(decided, yes(test::bob()), rules, kNow));
  EXPECT_EQ(due(3 * half), 0U);
}

TEST_F(QueueChangesTest, TheInboxHasPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 25; ++i) ids.push_back(hold("x" + std::to_string(i), "pair"));
  std::vector<std::string> seen;
  std::string after;
  for (;;) {
    Result<std::vector<HeldRequest>> page = queue->waiting_for(test::bob(), rules, kNow, 10, after);
    ASSERT_TRUE(page);
    for (const HeldRequest& request : *page) seen.push_back(request.id);
    if (page->size() < 10) break;
    after = page->back().id;
  }
  EXPECT_EQ(seen, ids);
  EXPECT_EQ(queue->count_waiting(test::bob(), rules, kNow, 1'000), 25U);
  EXPECT_EQ(queue->count_waiting(test::bob(), rules, kNow, 7), 7U);
  EXPECT_EQ(queue->count_waiting(test::dave(), rules, kNow, 7), 0U);
  EXPECT_EQ(code_of(queue->waiting_for(test::bob(), rules, kNow, 10, "req_none")), "request.unknown");
  ASSERT_TRUE(queue->cancel(ids[9], "alice", "", kNow));
  EXPECT_FALSE(queue->waiting_for(test::bob(), rules, kNow, 10, ids[9])->empty()) << "the last of a page may be over";
}

TEST_F(QueueChangesTest, OutcomesAreToldOneAtATimeAndKeepNobodyWaiting) {
  std::vector<std::string> ids;
  {
    queue.reset();
    Result<Store> store = Store::open(folder.path() / "store.db", {}, *BodyFiles::open(folder.path() / "requests"));
    ASSERT_TRUE(store) << store.error().message;
    Result<sql::Transaction> transaction = store->begin();
    ASSERT_TRUE(transaction);
    for (int i = 0; i < 1'500; ++i) {
      HeldRequest draft = test::draft(std::to_string(i));
      draft.id = ids.emplace_back("req_" + std::to_string(i));
      draft.retry_key = draft.id;
      draft.created = kNow + i / 2;
      draft.rules = {i % 3 == 0 ? "pair" : "signed"};
      draft.requester.agent = "agent-" + std::to_string(i % 10);
      ASSERT_TRUE(store->insert(draft));
    }
    ASSERT_TRUE(transaction->commit());
  }
  reopen();
  ASSERT_TRUE(queue->cancel(ids[3], "olivia", "no", kNow + 5'000));
  std::size_t pairs = 0;
  std::size_t cancelled = 0;
  TimeMs last = kNow + kHour;
  Result<std::size_t> told = queue->each_outcome(kNow + 1, 10'000, [&](const Outcome& one) {
    EXPECT_LE(one.created, last) << "newest first";
    last = one.created;
    if (one.rules == R"(["pair"])") ++pairs;
    if (one.state == State::cancelled) {
      ++cancelled;
      EXPECT_EQ(one.created, kNow + 1);
      EXPECT_EQ(one.decided, kNow + 5'000);
      EXPECT_TRUE(one.by_someone);
    } else {
      EXPECT_FALSE(one.by_someone);
    }
    EXPECT_EQ(queue->held().count, 1'499U) << "it may be asked meanwhile";
    EXPECT_EQ(queue->get(ids[3])->state, State::cancelled);
  });
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(*told, 1'498U) << "without the two of the first millisecond";
  EXPECT_EQ(pairs, 499U);
  EXPECT_EQ(cancelled, 1U);
  told = queue->each_outcome(0, 10, [](const Outcome&) {});
  EXPECT_EQ(told, 1'000U);

  EXPECT_EQ(queue->open_of("agent-3"), 149U);
  EXPECT_EQ(queue->open_of("agent-4"), 150U);
  EXPECT_EQ(queue->open_of("nobody"), 0U);
  std::map<std::string, std::size_t> open = queue->open_by_agent();
  EXPECT_EQ(open.size(), 10U);
  EXPECT_EQ(open["agent-3"], 149U);
  reopen();
  EXPECT_EQ(queue->open_of("agent-3"), 149U);
  EXPECT_EQ(queue->held().oldest, kNow);
}

}  // namespace
}  // namespace countersign::approvals
