#include "policies/lints/paths.h"

#include <algorithm>

namespace countersign::policies::lints {

using cedar::TypeKind;
using cedar::TypePtr;
using cedar::ast::Expr;
using cedar::ast::ExprId;
using cedar::ast::ExprKind;
using cedar::ast::Variable;

bool Path::is_under(std::initializer_list<std::string_view> context_names) const {
  return root == Variable::context && names.size() >= context_names.size() &&
         std::equal(context_names.begin(), context_names.end(), names.begin());
}

std::optional<Path> path_of(const std::vector<Expr>& exprs, ExprId id) {
  Path out;
  while (exprs[id].kind == ExprKind::attribute) {
    out.names.push_back(exprs[id].text);
    id = exprs[id].operands.front();
  }
  if (exprs[id].kind != ExprKind::variable) return std::nullopt;
  out.root = exprs[id].variable;
  std::ranges::reverse(out.names);
  return out;
}

namespace {

void add(std::vector<TypePtr>& types, const TypePtr& type) {
  bool known = std::ranges::any_of(types, [&](const TypePtr& other) { return *other == *type; });
  if (!known) types.push_back(type);
}

std::vector<TypePtr> types_of(const cedar::Schema& schema, Variable root) {
  std::vector<TypePtr> out;
  for (const cedar::ActionInfo& action : schema.actions()) {
    if (action.principals.empty()) continue;
    if (root == Variable::context) add(out, action.context);
    if (root == Variable::principal) {
      for (const std::string& type : action.principals) add(out, cedar::Type::entity(type));
    }
    if (root == Variable::resource) {
      for (const std::string& type : action.resources) add(out, cedar::Type::entity(type));
    }
  }
  return out;
}

}  // namespace

std::vector<TypePtr> attribute_types(const cedar::Schema& schema, const std::vector<TypePtr>& types,
                                     std::string_view name) {
  std::vector<TypePtr> out;
  for (const TypePtr& type : types) {
    TypePtr record = type;
    if (type->is(TypeKind::entity)) {
      const cedar::EntityTypeInfo* info = schema.entity_type(type->entity_name());
      record = info ? info->attributes : nullptr;
    }
    if (!record || !record->is(TypeKind::record)) continue;
    if (const cedar::AttributeType* attribute = record->find(name)) add(out, attribute->type);
  }
  return out;
}

std::vector<TypePtr> types_of(const cedar::Schema& schema, Variable root, const std::vector<std::string_view>& names) {
  std::vector<TypePtr> out = types_of(schema, root);
  for (std::string_view name : names) out = attribute_types(schema, out, name);
  return out;
}

}  // namespace countersign::policies::lints
