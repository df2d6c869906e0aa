#include "policies/cedar/program.h"

#include <optional>
#include <string>
#include <utility>

namespace cedar {
namespace {

using ast::Expr;
using ast::ExprKind;

// Recursive: the parser bounds the height of every tree.
class Lowering {
 public:
  Lowering(const std::vector<Expr>& exprs, Program& program, Interner& interner)
      : exprs_(exprs), program_(program), interner_(interner) {}

  NodeId lower(ast::ExprId id) {
    const Expr& expr = exprs_[id];
    switch (expr.kind) {
      case ExprKind::boolean:
        return constant(Value::boolean(expr.number != 0), expr);
      case ExprKind::integer:
        return constant(Value::integer(expr.number), expr);
      case ExprKind::string:
        return constant(interner_.string(expr.text), expr);
      case ExprKind::entity:
        return constant(interner_.entity(expr.text, expr.text2), expr);
      case ExprKind::variable:
        return add({.op = Op::variable, .extra = static_cast<std::uint16_t>(expr.variable)}, expr, {});
      case ExprKind::conditional:
        return add({.op = Op::conditional}, expr, all(expr));
      case ExprKind::or_chain:
        return add({.op = Op::or_}, expr, all(expr));
      case ExprKind::and_chain:
        return add({.op = Op::and_}, expr, all(expr));
      case ExprKind::relation:
        return relation(expr);
      case ExprKind::has: {
        Node node{.op = Op::has, .extra = static_cast<std::uint16_t>(expr.path.size()), .index = names(expr.path)};
        return add(node, expr, all(expr));
      }
      case ExprKind::like:
        program_.patterns.push_back(expr.pattern.front());
        return add({.op = Op::like, .index = last(program_.patterns)}, expr, all(expr));
      case ExprKind::is: {
        Op op = expr.operands.size() == 1 ? Op::is : Op::is_in;
        return add({.op = op, .index = names({expr.text})}, expr, all(expr));
      }
      case ExprKind::sum:
        return sum(expr);
      case ExprKind::product:
        return add({.op = Op::product}, expr, all(expr));
      case ExprKind::negation:
        return add({.op = Op::negate}, expr, all(expr));
      case ExprKind::logical_not:
        return add({.op = Op::not_}, expr, all(expr));
      case ExprKind::attribute:
        return add({.op = Op::attribute, .index = names({expr.text})}, expr, all(expr));
      case ExprKind::method:
        return add({.op = method(expr.method)}, expr, all(expr));
      case ExprKind::extension:
        return extension(expr);
      case ExprKind::set:
        return set(expr);
      case ExprKind::record:
        return record(expr);
    }
    return 0;
  }

 private:
  template <class T>
  static std::uint32_t last(const std::vector<T>& all) {
    return static_cast<std::uint32_t>(all.size() - 1);
  }

  NodeId add(Node node, const Expr& expr, const std::vector<NodeId>& operands) {
    node.span = expr.span;
    node.first = static_cast<std::uint32_t>(program_.operands.size());
    node.count = static_cast<std::uint32_t>(operands.size());
    program_.operands.insert(program_.operands.end(), operands.begin(), operands.end());
    program_.nodes.push_back(node);
    return last(program_.nodes);
  }

  NodeId constant(Value value, const Expr& expr) {
    program_.constants.push_back(std::move(value));
    return add({.op = Op::constant, .index = last(program_.constants)}, expr, {});
  }

  std::uint32_t names(const std::vector<std::string>& path) {
    auto first = static_cast<std::uint32_t>(program_.names.size());
    for (const std::string& name : path) program_.names.push_back(interner_.text(name));
    return first;
  }

  std::vector<NodeId> all(const Expr& expr) {
    std::vector<NodeId> out;
    out.reserve(expr.operands.size());
    for (ast::ExprId id : expr.operands) out.push_back(lower(id));
    return out;
  }

  // The values of `nodes` when all of them are constants.
  std::optional<std::vector<Value>> constants(const std::vector<NodeId>& nodes) const {
    std::vector<Value> out;
    for (NodeId id : nodes) {
      if (program_.nodes[id].op != Op::constant) return std::nullopt;
      out.push_back(program_.constants[program_.nodes[id].index]);
    }
    return out;
  }

  NodeId relation(const Expr& expr) {
    std::vector<NodeId> operands = all(expr);
    Node node;
    switch (expr.op) {
      case ast::Operator::not_equal:
        node.op = Op::not_equal;
        break;
      case ast::Operator::less:
        node.op = Op::less;
        break;
      case ast::Operator::less_equal:
        node.op = Op::less_equal;
        break;
      case ast::Operator::greater:
        node = {.op = Op::less, .swapped = true};
        break;
      case ast::Operator::greater_equal:
        node = {.op = Op::less_equal, .swapped = true};
        break;
      case ast::Operator::in:
        node.op = Op::in;
        break;
      default:
        node.op = Op::equal;
        break;
    }
    if (node.swapped) std::swap(operands[0], operands[1]);
    return add(node, expr, operands);
  }

  NodeId sum(const Expr& expr) {
    auto first = static_cast<std::uint32_t>(program_.signs.size());
    for (ast::Operator op : expr.ops) program_.signs.push_back(op == ast::Operator::minus);
    // Operands first: nested sums append their own signs behind these.
    return add({.op = Op::sum, .index = first}, expr, all(expr));
  }

  static Op method(ast::Method method) {
    switch (method) {
      case ast::Method::contains:
        return Op::contains;
      case ast::Method::contains_all:
        return Op::contains_all;
      case ast::Method::contains_any:
        return Op::contains_any;
      case ast::Method::is_empty:
        return Op::is_empty;
      case ast::Method::get_tag:
        return Op::get_tag;
      case ast::Method::has_tag:
        return Op::has_tag;
    }
    return Op::contains;
  }

  // A call of literals that succeeds is its answer; one that fails stays a call, and fails with its place when it is
  // reached.
  NodeId extension(const Expr& expr) {
    std::vector<NodeId> operands = all(expr);
    if (auto values = constants(operands)) {
      if (ExtensionResult result = expr.extension->call(*values)) return constant(std::move(*result), expr);
    }
    program_.functions.push_back(expr.extension);
    return add({.op = Op::extension, .index = last(program_.functions)}, expr, operands);
  }

  NodeId set(const Expr& expr) {
    std::vector<NodeId> operands = all(expr);
    if (auto values = constants(operands)) return constant(Value::set(std::move(*values)), expr);
    return add({.op = Op::set}, expr, operands);
  }

  NodeId record(const Expr& expr) {
    std::vector<NodeId> operands = all(expr);
    if (auto values = constants(operands)) {
      std::vector<Field> fields;
      for (std::size_t i = 0; i < values->size(); ++i)
        fields.emplace_back(interner_.text(expr.path[i]), std::move((*values)[i]));
      return constant(Value::record(std::move(fields)), expr);
    }
    std::uint32_t first = names(expr.path);
    return add({.op = Op::record, .index = first}, expr, operands);
  }

  const std::vector<Expr>& exprs_;
  Program& program_;
  Interner& interner_;
};

}  // namespace

NodeId lower(const std::vector<Expr>& exprs, ast::ExprId root, Program& program, Interner& interner) {
  return Lowering(exprs, program, interner).lower(root);
}

NodeId lower(const std::vector<Expr>& exprs, ast::ExprId root, Program& program) {
  Interner interner;
  return lower(exprs, root, program, interner);
}

}  // namespace cedar
