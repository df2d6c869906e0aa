// Random policies as trees, of every construct the language has and with awkward names and texts, for round trips.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "policies/cedar/ast.h"

namespace cedar::test {

class PolicyMaker {
 public:
  explicit PolicyMaker(std::uint64_t seed) : random_(seed) {}

  // `depth`: of the expressions in its clauses.
  ast::Policy policy(int depth);

  // `text` with comments and odd white space between its tokens, one in `rarity` gaps.
  std::string with_comments(std::string_view text, std::size_t rarity);

  std::size_t below(std::size_t bound) { return random_() % bound; }

 private:
  template <class T>
  T one_of(std::initializer_list<T> all) {
    return *(all.begin() + below(all.size()));
  }
  std::string name();
  std::string text();
  std::string type_name();
  ast::EntityLiteral entity(bool action);
  void scope(ast::Scope& scope);
  void action_scope(ast::Scope& scope);
  ast::ExprId expression(int depth);
  ast::ExprId add(ast::Expr expr);
  void operands(ast::Expr& expr, int depth, std::size_t count);
  ast::Expr leaf();

  std::mt19937_64 random_;
  std::vector<ast::Expr>* exprs_ = nullptr;
};

}  // namespace cedar::test
