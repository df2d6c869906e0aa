// `like` on commands and code: "git status*" also matches "git status; rm -rf /", and "*rm *" misses "r''m".
#include <algorithm>
#include <array>

#include "policies/lints/lint.h"
#include "policies/lints/paths.h"

namespace countersign::policies::lints {
namespace {

constexpr std::array<std::string_view, 12> kOpaque = {"args",  "cmd",    "code",  "command", "commands",  "expression",
                                                      "query", "script", "shell", "sql",     "statement", "statements"};

bool is_opaque(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::ranges::find(kOpaque, lower) != kOpaque.end();
}

}  // namespace

void like_on_command(const Snapshot& snapshot, Findings& findings) {
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    const auto& exprs = policy.syntax().exprs;
    for (const cedar::ast::Expr& expr : exprs) {
      if (expr.kind != cedar::ast::ExprKind::like || expr.pattern.front().pieces().size() == 1) continue;
      auto path = path_of(exprs, expr.operands.front());
      if (!path || !path->is_under({"input", "arguments"}) || path->names.size() < 3 || !is_opaque(path->names.back()))
        continue;
      bool permit = policy.effect() == cedar::Effect::permit;
      findings.add(policy, expr.span, permit ? Severity::error : Severity::warning,
                   permit ? "this pattern also matches a command with another one appended"
                          : "one spelling of a command is forbidden here, others of the same command are not",
                   "compare whole commands, [\"…\"].contains(…), or decide by the tool and what it touches");
    }
  }
}

}  // namespace countersign::policies::lints
