// The expression grammar, one function a level: if > || > && > relation > + - > * > unary > member > primary.
#include <algorithm>
#include <charconv>
#include <utility>

#include "policies/cedar/spelling.h"
#include "policies/cedar/token_cursor.h"

namespace cedar::detail {
namespace {

using ast::Expr;
using ast::ExprId;
using ast::ExprKind;
using Parsed = std::optional<ExprId>;

constexpr std::size_t kUnaryLimit = 4;

class ExpressionParser {
 public:
  ExpressionParser(TokenCursor& cursor, std::vector<Expr>& exprs) : cursor_(cursor), exprs_(exprs) {}

  Parsed expression() {
    if (depth_ >= max_depth()) {
      cursor_.problem(cursor_.peek().span, "expression is nested too deeply: at most " + std::to_string(max_depth()) +
                                               " levels are allowed");
      return std::nullopt;
    }
    ++depth_;
    Parsed result = cursor_.at_word("if") && !names_entity() ? conditional() : or_chain();
    --depth_;
    return result;
  }

 private:
  std::size_t max_depth() const { return std::min<std::size_t>(cursor_.limits().depth, 1000); }
  bool names_entity() const { return cursor_.peek(1).kind == TokenKind::double_colon; }

  // Adds a node whose operands are already there; refuses trees that are too high.
  Parsed add(Expr expr, Span span) {
    expr.span = span;
    std::uint16_t below = 0;
    for (ExprId id : expr.operands) below = std::max(below, exprs_[id].height);
    if (below + 1U > max_depth()) {
      cursor_.problem(
          span, "expression is nested too deeply: at most " + std::to_string(max_depth()) + " levels are allowed");
      return std::nullopt;
    }
    expr.height = static_cast<std::uint16_t>(below + 1);
    exprs_.push_back(std::move(expr));
    return static_cast<ExprId>(exprs_.size() - 1);
  }
  Span since(Span start) const { return join(start, cursor_.last_span()); }

  bool word(std::string_view expected) {
    if (!cursor_.at_word(expected)) {
      cursor_.expected("`" + std::string(expected) + "`", "a conditional is written `if … then … else …`");
      return false;
    }
    cursor_.next();
    return true;
  }

  Parsed conditional() {
    Span start = cursor_.next().span;
    Parsed condition = expression();
    if (!condition || !word("then")) return std::nullopt;
    Parsed yes = expression();
    if (!yes || !word("else")) return std::nullopt;
    Parsed no = expression();
    if (!no) return std::nullopt;
    return add({.kind = ExprKind::conditional, .operands = {*condition, *yes, *no}}, since(start));
  }

  template <class Level>
  Parsed chain(TokenKind separator, ExprKind kind, Level level) {
    Span start = cursor_.peek().span;
    Parsed first = level();
    if (!first || !cursor_.at(separator)) return first;
    std::vector<ExprId> operands{*first};
    while (cursor_.accept(separator)) {
      Parsed next = level();
      if (!next) return std::nullopt;
      operands.push_back(*next);
    }
    return add({.kind = kind, .operands = std::move(operands)}, since(start));
  }

  Parsed or_chain() {
    return chain(TokenKind::or_or, ExprKind::or_chain, [this] { return and_chain(); });
  }
  Parsed and_chain() {
    return chain(TokenKind::and_and, ExprKind::and_chain, [this] { return relation(); });
  }

  std::optional<ast::Operator> relational_operator() const {
    switch (cursor_.peek().kind) {
      case TokenKind::equal_equal:
        return ast::Operator::equal;
      case TokenKind::not_equal:
        return ast::Operator::not_equal;
      case TokenKind::less:
        return ast::Operator::less;
      case TokenKind::less_equal:
        return ast::Operator::less_equal;
      case TokenKind::greater:
        return ast::Operator::greater;
      case TokenKind::greater_equal:
        return ast::Operator::greater_equal;
      default:
        break;
    }
    if (cursor_.at_word("in")) return ast::Operator::in;
    return std::nullopt;
  }

  Parsed relation() {
    Span start = cursor_.peek().span;
    Parsed left = sum();
    if (!left) return left;
    Parsed result = left;
    if (auto op = relational_operator()) {
      cursor_.next();
      Parsed right = sum();
      if (!right) return std::nullopt;
      result = add({.kind = ExprKind::relation, .op = *op, .operands = {*left, *right}}, since(start));
    } else if (cursor_.at_word("has")) {
      result = has(*left, start);
    } else if (cursor_.at_word("like")) {
      result = like(*left, start);
    } else if (cursor_.at_word("is")) {
      result = is(*left, start);
    } else if (cursor_.at(TokenKind::equal)) {
      cursor_.problem(cursor_.peek().span, "`=` is not an operator", "compare with `==`");
      return std::nullopt;
    } else {
      return left;
    }
    if (result &&
        (relational_operator() || cursor_.at_word("has") || cursor_.at_word("like") || cursor_.at_word("is"))) {
      cursor_.problem(cursor_.peek().span, "relations do not chain", "put the first relation in parentheses");
      return std::nullopt;
    }
    return result;
  }

  Parsed has(ExprId target, Span start) {
    constexpr std::string_view kHelp = "`has` is followed by `name`, `name.name` or `\"any text\"`";
    cursor_.next();
    Expr expr{.kind = ExprKind::has, .operands = {target}};
    if (cursor_.at(TokenKind::string)) {
      expr.path.push_back(cursor_.string_value(cursor_.next()));
    } else {
      do {
        if (!cursor_.at(TokenKind::identifier)) {
          cursor_.expected("an attribute name", kHelp);
          return std::nullopt;
        }
        auto name = cursor_.name("an attribute name");
        expr.path.emplace_back(cursor_.text_of(*name));
      } while (cursor_.accept(TokenKind::dot));
    }
    if (expr.path.size() > max_depth()) {
      cursor_.problem(cursor_.last_span(), "this `has` path is too long");
      return std::nullopt;
    }
    return add(std::move(expr), since(start));
  }

  Parsed like(ExprId target, Span start) {
    cursor_.next();
    auto literal =
        cursor_.expect(TokenKind::string, "`like` is followed by a pattern in quotes, with `*` for any text");
    if (!literal) return std::nullopt;
    Expr expr{.kind = ExprKind::like, .operands = {target}};
    if (auto pattern = cursor_.pattern_value(*literal)) expr.pattern.push_back(std::move(*pattern));
    return add(std::move(expr), since(start));
  }

  Parsed is(ExprId target, Span start) {
    cursor_.next();
    if (!cursor_.at(TokenKind::identifier)) {
      cursor_.expected("an entity type", "`is` is followed by a type name without quotes, like `App::User`");
      return std::nullopt;
    }
    auto type = parse_type_name(cursor_);
    if (!type) return std::nullopt;
    Expr expr{.kind = ExprKind::is, .text = std::move(*type), .operands = {target}};
    if (cursor_.at_word("in")) {
      cursor_.next();
      Parsed group = sum();
      if (!group) return std::nullopt;
      expr.operands.push_back(*group);
    }
    return add(std::move(expr), since(start));
  }

  Parsed sum() {
    Span start = cursor_.peek().span;
    Parsed first = product();
    if (!first || !(cursor_.at(TokenKind::plus) || cursor_.at(TokenKind::minus))) return first;
    Expr expr{.kind = ExprKind::sum, .operands = {*first}};
    while (cursor_.at(TokenKind::plus) || cursor_.at(TokenKind::minus)) {
      expr.ops.push_back(cursor_.next().kind == TokenKind::plus ? ast::Operator::plus : ast::Operator::minus);
      Parsed next = product();
      if (!next) return std::nullopt;
      expr.operands.push_back(*next);
    }
    return add(std::move(expr), since(start));
  }

  Parsed product() {
    Parsed result = chain(TokenKind::star, ExprKind::product, [this] { return unary(); });
    if (cursor_.at(TokenKind::slash) || cursor_.at(TokenKind::percent)) {
      std::string name(cursor_.text_of(cursor_.peek()));
      cursor_.problem(cursor_.peek().span, "the operator `" + name + "` does not exist", "Cedar has `+`, `-` and `*`");
      return std::nullopt;
    }
    return result;
  }

  Parsed unary() {
    TokenKind kind = cursor_.peek().kind;
    if (kind != TokenKind::bang && kind != TokenKind::minus) return member(Sign::plus);
    std::vector<Span> operators;
    while (cursor_.at(kind)) operators.push_back(cursor_.next().span);
    std::string name(describe(kind));
    if (operators.size() > kUnaryLimit) {
      cursor_.problem(operators.front(), "too many `" + name + "` in a row: at most four are allowed");
      return std::nullopt;
    }
    Parsed operand = member(kind == TokenKind::minus ? Sign::minus : Sign::plus);
    if (!operand) return std::nullopt;
    if (std::exchange(signed_literal_, Sign::plus) == Sign::minus) {
      exprs_[*operand].span = since(operators.back());
      operators.pop_back();
    }
    ExprKind expr_kind = kind == TokenKind::bang ? ExprKind::logical_not : ExprKind::negation;
    while (operand && !operators.empty()) {
      operand = add({.kind = expr_kind, .operands = {*operand}}, since(operators.back()));
      operators.pop_back();
    }
    return operand;
  }

  enum class Sign { plus, minus };

  // `sign`: minus when a `-` stands right before. A bare integer literal then takes it into its value (so that the
  // smallest integer can be written), which signed_literal_ tells the caller.
  Parsed member(Sign sign) {
    signed_literal_ = Sign::plus;
    Span start = cursor_.peek().span;
    if (cursor_.at(TokenKind::integer)) {
      TokenKind after = cursor_.peek(1).kind;
      bool bare = after != TokenKind::dot && after != TokenKind::left_bracket;
      Parsed literal = integer(bare ? sign : Sign::plus);
      if (bare) {
        signed_literal_ = sign;
        return literal;
      }
      return literal ? accesses(*literal, start) : literal;
    }
    Parsed target = primary();
    if (target) target = accesses(*target, start);
    signed_literal_ = Sign::plus;
    return target;
  }

  Parsed accesses(ExprId target, Span start) {
    Parsed result = target;
    while (result) {
      if (cursor_.at(TokenKind::dot)) {
        cursor_.next();
        auto name = cursor_.name("an attribute or method name");
        if (!name) return std::nullopt;
        result = cursor_.at(TokenKind::left_paren) ? method(*result, *name, start)
                                                   : attribute(*result, std::string(cursor_.text_of(*name)), start);
      } else if (cursor_.at(TokenKind::left_bracket)) {
        cursor_.next();
        auto name = cursor_.expect(TokenKind::string, "an attribute in brackets is written `[\"name\"]`");
        if (!name || !cursor_.expect(TokenKind::right_bracket)) return std::nullopt;
        result = attribute(*result, cursor_.string_value(*name), start);
      } else {
        break;
      }
    }
    return result;
  }

  Parsed attribute(ExprId target, std::string name, Span start) {
    return add({.kind = ExprKind::attribute, .text = std::move(name), .operands = {target}}, since(start));
  }

  Parsed method(ExprId target, const Token& name_token, Span start) {
    std::string name(cursor_.text_of(name_token));
    std::vector<ExprId> operands{target};
    if (!list(TokenKind::left_paren, TokenKind::right_paren, operands)) return std::nullopt;
    Span span = since(start);
    if (auto builtin = method_named(name)) {
      std::size_t wanted = *builtin == ast::Method::is_empty ? 0 : 1;
      if (operands.size() - 1 != wanted) {
        cursor_.problem(span, "`" + name + "` takes " + (wanted == 0 ? "no arguments" : "one argument") + ", got " +
                                  std::to_string(operands.size() - 1));
        operands.resize(1 + wanted, target);
      }
      return add({.kind = ExprKind::method, .method = *builtin, .operands = std::move(operands)}, span);
    }
    const ExtensionFunction* function = find_extension(name);
    if (function == nullptr) {
      cursor_.problem(name_token.span, "`" + name + "` is not a method");
    } else if (function->style == CallStyle::function) {
      cursor_.problem(name_token.span, "`" + name + "` is a function, not a method", "write `" + name + "(…)`");
    }
    return add({.kind = ExprKind::extension, .extension = function, .operands = std::move(operands)}, span);
  }

  // `open a, b, … close`, trailing comma allowed; appends to `operands`.
  bool list(TokenKind open, TokenKind close, std::vector<ExprId>& operands) {
    if (!cursor_.expect(open)) return false;
    while (!cursor_.at(close)) {
      Parsed next = expression();
      if (!next) return false;
      operands.push_back(*next);
      if (!cursor_.accept(TokenKind::comma)) break;
    }
    return cursor_.expect(close).has_value();
  }

  Parsed integer(Sign sign) {
    Token token = cursor_.next();
    std::string text = (sign == Sign::minus ? "-" : "") + std::string(cursor_.text_of(token));
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) {
      cursor_.problem(token.span, "this integer does not fit in 64 bits",
                      "integers reach from -9223372036854775808 to 9223372036854775807");
    }
    return add({.kind = ExprKind::integer, .number = value}, token.span);
  }

  Parsed primary() {
    switch (cursor_.peek().kind) {
      case TokenKind::string: {
        Token token = cursor_.next();
        return add({.kind = ExprKind::string, .text = cursor_.string_value(token)}, token.span);
      }
      case TokenKind::left_paren: {
        cursor_.next();
        Parsed inner = expression();
        if (!inner || !cursor_.expect(TokenKind::right_paren)) return std::nullopt;
        return inner;
      }
      case TokenKind::left_bracket: {
        Span start = cursor_.peek().span;
        Expr expr{.kind = ExprKind::set};
        if (!list(TokenKind::left_bracket, TokenKind::right_bracket, expr.operands)) return std::nullopt;
        return add(std::move(expr), since(start));
      }
      case TokenKind::left_brace:
        return record();
      case TokenKind::slot:
        cursor_.problem(cursor_.next().span, "a template slot cannot stand in a condition",
                        "slots stand in the head, after `==` or `in`");
        return std::nullopt;
      case TokenKind::identifier:
        return identifier();
      default:
        cursor_.expected("an expression");
        return std::nullopt;
    }
  }

  Parsed record() {
    Span start = cursor_.next().span;
    Expr expr{.kind = ExprKind::record};
    while (!cursor_.at(TokenKind::right_brace)) {
      Token key_token = cursor_.peek();
      std::string key;
      if (cursor_.at(TokenKind::string)) {
        key = cursor_.string_value(cursor_.next());
      } else {
        auto name = cursor_.name("an attribute name");
        if (!name) return std::nullopt;
        key = cursor_.text_of(*name);
      }
      if (!cursor_.expect(TokenKind::colon)) return std::nullopt;
      Parsed value = expression();
      if (!value) return std::nullopt;
      expr.path.push_back(std::move(key));
      expr.operands.push_back(*value);
      keys_.push_back(key_token.span);
      if (!cursor_.accept(TokenKind::comma)) break;
    }
    if (!cursor_.expect(TokenKind::right_brace)) return std::nullopt;
    report_duplicate_keys(expr.path);
    return add(std::move(expr), since(start));
  }

  // The spans of this record's keys are the last ones of keys_.
  void report_duplicate_keys(const std::vector<std::string>& names) {
    std::size_t base = keys_.size() - names.size();
    std::vector<std::size_t> sorted(names.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = i;
    std::ranges::sort(sorted, {}, [&](std::size_t i) { return std::pair(std::string_view(names[i]), i); });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (names[sorted[i]] != names[sorted[i - 1]]) continue;
      cursor_.problem(keys_[base + sorted[i]], "the key `" + names[sorted[i]] + "` is given twice in this record");
    }
    keys_.resize(base);
  }

  Parsed identifier() {
    Token token = cursor_.peek();
    std::string_view name = cursor_.text_of(token);
    if (names_entity()) {
      auto literal = parse_entity_literal(cursor_);
      if (!literal) return std::nullopt;
      return add({.kind = ExprKind::entity, .text = std::move(literal->type), .text2 = std::move(literal->id)},
                 literal->span);
    }
    if (name == "true" || name == "false") {
      cursor_.next();
      return add({.kind = ExprKind::boolean, .number = name == "true" ? 1 : 0}, token.span);
    }
    if (name == "if") {
      cursor_.problem(token.span, "a conditional must stand in parentheses here");
      return std::nullopt;
    }
    if (cursor_.peek(1).kind == TokenKind::left_paren) return function();
    constexpr std::pair<std::string_view, ast::Variable> kVariables[] = {{"principal", ast::Variable::principal},
                                                                         {"action", ast::Variable::action},
                                                                         {"resource", ast::Variable::resource},
                                                                         {"context", ast::Variable::context}};
    for (const auto& [spelling, variable] : kVariables) {
      if (name != spelling) continue;
      cursor_.next();
      return add({.kind = ExprKind::variable, .variable = variable}, token.span);
    }
    if (is_reserved_word(name)) {
      cursor_.expected("an expression");
      return std::nullopt;
    }
    cursor_.next();
    cursor_.problem(token.span, "there is no variable `" + std::string(name) + "`",
                    "the variables are `principal`, `action`, `resource` and `context`; text stands in quotes");
    return add({.kind = ExprKind::boolean}, token.span);
  }

  Parsed function() {
    Token name_token = cursor_.next();
    std::string name(cursor_.text_of(name_token));
    std::vector<ExprId> operands;
    if (!list(TokenKind::left_paren, TokenKind::right_paren, operands)) return std::nullopt;
    const ExtensionFunction* extension = find_extension(name);
    bool is_method = method_named(name).has_value() || (extension != nullptr && extension->style == CallStyle::method);
    if (is_method) {
      cursor_.problem(name_token.span, "`" + name + "` is a method, not a function", "write `value." + name + "(…)`");
    } else if (extension == nullptr) {
      cursor_.problem(name_token.span, "`" + name + "` is not a function",
                      "the functions are `ip`, `decimal`, `datetime` and `duration`");
    }
    return add({.kind = ExprKind::extension, .extension = extension, .operands = std::move(operands)},
               since(name_token.span));
  }

  TokenCursor& cursor_;
  std::vector<Expr>& exprs_;
  std::size_t depth_ = 0;
  Sign signed_literal_ = Sign::plus;
  std::vector<Span> keys_;  // of the records being read, outer ones first
};

}  // namespace

std::optional<ast::ExprId> parse_expression_at(TokenCursor& cursor, std::vector<ast::Expr>& exprs) {
  return ExpressionParser(cursor, exprs).expression();
}

std::optional<std::string> parse_type_name(TokenCursor& cursor) {
  std::string out;
  do {
    auto word = cursor.name("an entity type");
    if (!word) return std::nullopt;
    if (!out.empty()) out += "::";
    out += cursor.text_of(*word);
  } while (cursor.accept(TokenKind::double_colon));
  return out;
}

std::optional<ast::EntityLiteral> parse_entity_literal(TokenCursor& cursor) {
  constexpr std::string_view kHelp = "an entity is written `Type::\"id\"`";
  ast::EntityLiteral out;
  Span start = cursor.peek().span;
  while (true) {
    if (!cursor.at(TokenKind::identifier)) {
      cursor.expected(out.type.empty() ? "an entity" : "an id in quotes", kHelp);
      return std::nullopt;
    }
    auto word = cursor.name("an entity");
    if (!out.type.empty()) out.type += "::";
    out.type += cursor.text_of(*word);
    if (!cursor.expect(TokenKind::double_colon, kHelp)) return std::nullopt;
    if (cursor.at(TokenKind::string)) break;
  }
  out.id = cursor.string_value(cursor.next());
  out.span = join(start, cursor.last_span());
  return out;
}

}  // namespace cedar::detail
