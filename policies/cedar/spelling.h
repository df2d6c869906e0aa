// How Cedar spells its operators, methods and variables, in texts and in JSON alike. Pure functions, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "policies/cedar/ast.h"

namespace cedar {

std::string_view spelling(ast::Operator op);        // "==", "in", "+"
std::string_view spelling(ast::Method method);      // "containsAll"
std::string_view spelling(ast::Variable variable);  // "principal"

// Methods of the language itself, not those of extension types.
std::optional<ast::Method> method_named(std::string_view name);

}  // namespace cedar
