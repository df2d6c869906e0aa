// Arithmetic on what the agent sends: 64-bit sums and products overflow, and an erring policy is skipped by Cedar
// engines. Here an erring forbid denies, so nothing opens, but an agent gets a puzzle instead of an answer, and the
// policy is open under every other Cedar tool.
#include <algorithm>

#include "policies/lints/lint.h"
#include "policies/lints/paths.h"
#include "scopes/protocols.h"

namespace countersign::policies::lints {
namespace {

using cedar::ast::Expr;
using cedar::ast::ExprKind;

bool computes(const Expr& expr) {
  if (expr.kind == ExprKind::sum || expr.kind == ExprKind::product || expr.kind == ExprKind::negation) return true;
  return expr.kind == ExprKind::extension &&
         (expr.extension->name == "offset" || expr.extension->name == "durationSince");
}

// Whether some action whose parameters are the agent's own words has this one.
bool is_sent(const PolicySchema& schema, std::string_view parameter) {
  for (const Protocol& protocol : protocols()) {
    for (const ProtocolAction& action : protocol.actions) {
      const PolicySchema::Action* known =
          schema.find(protocol.name, cedar::EntityUid(vocabulary().action, action.name));
      if (action.parameters == Parameters::sent && known && known->input->find(parameter)) return true;
    }
  }
  return false;
}

// Whether something under the expression reads what the agent sent.
bool reads_sent(const PolicySchema& schema, const std::vector<Expr>& exprs, cedar::ast::ExprId id) {
  if (auto path = path_of(exprs, id)) {
    constexpr std::size_t kParameter = 1;  // behind `input`
    return path->is_under({"input"}) && (path->names.size() <= kParameter || is_sent(schema, path->names[kParameter]));
  }
  return std::ranges::any_of(exprs[id].operands,
                             [&](cedar::ast::ExprId operand) { return reads_sent(schema, exprs, operand); });
}

}  // namespace

void forbid_may_err(const Snapshot& snapshot, Findings& findings) {
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    if (policy.effect() != cedar::Effect::forbid) continue;
    const std::vector<Expr>& exprs = policy.syntax().exprs;
    for (const Expr& expr : exprs) {
      if (!computes(expr)) continue;
      bool sent = std::ranges::any_of(expr.operands,
                                      [&](cedar::ast::ExprId id) { return reads_sent(snapshot.schema(), exprs, id); });
      if (sent)
        findings.add(policy, expr.span, Severity::warning,
                     "the agent chooses this number, and can make the arithmetic overflow",
                     "compare without computing, or declare the argument as decimal");
    }
  }
}

}  // namespace countersign::policies::lints
