// Arithmetic on what the agent sends: 64-bit sums and products overflow, and an erring policy is skipped by Cedar
// engines. Here an erring forbid denies, so nothing opens, but an agent gets a puzzle instead of an answer, and the
// policy is open under every other Cedar tool.
#include <algorithm>

#include "policies/lints/lint.h"
#include "policies/lints/paths.h"

namespace countersign::policies::lints {
namespace {

using cedar::ast::Expr;
using cedar::ast::ExprKind;

bool computes(const Expr& expr) {
  if (expr.kind == ExprKind::sum || expr.kind == ExprKind::product || expr.kind == ExprKind::negation) return true;
  return expr.kind == ExprKind::extension &&
         (expr.extension->name == "offset" || expr.extension->name == "durationSince");
}

}  // namespace

void forbid_may_err(const Snapshot& snapshot, Findings& findings) {
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    if (policy.effect() != cedar::Effect::forbid) continue;
    const std::vector<Expr>& exprs = policy.syntax().exprs;
    for (const Expr& expr : exprs) {
      bool sent = std::ranges::any_of(expr.operands, [&](cedar::ast::ExprId id) { return reads_input(exprs, id); });
      if (computes(expr) && sent)
        findings.add(policy, expr.span, Severity::warning,
                     "the agent chooses this number, and can make the arithmetic overflow",
                     "compare without computing, or declare the argument as decimal");
    }
  }
}

}  // namespace countersign::policies::lints
