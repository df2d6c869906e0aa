#include "random_policy.h"

#include <algorithm>
#include <limits>

#include "policies/cedar/lexer.h"

namespace cedar::test {

using ast::Expr;
using ast::ExprKind;

std::string PolicyMaker::name() {
  return one_of({"a", "b1", "_c", "principal", "permit", "when", "owner", "aLongAttributeNameToBreakLines", "isIpv4"});
}

std::string PolicyMaker::text() {
  return one_of<const char*>({"", "x", "a b", "if", "\"", "\\", "\n", "\t*", "é😀", "\xE2\x80\xAE", "// no comment",
                              "{[(", "__cedar", "*", "a rather long text that needs a line of its own", "\r\x01\x7F"});
}

std::string PolicyMaker::type_name() {
  return one_of({"User", "App::Group", "A::B::C", "Action"});
}

ast::EntityLiteral PolicyMaker::entity(bool action) {
  return {action ? one_of({"Action", "App::Action"}) : type_name(), text(), {}};
}

void PolicyMaker::scope(ast::Scope& scope) {
  scope.kind = one_of({ast::ScopeKind::any, ast::ScopeKind::any, ast::ScopeKind::equal, ast::ScopeKind::in,
                       ast::ScopeKind::is, ast::ScopeKind::is_in});
  if (scope.kind == ast::ScopeKind::is || scope.kind == ast::ScopeKind::is_in) scope.type = type_name();
  if (scope.kind == ast::ScopeKind::any || scope.kind == ast::ScopeKind::is) return;
  scope.slot = below(4) == 0;
  if (!scope.slot) scope.entities.push_back(entity(false));
}

void PolicyMaker::action_scope(ast::Scope& scope) {
  scope.kind = one_of(
      {ast::ScopeKind::any, ast::ScopeKind::any, ast::ScopeKind::equal, ast::ScopeKind::in, ast::ScopeKind::in_list});
  if (scope.kind == ast::ScopeKind::any) return;
  std::size_t count = scope.kind == ast::ScopeKind::in_list ? below(4) : 1;
  for (std::size_t i = 0; i < count; ++i) scope.entities.push_back(entity(true));
}

ast::ExprId PolicyMaker::add(Expr expr) {
  std::uint16_t height = 0;
  for (ast::ExprId id : expr.operands) height = std::max(height, (*exprs_)[id].height);
  expr.height = static_cast<std::uint16_t>(height + 1);
  exprs_->push_back(std::move(expr));
  return static_cast<ast::ExprId>(exprs_->size() - 1);
}

void PolicyMaker::operands(Expr& expr, int depth, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) expr.operands.push_back(expression(depth - 1));
}

Expr PolicyMaker::leaf() {
  switch (below(5)) {
    case 0:
      return {.kind = ExprKind::boolean, .number = static_cast<std::int64_t>(below(2))};
    case 1:
      return {.kind = ExprKind::integer,
              .number = one_of<std::int64_t>(
                  {0, 1, -1, 42, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()})};
    case 2:
      return {.kind = ExprKind::string, .text = text()};
    case 3:
      return {.kind = ExprKind::entity, .text = type_name(), .text2 = text()};
    default:
      return {.kind = ExprKind::variable,
              .variable = one_of(
                  {ast::Variable::principal, ast::Variable::action, ast::Variable::resource, ast::Variable::context})};
  }
}

ast::ExprId PolicyMaker::expression(int depth) {
  if (depth <= 0) return add(leaf());
  Expr expr{.kind = static_cast<ExprKind>(below(static_cast<std::size_t>(ExprKind::record) + 1))};
  switch (expr.kind) {
    case ExprKind::boolean:
    case ExprKind::integer:
    case ExprKind::string:
    case ExprKind::entity:
    case ExprKind::variable:
      return add(leaf());
    case ExprKind::conditional:
      operands(expr, depth, 3);
      break;
    case ExprKind::or_chain:
    case ExprKind::and_chain:
    case ExprKind::product:
      operands(expr, depth, 2 + below(3));
      break;
    case ExprKind::sum:
      operands(expr, depth, 2 + below(3));
      for (std::size_t i = 1; i < expr.operands.size(); ++i) {
        expr.ops.push_back(one_of({ast::Operator::plus, ast::Operator::minus}));
      }
      break;
    case ExprKind::relation:
      operands(expr, depth, 2);
      expr.op = static_cast<ast::Operator>(below(7));
      break;
    case ExprKind::has:
      operands(expr, depth, 1);
      if (below(2) == 0) {
        expr.path.push_back(text());
      } else {
        for (std::size_t i = 0; i <= below(3); ++i) expr.path.push_back(name());
      }
      break;
    case ExprKind::like: {
      operands(expr, depth, 1);
      std::vector<std::string> pieces;
      for (std::size_t i = 0; i <= below(4); ++i) pieces.push_back(text());
      expr.pattern.emplace_back(std::move(pieces));
      break;
    }
    case ExprKind::is:
      operands(expr, depth, 1 + below(2));
      expr.text = type_name();
      break;
    case ExprKind::negation:
    case ExprKind::logical_not:
      operands(expr, depth, 1);
      break;
    case ExprKind::attribute:
      operands(expr, depth, 1);
      expr.text = below(2) == 0 ? name() : text();
      break;
    case ExprKind::method:
      expr.method = static_cast<ast::Method>(below(6));
      operands(expr, depth, expr.method == ast::Method::is_empty ? 1 : 2);
      break;
    case ExprKind::extension:
      expr.extension =
          find_extension(one_of({"ip", "decimal", "datetime", "isIpv4", "isInRange", "lessThan", "toDate"}));
      operands(expr, depth, (expr.extension->is_constructor() ? 0 : 1) + below(3));
      break;
    case ExprKind::set:
      operands(expr, depth, below(4));
      break;
    case ExprKind::record:
      for (std::size_t i = below(4); i > 0; --i) {
        std::string key = below(2) == 0 ? name() : text();
        if (std::ranges::find(expr.path, key) == expr.path.end()) expr.path.push_back(std::move(key));
      }
      operands(expr, depth, expr.path.size());
      break;
  }
  return add(std::move(expr));
}

ast::Policy PolicyMaker::policy(int depth) {
  ast::Policy policy;
  exprs_ = &policy.exprs;
  policy.effect = one_of({ast::Effect::permit, ast::Effect::forbid});
  for (const char* key : {"id", "if", "reason"}) {
    if (below(4) > 0) continue;
    bool has_value = below(3) > 0;
    policy.annotations.push_back({key, has_value ? text() : "", has_value, {}});
  }
  scope(policy.principal);
  action_scope(policy.action);
  scope(policy.resource);
  for (std::size_t i = below(4); i > 0; --i) {
    ast::Clause clause{one_of({ast::ClauseKind::when, ast::ClauseKind::unless}), 0, {}};
    clause.body = expression(depth);
    policy.clauses.push_back(clause);
  }
  return policy;
}

std::string PolicyMaker::with_comments(std::string_view text, std::size_t rarity) {
  std::vector<Diagnostic> problems;
  std::vector<Token> tokens = lex(text, 1'000'000, problems);
  std::string out;
  std::uint32_t at = 0;
  std::size_t number = 0;
  for (const Token& token : tokens) {
    out += text.substr(at, token.span.offset - at);
    at = token.span.offset;
    if (below(rarity) == 0) {
      out += one_of({" ", "\n", "\n\n  ", "\t", " // ", "//", "\n// ", "\n\n\n//", "\r\n//   "});
      if (out.ends_with('/') || out.ends_with("/ ") || out.ends_with("/   ")) {
        out += "note \"" + std::to_string(number++) + one_of({"\n", "  \n", "\n\n", "\r\n", "\n//second\n", " // x\n"});
      }
    }
    out += text.substr(at, token.span.length);
    at = token.span.end();
  }
  return out;
}

}  // namespace cedar::test
