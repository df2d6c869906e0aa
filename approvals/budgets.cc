#include "approvals/budgets.h"

#include <algorithm>

#include "approvals/rules.h"
#include "core/words.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostPurses = 100'000;

template <class T>
bool is_in(const std::vector<T>& list, const T& value) {
  return std::ranges::find(list, value) != list.end();
}

bool concerns(const Budget& budget, const Spending::Thing& thing) {
  if (!is_change(thing.effect)) return false;
  if (!budget.effects.empty() && !is_in(budget.effects, thing.effect)) return false;
  if (is_in(budget.except_environments, thing.environment)) return false;
  return budget.environments.empty() || is_in(budget.environments, thing.environment);
}

std::string duration_text(TimeMs time) {
  for (const auto& [unit, name] : {std::pair<TimeMs, const char*>{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}}) {
    if (time % unit == 0) return std::to_string(time / unit) + name;
  }
  return std::to_string(time / 1'000) + "s";
}

std::string sentence_of(const Budget& budget, std::int64_t spent, std::uint32_t more) {
  std::string out = "the budget " + budget.name + " has " + std::to_string(budget.at_most) + " in " +
                    duration_text(budget.per) + " for one token, " + std::to_string(spent) +
                    " of it are spent, and this takes " + std::to_string(more);
  if (budget.then == Budget::Then::deny) out += "; wait until the window has moved on";
  if (budget.then == Budget::Then::freeze) out += "; the agent is frozen until a person thaws it";
  if (!budget.reason.empty()) out += ": " + budget.reason;
  return out;
}

BudgetVerdict::Kind kind_of(Budget::Then then) {
  switch (then) {
    case Budget::Then::hold:
      return BudgetVerdict::Kind::hold;
    case Budget::Then::deny:
      return BudgetVerdict::Kind::deny;
    case Budget::Then::freeze:
      break;
  }
  return BudgetVerdict::Kind::freeze;
}

}  // namespace

std::vector<Budgets::Share> Budgets::shares_of(const Rules& rules, const Spending& spending) {
  std::vector<Share> out;
  for (const Budget& budget : rules.budgets) {
    if (!budget.upstreams.empty() && !is_in(budget.upstreams, spending.upstream)) continue;
    const auto things =
        std::ranges::count_if(spending.things, [&](const Spending::Thing& thing) { return concerns(budget, thing); });
    if (things > 0) out.push_back({&budget, static_cast<std::uint32_t>(things)});
  }
  return out;
}

Tally* Budgets::purse(const Budget& budget, const std::string& root, TimeMs now) {
  const Key key{budget.name, root};
  auto found = purses_.find(key);
  if (found == purses_.end() && purses_.size() >= kMostPurses)
    std::erase_if(purses_, [&](const auto& each) { return each.second.spent.total(now) == 0; });
  if (found == purses_.end()) {
    if (purses_.size() >= kMostPurses) return nullptr;
    found = purses_.emplace(key, Purse{budget.per, Tally(budget.per)}).first;
  }
  if (found->second.per != budget.per) {
    // Today's rules have another window: what is known of the old one was spent now.
    Purse fresh{budget.per, Tally(budget.per)};
    fresh.spent.add(now, static_cast<std::uint32_t>(found->second.spent.total(now)));
    found->second = fresh;
  }
  return &found->second.spent;
}

BudgetVerdict Budgets::judge(const std::vector<Share>& shares, const std::string& root, TimeMs now) {
  BudgetVerdict verdict;
  verdict.kind = BudgetVerdict::Kind::none;
  for (const Share& share : shares) {
    const Tally* spent = purse(*share.budget, root, now);
    if (spent && spent->total(now) + share.things <= share.budget->at_most) continue;
    // Where there is no room to count, nothing is left.
    const std::int64_t before = spent ? spent->total(now) : share.budget->at_most;
    const BudgetVerdict::Kind kind = kind_of(share.budget->then);
    if (kind > verdict.kind) {
      verdict.kind = kind;
      verdict.name = share.budget->name;
      verdict.sentence = sentence_of(*share.budget, before, share.things);
    }
    if (!share.budget->rule.empty()) verdict.rules.push_back(share.budget->rule);
  }
  sort_unique(verdict.rules);
  if (verdict.kind != BudgetVerdict::Kind::hold) verdict.rules.clear();
  return verdict;
}

BudgetVerdict Budgets::look(const Rules& rules, const Spending& spending, TimeMs now) {
  const std::lock_guard hold(lock_);
  return judge(shares_of(rules, spending), spending.root, now);
}

BudgetVerdict Budgets::spend(const Rules& rules, const Spending& spending, TimeMs now) {
  const std::vector<Share> shares = shares_of(rules, spending);
  const std::lock_guard hold(lock_);
  BudgetVerdict verdict = judge(shares, spending.root, now);
  if (verdict.kind != BudgetVerdict::Kind::none) return verdict;
  for (const Share& share : shares) purse(*share.budget, spending.root, now)->add(now, share.things);
  return verdict;
}

void Budgets::count(const Rules& rules, const Spending& spending, TimeMs now) {
  const std::lock_guard hold(lock_);
  for (const Share& share : shares_of(rules, spending)) {
    if (Tally* spent = purse(*share.budget, spending.root, now)) spent->add(now, share.things);
  }
}

}  // namespace countersign::approvals
