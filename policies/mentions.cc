#include "policies/mentions.h"

#include <string_view>
#include <vector>

namespace countersign::policies {

Mentions mentions_of(const cedar::Policy& policy) {
  using namespace cedar::ast;
  Mentions out;
  const std::vector<Expr>& exprs = policy.syntax().exprs;
  // Variables that are only read through one of their attributes; the others are read as a whole.
  std::vector<bool> by_attribute(exprs.size(), false);
  for (const Expr& expr : exprs) {
    bool selects = expr.kind == ExprKind::attribute || expr.kind == ExprKind::has;
    if (!selects || expr.operands.empty()) continue;
    const Expr& target = exprs[expr.operands.front()];
    if (target.kind != ExprKind::variable) continue;
    by_attribute[expr.operands.front()] = true;
    std::string_view name = expr.kind == ExprKind::attribute ? std::string_view(expr.text)
                            : expr.path.empty()              ? std::string_view()
                                                             : std::string_view(expr.path.front());
    bool of_context = target.variable == Variable::context;
    out.input = out.input || (of_context && name == "input");
    out.approval = out.approval || (of_context && name == "approval");
    out.session = out.session || (of_context && name == "session");
    out.resource_name = out.resource_name || (target.variable == Variable::resource && name == "name");
  }
  for (std::size_t i = 0; i < exprs.size(); ++i) {
    if (exprs[i].kind != ExprKind::variable || by_attribute[i]) continue;
    if (exprs[i].variable == Variable::context) out.input = out.approval = out.session = true;
    if (exprs[i].variable == Variable::resource) out.resource_itself = true;
  }
  out.resource_itself = out.resource_itself || policy.resource().kind == cedar::ast::ScopeKind::equal;
  return out;
}

std::set<std::string, std::less<>> named_actions(const cedar::PolicySet& policies) {
  std::set<std::string, std::less<>> out;
  auto visit = [&out](const cedar::ast::Policy& policy) {
    for (const cedar::ast::EntityLiteral& entity : policy.action.entities) out.insert(entity.id);
    for (const cedar::ast::Expr& expr : policy.exprs) {
      if (expr.kind == cedar::ast::ExprKind::entity) out.insert(expr.text2);
    }
  };
  for (const cedar::Policy& policy : policies.all()) visit(policy.syntax());
  for (const cedar::Template& policy : policies.templates()) visit(policy.syntax());
  return out;
}

}  // namespace countersign::policies
