// Whatever is sent, by however many at once: no request ever gets a vote for a fingerprint that was not in the list,
// and a list is decided as a whole or not at all.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::kNow;

// A request in the order of being held, with what the lists that got through said about it.
struct Known {
  std::string fingerprint;
  std::string burst;
};

class BurstProperty : public testing::Test {
 protected:
  std::size_t pick(std::size_t below) { return random() % below; }

  std::uint64_t seed = std::random_device{}();
  std::mt19937_64 random{seed};
  test::TempFolder folder;
  std::unique_ptr<Queue> queue = test::open_queue(folder.path());
  Rules rules = test::house_rules();
};

TEST_F(BurstProperty, NoVoteWithoutItsFingerprintInTheList) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const std::vector<Approver> people{test::bob(), test::carol(), test::erin(), test::alice()};
  const std::vector<std::string> names{"solo", "pair"};
  std::map<std::string, Known> all;
  std::vector<std::string> ids;
  TimeMs now = kNow;
  std::size_t through = 0;
  std::size_t refused = 0;
  for (int step = 0; step < 600; ++step) {
    now += static_cast<TimeMs>(pick(4'000));
    if (pick(3) != 0 || ids.empty()) {
      HeldRequest request = test::draft("r-" + std::to_string(step), now);
      request.rules = {names[pick(2)]};
      request.requester.chain = {"root-" + std::to_string(pick(2))};
      request.expires = now + 60'000 + static_cast<TimeMs>(pick(600'000));
      Result<Holding> holding = queue->hold(std::move(request), now, {.window = 30'000, .most = 2 + pick(20)});
      if (!holding) continue;  // 200 of an agent are open
      all[holding->request.id] = {holding->request.fingerprint, holding->request.burst};
      ids.push_back(holding->request.id);
      continue;
    }
    // A list: most of a burst, now and then with something wrong in it.
    const std::string burst = all.at(ids[ids.size() - 1 - pick(std::min<std::size_t>(ids.size(), 30))]).burst;
    std::vector<Seen> list;
    for (const std::string& id : ids) {
      if (all.at(id).burst == burst && pick(4) != 0) list.push_back({id, all.at(id).fingerprint});
    }
    std::ranges::shuffle(list, random);
    bool wrong = list.empty();
    if (!list.empty() && pick(4) == 0) {
      wrong = true;
      Seen& one = list[pick(list.size())];
      switch (pick(4)) {
        case 0:
          one.fingerprint.back() = one.fingerprint.back() == '0' ? '1' : '0';
          break;
        case 1:
          one.fingerprint.clear();
          break;
        case 2:
          one.id = "req_nobody";
          break;
        default:
          list.push_back(list.front());
      }
    } else if (!list.empty() && pick(6) == 0) {
      const std::string& other = ids[pick(ids.size())];
      const bool listed = std::ranges::find(list, other, &Seen::id) != list.end();
      wrong = listed || all.at(other).burst != burst;
      list.push_back({other, all.at(other).fingerprint});
    }
    std::map<std::string, HeldRequest> before;
    for (const std::string& id : ids) before[id] = *queue->get(id);
    const Approver& who = people[pick(people.size())];
    const Ballot ballot = pick(8) == 0 ? test::no(who) : test::yes(who);
    Result<BurstVote> voted = queue->vote_burst(burst, list, ballot, rules, now);
    if (wrong) ASSERT_FALSE(voted);
    voted ? ++through : ++refused;
    std::set<std::string> said;
    for (const Seen& one : list) said.insert(one.id + one.fingerprint);
    for (const std::string& id : ids) {
      const HeldRequest after = *queue->get(id);
      const HeldRequest& was = before.at(id);
      if (!voted) {
        ASSERT_EQ(after.votes.size(), was.votes.size()) << "refused, and yet a vote";
        ASSERT_EQ(after.state, was.state);
        continue;
      }
      const bool listed = said.contains(id + after.fingerprint);
      const bool waited = was.state == State::held && now < was.expires;
      ASSERT_EQ(after.votes.size(), was.votes.size() + (listed && waited ? 1 : 0)) << id;
      if (!listed) ASSERT_EQ(after.state, was.state) << id;
    }
    if (voted) {
      EXPECT_EQ(voted->voted.size() + voted->not_held.size(), list.size());
    }
  }
  EXPECT_GT(through, 10U);
  EXPECT_GT(refused, 10U);
}

// People decide lists that overlap while more is held: every request is decided once, by a list that it was in.
TEST_F(BurstProperty, ManyAtOnce) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr int kRequests = 60;
  std::vector<HeldRequest> held;
  for (int i = 0; i < kRequests; ++i) {
    Result<Holding> holding = queue->hold(test::draft("m-" + std::to_string(i)), kNow, {.window = 30'000});
    ASSERT_TRUE(holding);
    held.push_back(holding->request);
  }
  std::mutex lock;
  std::map<std::string, int> approvals;  // by id: votes that queue says it took
  std::vector<std::thread> threads;
  for (const Approver& who : {test::bob(), test::carol(), test::erin(), test::dave()}) {
    threads.emplace_back([&, who, mine = random()] {
      std::mt19937_64 own(mine);
      for (int round = 0; round < 12; ++round) {
        std::vector<Seen> list;
        for (const HeldRequest& request : held) {
          if (own() % 4 == 0) list.push_back({request.id, request.fingerprint});
        }
        if (list.empty()) continue;
        Result<BurstVote> voted = queue->vote_burst(held[0].burst, list, test::yes(who), rules, kNow + round);
        const std::lock_guard hold(lock);
        ASSERT_TRUE(voted) << voted.error().message;
        for (const HeldRequest& request : voted->voted) ++approvals[request.id];
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(queue->hold(test::draft("later-" + std::to_string(i)), kNow, {.window = 30'000}));
    }
  });
  for (std::thread& thread : threads) thread.join();
  for (const HeldRequest& request : held) {
    const HeldRequest now = *queue->get(request.id);
    EXPECT_EQ(now.state == State::approved, approvals.contains(request.id));
    EXPECT_EQ(now.votes.size(), approvals.contains(request.id) ? 1U : 0U);
    if (approvals.contains(request.id)) EXPECT_EQ(approvals.at(request.id), 1);
  }
  const auto waiting = queue->list({.states = {State::held}, .limit = 1'000});
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->size(), kRequests + 20 - approvals.size()) << "what came later was in no list";
}

}  // namespace
}  // namespace countersign::approvals
