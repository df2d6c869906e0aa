// What the first conditions of policies ask, in a form an index can sort them by.
//
// `when { resource.environment == "x" && principal.level > 3 }` is two conjuncts. Each is a Test, which many policies
// may share, and the answers that let it hold: here the value of `resource.environment`, and "x". A test that has been
// evaluated without failing settles the conjunct of every policy that shares it: those that do not name the answer are
// not satisfied, and cannot fail.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "policies/cedar/literals.h"
#include "policies/cedar/policy_set.h"
#include "policies/cedar/program.h"

namespace cedar {

// What a test asks of its expression, and what an answer is. Failing, or being of another kind than said, settles
// nothing: then every policy must be looked at.
enum class TestMode : std::uint8_t {
  value,    // any value without unknowns; its number: `e == "x"`, `["x", "y"].contains(e)`
  truth,    // a boolean; kTrue
  type,     // an entity; the number of its type: `e is T`
  member,   // an entity; the numbers of itself and of everything it is in: `e in G`, `e in [G, H]`
  element,  // a set without unknowns; the numbers of its elements: `e.contains("x")`, `e.containsAny(["x", "y"])`
};

struct Test {
  TestMode mode = TestMode::truth;
  NodeId root = 0;
};

struct Conjunct {
  std::uint32_t test = 0;
  std::uint32_t first_answer = 0;
  std::uint32_t answers = 0;  // at least one
};

class Conjuncts {
 public:
  static constexpr std::uint32_t kTrue = 0;
  static constexpr std::size_t kMost = 6;  // of one policy; the rest is evaluated in any case

  // Numbers what it finds in `literals`; both must outlive this.
  Conjuncts(const Program& program, Literals& literals) : program_(program), literals_(literals) {}

  // Those of the leading `when` clauses, in the order they are evaluated. Valid until the next call.
  std::span<const Conjunct> of(std::span<const Condition> conditions);

  const Test& test(std::uint32_t number) const { return tests_[number]; }
  std::size_t tests() const { return tests_.size(); }
  std::span<const std::uint32_t> answers(const Conjunct& conjunct) const {
    return std::span(answers_).subspan(conjunct.first_answer, conjunct.answers);
  }

 private:
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };

  void split(NodeId root, std::vector<NodeId>& out) const;
  Conjunct classify(NodeId root);
  Conjunct make(TestMode mode, NodeId root, std::span<const Value> answers);
  const Value* constant(NodeId id) const;
  // Text that is equal for expressions that always have the same value. False for one that is too large to share.
  bool describe(NodeId root, std::string& out) const;

  const Program& program_;
  Literals& literals_;
  std::vector<Test> tests_;
  std::vector<std::uint32_t> answers_;
  std::vector<Conjunct> conjuncts_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::unordered_map<NodeId, Range> known_;  // by the first condition: links share theirs
};

}  // namespace cedar
