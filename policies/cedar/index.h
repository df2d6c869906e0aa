// Which policies may have a say in a request: an index over the heads of policies and what their first conditions ask.
//
// A tree: every node asks one thing of the request (its action, principal, resource, or the value of an expression that
// begins the conditions of many policies) and leads to the policies that name the answer, besides those that do not
// ask. Nodes are chosen to leave as few policies as possible. What cannot be answered (something unknown, or an
// expression that fails) leads to all policies that ask it, so that each is evaluated and reported.
//
// Sound because a head cannot fail (cedar-spec, Thm/PolicySlice.lean), and because conditions are settled only in the
// order of evaluation: a policy is left out when a conjunct is false and none before it fails. Immutable once made; any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "policies/cedar/conjuncts.h"
#include "policies/cedar/entity.h"
#include "policies/cedar/evaluator.h"
#include "policies/cedar/literals.h"
#include "policies/cedar/policy_set.h"

namespace cedar {

class PolicyIndex {
 public:
  // Memory of a search, to be reused by the next one. Used by one thread.
  class Search {
   public:
    // In the order of the policies, each once. Where principal and resource are known, their heads match too.
    std::span<const PolicyRef> found() const { return found_; }

   private:
    friend class PolicyIndex;
    // What a request has for one head.
    struct Keys {
      std::vector<std::uint32_t> keys;  // sorted
      std::uint32_t type = Literals::kNone;
      bool known = true;
      bool has(std::uint32_t key) const;
    };

    std::array<Keys, 3> heads_;
    std::vector<std::uint32_t> pending_;  // nodes to visit
    std::vector<PolicyRef> found_;
  };

  // Both must outlive the index.
  PolicyIndex(std::span<const Policy> policies, const Program& program);

  // Finds every policy whose action matches and that may be satisfied or fail. `evaluator` is of the same request.
  void find(const Request& request, Evaluator& evaluator, Search& search) const;

  // Of a policy, from where it is compared: what is needed to judge it lies side by side for all of them.
  Effect effect(PolicyRef ref) const { return rows_[position(ref)].permit == 1 ? Effect::permit : Effect::forbid; }
  std::span<const Condition> conditions(PolicyRef ref) const {
    const Row& row = rows_[position(ref)];
    return std::span(conditions_).subspan(row.first_condition, row.conditions);
  }

  // For tests and tuning.
  std::size_t nodes() const { return nodes_.size(); }

 private:
  friend class IndexBuilder;

  enum class Head : std::uint8_t { principal, action, resource };
  enum class Form : std::uint8_t { leaf, head, test };
  static constexpr std::uint32_t kNone = Literals::kNone;

  // A head asks for one of: anything; the entity itself; the entity or something in it; a type. A key is the number of
  // a literal with one of these.
  enum class Ask : std::uint8_t { equal, in, type };
  static std::uint32_t key(std::uint32_t literal, Ask ask) { return literal * 4 + static_cast<std::uint32_t>(ask); }

  struct HeadTest {
    std::uint32_t key = kNone;   // kNone: anything
    std::uint32_t type = kNone;  // what `is` asks besides
  };
  // What must be compared for one policy, side by side.
  struct Row {
    HeadTest principal;
    HeadTest resource;
    std::uint32_t first_action = 0;  // action_keys_; none: any action
    std::uint32_t actions = 0;
    std::uint32_t first_condition = 0;  // conditions_
    std::uint32_t conditions : 31 = 0;
    std::uint32_t permit : 1 = 0;
  };
  struct Node {
    Form form = Form::leaf;
    Head head = Head::principal;
    std::uint32_t test = 0;
    std::uint32_t rest = kNone;  // the node of the policies that do not ask
    std::uint32_t first_edge = 0;
    std::uint32_t edges = 0;
    std::uint32_t first_entry = 0;  // of a leaf, and of all nodes behind the edges
    std::uint32_t entries = 0;
  };
  struct Edge {
    std::uint32_t key;
    std::uint32_t node;
  };
  struct Slot {
    std::uint32_t from = kNone;
    std::uint32_t key = 0;
    std::uint32_t to = kNone;
  };

  static std::size_t slot_of(std::uint32_t node, std::uint32_t key);
  void resolve(Head head, const detail::EntityUidData& uid, const Evaluator& evaluator, Search::Keys& out) const;
  void probe(std::uint32_t node, std::uint32_t key, Search& search) const;
  void follow(std::uint32_t number, Search& search) const;
  void ask(std::uint32_t number, Evaluator& evaluator, Search& search) const;
  void take(const Node& node, Search& search) const;
  bool matches(const Row& row, const Search& search) const;
  std::span<const Edge> edges_of(const Node& node) const {
    return std::span(edges_).subspan(node.first_edge, node.edges);
  }

  const Program* program_;
  Literals literals_;
  std::vector<Row> rows_;
  std::vector<std::uint32_t> action_keys_;
  std::vector<Condition> conditions_;
  std::array<std::vector<std::uint32_t>, 3> groups_;  // literals that a head asks to be `in`
  std::vector<Test> tests_;
  std::vector<Node> nodes_;  // the first is the root
  std::vector<Edge> edges_;  // of one node side by side
  std::vector<Slot> slots_;  // the same by node and key: open addressing, a power of two, at most half full
  std::vector<std::uint32_t> entries_;
};

}  // namespace cedar
