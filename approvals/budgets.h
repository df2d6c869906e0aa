// Budgets: how much one token may do in a time, however harmless each request looks by itself.
//
//   budgets:
//     - { name: destroys, effects: [destroy], except_environments: [sandbox], at_most: 20, per: 1h, then: hold,
//         rule: sensitive-change }
//     - { name: runaway, effects: [destroy, administer], at_most: 100, per: 1h, then: freeze }
//
// Counted are things, not requests: a call that terminates fifty instances spends fifty. Everybody who holds the root
// token or what was narrowed from it spends from one purse. What people approved (a held request, a grant, broken
// glass) is counted and never stopped.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/tally.h"
#include "scopes/effect.h"

namespace countersign::approvals {

struct Rules;

struct Budget {
  enum class Then : std::uint8_t {
    hold,    // for `rule`
    deny,    // until the window has moved on
    freeze,  // denied, and the agent is frozen until a person thaws it
  };

  std::string name;  // unique
  std::string reason;
  std::vector<Effect> effects;                   // each of these lists: empty for all; effects of changes
  std::vector<std::string> environments;         // those, or
  std::vector<std::string> except_environments;  // all but those
  std::vector<std::string> upstreams;
  std::int64_t at_most = 0;  // things
  TimeMs per = 3'600'000;    // one minute to 30 days
  Then then = Then::deny;
  std::string rule;
  int line = 0;  // in approvals.yaml
};

// What one operation would spend.
struct Spending {
  struct Thing {
    Effect effect = Effect::destroy;
    std::string environment;
  };
  std::string root;  // the token of the whole lineage
  std::string upstream;
  std::vector<Thing> things;
};

struct BudgetVerdict {
  enum class Kind : std::uint8_t { none, hold, deny, freeze };
  Kind kind = Kind::deny;
  std::string name;                // of the budget that decides
  std::vector<std::string> rules;  // hold: sorted, unique
  std::string sentence;            // for the agent: "budget destroys is spent: 20 of 20 in 1h, and this is 1 more"
};
inline constexpr std::string_view kBudgetCode = "budget.exhausted";  // the code of a denial and of a hold

// What was spent of late, in memory, in windows that slide by a sixtieth of their length and never undercount. After a
// start it is counted again from the journal of operations. Any thread.
class Budgets {
 public:
  // Spends, unless some budget has no room for all of it: then nothing is spent. Whoever asks at the same time asks one
  // after the other, so that together they never get more than there is.
  [[nodiscard]] BudgetVerdict spend(const Rules& rules, const Spending& spending, TimeMs now);
  // What spend() would say now. Nothing is spent.
  [[nodiscard]] BudgetVerdict look(const Rules& rules, const Spending& spending, TimeMs now);
  // What happens whatever is left.
  void count(const Rules& rules, const Spending& spending, TimeMs now);

 private:
  struct Key {
    std::string budget;
    std::string root;
    auto operator<=>(const Key&) const = default;
  };
  // A budget that an operation is about, and how much it takes of it.
  struct Share {
    const Budget* budget = nullptr;
    std::uint32_t things = 0;
  };
  [[nodiscard]] static std::vector<Share> shares_of(const Rules& rules, const Spending& spending);
  struct Purse {
    TimeMs per = 0;
    Tally spent;
  };
  // Under the lock.
  [[nodiscard]] BudgetVerdict judge(const std::vector<Share>& shares, const std::string& root, TimeMs now);
  [[nodiscard]] Tally* purse(const Budget& budget, const std::string& root, TimeMs now);

  std::mutex lock_;
  std::map<Key, Purse> purses_;
};

}  // namespace countersign::approvals
