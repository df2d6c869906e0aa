// What came together is decided together, and exactly what was seen is decided.
#include "approvals/bursts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;
using test::draft;
using test::kHour;
using test::kNow;

constexpr BurstLimits kLimits{.window = 30'000};

class BurstTest : public testing::Test {
 protected:
  HeldRequest hold(HeldRequest request, TimeMs now, const BurstLimits& limits = kLimits) {
    Result<Holding> holding = queue->hold(std::move(request), now, limits);
    EXPECT_TRUE(holding) << holding.error().message;
    return holding ? holding->request : HeldRequest{};
  }
  std::vector<HeldRequest> hold_some(int count, TimeMs now = kNow) {
    std::vector<HeldRequest> out;
    for (int i = 0; i < count; ++i) {
      HeldRequest request = draft("some-" + std::to_string(now) + "-" + std::to_string(i), now + i);
      request.effect = i == 0 ? "destroy" : i == 1 ? "administer" : "write";
      out.push_back(hold(std::move(request), now + i));
    }
    return out;
  }
  static std::vector<Seen> seen(const std::vector<HeldRequest>& requests) {
    std::vector<Seen> out;
    for (const HeldRequest& request : requests) out.push_back({request.id, request.fingerprint});
    return out;
  }
  State state_of(const std::string& id) { return queue->get(id)->state; }

  test::TempFolder folder;
  std::unique_ptr<Queue> queue = test::open_queue(folder.path());
  Rules rules = test::house_rules();
};

TEST_F(BurstTest, WhatComesTogetherHasOneId) {
  std::vector<HeldRequest> some = hold_some(3);
  EXPECT_EQ(some[0].burst, "bst_" + some[0].id.substr(4));
  EXPECT_EQ(some[1].burst, some[0].burst);
  EXPECT_EQ(some[2].burst, some[0].burst);
  EXPECT_EQ(queue->get(some[1].id)->burst, some[0].burst) << "stored";
  EXPECT_TRUE(begins_burst(some[0]));
  EXPECT_FALSE(begins_burst(some[1]));
  Result<std::vector<HeldRequest>> burst = queue->burst(some[0].burst);
  ASSERT_TRUE(burst);
  ASSERT_EQ(burst->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ((*burst)[i].id, some[i].id) << "in the order in which they were held";
  BurstCount count;
  for (const BurstPart& part : *queue->count_burst(some[0].burst)) count.effects[part.effect] += part.count;
  EXPECT_EQ(burst_sentence(some[0], count),
            "3 changes by agent builder on files (production): 1 write, 1 administer, 1 destroy");
}

TEST_F(BurstTest, EverythingThatTellsCallersApartTellsBurstsApart) {
  const std::string first = hold(draft("first"), kNow).burst;
  auto other = [&](const std::function<void(HeldRequest&)>& change) {
    static int number = 0;
    HeldRequest request = draft("other-" + std::to_string(++number));
    change(request);
    return hold(std::move(request), kNow + 1).burst;
  };
  EXPECT_EQ(other([](HeldRequest&) {}), first);
  EXPECT_EQ(other([](HeldRequest& r) { r.requester.chain = {"root-1", "another-leaf"}; }), first) << "the same root";
  EXPECT_EQ(other([](HeldRequest& r) { r.action = "http:DELETE"; }), first);
  EXPECT_NE(other([](HeldRequest& r) { r.requester.chain = {"root-2", "leaf-1"}; }), first);
  EXPECT_NE(other([](HeldRequest& r) { r.requester.agent = "somebody-else"; }), first);
  EXPECT_NE(other([](HeldRequest& r) { r.frozen.upstream = "another"; }), first);
  EXPECT_NE(other([](HeldRequest& r) { r.environment = "staging"; }), first);
  EXPECT_NE(other([](HeldRequest& r) { r.rules = {"pair"}; }), first);
  EXPECT_NE(other([](HeldRequest& r) { r.rules = {"solo", "pair"}; }), first);
  EXPECT_EQ(other([](HeldRequest& r) { r.rules = {"pair", "solo"}; }),
            other([](HeldRequest& r) { r.rules = {"solo", "pair"}; }));
}

TEST_F(BurstTest, ABurstIsClosedByQuietByAgeAndBySize) {
  EXPECT_EQ(hold(draft("alone"), kNow, {}).burst, "") << "without limits nothing is grouped";
  const std::string first = hold(draft("a"), kNow).burst;
  EXPECT_EQ(hold(draft("b", kNow + 29'999), kNow + 29'999).burst, first);
  EXPECT_EQ(hold(draft("c", kNow + 59'998), kNow + 59'998).burst, first) << "30 s after the last, not the first";
  EXPECT_NE(hold(draft("d", kNow + 89'998), kNow + 89'998).burst, first);

  const TimeMs start = kNow + kHour;
  const std::string long_one = hold(draft("long", start), start).burst;
  std::string last;
  for (TimeMs after = 20'000; after < kLongestBurst; after += 20'000) {
    last = hold(draft("long-" + std::to_string(after), start + after), start + after).burst;
    EXPECT_EQ(last, long_one);
  }
  EXPECT_NE(hold(draft("late", start + kLongestBurst), start + kLongestBurst).burst, long_one) << "ten minutes overall";

  const TimeMs then = kNow + 2 * kHour;
  const BurstLimits three{.window = 30'000, .most = 3};
  const std::string small = hold(draft("1", then), then, three).burst;
  EXPECT_EQ(hold(draft("2", then), then, three).burst, small);
  EXPECT_EQ(hold(draft("3", then), then, three).burst, small);
  const std::string next = hold(draft("4", then), then, three).burst;
  EXPECT_NE(next, small);
  EXPECT_EQ(hold(draft("5", then), then, three).burst, next);
}

TEST_F(BurstTest, ARetryJoinsItsRequestAndNoBurst) {
  std::vector<HeldRequest> some = hold_some(2);
  Result<Holding> again = queue->hold(draft("some-" + std::to_string(kNow) + "-0", kNow), kNow + 5, kLimits);
  ASSERT_TRUE(again);
  EXPECT_EQ(queue->burst(some[0].burst)->size(), some.size() + (again->how == Holding::How::held ? 1 : 0));
}

TEST_F(BurstTest, AfterARestartTheyStayTogetherAndNothingJoins) {
  std::vector<HeldRequest> some = hold_some(3);
  queue.reset();
  queue = test::open_queue(folder.path());
  EXPECT_EQ(queue->waiting_for(test::bob(), rules, kNow, 10)->size(), 1U);
  EXPECT_EQ(queue->burst(some[0].burst)->size(), 3U);
  EXPECT_NE(hold(draft("later", kNow + 10), kNow + 10).burst, some[0].burst);
}

TEST_F(BurstTest, OneVoteForTheList) {
  std::vector<HeldRequest> some = hold_some(5);
  std::vector<std::string> order;
  queue->observe([&](const Change& change) {
    if (change.to == State::approved) order.push_back(change.request.id);
  });
  std::vector<Seen> list = seen({some[3], some[0], some[1]});
  Result<BurstVote> voted = queue->vote_burst(some[0].burst, list, test::yes(test::bob()), rules, kNow + 10);
  ASSERT_TRUE(voted) << voted.error().message;
  ASSERT_EQ(voted->voted.size(), 3U);
  EXPECT_TRUE(voted->not_held.empty());
  EXPECT_EQ(order, (std::vector<std::string>{some[0].id, some[1].id, some[3].id}))
      << "the order in which they were held";
  for (std::size_t at : {0U, 1U, 3U}) {
    HeldRequest now = *queue->get(some[at].id);
    EXPECT_EQ(now.state, State::approved);
    ASSERT_EQ(now.votes.size(), 1U);
    EXPECT_EQ(now.votes[0].by, "bob");
    EXPECT_EQ(now.votes[0].reason, "fine");
  }
  for (std::size_t at : {2U, 4U}) {
    EXPECT_EQ(state_of(some[at].id), State::held) << "not in the list";
    EXPECT_TRUE(queue->get(some[at].id)->votes.empty());
  }
}

TEST_F(BurstTest, WhatJoinsLaterIsNotCovered) {
  std::vector<HeldRequest> some = hold_some(3);
  const HeldRequest later = hold(draft("later", kNow + 100), kNow + 100);
  ASSERT_EQ(later.burst, some[0].burst);
  ASSERT_TRUE(queue->vote_burst(some[0].burst, seen(some), test::yes(test::bob()), rules, kNow + 200));
  EXPECT_EQ(state_of(later.id), State::held);
  Result<std::vector<HeldRequest>> waiting = queue->waiting_for(test::bob(), rules, kNow + 200, 10);
  ASSERT_TRUE(waiting);
  ASSERT_EQ(waiting->size(), 1U) << "the rest of the card";
  EXPECT_EQ(waiting->front().id, later.id);
}

TEST_F(BurstTest, OneWrongFingerprintAndNothingHappens) {
  std::vector<HeldRequest> some = hold_some(4);
  std::vector<Seen> list = seen(some);
  list[2].fingerprint = some[1].fingerprint;
  EXPECT_EQ(code_of(queue->vote_burst(some[0].burst, list, test::yes(test::bob()), rules, kNow)), "approval.changed");
  list[2].fingerprint = "";
  EXPECT_EQ(code_of(queue->vote_burst(some[0].burst, list, test::yes(test::bob()), rules, kNow)), "approval.changed");
  for (const HeldRequest& request : some) {
    EXPECT_EQ(state_of(request.id), State::held);
    EXPECT_TRUE(queue->get(request.id)->votes.empty());
  }
}

TEST_F(BurstTest, NothingOfAnotherBurstIsDecidedWithIt) {
  std::vector<HeldRequest> some = hold_some(2);
  HeldRequest foreign = draft("foreign");
  foreign.requester.chain = {"root-2"};
  foreign = hold(std::move(foreign), kNow);
  const HeldRequest old = hold(draft("of no burst"), kNow, {});
  auto vote = [&](std::string_view burst, const std::vector<Seen>& list) {
    return code_of(queue->vote_burst(burst, list, test::yes(test::bob()), rules, kNow));
  };
  EXPECT_EQ(vote(some[0].burst, seen({some[0], foreign})), "approval.changed");
  EXPECT_EQ(vote(some[0].burst, seen({some[0], old})), "approval.changed");
  EXPECT_EQ(vote(some[0].burst, {{"req_none", some[0].fingerprint}}), "approval.changed");
  EXPECT_EQ(vote(some[0].burst, {}), "approval.incomplete");
  EXPECT_EQ(vote(some[0].burst, seen({some[0], some[0]})), "approval.incomplete");
  EXPECT_EQ(vote("bst_none", seen({some[0]})), "burst.unknown");
  EXPECT_EQ(vote("", seen({old})), "burst.unknown") << "those of no burst are not one";
  EXPECT_EQ(code_of(queue->burst("")), "burst.unknown");
  EXPECT_EQ(code_of(queue->burst("bst_none")), "burst.unknown");
  EXPECT_EQ(state_of(some[0].id), State::held);
}

TEST_F(BurstTest, WhoMayNotVoteOnOneVotesOnNone) {
  std::vector<HeldRequest> some = hold_some(3);
  Result<BurstVote> own = queue->vote_burst(some[0].burst, seen(some), test::yes(test::alice()), rules, kNow);
  EXPECT_EQ(code_of(own), "approval.self");
  EXPECT_TRUE(own.error().message.starts_with(some[0].id + ": ")) << own.error().message;

  // One that bob has voted on already; two are needed.
  std::vector<HeldRequest> pairs;
  for (int i = 0; i < 3; ++i) {
    HeldRequest request = draft("pair-" + std::to_string(i));
    request.rules = {"pair"};
    pairs.push_back(hold(std::move(request), kNow));
  }
  ASSERT_TRUE(queue->vote(pairs[1].id, test::yes(test::bob()), rules, kNow));
  EXPECT_EQ(code_of(queue->vote_burst(pairs[0].burst, seen(pairs), test::yes(test::bob()), rules, kNow)),
            "approval.already_voted");
  EXPECT_TRUE(queue->get(pairs[0].id)->votes.empty()) << "all or nothing";
  ASSERT_TRUE(queue->vote_burst(pairs[0].burst, seen({pairs[0], pairs[2]}), test::yes(test::bob()), rules, kNow));
  EXPECT_EQ(state_of(pairs[0].id), State::held) << "a quorum of one is none";
  ASSERT_TRUE(queue->vote_burst(pairs[0].burst, seen(pairs), test::yes(test::carol()), rules, kNow));
  for (const HeldRequest& request : pairs) EXPECT_EQ(state_of(request.id), State::approved);
}

TEST_F(BurstTest, StagesAndSignaturesHoldForEachMember) {
  std::vector<HeldRequest> staged;
  for (int i = 0; i < 2; ++i) {
    HeldRequest request = draft("staged-" + std::to_string(i));
    request.rules = {"production-change"};
    staged.push_back(hold(std::move(request), kNow));
  }
  auto vote = [&](const Approver& who) {
    return code_of(queue->vote_burst(staged[0].burst, seen(staged), test::yes(who), rules, kNow));
  };
  EXPECT_NE(vote(test::dave()), "") << "the director comes second";
  EXPECT_EQ(vote(test::bob()), "");
  EXPECT_EQ(state_of(staged[0].id), State::held);
  EXPECT_EQ(vote(test::dave()), "");
  EXPECT_EQ(state_of(staged[0].id), State::approved);
  EXPECT_EQ(state_of(staged[1].id), State::approved);

  rules.rules.at("solo").demands.signature = true;
  std::vector<HeldRequest> some = hold_some(2);
  EXPECT_EQ(code_of(queue->vote_burst(some[0].burst, seen(some), test::yes(test::bob()), rules, kNow)),
            "approval.signature_required");
  Ballot ballot = test::yes(test::bob());
  ballot.signature = R"({"statement":"…"})";
  ASSERT_TRUE(queue->vote_burst(some[0].burst, seen(some), ballot, rules, kNow));
  EXPECT_EQ(queue->get(some[1].id)->votes[0].signature, ballot.signature);
}

TEST_F(BurstTest, WhatIsNotHeldAnyMoreIsToldAndTheOthersGoOn) {
  std::vector<HeldRequest> some = hold_some(4);
  ASSERT_TRUE(queue->withdraw(some[1].id, some[1].requester, "no need", kNow + 1));
  ASSERT_TRUE(queue->vote(some[2].id, test::no(test::carol()), rules, kNow + 1));
  Result<BurstVote> voted = queue->vote_burst(some[0].burst, seen(some), test::yes(test::bob()), rules, kNow + 2);
  ASSERT_TRUE(voted) << voted.error().message;
  ASSERT_EQ(voted->voted.size(), 2U);
  ASSERT_EQ(voted->not_held.size(), 2U);
  EXPECT_EQ(voted->not_held[0].state, State::withdrawn);
  EXPECT_EQ(voted->not_held[1].state, State::denied);
  EXPECT_EQ(state_of(some[2].id), State::denied) << "no vote brings it back";
  EXPECT_EQ(queue->get(some[2].id)->votes.size(), 1U);

  std::vector<HeldRequest> late = hold_some(2, kNow + kHour);
  HeldRequest brief = draft("brief", kNow + kHour);
  brief.expires = kNow + kHour + 1'000;
  late.push_back(hold(std::move(brief), kNow + kHour));
  ASSERT_EQ(late[2].burst, late[0].burst);
  voted = queue->vote_burst(late[0].burst, seen(late), test::yes(test::bob()), rules, kNow + kHour + 1'000);
  ASSERT_TRUE(voted);
  ASSERT_EQ(voted->not_held.size(), 1U);
  EXPECT_EQ(state_of(late[2].id), State::expired) << "durably";
  EXPECT_EQ(state_of(late[0].id), State::approved);
}

TEST_F(BurstTest, OneDenialDeniesTheList) {
  std::vector<HeldRequest> some = hold_some(3);
  ASSERT_TRUE(
      queue->vote_burst(some[0].burst, seen({some[0], some[2]}), test::no(test::bob(), "not today"), rules, kNow));
  EXPECT_EQ(state_of(some[0].id), State::denied);
  EXPECT_EQ(queue->get(some[0].id)->reason, "not today");
  EXPECT_EQ(state_of(some[1].id), State::held);
  EXPECT_EQ(state_of(some[2].id), State::denied);
}

TEST_F(BurstTest, AnEditedRequestStaysInItsBurst) {
  std::vector<HeldRequest> some = hold_some(3);
  Edit edit{.request = *queue->get(some[1].id), .what = "a smaller one"};
  edit.request.input = R"({"size":1})";
  edit.request.expires = kNow + kHour;
  Result<HeldRequest> edited = queue->supersede_with_edit(some[1].id, std::move(edit), test::bob(), rules, kNow + 5);
  ASSERT_TRUE(edited) << edited.error().message;
  EXPECT_EQ(edited->burst, some[0].burst);
  Result<BurstVote> stale = queue->vote_burst(some[0].burst, seen(some), test::yes(test::carol()), rules, kNow + 6);
  ASSERT_TRUE(stale);
  EXPECT_EQ(stale->not_held.size(), 1U) << "what was seen is not what there is now";
  EXPECT_EQ(state_of(edited->id), State::held);
  EXPECT_EQ(code_of(queue->vote_burst(some[0].burst, seen({*edited}), test::yes(test::bob()), rules, kNow + 7)),
            "approval.self");
  EXPECT_TRUE(queue->vote_burst(some[0].burst, seen({*edited}), test::yes(test::carol()), rules, kNow + 7));
}

TEST_F(BurstTest, TheInboxHasOneEntryABurst) {
  std::vector<HeldRequest> some = hold_some(5);
  HeldRequest other = draft("another upstream", kNow + 10);
  other.frozen.upstream = "another";
  other = hold(std::move(other), kNow + 10);
  auto ids = [&](const Approver& who, TimeMs now = kNow + 20) {
    std::vector<std::string> out;
    for (const HeldRequest& request : *queue->waiting_for(who, rules, now, 10)) out.push_back(request.id);
    return out;
  };
  EXPECT_EQ(ids(test::bob()), (std::vector<std::string>{some[0].id, other.id}));
  EXPECT_EQ(queue->count_waiting(test::bob(), rules, kNow + 20, 100), 2U);
  ASSERT_TRUE(queue->vote(some[0].id, test::yes(test::bob()), rules, kNow + 20));
  EXPECT_EQ(ids(test::bob()), (std::vector<std::string>{some[1].id, other.id}));
  EXPECT_EQ(queue->held().count, 5U) << "held are all of them";
  // In pages of one.
  Result<std::vector<HeldRequest>> page = queue->waiting_for(test::bob(), rules, kNow + 20, 1);
  ASSERT_EQ(page->size(), 1U);
  page = queue->waiting_for(test::bob(), rules, kNow + 20, 1, page->front().id);
  ASSERT_EQ(page->size(), 1U);
  EXPECT_EQ(page->front().id, other.id);
}

TEST_F(BurstTest, PeopleAreToldOnceWhenItIsComplete) {
  std::vector<std::string> told;
  queue->observe([&](const Change& change) {
    if (change.kind == Change::Kind::burst) told.push_back(change.request.id);
  });
  std::vector<HeldRequest> some = hold_some(4);
  hold(draft("of another kind", kNow + 5'000), kNow + 5'000);  // joins them: the fifth
  ASSERT_TRUE(queue->upkeep(kNow + 20'000, rules));
  EXPECT_TRUE(told.empty()) << "more may come";
  ASSERT_TRUE(queue->upkeep(kNow + 35'001, rules));
  EXPECT_EQ(told, std::vector<std::string>{some[0].id});
  ASSERT_TRUE(queue->upkeep(kNow + 60'000, rules));
  EXPECT_EQ(told.size(), 1U);
  EXPECT_EQ(queue->events_after(0, 100)->back().name, "burst");

  // A restart in between loses none and tells none again.
  hold_some(2, kNow + kHour);
  queue.reset();
  queue = test::open_queue(folder.path());
  told.clear();
  queue->observe([&](const Change& change) {
    if (change.kind == Change::Kind::burst) told.push_back(change.request.id);
  });
  ASSERT_TRUE(queue->upkeep(kNow + kHour + 60'000, rules));
  EXPECT_EQ(told.size(), 1U);
  queue.reset();
  queue = test::open_queue(folder.path());
  const std::size_t events = queue->events_after(0, 1'000)->size();
  ASSERT_TRUE(queue->upkeep(kNow + kHour + 61'000, rules));
  EXPECT_EQ(queue->events_after(0, 1'000)->size(), events);
}

TEST_F(BurstTest, NobodyIsToldOfABurstThatIsOver) {
  std::vector<HeldRequest> some = hold_some(3);
  ASSERT_TRUE(queue->vote_burst(some[0].burst, seen(some), test::yes(test::bob()), rules, kNow + 10));
  hold(draft("alone", kNow + kHour), kNow + kHour);
  const std::size_t events = queue->events_after(0, 100)->size();
  ASSERT_TRUE(queue->upkeep(kNow + 2 * kHour, rules));
  EXPECT_EQ(queue->events_after(0, 100)->size(), events);
}

TEST_F(BurstTest, RemindersReachEveryMember) {
  rules.rules.at("solo").remind = {60'000};
  hold_some(4);
  EXPECT_EQ(queue->upkeep(kNow + 59'000, rules)->size(), 0U);
  EXPECT_EQ(queue->upkeep(kNow + 61'000, rules)->size(), 4U);
  EXPECT_EQ(queue->upkeep(kNow + 62'000, rules)->size(), 0U);
  EXPECT_EQ(queue->waiting_for(test::bob(), rules, kNow + 62'000, 10)->size(), 1U);
}

TEST(BurstRules, TheFileSaysHowLongAndHowMany) {
  auto read = [](std::string_view text) {
    Problems problems;
    std::optional<Rules> rules = parse_rules("approvals.yaml", text, problems);
    return rules ? std::optional(rules->bursts) : std::nullopt;
  };
  constexpr std::string_view kRest = "rules: { solo: { stages: [ { name: one, group: anyone } ] } }\n";
  EXPECT_EQ(read(kRest)->window, 30'000);
  EXPECT_EQ(read(kRest)->most, 500U);
  EXPECT_EQ(read(std::string(kRest) + "bursts: { window: 5s, most: 20 }")->window, 5'000);
  EXPECT_EQ(read(std::string(kRest) + "bursts: { window: 5s, most: 20 }")->most, 20U);
  EXPECT_EQ(read(std::string(kRest) + "bursts: { window: 0s }")->window, 0);
  for (std::string_view bad : {"bursts: { window: 11m }", "bursts: { most: 1 }", "bursts: { most: 501 }",
                               "bursts: { windows: 5s }", "bursts: [5s]", "bursts: { window: soon }"}) {
    EXPECT_FALSE(read(std::string(kRest) + std::string(bad))) << bad;
  }
}

}  // namespace
}  // namespace countersign::approvals
