// The form of policies that is evaluated: syntax trees lowered once, at load, all of a set into one program. Literals
// are values with their hashes ready, sets, records and extension calls of literals are folded, patterns are compiled,
// operators spelled differently are one. Nodes lie flat in one array and name their operands by index. Immutable after
// lowering; read by any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policies/cedar/ast.h"
#include "policies/cedar/extensions/functions.h"
#include "policies/cedar/interner.h"
#include "policies/cedar/pattern.h"
#include "policies/cedar/value.h"

namespace cedar {

enum class Op : std::uint8_t {
  // Answer a boolean; operands and index as said.
  and_,          // 2+
  or_,           // 2+
  not_,          // 1
  equal,         // 2
  not_equal,     // 2
  less,          // 2: left < right
  less_equal,    // 2
  in,            // 2
  is,            // 1; names[index]
  is_in,         // 2: is names[index], and then in the second; the first is evaluated once
  has,           // 1; names[index .. index + extra)
  like,          // 1; patterns[index]
  contains,      // 2
  contains_all,  // 2
  contains_any,  // 2
  is_empty,      // 1
  has_tag,       // 2
  // Answer any value.
  constant,     // 0; constants[index]
  variable,     // 0; extra: ast::Variable
  conditional,  // 3
  sum,          // 2+; signs[index .. index + count - 1), true is minus
  product,      // 2+
  negate,       // 1
  attribute,    // 1; names[index]
  get_tag,      // 2
  extension,    // n; functions[index]
  set,          // n
  record,       // n; names[index .. index + n)
};

struct Node {
  Op op = Op::constant;
  bool swapped = false;  // less, less_equal: written as > or >=, so the second operand is evaluated first
  std::uint16_t extra = 0;
  std::uint32_t first = 0;  // operands[first .. first + count)
  std::uint32_t count = 0;
  std::uint32_t index = 0;
  Span span;
};

using NodeId = std::uint32_t;

struct Program {
  std::vector<Node> nodes;
  std::vector<NodeId> operands;
  std::vector<Value> constants;
  std::vector<Text> names;
  std::vector<Pattern> patterns;
  std::vector<bool> signs;
  std::vector<const ExtensionFunction*> functions;

  std::span<const NodeId> operands_of(const Node& node) const {
    return std::span(operands).subspan(node.first, node.count);
  }
};

// Appends the tree under `root` to `program` and returns its root there. Names and literals come from `interner`.
NodeId lower(const std::vector<ast::Expr>& exprs, ast::ExprId root, Program& program, Interner& interner);
// The same for an expression that stands alone.
NodeId lower(const std::vector<ast::Expr>& exprs, ast::ExprId root, Program& program);

}  // namespace cedar
