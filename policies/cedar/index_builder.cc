#include <algorithm>
#include <optional>
#include <unordered_map>

#include "policies/cedar/index.h"

namespace cedar {

// Builds the tree from the root: each node takes the question that leaves the fewest policies to look at, as far as can
// be said when every answer is as frequent as the policies that name it.
class IndexBuilder {
 public:
  IndexBuilder(std::span<const Policy> policies, const Program& program, PolicyIndex& out)
      : policies_(policies), out_(out), conjuncts_(program, out.literals_) {}

  void build() {
    std::vector<Item> items;
    for (std::size_t i = 0; i < policies_.size(); ++i) {
      out_.rows_.push_back(row(policies_[i]));
      std::span<const Conjunct> found = conjuncts_.of(policies_[i].conditions());
      chains_.push_back({found.begin(), found.end()});
      bool never = policies_[i].action().kind == ast::ScopeKind::in_list && policies_[i].action().entities.empty();
      if (!never) items.push_back({static_cast<std::uint32_t>(i), 0});
    }
    for (std::vector<std::uint32_t>& groups : out_.groups_) {
      std::ranges::sort(groups);
      auto repeated = std::ranges::unique(groups);
      groups.erase(repeated.begin(), repeated.end());
    }
    spare_ = kCopies * items.size();
    node(items, {});
    for (std::uint32_t i = 0; i < conjuncts_.tests(); ++i) out_.tests_.push_back(conjuncts_.test(i));
    fill_slots();
  }

 private:
  using Head = PolicyIndex::Head;
  using Form = PolicyIndex::Form;
  using Ask = PolicyIndex::Ask;
  using Asked = std::array<bool, 3>;  // heads that nodes above have asked for

  // A policy on its way down: its conjuncts before `next` are known to hold.
  struct Item {
    std::uint32_t policy;
    std::uint32_t next;
  };
  // Items by one question.
  struct Split {
    std::unordered_map<std::uint32_t, std::vector<Item>> groups;
    std::vector<Item> rest;
    std::size_t items = 0;

    // How often items stand in several groups, because several answers suit them.
    std::size_t copies() const {
      std::size_t sum = rest.size();
      for (const auto& [key, group] : groups) sum += group.size();
      return sum - items;
    }
    // How many items are left on average, rest included. Whether the answer is the one that a single group waits for
    // is anyone's guess.
    double expected() const {
      double sum = 0;
      double squares = 0;
      for (const auto& [key, group] : groups) {
        auto size = static_cast<double>(group.size());
        sum += size;
        squares += size * size;
      }
      if (sum == 0) return static_cast<double>(rest.size());
      auto count = static_cast<double>(groups.size());
      return static_cast<double>(rest.size()) + squares / sum * count / (count + 1);
    }
  };

  static constexpr std::size_t kCopies =
      16;                                  // of a policy in the tree, on average: bounds its size whatever is written
  static constexpr std::size_t kLeaf = 6;  // up to so many policies are looked at one by one
  static constexpr double kWorthwhile = 0.75;  // what must be left at most for a question to be asked
  static constexpr double kTestCost = 2;       // of evaluating an expression, in policies looked at

  PolicyIndex::Row row(const Policy& policy) {
    PolicyIndex::Row row;
    row.principal = head_test(Head::principal, policy.principal());
    row.resource = head_test(Head::resource, policy.resource());
    row.first_action = static_cast<std::uint32_t>(out_.action_keys_.size());
    for (const EntityUid& uid : policy.action().entities) {
      out_.action_keys_.push_back(entity_key(Head::action, policy.action().kind, uid));
    }
    row.actions = static_cast<std::uint32_t>(out_.action_keys_.size()) - row.first_action;
    row.permit = policy.effect() == Effect::permit ? 1 : 0;
    row.conditions = static_cast<std::uint32_t>(policy.conditions().size()) & 0x7FFF'FFFFU;
    auto [found, fresh] = conditions_.try_emplace(policy.conditions().data(), out_.conditions_.size());
    row.first_condition = static_cast<std::uint32_t>(found->second);
    if (fresh) out_.conditions_.insert(out_.conditions_.end(), policy.conditions().begin(), policy.conditions().end());
    return row;
  }

  PolicyIndex::HeadTest head_test(Head head, const ScopeTest& scope) {
    PolicyIndex::HeadTest test;
    bool typed = scope.kind == ast::ScopeKind::is || scope.kind == ast::ScopeKind::is_in;
    std::uint32_t type = typed ? out_.literals_.add_type(scope.type) : PolicyIndex::kNone;
    if (!scope.entities.empty()) {
      test = {entity_key(head, scope.kind, scope.entities.front()), type};
    } else if (typed) {
      test = {PolicyIndex::key(type, Ask::type), PolicyIndex::kNone};
    }
    return test;
  }

  std::uint32_t entity_key(Head head, ast::ScopeKind kind, const EntityUid& uid) {
    std::uint32_t literal = out_.literals_.add(Value::entity(uid));
    if (kind == ast::ScopeKind::equal) return PolicyIndex::key(literal, Ask::equal);
    out_.groups_.at(static_cast<std::size_t>(head)).push_back(literal);
    return PolicyIndex::key(literal, Ask::in);
  }

  Split split_by(Head head, const std::vector<Item>& items) const {
    Split out{.items = items.size()};
    for (const Item& item : items) {
      const PolicyIndex::Row& row = out_.rows_[item.policy];
      if (head == Head::action) {
        for (std::uint32_t i = 0; i < row.actions; ++i) {
          std::vector<Item>& group = out.groups[out_.action_keys_[row.first_action + i]];
          if (group.empty() || group.back().policy != item.policy) group.push_back(item);
        }
        if (row.actions == 0) out.rest.push_back(item);
        continue;
      }
      std::uint32_t key = head == Head::principal ? row.principal.key : row.resource.key;
      (key == PolicyIndex::kNone ? out.rest : out.groups[key]).push_back(item);
    }
    return out;
  }

  const Conjunct* next_of(const Item& item) const {
    const std::vector<Conjunct>& chain = chains_[item.policy];
    return item.next < chain.size() ? &chain[item.next] : nullptr;
  }

  // One split a test that is worth its cost, and the items that are in none.
  struct TestSplits {
    std::vector<std::pair<std::uint32_t, Split>> splits;
    std::vector<Item> rest;
    double expected = 0;
  };
  TestSplits split_by_tests(const std::vector<Item>& items) const {
    std::unordered_map<std::uint32_t, std::vector<Item>> by_test;
    std::vector<std::uint32_t> order;
    TestSplits out;
    for (const Item& item : items) {
      const Conjunct* conjunct = next_of(item);
      if (conjunct == nullptr) {
        out.rest.push_back(item);
        continue;
      }
      std::vector<Item>& same = by_test[conjunct->test];
      if (same.empty()) order.push_back(conjunct->test);
      same.push_back(item);
    }
    for (std::uint32_t test : order) {
      const std::vector<Item>& same = by_test[test];
      Split split{.items = same.size()};
      for (const Item& item : same) {
        for (std::uint32_t answer : conjuncts_.answers(*next_of(item))) {
          std::vector<Item>& group = split.groups[answer];
          if (group.empty() || group.back().policy != item.policy) group.push_back({item.policy, item.next + 1});
        }
      }
      double expected = split.expected() + kTestCost;
      if (expected < static_cast<double>(same.size()) && split.copies() <= spare_) {
        out.expected += expected;
        out.splits.emplace_back(test, std::move(split));
      } else {
        out.rest.insert(out.rest.end(), same.begin(), same.end());
      }
    }
    out.expected += static_cast<double>(out.rest.size());
    return out;
  }

  // The node of `items`, with everything below. Recursive: at most one level a head and a conjunct.
  std::uint32_t node(std::vector<Item>& items, Asked asked) {
    if (items.size() > kLeaf) {
      std::optional<Head> best;
      double left = kWorthwhile * static_cast<double>(items.size());
      Split split;
      for (Head head : {Head::action, Head::principal, Head::resource}) {
        if (asked.at(static_cast<std::size_t>(head))) continue;
        Split candidate = split_by(head, items);
        if (candidate.expected() >= left || candidate.copies() > spare_) continue;
        left = candidate.expected();
        best = head;
        split = std::move(candidate);
      }
      TestSplits tests = split_by_tests(items);
      if (!tests.splits.empty() && tests.expected < left) return test_nodes(tests, asked);
      if (best) {
        asked.at(static_cast<std::size_t>(*best)) = true;
        return split_node({.form = Form::head, .head = *best}, split, asked);
      }
    }
    std::uint32_t number = add({.form = Form::leaf, .first_entry = next_entry()});
    for (const Item& item : items) out_.entries_.push_back(item.policy);
    out_.nodes_[number].entries = next_entry() - out_.nodes_[number].first_entry;
    return number;
  }

  // A row of nodes, one a test, each the rest of the one before; the last rest are the policies that ask none of them.
  std::uint32_t test_nodes(TestSplits& tests, Asked asked) {
    std::uint32_t first = PolicyIndex::kNone;
    std::uint32_t before = PolicyIndex::kNone;
    for (auto& [test, split] : tests.splits) {
      std::uint32_t number = split_node({.form = Form::test, .test = test}, split, asked);
      (before == PolicyIndex::kNone ? first : out_.nodes_[before].rest) = number;
      before = number;
    }
    std::uint32_t rest = tests.rest.empty() ? PolicyIndex::kNone : node(tests.rest, asked);
    out_.nodes_[before].rest = rest;
    return first;
  }

  std::uint32_t split_node(PolicyIndex::Node shape, Split& split, Asked asked) {
    spare_ -= std::min(spare_, split.copies());
    std::uint32_t number = add(shape);
    std::uint32_t first_entry = next_entry();
    std::vector<PolicyIndex::Edge> edges;
    std::vector<std::uint32_t> keys;
    for (const auto& [key, group] : split.groups) keys.push_back(key);
    std::ranges::sort(keys);
    for (std::uint32_t key : keys) edges.push_back({key, node(split.groups[key], asked)});
    out_.nodes_[number].first_entry = first_entry;
    out_.nodes_[number].entries = next_entry() - first_entry;
    out_.nodes_[number].first_edge = static_cast<std::uint32_t>(out_.edges_.size());
    out_.nodes_[number].edges = static_cast<std::uint32_t>(edges.size());
    out_.edges_.insert(out_.edges_.end(), edges.begin(), edges.end());
    std::uint32_t rest = split.rest.empty() ? PolicyIndex::kNone : node(split.rest, asked);
    out_.nodes_[number].rest = rest;
    return number;
  }

  std::uint32_t add(PolicyIndex::Node shape) {
    out_.nodes_.push_back(shape);
    return static_cast<std::uint32_t>(out_.nodes_.size() - 1);
  }
  std::uint32_t next_entry() const { return static_cast<std::uint32_t>(out_.entries_.size()); }

  void fill_slots() {
    std::size_t size = 4;
    while (size < out_.edges_.size() * 2) size *= 2;
    out_.slots_.resize(size);
    for (std::uint32_t number = 0; number < out_.nodes_.size(); ++number) {
      for (const PolicyIndex::Edge& edge : out_.edges_of(out_.nodes_[number])) {
        std::size_t at = PolicyIndex::slot_of(number, edge.key) & (size - 1);
        while (out_.slots_[at].to != PolicyIndex::kNone) at = (at + 1) & (size - 1);
        out_.slots_[at] = {number, edge.key, edge.node};
      }
    }
  }

  std::span<const Policy> policies_;
  PolicyIndex& out_;
  Conjuncts conjuncts_;
  std::size_t spare_ = 0;                                         // copies that may still be made
  std::vector<std::vector<Conjunct>> chains_;                     // of each policy
  std::unordered_map<const Condition*, std::size_t> conditions_;  // where they are now; links share theirs
};

PolicyIndex::PolicyIndex(std::span<const Policy> policies, const Program& program) : program_(&program) {
  IndexBuilder(policies, program, *this).build();
}

}  // namespace cedar
