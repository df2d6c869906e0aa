// Evaluates lowered expressions for one request. Semantics: cedar-spec Cedar/Spec/Evaluator.lean.
//
// Operands of `&&`, `||` and `if` are evaluated only when needed and must be booleans; everything else evaluates all
// its operands. Whatever needs a value marked unknown fails with ErrorCause::unknown, so `false && unknown` is false
// and `true && unknown` is not known. Failures are values; nothing throws. An Evaluator is cheap to make and used by
// one thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "policies/cedar/entity.h"
#include "policies/cedar/program.h"
#include "policies/cedar/value.h"

namespace cedar {

enum class ErrorCause : std::uint8_t {
  type,            // an operand of the wrong type
  overflow,        // 64-bit arithmetic
  missing_entity,  // an attribute or tag of an entity that is not there
  missing_attribute,
  missing_tag,
  extension,  // an extension function: wrong arguments, unreadable text, overflow
  unknown,    // depends on something marked unknown
};

struct EvaluationError {
  ErrorCause cause = ErrorCause::type;
  Span span;            // of the expression that failed, in the policy's source
  std::string message;  // lower case, one sentence; for `unknown`, names what is unknown
};

// Who wants to do what to what. Principal and resource may be Value::unknown (of a known type or none) when the
// question is whether anything like this could be allowed. The context is a record, or unknown as a whole.
struct Request {
  Value principal;  // an entity, or unknown
  EntityUid action;
  Value resource;  // an entity, or unknown
  Value context = Value::record({});

  Request(EntityUid principal_uid, EntityUid action_uid, EntityUid resource_uid,
          Value context_record = Value::record({}))
      : principal(Value::entity(std::move(principal_uid))),
        action(std::move(action_uid)),
        resource(Value::entity(std::move(resource_uid))),
        context(std::move(context_record)) {}
  Request(Value principal_value, EntityUid action_uid, Value resource_value, Value context_record)
      : principal(std::move(principal_value)),
        action(std::move(action_uid)),
        resource(std::move(resource_value)),
        context(std::move(context_record)) {}
};

// What a condition comes to.
enum class Truth : std::uint8_t { no, yes, failed };

class Evaluator {
 public:
  // Both must outlive the evaluator.
  Evaluator(const Request& request, const EntityOverlay& entities);

  // The value is owned.
  std::expected<Value, EvaluationError> evaluate(const Program& program, NodeId root);

  // Like evaluate, for an expression that must be a boolean; after `failed`, error() says why.
  Truth test(const Program& program, NodeId root);
  const EvaluationError& error() const { return error_; }

  // `left in right` of Cedar for two entities.
  bool is_in(const detail::EntityUidData& left, const detail::EntityUidData& right) const;

 private:
  bool eval(NodeId id, Value& out);
  Truth truth(NodeId id);
  Truth equality(const Node& node);
  Truth less(const Node& node);
  Truth membership(const Value& left, const Value& right, const Node& node);
  Truth is_type(const Value& target, const Node& node);
  Truth has(const Node& node);
  Truth sets(const Node& node);
  bool operand(const Node& node, std::uint32_t which, Value& out) {
    return eval(program_->operands[node.first + which], out);
  }
  // Evaluates operand `which` and requires its kind.
  bool operand(const Node& node, std::uint32_t which, ValueKind kind, Value& out);
  bool arithmetic(const Node& node, Value& out);
  bool attribute(const Node& node, Value& out);
  bool get_tag(const Node& node, Value& out);
  bool compound(const Node& node, Value& out);
  bool take(const Value& found, Value& base, const Node& node, Value& out);

  bool fail(ErrorCause cause, Span span, std::string message);
  Truth fail_test(ErrorCause cause, Span span, std::string message);
  bool fail_kind(ValueKind expected, const Value& got, Span span);
  bool fail_unknown(const Value& value, Span span);
  bool known(const Value& value, Span span) { return !value.has_unknown() || fail_unknown(value, span); }

  const Request* request_;
  const EntityOverlay* entities_;
  const Program* program_ = nullptr;
  Value action_;
  EvaluationError error_;
};

}  // namespace cedar
