// `has` of what no request can have is always false, silently; and records of the input hold only what is declared, so
// that comparing them as a whole says nothing about the rest.
#include <algorithm>

#include "policies/lints/lint.h"
#include "policies/lints/paths.h"

namespace countersign::policies::lints {
namespace {

using cedar::TypeKind;
using cedar::TypePtr;
using cedar::ast::Expr;
using cedar::ast::ExprId;
using cedar::ast::ExprKind;
using cedar::ast::Variable;

// The attribute names that the types have, for "did you mean".
std::vector<std::string_view> attribute_names(const cedar::Schema& schema, const std::vector<TypePtr>& types) {
  std::vector<std::string_view> out;
  for (const TypePtr& type : types) {
    const cedar::Type* record = type.get();
    if (type->is(TypeKind::entity)) {
      const cedar::EntityTypeInfo* info = schema.entity_type(type->entity_name());
      record = info ? info->attributes.get() : nullptr;
    }
    if (!record || !record->is(TypeKind::record)) continue;
    for (const cedar::AttributeType& attribute : record->attributes()) out.push_back(attribute.name);
  }
  return out;
}

std::string help_for(const Path& path, std::string_view near) {
  if (!near.empty()) return "did you mean `" + std::string(near) + "`?";
  if (path.is_under({"input", "arguments"})) return "declare it in inputs.cedarschema: type Arguments = { … };";
  if (path.is_under({"input", "query"})) return "declare it in inputs.cedarschema: type Query = { … };";
  if (path.root == Variable::principal) return "declare it in inputs.cedarschema: type AgentAttributes = { … };";
  if (path.root == Variable::resource) return "declare it in inputs.cedarschema: type Labels = { … };";
  return "`countersign policy schema` prints what there is";
}

}  // namespace

void undeclared_attribute(const Snapshot& snapshot, Findings& findings) {
  const cedar::Schema& schema = snapshot.schema().schema();
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    const std::vector<Expr>& exprs = policy.syntax().exprs;
    for (const Expr& expr : exprs) {
      if (expr.kind != ExprKind::has) continue;
      auto path = path_of(exprs, expr.operands.front());
      if (!path || path->root == Variable::action) continue;
      std::vector<TypePtr> types = types_of(schema, path->root, path->names);
      if (types.empty()) continue;  // validation has said so
      for (const std::string& name : expr.path) {
        std::vector<TypePtr> next = attribute_types(schema, types, name);
        if (next.empty()) {
          bool forbid = policy.effect() == cedar::Effect::forbid;
          findings.add(policy, expr.span, forbid ? Severity::error : Severity::warning,
                       "nothing can have `" + name + "` here, so this `has` is always false",
                       help_for(*path, closest(name, attribute_names(schema, types))));
          break;
        }
        path->names.push_back(name);
        types = std::move(next);
      }
    }
  }
}

void whole_input(const Snapshot& snapshot, Findings& findings) {
  const cedar::Schema& schema = snapshot.schema().schema();
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    const std::vector<Expr>& exprs = policy.syntax().exprs;
    std::vector<bool> read_on(exprs.size(), false);  // by an attribute or `has` of it
    for (const Expr& expr : exprs) {
      if (expr.kind == ExprKind::attribute || expr.kind == ExprKind::has) read_on[expr.operands.front()] = true;
    }
    for (std::size_t i = 0; i < exprs.size(); ++i) {
      if (read_on[i]) continue;
      auto path = path_of(exprs, static_cast<ExprId>(i));
      bool input = path && path->root == Variable::context && (path->names.empty() || path->names.front() == "input");
      if (!input) continue;
      std::vector<TypePtr> types = types_of(schema, path->root, path->names);
      bool record = std::ranges::any_of(types, [](const TypePtr& type) { return type->is(TypeKind::record); });
      if (record)
        findings.add(policy, exprs[i].span, Severity::error,
                     "this record holds only what inputs.cedarschema declares, not everything the agent sent",
                     "compare its attributes one by one");
    }
  }
}

}  // namespace countersign::policies::lints
