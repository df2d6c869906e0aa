// Paths that policies read, as they are written: `context.input.arguments.amount`.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "policies/cedar/ast.h"
#include "policies/cedar/schema/schema.h"

namespace countersign::policies::lints {

struct Path {
  cedar::ast::Variable root = cedar::ast::Variable::principal;
  std::vector<std::string_view> names;  // views into the expressions

  // Whether it begins with these names of the context.
  [[nodiscard]] bool is_under(std::initializer_list<std::string_view> context_names) const;
};

// nullopt when the expression is anything but attributes of a variable.
[[nodiscard]] std::optional<Path> path_of(const std::vector<cedar::ast::Expr>& exprs, cedar::ast::ExprId id);

// The types that a path may have over all actions and resource types; empty when it exists nowhere. The action has
// none.
[[nodiscard]] std::vector<cedar::TypePtr> types_of(const cedar::Schema& schema, cedar::ast::Variable root,
                                                   const std::vector<std::string_view>& names);
// The same, one attribute further.
[[nodiscard]] std::vector<cedar::TypePtr> attribute_types(const cedar::Schema& schema,
                                                          const std::vector<cedar::TypePtr>& types,
                                                          std::string_view name);

}  // namespace countersign::policies::lints
