#include "policies/cedar/validation/conditions.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace cedar::validation {
namespace {

std::uint8_t use_of(ast::Variable variable) {
  switch (variable) {
    case ast::Variable::principal:
      return kPrincipal;
    case ast::Variable::action:
      return kAction;
    case ast::Variable::resource:
      return kResource;
    case ast::Variable::context:
      return kContext;
  }
  return 0;
}

Form form_of(ast::Method method) {
  switch (method) {
    case ast::Method::contains:
      return Form::contains;
    case ast::Method::contains_all:
      return Form::contains_all;
    case ast::Method::contains_any:
      return Form::contains_any;
    case ast::Method::is_empty:
      return Form::is_empty;
    case ast::Method::get_tag:
      return Form::get_tag;
    case ast::Method::has_tag:
      return Form::has_tag;
  }
  return Form::is_empty;
}

void put(std::string& key, std::string_view part) {
  key += std::to_string(part.size());
  key += ':';
  key += part;
}

void put(std::string& key, std::int64_t number) {
  key += std::to_string(number);
  key += ';';
}

}  // namespace

Conditions::Conditions(const ast::Policy& policy) {
  lowered_.reserve(policy.exprs.size());
  nodes_.reserve(policy.exprs.size() + 8);
  for (const ast::Expr& each : policy.exprs) lower(each);
  principal_ = head(policy.principal, ast::Variable::principal);
  action_ = head(policy.action, ast::Variable::action);
  resource_ = head(policy.resource, ast::Variable::resource);

  std::vector<NodeId> clauses;
  for (const ast::Clause& each : policy.clauses) {
    NodeId body = lowered_[each.body];
    clauses.push_back(each.kind == ast::ClauseKind::when
                          ? body
                          : add({.form = Form::negated, .span = nodes_[body].span, .operands = {body}}));
  }
  if (clauses.empty()) {
    body_ = add({.form = Form::boolean, .span = policy.span, .number = 1});
  } else if (clauses.size() == 1) {
    body_ = clauses.front();
  } else {
    Span whole = join(policy.clauses.front().span, policy.clauses.back().span);
    body_ = add({.form = Form::all, .span = whole, .operands = std::move(clauses)});
  }
}

NodeId Conditions::add(Node node) {
  for (NodeId each : node.operands) node.uses |= nodes_[each].uses;
  nodes_.push_back(std::move(node));
  return static_cast<NodeId>(nodes_.size() - 1);
}

NodeId Conditions::literal(const ast::EntityLiteral& entity) {
  return add({.form = Form::entity, .span = entity.span, .text = entity.type, .text2 = entity.id});
}

NodeId Conditions::head(const ast::Scope& scope, ast::Variable variable) {
  if (scope.kind == ast::ScopeKind::any) return add({.form = Form::boolean, .span = scope.span, .number = 1});

  auto subject = [&] {
    return add({.form = Form::variable, .variable = variable, .uses = use_of(variable), .span = scope.span});
  };
  auto object = [&] {
    if (scope.slot) return add({.form = Form::slot, .variable = variable, .span = scope.slot_span});
    return literal(scope.entities.front());
  };
  auto is = [&] { return add({.form = Form::is, .span = scope.span, .text = scope.type, .operands = {subject()}}); };
  switch (scope.kind) {
    case ast::ScopeKind::equal:
      return add({.form = Form::equal, .span = scope.span, .operands = {subject(), object()}});
    case ast::ScopeKind::in:
      return add({.form = Form::in, .span = scope.span, .operands = {subject(), object()}});
    case ast::ScopeKind::in_list: {
      Node list{.form = Form::set, .span = scope.span};
      for (const ast::EntityLiteral& each : scope.entities) list.operands.push_back(literal(each));
      return add({.form = Form::in, .span = scope.span, .operands = {subject(), add(std::move(list))}});
    }
    case ast::ScopeKind::is:
      return is();
    case ast::ScopeKind::is_in: {
      NodeId type = is();
      NodeId group = add({.form = Form::in, .span = scope.span, .operands = {subject(), object()}});
      return add({.form = Form::all, .span = scope.span, .operands = {type, group}});
    }
    case ast::ScopeKind::any:
      break;
  }
  return 0;
}

void Conditions::flatten(Node& node) {
  const Node& first = nodes_[node.operands.front()];
  if (first.form != node.form) return;
  std::vector<NodeId> operands = first.operands;
  operands.insert(operands.end(), std::next(node.operands.begin()), node.operands.end());
  std::vector<ast::Operator> signs = first.signs;
  signs.insert(signs.end(), node.signs.begin(), node.signs.end());
  node.operands = std::move(operands);
  node.signs = std::move(signs);
}

// Operands stand before what they are operands of, so that going through the pool in order meets them first.
void Conditions::lower(const ast::Expr& expr) {
  Node node{.variable = expr.variable, .span = expr.span, .number = expr.number, .function = expr.extension};
  for (ast::ExprId each : expr.operands) node.operands.push_back(lowered_[each]);
  NodeId out = 0;
  switch (expr.kind) {
    case ast::ExprKind::boolean:
      node.form = Form::boolean;
      break;
    case ast::ExprKind::integer:
      node.form = Form::integer;
      break;
    case ast::ExprKind::string:
      node.form = Form::string;
      node.text = expr.text;
      break;
    case ast::ExprKind::entity:
      node.form = Form::entity;
      node.text = expr.text;
      node.text2 = expr.text2;
      break;
    case ast::ExprKind::variable:
      node.form = Form::variable;
      node.uses = use_of(expr.variable);
      break;
    case ast::ExprKind::conditional:
      node.form = Form::conditional;
      break;
    case ast::ExprKind::or_chain:
      node.form = Form::any;
      flatten(node);
      break;
    case ast::ExprKind::and_chain:
      node.form = Form::all;
      flatten(node);
      break;
    case ast::ExprKind::relation:
      lowered_.push_back(relation(expr));
      return;
    case ast::ExprKind::has:
      lowered_.push_back(has_path(expr));
      return;
    case ast::ExprKind::like:
      node.form = Form::like;
      node.pattern = &expr.pattern.front();
      break;
    case ast::ExprKind::is:
      node.form = Form::is;
      node.text = expr.text;
      if (node.operands.size() == 2) {
        NodeId group = node.operands.back();
        node.operands.pop_back();
        NodeId target = node.operands.front();
        NodeId type = add(std::move(node));
        NodeId member = add({.form = Form::in, .span = expr.span, .operands = {target, group}});
        out = add({.form = Form::all, .span = expr.span, .operands = {type, member}});
        lowered_.push_back(out);
        return;
      }
      break;
    case ast::ExprKind::sum:
      node.form = Form::sum;
      node.signs = expr.ops;
      flatten(node);
      break;
    case ast::ExprKind::product:
      node.form = Form::product;
      flatten(node);
      break;
    case ast::ExprKind::negation:
      node.form = Form::minus;
      break;
    case ast::ExprKind::logical_not:
      node.form = Form::negated;
      break;
    case ast::ExprKind::attribute:
      node.form = Form::attribute;
      node.text = expr.text;
      break;
    case ast::ExprKind::method:
      node.form = form_of(expr.method);
      break;
    case ast::ExprKind::extension:
      node.form = Form::extension;
      break;
    case ast::ExprKind::set:
      node.form = Form::set;
      break;
    case ast::ExprKind::record:
      node.form = Form::record;
      node.keys = expr.path;
      break;
  }
  out = add(std::move(node));
  lowered_.push_back(out);
}

NodeId Conditions::relation(const ast::Expr& expr) {
  Node node{.span = expr.span, .operands = {lowered_[expr.operands[0]], lowered_[expr.operands[1]]}};
  bool negated = false;
  switch (expr.op) {
    case ast::Operator::not_equal:
      negated = true;
      [[fallthrough]];
    case ast::Operator::equal:
      node.form = Form::equal;
      break;
    case ast::Operator::greater_equal:
      negated = true;
      [[fallthrough]];
    case ast::Operator::less:
      node.form = Form::less;
      break;
    case ast::Operator::greater:
      negated = true;
      [[fallthrough]];
    case ast::Operator::less_equal:
      node.form = Form::less_equal;
      break;
    default:
      node.form = Form::in;
      break;
  }
  NodeId out = add(std::move(node));
  return negated ? add({.form = Form::negated, .span = expr.span, .operands = {out}}) : out;
}

NodeId Conditions::has_path(const ast::Expr& expr) {
  NodeId target = lowered_[expr.operands.front()];
  Node chain{.form = Form::all, .span = expr.span};
  for (std::size_t i = 0; i < expr.path.size(); ++i) {
    chain.operands.push_back(add({.form = Form::has, .span = expr.span, .text = expr.path[i], .operands = {target}}));
    if (i + 1 == expr.path.size()) break;
    target = add({.form = Form::attribute, .span = expr.span, .text = expr.path[i], .operands = {target}});
  }
  return chain.operands.size() == 1 ? chain.operands.front() : add(std::move(chain));
}

std::uint32_t Conditions::shape(NodeId id) {
  if (nodes_[id].shape != 0) return nodes_[id].shape;
  std::string key;
  put(key, static_cast<std::int64_t>(nodes_[id].form));
  put(key, static_cast<std::int64_t>(nodes_[id].variable));
  put(key, nodes_[id].number);
  put(key, nodes_[id].text);
  put(key, nodes_[id].text2);
  if (nodes_[id].function != nullptr) put(key, nodes_[id].function->name);
  if (nodes_[id].pattern != nullptr) {
    for (const std::string& each : nodes_[id].pattern->pieces()) put(key, each);
  }
  for (ast::Operator each : nodes_[id].signs) put(key, static_cast<std::int64_t>(each));
  if (nodes_[id].form == Form::record) {
    std::vector<std::pair<std::string, NodeId>> fields;
    for (std::size_t i = 0; i < nodes_[id].keys.size(); ++i) {
      fields.emplace_back(nodes_[id].keys[i], nodes_[id].operands[i]);
    }
    std::ranges::sort(fields);
    for (const auto& [name, value] : fields) {
      put(key, name);
      put(key, static_cast<std::int64_t>(shape(value)));
    }
  } else {
    for (NodeId each : nodes_[id].operands) put(key, static_cast<std::int64_t>(shape(each)));
  }
  std::uint32_t out = shapes_.try_emplace(std::move(key), static_cast<std::uint32_t>(shapes_.size() + 1)).first->second;
  nodes_[id].shape = out;
  return out;
}

}  // namespace cedar::validation
