// Policies that read context.approval themselves. An approval must only ever open, and only for the rule it was given.
#include <algorithm>
#include <set>

#include "core/http_head.h"
#include "policies/lints/lint.h"
#include "policies/lints/paths.h"

namespace countersign::policies::lints {
namespace {

using cedar::ast::Expr;
using cedar::ast::ExprId;
using cedar::ast::ExprKind;
using cedar::ast::Method;

bool is_approval_tag(const std::vector<Expr>& exprs, const Expr& expr, std::initializer_list<Method> methods) {
  if (expr.kind != ExprKind::method || std::ranges::find(methods, expr.method) == methods.end()) return false;
  auto path = path_of(exprs, expr.operands.front());
  return path && path->names.size() == 1 && path->is_under({"approval"});
}

// The rule that hasTag or getTag names, when it is spelt out.
const Expr* tag_name(const std::vector<Expr>& exprs, const Expr& expr) {
  if (!is_approval_tag(exprs, expr, {Method::has_tag, Method::get_tag})) return nullptr;
  const Expr& name = exprs[expr.operands[1]];
  return name.kind == ExprKind::string ? &name : nullptr;
}

// Whether a true subexpression helps the whole to be true.
enum class Sense : std::uint8_t { same, opposite, unclear };

Sense reversed(Sense sense) {
  return sense == Sense::same ? Sense::opposite : sense == Sense::opposite ? Sense::same : Sense::unclear;
}

// Calls `visit(expression, sense)` for every hasTag on context.approval.
template <class Visit>
void each_approval(const std::vector<Expr>& exprs, ExprId id, Sense sense, Visit& visit) {
  const Expr& expr = exprs[id];
  if (is_approval_tag(exprs, expr, {Method::has_tag})) visit(expr, sense);
  bool transparent = expr.kind == ExprKind::and_chain || expr.kind == ExprKind::or_chain;
  for (std::size_t i = 0; i < expr.operands.size(); ++i) {
    Sense inner = Sense::unclear;
    if (transparent || (expr.kind == ExprKind::conditional && i > 0)) inner = sense;
    if (expr.kind == ExprKind::logical_not) inner = reversed(sense);
    each_approval(exprs, expr.operands[i], inner, visit);
  }
}

}  // namespace

void approval_reversed(const Snapshot& snapshot, Findings& findings) {
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    bool permit = policy.effect() == cedar::Effect::permit;
    for (const cedar::ast::Clause& clause : policy.syntax().clauses) {
      bool when = clause.kind == cedar::ast::ClauseKind::when;
      Sense opens = permit == when ? Sense::same : Sense::opposite;
      auto visit = [&](const Expr& expr, Sense sense) {
        if (sense == opens) return;
        findings.add(
            policy, expr.span, Severity::error,
            sense == Sense::unclear ? "it cannot be seen here that an approval only ever opens"
            : permit                ? "this permit stops once it is approved, and permits while nobody has approved"
                                    : "this forbid begins once it is approved, and forbids nothing before",
            permit ? "write `when { context.approval.hasTag(…) }`" : "write `unless { context.approval.hasTag(…) }`");
      };
      each_approval(policy.syntax().exprs, clause.body, Sense::same, visit);
    }
  }
}

void release_mismatch(const Snapshot& snapshot, Findings& findings) {
  for (std::size_t i = 0; i < snapshot.policies().size(); ++i) {
    cedar::PolicyRef ref{static_cast<std::uint32_t>(i)};
    const cedar::Policy& policy = snapshot.policies()[ref];
    const std::string& rule = snapshot.facts(ref).approval;
    if (rule.empty()) continue;
    const Expr* other = nullptr;
    bool own = false;
    for (const Expr& expr : policy.syntax().exprs) {
      const Expr* name = tag_name(policy.syntax().exprs, expr);
      if (!name) continue;
      own = own || name->text == rule;
      if (name->text != rule && !other) other = name;
    }
    if (other && !own)
      findings.add(policy, other->span, Severity::error,
                   "@approval(\"" + rule + "\") asks for one approval, and another one releases the policy",
                   "write \"" + rule + "\" in both places, or leave the release to @approval");
  }
}

void approval_never_asked(const Snapshot& snapshot, Findings& findings) {
  std::set<std::string_view> asked;
  std::vector<std::string_view> names;
  for (const ApprovalUse& use : snapshot.approval_uses()) {
    if (asked.insert(use.rule).second) names.push_back(use.rule);
  }
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    for (const Expr& expr : policy.syntax().exprs) {
      const Expr* name = tag_name(policy.syntax().exprs, expr);
      if (!name || asked.contains(name->text)) continue;
      std::string_view near = closest(name->text, names);
      findings.add(policy, name->span, Severity::warning,
                   "no policy says @approval(\"" + name->text + "\"): nobody is ever asked for it",
                   near.empty() ? "put @approval on the forbid that it is to release"
                                : "did you mean \"" + std::string(near) + "\"?");
    }
  }
}

void approval_case(const Snapshot& snapshot, Findings& findings) {
  std::set<std::string_view> seen;
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    for (const cedar::ast::Annotation& annotation : policy.annotations()) {
      if (annotation.key != "approval") continue;
      auto other = std::ranges::find_if(seen, [&](std::string_view name) {
        return name != annotation.value && equal_ignoring_case(name, annotation.value);
      });
      if (other != seen.end())
        findings.add(
            policy, annotation.span, Severity::warning,
            "@approval(\"" + annotation.value + "\") differs from \"" + std::string(*other) + "\" in case only",
            "these are two rules; people will take them for one");
      seen.insert(annotation.value);
    }
  }
}

}  // namespace countersign::policies::lints
