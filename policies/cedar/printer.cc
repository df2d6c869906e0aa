#include "policies/cedar/printer.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "policies/cedar/spelling.h"
#include "policies/cedar/unescape.h"

namespace cedar {
namespace {

using ast::Expr;
using ast::ExprId;
using ast::ExprKind;

// How tightly an expression binds, loosest first.
enum class Level { conditional, or_chain, and_chain, relation, sum, product, unary, member };

constexpr std::size_t kUnaryLimit = 4;  // of `!` or `-` in a row

Level level_of(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::conditional:
      return Level::conditional;
    case ExprKind::or_chain:
      return Level::or_chain;
    case ExprKind::and_chain:
      return Level::and_chain;
    case ExprKind::relation:
    case ExprKind::has:
    case ExprKind::like:
    case ExprKind::is:
      return Level::relation;
    case ExprKind::sum:
      return Level::sum;
    case ExprKind::product:
      return Level::product;
    case ExprKind::negation:
    case ExprKind::logical_not:
      return Level::unary;
    case ExprKind::integer:
      return expr.number < 0 ? Level::unary : Level::member;
    default:
      return Level::member;
  }
}

std::string spaced(ast::Operator op) {
  return " " + std::string(spelling(op)) + " ";
}

// Whether `word` can stand where a name is expected, without quotes.
bool is_name(std::string_view word) {
  return word.find(':') == std::string_view::npos && is_entity_type_name(word);
}

std::string quote_pattern(const Pattern& pattern) {
  std::string out = "\"";
  bool first = true;
  for (const std::string& piece : pattern.pieces()) {
    if (!std::exchange(first, false)) out += '*';
    std::string quoted = quote(piece);
    for (char c : std::string_view(quoted).substr(1, quoted.size() - 2)) {
      if (c == '*') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

// Recursive: the height of every tree is bounded where it is made. `exprs` may be const: places are kept aside.
class Printer {
 public:
  Printer(const std::vector<Expr>& exprs, std::string& out) : exprs_(exprs), out_(out), places_(exprs.size()) {}

  void expression(ExprId id) { print(id, Level::conditional); }
  const std::vector<Span>& places() const { return places_; }

 private:
  // In parentheses when it binds less tightly than `least`.
  void print(ExprId id, Level least) {
    bool parentheses = level_of(exprs_[id]) < least;
    if (parentheses) out_ += '(';
    std::size_t start = out_.size();
    bare(id);
    places_[id] = {static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(out_.size() - start)};
    if (parentheses) out_ += ')';
  }

  // Every operand separated by `separator`.
  void chain(const Expr& expr, std::string_view separator, Level least) {
    for (std::size_t i = 0; i < expr.operands.size(); ++i) {
      if (i > 0) out_ += separator;
      print(expr.operands[i], least);
    }
  }

  void arguments(const Expr& expr, std::size_t from) {
    out_ += '(';
    for (std::size_t i = from; i < expr.operands.size(); ++i) {
      if (i > from) out_ += ", ";
      expression(expr.operands[i]);
    }
    out_ += ')';
  }

  void bare(ExprId id) {
    const Expr& expr = exprs_[id];
    switch (expr.kind) {
      case ExprKind::boolean:
        out_ += expr.number != 0 ? "true" : "false";
        return;
      case ExprKind::integer:
        out_ += std::to_string(expr.number);
        return;
      case ExprKind::string:
        out_ += quote(expr.text);
        return;
      case ExprKind::entity:
        out_ += expr.text + "::" + quote(expr.text2);
        return;
      case ExprKind::variable:
        out_ += spelling(expr.variable);
        return;
      case ExprKind::conditional:
        return conditional(expr);
      case ExprKind::or_chain:
        return chain(expr, " || ", Level::and_chain);
      case ExprKind::and_chain:
        return chain(expr, " && ", Level::relation);
      case ExprKind::relation:
        return chain(expr, spaced(expr.op), Level::sum);
      case ExprKind::has:
        return has(expr);
      case ExprKind::like:
        print(expr.operands[0], Level::sum);
        out_ += " like " + quote_pattern(expr.pattern.front());
        return;
      case ExprKind::is:
        print(expr.operands[0], Level::sum);
        out_ += " is " + expr.text;
        if (expr.operands.size() > 1) {
          out_ += " in ";
          print(expr.operands[1], Level::sum);
        }
        return;
      case ExprKind::sum:
        for (std::size_t i = 0; i < expr.operands.size(); ++i) {
          if (i > 0) out_ += spaced(expr.ops[i - 1]);
          print(expr.operands[i], Level::product);
        }
        return;
      case ExprKind::product:
        return chain(expr, " * ", Level::unary);
      case ExprKind::negation:
      case ExprKind::logical_not:
        return unary(id);
      case ExprKind::attribute:
        print(expr.operands[0], Level::member);
        out_ += is_name(expr.text) ? "." + expr.text : "[" + quote(expr.text) + "]";
        return;
      case ExprKind::method:
        print(expr.operands[0], Level::member);
        out_ += '.';
        out_ += spelling(expr.method);
        return arguments(expr, 1);
      case ExprKind::extension: {
        bool method = !expr.extension->is_constructor() && !expr.operands.empty();
        if (method) {
          print(expr.operands[0], Level::member);
          out_ += '.';
        }
        out_ += expr.extension->name;
        return arguments(expr, method ? 1 : 0);
      }
      case ExprKind::set:
        out_ += '[';
        chain(expr, ", ", Level::conditional);
        out_ += ']';
        return;
      case ExprKind::record:
        return record(expr);
    }
  }

  void conditional(const Expr& expr) {
    // No parentheses here: they would count against the depth that the parser allows.
    out_ += "if ";
    expression(expr.operands[0]);
    out_ += " then ";
    expression(expr.operands[1]);
    out_ += " else ";
    expression(expr.operands[2]);
  }

  void has(const Expr& expr) {
    print(expr.operands[0], Level::sum);
    out_ += " has ";
    for (std::size_t i = 0; i < expr.path.size(); ++i) {
      if (i > 0) out_ += '.';
      out_ += is_name(expr.path[i]) ? expr.path[i] : quote(expr.path[i]);
    }
  }

  // `!!x`, `-(1)`, `!!!!(!x)`: at most four in a row, `!` and `-` do not mix, and `-` before a literal is part of it.
  void unary(ExprId id) {
    ExprKind kind = exprs_[id].kind;
    out_ += kind == ExprKind::negation ? '-' : '!';
    ExprId operand = exprs_[id].operands[0];
    std::size_t run = std::exchange(run_, 0) + 1;
    const Expr& below = exprs_[operand];
    if (below.kind == kind && run < kUnaryLimit) {
      run_ = run;
      print(operand, Level::unary);
      run_ = 0;
    } else if (level_of(below) == Level::member && below.kind != ExprKind::integer) {
      print(operand, Level::member);
    } else {
      out_ += '(';
      expression(operand);
      out_ += ')';
    }
  }

  void record(const Expr& expr) {
    out_ += '{';
    for (std::size_t i = 0; i < expr.operands.size(); ++i) {
      if (i > 0) out_ += ", ";
      out_ += (is_name(expr.path[i]) ? expr.path[i] : quote(expr.path[i])) + ": ";
      expression(expr.operands[i]);
    }
    out_ += '}';
  }

  const std::vector<Expr>& exprs_;
  std::string& out_;
  std::vector<Span> places_;
  std::size_t run_ = 0;  // unary operators printed right before the one at hand
};

Span since(std::size_t start, const std::string& out) {
  return {static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(out.size() - start)};
}

void print_entity(ast::EntityLiteral& entity, std::string& out) {
  std::size_t start = out.size();
  out += entity.type + "::" + quote(entity.id);
  entity.span = since(start, out);
}

void print_scope(ast::Scope& scope, std::string_view name, std::string& out) {
  std::size_t start = out.size();
  out += name;
  if (scope.kind == ast::ScopeKind::is || scope.kind == ast::ScopeKind::is_in) out += " is " + scope.type;
  if (scope.kind == ast::ScopeKind::equal) out += " == ";
  if (scope.kind == ast::ScopeKind::in || scope.kind == ast::ScopeKind::in_list ||
      scope.kind == ast::ScopeKind::is_in) {
    out += " in ";
  }
  if (scope.slot) {
    std::size_t slot = out.size();
    out += "?" + std::string(name);
    scope.slot_span = since(slot, out);
  }
  if (scope.kind == ast::ScopeKind::in_list) out += '[';
  bool first = true;
  for (ast::EntityLiteral& entity : scope.entities) {
    if (!std::exchange(first, false)) out += ", ";
    print_entity(entity, out);
  }
  if (scope.kind == ast::ScopeKind::in_list) out += ']';
  scope.span = since(start, out);
}

}  // namespace

void print_placed(ast::Policy& policy, std::string& out) {
  std::size_t begin = out.size();
  for (ast::Annotation& annotation : policy.annotations) {
    std::size_t start = out.size();
    out += "@" + annotation.key;
    if (annotation.has_value) out += "(" + quote(annotation.value) + ")";
    annotation.span = since(start, out);
    out += '\n';
  }
  out += policy.effect == ast::Effect::permit ? "permit(" : "forbid(";
  print_scope(policy.principal, "principal", out);
  out += ", ";
  print_scope(policy.action, "action", out);
  out += ", ";
  print_scope(policy.resource, "resource", out);
  out += ')';
  Printer printer(policy.exprs, out);
  for (ast::Clause& clause : policy.clauses) {
    out += ' ';
    std::size_t start = out.size();
    out += clause.kind == ast::ClauseKind::when ? "when { " : "unless { ";
    printer.expression(clause.body);
    out += " }";
    clause.span = since(start, out);
  }
  out += ';';
  policy.span = since(begin, out);
  for (std::size_t i = 0; i < policy.exprs.size(); ++i) policy.exprs[i].span = printer.places()[i];
}

std::string print(const ast::Policy& policy) {
  ast::Policy copy = policy;
  std::string out;
  print_placed(copy, out);
  return out;
}

std::string print(const std::vector<ast::Expr>& exprs, ast::ExprId root) {
  std::string out;
  Printer(exprs, out).expression(root);
  return out;
}

namespace {

bool same_scope(const ast::Scope& a, const ast::Scope& b) {
  return a.kind == b.kind && a.slot == b.slot && a.type == b.type &&
         std::ranges::equal(a.entities, b.entities, [](const ast::EntityLiteral& x, const ast::EntityLiteral& y) {
           return x.type == y.type && x.id == y.id;
         });
}

}  // namespace

bool same_structure(const std::vector<ast::Expr>& a, ast::ExprId root_a, const std::vector<ast::Expr>& b,
                    ast::ExprId root_b) {
  std::vector<std::pair<ExprId, ExprId>> open{{root_a, root_b}};
  while (!open.empty()) {
    auto [left, right] = open.back();
    open.pop_back();
    const Expr& x = a[left];
    const Expr& y = b[right];
    bool same = x.kind == y.kind && x.variable == y.variable && x.op == y.op && x.method == y.method &&
                x.number == y.number && x.extension == y.extension && x.text == y.text && x.text2 == y.text2 &&
                x.ops == y.ops && x.path == y.path && x.operands.size() == y.operands.size() &&
                std::ranges::equal(x.pattern, y.pattern,
                                   [](const Pattern& p, const Pattern& q) { return p.pieces() == q.pieces(); });
    if (!same) return false;
    for (std::size_t i = 0; i < x.operands.size(); ++i) open.emplace_back(x.operands[i], y.operands[i]);
  }
  return true;
}

bool same_structure(const ast::Policy& a, const ast::Policy& b) {
  auto same_annotation = [](const ast::Annotation& x, const ast::Annotation& y) {
    return x.key == y.key && x.value == y.value && x.has_value == y.has_value;
  };
  auto same_clause = [&](const ast::Clause& x, const ast::Clause& y) {
    return x.kind == y.kind && same_structure(a.exprs, x.body, b.exprs, y.body);
  };
  return a.effect == b.effect && std::ranges::equal(a.annotations, b.annotations, same_annotation) &&
         same_scope(a.principal, b.principal) && same_scope(a.action, b.action) && same_scope(a.resource, b.resource) &&
         std::ranges::equal(a.clauses, b.clauses, same_clause);
}

}  // namespace cedar
