// The syntax tree of policies, as written: nothing is folded or desugared, every node knows its place in the text.
//
// Expressions of one policy live in one flat pool and name each other by index, so that a tree of any shape is made,
// copied and destroyed without recursion. Chains of one operator (`a && b && c`, `1 + 2 - 3`) are one node with many
// operands. The height of every expression is bounded when it is parsed (Limits::depth), so recursion over a tree is
// safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policies/cedar/extensions/functions.h"
#include "policies/cedar/pattern.h"
#include "policies/cedar/source.h"
#include "policies/cedar/value.h"

namespace cedar::ast {

using ExprId = std::uint32_t;

enum class Variable : std::uint8_t { principal, action, resource, context };

enum class ExprKind : std::uint8_t {
  boolean,      // number: 0 or 1
  integer,      // number
  string,       // text
  entity,       // text: type name, text2: id
  variable,     // variable
  conditional,  // operands: condition, then, else
  or_chain,     // operands: two or more
  and_chain,    // operands: two or more
  relation,     // operands: left, right; op
  has,          // operands: target; path: one or more attribute names
  like,         // operands: target; pattern
  is,           // operands: target, and the entity or set after `in` when there is one; text: type name
  sum,          // operands: two or more; ops between them: plus, minus
  product,      // operands: two or more
  negation,     // operands: one
  logical_not,  // operands: one
  attribute,    // operands: target; text: attribute name
  method,       // operands: target, then arguments; method
  extension,    // operands: arguments (the receiver first, for methods); extension
  set,          // operands: elements
  record,       // operands: values; path: their keys, in order
};

enum class Operator : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, in, plus, minus };
enum class Method : std::uint8_t { contains, contains_all, contains_any, is_empty, get_tag, has_tag };

struct Expr {
  ExprKind kind = ExprKind::boolean;
  Variable variable = Variable::principal;
  Operator op = Operator::equal;
  Method method = Method::contains;
  std::uint16_t height = 1;  // of the tree below, itself included
  Span span;
  std::int64_t number = 0;
  const ExtensionFunction* extension = nullptr;
  std::string text;
  std::string text2;
  std::vector<ExprId> operands;
  std::vector<Operator> ops;
  std::vector<std::string> path;
  std::vector<Pattern> pattern;  // none or one
};

struct Annotation {
  std::string key;
  std::string value;      // "" for `@key`
  bool has_value = true;  // false for `@key`, which only printing tells apart from `@key("")`
  Span span;
};

struct EntityLiteral {
  std::string type;
  std::string id;
  Span span;
};

enum class ScopeKind : std::uint8_t { any, equal, in, in_list, is, is_in };

// One of the three heads of a policy. `in_list` is for actions only and may be empty. With `slot` the entity is left
// open: `?principal` in the first head, `?resource` in the last, nowhere else.
struct Scope {
  ScopeKind kind = ScopeKind::any;
  bool slot = false;                    // equal, in, is_in
  std::string type;                     // is, is_in
  std::vector<EntityLiteral> entities;  // equal, in, is_in: one, or none with a slot
  Span slot_span;
  Span span;
};

enum class ClauseKind : std::uint8_t { when, unless };

struct Clause {
  ClauseKind kind = ClauseKind::when;
  ExprId body = 0;
  Span span;
};

enum class Effect : std::uint8_t { permit, forbid };

struct Policy {
  Effect effect = Effect::forbid;
  std::vector<Annotation> annotations;
  Scope principal;
  Scope action;
  Scope resource;
  std::vector<Clause> clauses;
  std::vector<Expr> exprs;
  Span span;  // from the first annotation to the `;`

  // A template decides nothing until its slots are filled (PolicySet::link).
  bool is_template() const { return principal.slot || resource.slot; }
};

}  // namespace cedar::ast
