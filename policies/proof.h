// Why one expression of a policy came out as it did, reduced to what mattered.
//
// Of a conjunction that is false only the conjunct that made it so is kept, of one that is true every conjunct; the
// reverse for `||`; of `if` the condition and the branch taken. What is left are comparisons and tests, each with the
// values it read: `resource.environment` = "production". Everything is asked of cedar::Evaluator, expression by
// expression, so that an explanation cannot differ from the decision. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policies/cedar/evaluator.h"
#include "policies/cedar/policy_set.h"

namespace countersign::policies {

// What an expression came to. `unknown`: it depends on something that is not known here.
enum class Came : std::uint8_t { no, yes, failed, unknown };
[[nodiscard]] std::string_view came_name(Came came);  // "false", "true", "failed", "unknown"

// A value that was read. Texts are cut to kLongestText bytes: values may be an agent's own arguments.
struct Seen {
  std::string what;   // as written: `principal.owner`
  std::string value;  // as Cedar text; empty when only the note counts, "not known"
  std::string note;   // what the reader cannot see in the value: "in Team::"platform"", "has no `path`, holds `amount`"
};
inline constexpr std::size_t kLongestText = 160;

struct Proof {
  Came came = Came::failed;
  cedar::Span span;          // in the policy's source
  std::string text;          // the expression as written, in one line
  std::string message;       // failed, unknown: why
  std::vector<Seen> seen;    // of a comparison or test
  std::vector<Proof> parts;  // of everything else: what decided it
  std::size_t omitted = 0;   // parts beyond the first kMostParts
};
inline constexpr std::size_t kMostParts = 40;

// A condition that stands alone: a policy applies when each of its conditions comes out as wanted.
struct Condition {
  Proof proof;
  bool wanted = true;  // false inside `unless` and under `!`
  [[nodiscard]] bool is_met() const { return proof.came == (wanted ? Came::yes : Came::no); }
};

class Prover {
 public:
  // All must outlive the prover.
  Prover(const cedar::Policy& policy, const cedar::Request& request, const cedar::EntityOverlay& entities)
      : policy_(policy), entities_(entities), evaluator_(request, entities) {}

  [[nodiscard]] Proof prove(cedar::ast::ExprId root);
  // The conditions a clause consists of, in order: the conjuncts of `when`, what `unless` excludes. One that is
  // reached only if an earlier one is met, and fails because it is not, is left out.
  [[nodiscard]] std::vector<Condition> conditions(const cedar::ast::Clause& clause);

 private:
  struct Outcome {
    Came came = Came::failed;
    cedar::Value value;
    std::string message;
  };
  [[nodiscard]] Outcome evaluate(cedar::ast::ExprId id);
  [[nodiscard]] const cedar::ast::Expr& expr(cedar::ast::ExprId id) const { return policy_.syntax().exprs[id]; }
  [[nodiscard]] std::string text(cedar::Span span) const;
  void chain(const cedar::ast::Expr& chain, Came decisive, Proof& proof);
  void split(cedar::ast::ExprId id, bool wanted, std::vector<Condition>& out);
  void look(cedar::ast::ExprId id, std::vector<Seen>& out);
  void look_along(const cedar::ast::Expr& has, std::vector<Seen>& out);
  [[nodiscard]] std::string note(const cedar::ast::Expr& test, const Outcome& target) const;

  const cedar::Policy& policy_;
  const cedar::EntityOverlay& entities_;
  cedar::Evaluator evaluator_;
};

// At most `limit` bytes, ending in "…" when something was cut, never inside a character.
[[nodiscard]] std::string bounded(std::string_view text, std::size_t limit = kLongestText);
// "in Team::"platform", Team::"sre"" or empty.
[[nodiscard]] std::string ancestors_text(const cedar::EntityOverlay& entities, const cedar::EntityUid& uid);

}  // namespace countersign::policies
