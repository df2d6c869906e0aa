#include "policies/cedar/parser.h"

#include <algorithm>
#include <utility>

#include "policies/cedar/token_cursor.h"

namespace cedar {
namespace {

using detail::TokenCursor;

class PolicyParser {
 public:
  PolicyParser(std::string_view text, const Limits& limits) : cursor_(text, limits) {}

  std::expected<std::vector<ast::Policy>, Diagnostics> run() {
    std::vector<ast::Policy> policies;
    while (!cursor_.at_end()) {
      if (policies.size() >= cursor_.limits().policies) {
        cursor_.problem(cursor_.peek().span, "too many policies: at most " + std::to_string(cursor_.limits().policies) +
                                                 " are allowed in one text");
        break;
      }
      ast::Policy policy;
      if (parse(policy)) {
        policies.push_back(std::move(policy));
      } else {
        cursor_.recover();
      }
    }
    if (cursor_.has_problems()) return std::unexpected(cursor_.take_diagnostics());
    return policies;
  }

 private:
  // One policy with its `;`. False after a syntax error.
  bool parse(ast::Policy& policy) {
    Span start = cursor_.peek().span;
    if (!annotations(policy) || !effect(policy) || !head(policy)) return false;
    while (!cursor_.at(TokenKind::semicolon)) {
      if (!clause(policy)) return false;
    }
    policy.span = join(start, cursor_.next().span);
    return true;
  }

  bool annotations(ast::Policy& policy) {
    while (cursor_.at(TokenKind::at)) {
      Span start = cursor_.next().span;
      auto key = cursor_.expect(TokenKind::identifier, "an annotation is written `@name(\"value\")` or `@name`");
      if (!key) return false;
      ast::Annotation annotation{.key = std::string(cursor_.text_of(*key)),
                                 .has_value = cursor_.at(TokenKind::left_paren)};
      if (cursor_.accept(TokenKind::left_paren)) {
        auto value = cursor_.expect(TokenKind::string);
        if (!value || !cursor_.expect(TokenKind::right_paren)) return false;
        annotation.value = cursor_.string_value(*value);
      }
      annotation.span = join(start, cursor_.last_span());
      policy.annotations.push_back(std::move(annotation));
    }
    report_duplicates(policy.annotations);
    return true;
  }

  void report_duplicates(const std::vector<ast::Annotation>& annotations) {
    if (annotations.size() < 2) return;
    std::vector<const ast::Annotation*> sorted;
    for (const ast::Annotation& each : annotations) sorted.push_back(&each);
    std::ranges::sort(sorted, {}, [](const ast::Annotation* each) {
      return std::pair(std::string_view(each->key), each->span.offset);
    });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i]->key != sorted[i - 1]->key) continue;
      cursor_.problem(sorted[i]->span, "the annotation `@" + sorted[i]->key + "` is given twice");
    }
  }

  bool effect(ast::Policy& policy) {
    if (cursor_.at_word("permit")) {
      policy.effect = ast::Effect::permit;
    } else if (!cursor_.at_word("forbid")) {
      cursor_.expected("`permit` or `forbid`", "a policy begins with its annotations, then `permit` or `forbid`");
      return false;
    }
    cursor_.next();
    return true;
  }

  bool head(ast::Policy& policy) {
    constexpr std::string_view kHelp = "a policy's head is `(principal, action, resource)`, in this order";
    if (!cursor_.expect(TokenKind::left_paren, kHelp)) return false;
    if (!variable("principal", kHelp) || !scope(policy.principal, "principal")) return false;
    if (!cursor_.expect(TokenKind::comma, kHelp)) return false;
    if (!variable("action", kHelp) || !action_scope(policy.action)) return false;
    if (!cursor_.expect(TokenKind::comma, kHelp)) return false;
    if (!variable("resource", kHelp) || !scope(policy.resource, "resource")) return false;
    cursor_.accept(TokenKind::comma);
    return cursor_.expect(TokenKind::right_paren, kHelp).has_value();
  }

  bool variable(std::string_view name, std::string_view help) {
    if (cursor_.at_word(name)) return true;
    cursor_.expected("`" + std::string(name) + "`", help);
    return false;
  }

  // What follows `principal` or `resource` in a head.
  bool scope(ast::Scope& scope, std::string_view name) {
    Span start = cursor_.next().span;
    if (cursor_.accept(TokenKind::equal_equal)) {
      scope.kind = ast::ScopeKind::equal;
      if (!entity(scope, name)) return false;
    } else if (cursor_.at_word("in")) {
      cursor_.next();
      scope.kind = ast::ScopeKind::in;
      if (!entity(scope, name)) return false;
    } else if (cursor_.at_word("is")) {
      cursor_.next();
      scope.kind = ast::ScopeKind::is;
      auto type = detail::parse_type_name(cursor_);
      if (!type) return false;
      scope.type = std::move(*type);
      if (cursor_.at_word("in")) {
        cursor_.next();
        scope.kind = ast::ScopeKind::is_in;
        if (!entity(scope, name)) return false;
      }
    } else if (!cursor_.at(TokenKind::comma) && !cursor_.at(TokenKind::right_paren)) {
      cursor_.expected("`,` or `)`", "`" + std::string(name) +
                                         "` may be followed by `== E`, `in E`, `is T` or `is T in E`; anything else "
                                         "belongs in a `when` clause");
      return false;
    }
    scope.span = join(start, cursor_.last_span());
    return true;
  }

  bool action_scope(ast::Scope& scope) {
    Span start = cursor_.next().span;
    if (cursor_.accept(TokenKind::equal_equal)) {
      scope.kind = ast::ScopeKind::equal;
      if (!action_entity(scope)) return false;
    } else if (cursor_.at_word("in")) {
      cursor_.next();
      scope.kind = ast::ScopeKind::in;
      std::size_t parentheses = open_parentheses();
      bool list = cursor_.at(TokenKind::left_bracket);
      if (!(list ? action_list(scope) : action_entity(scope)) || !close_parentheses(parentheses)) return false;
    } else if (!cursor_.at(TokenKind::comma) && !cursor_.at(TokenKind::right_paren)) {
      cursor_.expected("`,` or `)`", "`action` may be followed by `== E`, `in E` or `in [E, …]`");
      return false;
    }
    scope.span = join(start, cursor_.last_span());
    return true;
  }

  // Entities, slots and lists of a head may stand in parentheses, as deep as expressions may.
  std::size_t open_parentheses() {
    std::size_t count = 0;
    Span first = cursor_.peek().span;
    while (cursor_.accept(TokenKind::left_paren)) ++count;
    std::size_t most = std::min<std::size_t>(cursor_.limits().depth, 1000);
    if (count > most) {
      cursor_.problem(first, "nested too deeply: at most " + std::to_string(most) + " levels are allowed");
    }
    return count;
  }
  bool close_parentheses(std::size_t count) {
    for (; count > 0; --count) {
      if (!cursor_.expect(TokenKind::right_paren)) return false;
    }
    return true;
  }

  // An entity or the head's own slot; `name`: principal or resource.
  bool entity(ast::Scope& scope, std::string_view name) {
    std::size_t parentheses = open_parentheses();
    if (cursor_.at(TokenKind::slot)) {
      Token slot = cursor_.next();
      if (cursor_.text_of(slot).substr(1) != name) {
        cursor_.problem(slot.span, "expected an entity or `?" + std::string(name) + "`, found `" +
                                       std::string(cursor_.text_of(slot)) + "`");
      }
      scope.slot = true;
      scope.slot_span = slot.span;
    } else {
      auto literal = detail::parse_entity_literal(cursor_);
      if (!literal) return false;
      scope.entities.push_back(std::move(*literal));
    }
    return close_parentheses(parentheses);
  }

  bool action_list(ast::Scope& scope) {
    cursor_.next();
    scope.kind = ast::ScopeKind::in_list;
    while (!cursor_.at(TokenKind::right_bracket)) {
      if (!action_entity(scope)) return false;
      if (!cursor_.accept(TokenKind::comma)) break;
    }
    return cursor_.expect(TokenKind::right_bracket).has_value();
  }

  bool action_entity(ast::Scope& scope) {
    std::size_t parentheses = open_parentheses();
    if (cursor_.at(TokenKind::slot)) {
      cursor_.expected("an action", "an action cannot be a template slot");
      return false;
    }
    auto literal = detail::parse_entity_literal(cursor_);
    if (!literal) return false;
    if (literal->type != "Action" && !literal->type.ends_with("::Action")) {
      cursor_.problem(literal->span, "expected an entity of type `Action`, found one of type `" + literal->type + "`");
    }
    scope.entities.push_back(std::move(*literal));
    return close_parentheses(parentheses);
  }

  bool clause(ast::Policy& policy) {
    ast::Clause clause;
    if (cursor_.at_word("unless")) {
      clause.kind = ast::ClauseKind::unless;
    } else if (!cursor_.at_word("when")) {
      cursor_.expected("`when`, `unless` or `;`");
      return false;
    }
    Span start = cursor_.next().span;
    if (!cursor_.expect(TokenKind::left_brace)) return false;
    if (cursor_.at(TokenKind::right_brace)) {
      cursor_.problem(join(start, cursor_.next().span), "this clause is empty",
                      "leave the clause out, or write `{ true }`");
      return true;
    }
    auto body = detail::parse_expression_at(cursor_, policy.exprs);
    if (!body || !cursor_.expect(TokenKind::right_brace)) return false;
    clause.body = *body;
    clause.span = join(start, cursor_.last_span());
    policy.clauses.push_back(clause);
    return true;
  }

  TokenCursor cursor_;
};

}  // namespace

std::expected<std::vector<ast::Policy>, Diagnostics> parse_policies(std::string_view text, const Limits& limits) {
  if (auto refused = detail::check_text(text, limits)) return std::unexpected(Diagnostics{std::move(*refused)});
  return PolicyParser(text, limits).run();
}

std::expected<ParsedExpr, Diagnostics> parse_expression(std::string_view text, const Limits& limits) {
  if (auto refused = detail::check_text(text, limits)) return std::unexpected(Diagnostics{std::move(*refused)});
  TokenCursor cursor(text, limits);
  ParsedExpr out;
  auto root = detail::parse_expression_at(cursor, out.exprs);
  if (root && !cursor.at_end()) cursor.expected("the end of the expression");
  if (cursor.has_problems() || !root) return std::unexpected(cursor.take_diagnostics());
  out.root = *root;
  return out;
}

std::expected<EntityUid, Diagnostics> parse_entity_uid(std::string_view text) {
  Limits limits{.bytes = 64U << 10, .tokens = 200};
  if (auto refused = detail::check_text(text, limits)) return std::unexpected(Diagnostics{std::move(*refused)});
  TokenCursor cursor(text, limits);
  auto literal = detail::parse_entity_literal(cursor);
  if (literal && !cursor.at_end()) cursor.expected("the end of the entity");
  if (cursor.has_problems() || !literal) return std::unexpected(cursor.take_diagnostics());
  return EntityUid(literal->type, literal->id);
}

}  // namespace cedar
