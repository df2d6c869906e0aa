// What holds for any rules, any people and any votes, also votes that nobody could have given. The generator's seeds
// are fixed: a failure comes again.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "approvals/names.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::kHour;
using test::kNow;

constexpr int kWorlds = 250;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 10; ++i) {
      Approver one;
      one.name = "p" + std::to_string(i);
      one.level = static_cast<Level>(1 + pick(6));
      for (const char* team : {"red", "blue"}) {
        if (pick(2) == 0) one.teams.emplace_back(team);
      }
      people.push_back(one);
    }
    for (int i = 0; i < 6; ++i) add_delegation();
    const std::size_t count = 1 + pick(3) / 2;
    for (std::size_t i = 0; i < count; ++i) add_rule("r" + std::to_string(i));
    request = test::draft("x", kNow);
    request.id = "req_1";
    request.created = kNow;
    request.expires = kNow + 100 * kHour;
    request.rules.clear();
    for (const auto& [name, rule] : rules.rules) request.rules.push_back(name);
    Requester& from = request.requester;
    from.agent = "builder";
    from.owner = pick(4) == 0 ? "team:red" : spelled("p0");
    from.issuer = spelled("p1");
    from.delegates = {spelled("p2")};
    if (pick(3) == 0) request.edited_by = "p3";
  }

  std::size_t pick(std::size_t below) { return random_() % below; }
  std::string spelled(std::string name) {
    if (pick(3) == 0) name[0] = 'P';
    return (pick(3) == 0 ? "user:" : "") + name;
  }

  // As the queue does it; nothing when nobody may.
  void vote_as_somebody() {
    now += static_cast<TimeMs>(pick(static_cast<std::size_t>(kHour)));
    const Approver& who = people[pick(people.size())];
    std::string place;
    if (!who.delegators.empty() && pick(2) == 0) place = who.delegators[pick(who.delegators.size())].name;
    auto openings = eligibility(request, who, Choice::approve, rules, now, place);
    if (!openings) return;
    for (const Opening& opening : *openings) {
      Vote vote;
      vote.rule = opening.rule;
      vote.stage = opening.stage;
      vote.group = opening.group;
      vote.by = who.name;
      vote.for_whom = place;
      vote.level = opening.level;
      vote.approves = true;
      vote.at = now;
      vote.signature = pick(8) == 0 ? "" : "{}";
      request.votes.push_back(vote);
    }
  }
  // Whatever a store could contain.
  void forge_vote() {
    Vote vote;
    vote.rule = "r" + std::to_string(pick(4));
    vote.stage = "s" + std::to_string(pick(4));
    const std::vector<std::string> groups{"anyone", "team:red", "team:blue", "user:p4", "team:blue, anyone",
                                          "nobody", ""};
    vote.group = groups[pick(groups.size())];
    vote.by = spelled("p" + std::to_string(pick(10)));
    if (pick(3) == 0) vote.for_whom = spelled("p" + std::to_string(pick(10)));
    vote.level = level_name(static_cast<Level>(1 + pick(6)));
    vote.approves = pick(8) != 0;
    vote.at = kNow + static_cast<TimeMs>(pick(30 * static_cast<std::size_t>(kHour)));
    vote.signature = pick(2) == 0 ? "" : "{}";
    request.votes.push_back(vote);
  }
  [[nodiscard]] std::vector<Progress> progress() const { return progress_of(request, rules, now); }

  Rules rules;
  std::vector<Approver> people;
  HeldRequest request;
  TimeMs now = kNow;

 private:
  void add_delegation() {
    const std::size_t from = pick(people.size());
    const std::size_t to = pick(people.size());
    if (from == to) return;
    Delegation delegation{.from = people[from].name, .to = people[to].name, .since = kNow, .until = kNow + 20 * kHour};
    people[to].delegators.push_back({people[from].name, people[from].level, people[from].teams, {delegation}});
  }
  Group group() {
    const std::vector<std::string> texts{"anyone", "team:red", "team:blue", "user:p4"};
    return *parse_group(texts[pick(texts.size())]);
  }
  void add_rule(const std::string& name) {
    Rule rule{.name = name, .expires = 100 * kHour};
    rule.demands.signature = pick(4) == 0;
    rule.delegation = static_cast<DelegationMode>(pick(3));
    const std::size_t stages = 1 + pick(5) / 2;
    for (std::size_t i = 0; i < stages; ++i) {
      Stage stage{.name = "s" + std::to_string(i),
                  .count = static_cast<int>(1 + pick(5) / 2),
                  .groups = {group()},
                  .min_level = static_cast<Level>(1 + pick(7) / 2)};
      if (pick(2) == 0) stage.escalate = Escalation{static_cast<TimeMs>(1 + pick(5)) * kHour, {group()}};
      rule.stages.push_back(stage);
    }
    rules.rules.emplace(name, rule);
  }

  std::mt19937_64 random_;
};

template <class Check>
void in_many_worlds(Check check) {
  for (std::uint64_t seed = 1; seed <= kWorlds; ++seed) {
    World world(seed);
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (int step = 0; step < 25; ++step) {
      if (world.pick(4) == 0) {
        world.forge_vote();
      } else {
        world.vote_as_somebody();
      }
      check(world);
      if (testing::Test::HasFailure()) return;
    }
  }
}

int counted_in(const Progress& progress, const HeldRequest& request, const std::string& stage) {
  return static_cast<int>(
      std::ranges::count_if(progress.votes, [&](std::size_t index) { return request.votes[index].stage == stage; }));
}

TEST(AnyRules, AddingVotesNeverTakesAnythingBack) {
  int satisfied = 0;
  for (std::uint64_t seed = 1; seed <= kWorlds; ++seed) {
    World world(seed);
    std::vector<Progress> before = world.progress();
    for (int step = 0; step < 30; ++step) {
      if (world.pick(3) == 0) {
        world.forge_vote();
      } else {
        world.vote_as_somebody();
      }
      std::vector<Progress> after = world.progress();
      for (std::size_t i = 0; i < after.size(); ++i) {
        ASSERT_GE(after[i].votes.size(), before[i].votes.size()) << seed;
        ASSERT_TRUE(std::equal(before[i].votes.begin(), before[i].votes.end(), after[i].votes.begin())) << seed;
        ASSERT_TRUE(after[i].satisfied || !before[i].satisfied) << seed;
      }
      before = std::move(after);
    }
    satisfied += all_satisfied(before) ? 1 : 0;
  }
  EXPECT_GT(satisfied, kWorlds / 20);  // else the test above says nothing
}

TEST(AnyRules, WhoAsksIsNeverCounted) {
  in_many_worlds([](World& world) {
    for (const Progress& progress : world.progress()) {
      for (const std::string& person : progress.spent) {
        ASSERT_FALSE(asks_by_name(world.request.requester, person)) << person;
        ASSERT_FALSE(same_name(world.request.edited_by, person)) << person;
      }
    }
    for (const Approver& person : world.people) {
      for (Choice choice : {Choice::approve, Choice::deny}) {
        if (!asks_by_name(world.request.requester, person.name)) continue;
        ASSERT_FALSE(eligibility(world.request, person, choice, world.rules, world.now));
        for (const Approver& other : world.people) {
          ASSERT_FALSE(eligibility(world.request, other, choice, world.rules, world.now, person.name));
          ASSERT_FALSE(eligibility(world.request, person, choice, world.rules, world.now, other.name));
        }
      }
    }
  });
}

TEST(AnyRules, NobodyCountsTwice) {
  in_many_worlds([](World& world) {
    for (const Progress& progress : world.progress()) {
      std::set<std::string> people;
      for (const std::string& person : progress.spent) {
        ASSERT_TRUE(people.insert(bare_name(person)).second) << person << " in " << progress.rule;
      }
      ASSERT_EQ(progress.counted.size(), progress.votes.size());
      for (const Approver& person : world.people) {
        if (!people.contains(person.name)) continue;
        auto openings = eligibility(world.request, person, Choice::approve, world.rules, world.now);
        if (!openings) continue;
        for (const Opening& opening : *openings) ASSERT_NE(opening.rule, progress.rule) << person.name;
      }
    }
  });
}

TEST(AnyRules, StagesCountInTheirOrderAndNoMoreThanTheyNeed) {
  in_many_worlds([](World& world) {
    for (const Progress& progress : world.progress()) {
      const Rule& rule = *world.rules.find(progress.rule);
      bool complete = true;  // every stage so far
      for (const Stage& stage : rule.stages) {
        const int have = counted_in(progress, world.request, stage.name);
        if (!complete) {
          ASSERT_EQ(have, 0) << stage.name;
        } else if (have < stage.count) {
          ASSERT_TRUE(progress.open && progress.open->name == stage.name);
          ASSERT_EQ(progress.have, have);
        } else {
          ASSERT_EQ(have, stage.count);
        }
        complete = complete && have == stage.count;
      }
      ASSERT_EQ(progress.satisfied, complete);
    }
  });
}

// Each counted vote alone: its level, its group at its time, its signature.
TEST(AnyRules, WhatCountsIsWhatTheStageAsksFor) {
  in_many_worlds([](World& world) {
    const Demands demands = demands_of(world.request.rules, world.rules);
    for (const Progress& progress : world.progress()) {
      const Rule& rule = *world.rules.find(progress.rule);
      TimeMs opened = world.request.created;
      for (const Stage& stage : rule.stages) {
        TimeMs last = opened;
        for (std::size_t index : progress.votes) {
          const Vote& vote = world.request.votes[index];
          if (vote.stage != stage.name) continue;
          last = std::max(last, vote.at);
          ASSERT_TRUE(vote.approves);
          ASSERT_GE(*level_from_name(vote.level), stage.min_level);
          ASSERT_TRUE(!demands.signature || !vote.signature.empty());
          ASSERT_TRUE(rule.delegation != DelegationMode::none || vote.for_whom.empty());
          auto names = [&](const Group& group) {
            return (", " + vote.group + ",").contains(", " + group.text() + ",");
          };
          bool by_group = std::ranges::any_of(stage.groups, names);
          bool by_escalation = stage.escalate && vote.at >= opened + stage.escalate->after &&
                               std::ranges::any_of(stage.escalate->add, names);
          ASSERT_TRUE(by_group || by_escalation) << vote.group << " for " << text_of(stage.groups);
        }
        opened = last;
      }
    }
  });
}

TEST(AnyRules, EscalationOnlyAdds) {
  in_many_worlds([](World& world) {
    Rules plain = world.rules;
    for (auto& [name, rule] : plain.rules) {
      for (Stage& stage : rule.stages) stage.escalate.reset();
    }
    HeldRequest fresh = world.request;
    fresh.votes.clear();
    for (TimeMs later : {TimeMs{0}, 3 * kHour, 50 * kHour}) {
      const TimeMs now = kNow + later;
      std::vector<Progress> with = progress_of(fresh, world.rules, now);
      std::vector<Progress> without = progress_of(fresh, plain, now);
      for (std::size_t i = 0; i < with.size(); ++i) {
        ASSERT_EQ(with[i].open->count, without[i].open->count);
        ASSERT_EQ(with[i].open->min_level, without[i].open->min_level);
        ASSERT_GE(with[i].asked.size(), without[i].asked.size());
        for (std::size_t j = 0; j < without[i].asked.size(); ++j) {
          ASSERT_EQ(with[i].asked[j].text(), without[i].asked[j].text());
        }
      }
      for (const Approver& person : world.people) {
        if (!eligibility(fresh, person, Choice::approve, plain, now)) continue;
        ASSERT_TRUE(eligibility(fresh, person, Choice::approve, world.rules, now)) << person.name;
      }
    }
    // The number of people it takes is the same with it.
    for (const Progress& progress : world.progress()) {
      if (!progress.satisfied) continue;
      int needed = 0;
      for (const Stage& stage : world.rules.find(progress.rule)->stages) needed += stage.count;
      ASSERT_EQ(std::ssize(progress.counted), needed);
    }
  });
}

TEST(AnyRules, AUnionIsSatisfiedOnlyWhenEachRuleAloneIs) {
  int unions = 0;
  in_many_worlds([&](World& world) {
    if (!all_satisfied(world.progress())) return;
    unions += world.request.rules.size() > 1 ? 1 : 0;
    const HeldRequest& request = world.request;
    for (const std::string& name : request.rules) {
      Progress alone = evaluate(*world.rules.find(name), {.votes = request.votes,
                                                          .held = request.created,
                                                          .now = world.now,
                                                          .demands = demands_of(request.rules, world.rules),
                                                          .requester = &request.requester,
                                                          .editor = request.edited_by});
      ASSERT_TRUE(alone.satisfied) << name;
    }
    HeldRequest more = world.request;
    more.rules.push_back("gone");
    ASSERT_FALSE(all_satisfied(progress_of(more, world.rules, world.now)));
  });
  EXPECT_GT(unions, 50);
}

}  // namespace
}  // namespace countersign::approvals
