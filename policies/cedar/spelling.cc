#include "policies/cedar/spelling.h"

#include <algorithm>
#include <array>
#include <utility>

namespace cedar {
namespace {

constexpr std::array<std::pair<std::string_view, ast::Method>, 6> kMethods = {{
    {"contains", ast::Method::contains},
    {"containsAll", ast::Method::contains_all},
    {"containsAny", ast::Method::contains_any},
    {"isEmpty", ast::Method::is_empty},
    {"getTag", ast::Method::get_tag},
    {"hasTag", ast::Method::has_tag},
}};

}  // namespace

std::string_view spelling(ast::Operator op) {
  switch (op) {
    case ast::Operator::equal:
      return "==";
    case ast::Operator::not_equal:
      return "!=";
    case ast::Operator::less:
      return "<";
    case ast::Operator::less_equal:
      return "<=";
    case ast::Operator::greater:
      return ">";
    case ast::Operator::greater_equal:
      return ">=";
    case ast::Operator::in:
      return "in";
    case ast::Operator::plus:
      return "+";
    case ast::Operator::minus:
      return "-";
  }
  return "==";
}

std::string_view spelling(ast::Method method) {
  return std::ranges::find(kMethods, method, [](const auto& each) { return each.second; })->first;
}

std::string_view spelling(ast::Variable variable) {
  constexpr std::array<std::string_view, 4> kNames = {"principal", "action", "resource", "context"};
  return kNames[static_cast<std::size_t>(variable)];
}

std::optional<ast::Method> method_named(std::string_view name) {
  const auto* found = std::ranges::find(kMethods, name, [](const auto& each) { return each.first; });
  return found == kMethods.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace cedar
