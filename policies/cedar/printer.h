// Syntax trees → Cedar text on one line, as people write it: parentheses only where they are needed, escapes for what
// cannot be seen. parse(print(x)) has the structure of x. Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "policies/cedar/ast.h"

namespace cedar {

// One policy or template, from its first annotation (each on a line of its own) to the `;`. No newline at the end.
std::string print(const ast::Policy& policy);

// Appends the policy to `out` and gives every node of it the place where it now stands in there. For policies that come
// from elsewhere than text.
void print_placed(ast::Policy& policy, std::string& out);

// The expression under `root`, as it may stand between the braces of a clause.
std::string print(const std::vector<ast::Expr>& exprs, ast::ExprId root);

// Whether two trees say the same thing in the same words: everything but places is compared.
bool same_structure(const ast::Policy& a, const ast::Policy& b);
bool same_structure(const std::vector<ast::Expr>& a, ast::ExprId root_a, const std::vector<ast::Expr>& b,
                    ast::ExprId root_b);

}  // namespace cedar
