#include "policies/check.h"

#include <algorithm>

#include "core/http_head.h"

namespace countersign::policies {
namespace {

using cedar::ast::Expr;
using cedar::ast::ExprKind;

void warn(const cedar::Policy& policy, cedar::Span span, std::string message, Problems& problems) {
  cedar::Position at = policy.source().locate(span);
  problems.push_back({policy.source().name(), static_cast<int>(at.line), static_cast<int>(at.column),
                      std::move(message), Severity::warning});
}

bool only_reads(const cedar::ScopeTest& action) {
  return action.kind != cedar::ast::ScopeKind::any &&
         std::ranges::all_of(action.entities, [](const cedar::EntityUid& uid) { return uid.id() == "read"; });
}

void check_permit(const cedar::Policy& policy, Problems& problems) {
  bool bounded = !policy.conditions().empty() || policy.resource().kind != cedar::ast::ScopeKind::any;
  if (!bounded && !only_reads(policy.action()))
    warn(policy, policy.span(),
         "this permit allows changes to everything, production included, unless a forbid applies", problems);
}

bool holds_strings(const std::vector<Expr>& exprs, const Expr& set) {
  return set.kind == ExprKind::string ||
         (set.kind == ExprKind::set &&
          std::ranges::any_of(set.operands, [&](cedar::ast::ExprId id) { return exprs[id].kind == ExprKind::string; }));
}

void check_expressions(const cedar::Policy& policy, Problems& problems) {
  const std::vector<Expr>& exprs = policy.syntax().exprs;
  bool forbid = policy.effect() == cedar::Effect::forbid;
  for (const Expr& expr : exprs) {
    bool arithmetic = expr.kind == ExprKind::sum || expr.kind == ExprKind::product || expr.kind == ExprKind::negation;
    if (forbid && arithmetic)
      warn(policy, expr.span, "arithmetic can overflow, and a forbid that fails denies; compare without computing",
           problems);
    bool in = expr.kind == ExprKind::relation && expr.op == cedar::ast::Operator::in;
    if (in && expr.operands.size() == 2 && holds_strings(exprs, exprs[expr.operands[1]]))
      warn(policy, expr.span, "`in` compares entities and always fails on strings; use [\"…\"].contains(…)", problems);
  }
}

void check_approval_names(const Snapshot& snapshot, Problems& problems) {
  const auto& uses = snapshot.approval_uses();
  for (std::size_t i = 1; i < uses.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (uses[i].rule == uses[j].rule || !equal_ignoring_case(uses[i].rule, uses[j].rule)) continue;
      problems.push_back({uses[i].file, uses[i].line, uses[i].column,
                          "@approval(\"" + uses[i].rule + "\") differs from \"" + uses[j].rule + "\" in case only",
                          Severity::warning});
      break;
    }
  }
}

}  // namespace

void check(const Snapshot& snapshot, Problems& problems) {
  bool has_floor = false;
  for (std::size_t i = 0; i < snapshot.policies().size(); ++i) {
    cedar::PolicyRef ref{static_cast<std::uint32_t>(i)};
    const cedar::Policy& policy = snapshot.policies()[ref];
    has_floor = has_floor || snapshot.facts(ref).floor;
    if (policy.effect() == cedar::Effect::permit) check_permit(policy, problems);
    check_expressions(policy, problems);
  }
  if (!has_floor)
    problems.push_back(
        {"floor", 0, 0, "there is no floor: no policy is out of an approval's reach", Severity::warning});
  check_approval_names(snapshot, problems);
}

}  // namespace countersign::policies
