// Cedar text → syntax trees. Grammar: cedar-docs "Grammar specification"; behaviour of record: cedar-policy-core 4.5.
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <expected>
#include <string_view>
#include <vector>

#include "policies/cedar/ast.h"
#include "policies/cedar/source.h"

namespace cedar {

// What one text may cost. Past a limit parsing answers with a diagnostic, never with a crash.
struct Limits {
  std::size_t bytes = 4U << 20;    // of one text; must stay below 4 GiB
  std::size_t policies = 50'000;   // in one text
  std::size_t tokens = 1'000'000;  // in one text
  std::size_t depth = 200;         // nesting of one expression; at most 1 000
  std::size_t diagnostics = 100;   // reported; the rest are dropped
};

using Diagnostics = std::vector<Diagnostic>;

// All policies of a text, or everything found wrong with it (at least one), in order of position. After a syntax error
// parsing goes on behind the next `;`.
std::expected<std::vector<ast::Policy>, Diagnostics> parse_policies(std::string_view text, const Limits& limits = {});

// One expression, alone: what may stand between the braces of `when { … }`.
struct ParsedExpr {
  std::vector<ast::Expr> exprs;
  ast::ExprId root = 0;
};
std::expected<ParsedExpr, Diagnostics> parse_expression(std::string_view text, const Limits& limits = {});

// `Type::"id"` as in a policy.
std::expected<EntityUid, Diagnostics> parse_entity_uid(std::string_view text);

}  // namespace cedar
