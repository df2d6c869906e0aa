// A policy as the validator reads it: its heads and clauses as expressions, with what the language defines by other
// constructs already replaced (`a != b` is `!(a == b)`, `x has a.b` is `x has a && x.a has b`, `x is T in g` is
// `x is T && x in g`, `a > b` is `!(a <= b)`).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policies/cedar/ast.h"
#include "policies/cedar/pattern.h"

namespace cedar::validation {

using NodeId = std::uint32_t;

enum class Form : std::uint8_t {
  boolean,       // number
  integer,       // number
  string,        // text
  entity,        // text: type, text2: id
  variable,      // variable
  slot,          // variable: principal or resource
  conditional,   // condition, then, else
  all,           // two or more: &&
  any,           // two or more: ||
  negated,       // one
  equal,         // two
  less,          // two
  less_equal,    // two
  in,            // two
  has,           // one; text
  like,          // one; pattern
  is,            // one; text
  sum,           // two or more
  product,       // two or more
  minus,         // one
  attribute,     // one; text
  contains,      // two
  contains_all,  // two
  contains_any,  // two
  is_empty,      // one
  get_tag,       // two
  has_tag,       // two
  extension,     // arguments
  set,           // elements
  record,        // values; keys
};

// What of the request an expression looks at.
enum Use : std::uint8_t { kPrincipal = 1, kAction = 2, kResource = 4, kContext = 8 };

struct Node {
  Form form = Form::boolean;
  ast::Variable variable = ast::Variable::principal;
  std::uint8_t uses = 0;    // a set of Use, of the whole tree below
  std::uint32_t shape = 0;  // 0: not asked for yet
  Span span{};
  std::int64_t number = 0;
  const ExtensionFunction* function = nullptr;
  const Pattern* pattern = nullptr;  // in the syntax tree
  std::string text{};
  std::string text2{};
  std::vector<NodeId> operands{};
  std::vector<ast::Operator> signs{};  // between the operands of a sum
  std::vector<std::string> keys{};
  bool is_literal() const { return form <= Form::entity; }
};

class Conditions {
 public:
  // The syntax tree must outlive the result.
  explicit Conditions(const ast::Policy& policy);

  const Node& operator[](NodeId id) const { return nodes_[id]; }
  const std::vector<Node>& nodes() const { return nodes_; }
  NodeId principal() const { return principal_; }  // heads without a constraint are `true`
  NodeId action() const { return action_; }
  NodeId resource() const { return resource_; }
  NodeId body() const { return body_; }  // all clauses; `true` without any

  // Equal for expressions written alike, wherever they stand.
  std::uint32_t shape(NodeId id);

 private:
  NodeId add(Node node);
  NodeId head(const ast::Scope& scope, ast::Variable variable);
  NodeId literal(const ast::EntityLiteral& entity);
  void lower(const ast::Expr& expr);
  NodeId relation(const ast::Expr& expr);
  NodeId has_path(const ast::Expr& expr);
  // `a && b && c` and `(a && b) && c` are the same expression.
  void flatten(Node& node);

  std::vector<Node> nodes_;
  std::vector<NodeId> lowered_;  // by syntax tree node
  std::unordered_map<std::string, std::uint32_t> shapes_;
  NodeId principal_ = 0;
  NodeId action_ = 0;
  NodeId resource_ = 0;
  NodeId body_ = 0;
};

}  // namespace cedar::validation
