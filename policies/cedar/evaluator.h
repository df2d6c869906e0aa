// Evaluates lowered expressions for one request. Semantics: cedar-spec Cedar/Spec/Evaluator.lean.
//
// Operands of `&&`, `||` and `if` are evaluated only when needed and must be booleans; everything else evaluates all
// its operands. Whatever needs a value marked unknown fails with ErrorCause::unknown, so `false && unknown` is false
// and `true && unknown` is not known. Failures are values; nothing throws. An Evaluator is cheap to make and used by
// the thread that made it. What it makes on its way lies in memory of that thread, so that evaluating allocates nothing
// once that memory has grown to what the policies need.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "policies/cedar/arena.h"
#include "policies/cedar/entity.h"
#include "policies/cedar/evaluation_error.h"
#include "policies/cedar/program.h"
#include "policies/cedar/value.h"

namespace cedar {

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

  // Like evaluate, but the value is borrowed: from the program, the request, the entities, or until the next evaluation
  // of this thread.
  // nullptr when it fails; then error() says why. The value itself may hold something unknown.
  const Value* peek(const Program& program, NodeId root);

  // As EntityOverlay::find; the entities of the request are looked up once.
  const StoredEntity* find(const detail::EntityUidData& uid) const;

  // `left in right` of Cedar for two entities.
  bool is_in(const detail::EntityUidData& left, const detail::EntityUidData& right) const;

 private:
  // All leave borrowed values in `out`.
  bool eval(NodeId id, Value& out);
  Truth truth(NodeId id);
  Truth equality(const Node& node);
  Truth less(const Node& node);
  Truth membership(const Value& left, const Value& right, const Node& node);
  Truth is_type(const Value& target, const Node& node);
  Truth has(const Node& node);
  Truth has_tag(const Node& node);
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
  bool call(const Node& node, std::span<const Value> arguments, Value& out);
  bool take(const Value& found, Span span, Value& out);
  void start(const Program& program);

  EvaluationError& fail(ErrorCause cause, Span span);
  bool fail_kind(std::string_view expected, const Value& got, Span span);
  bool fail_kind(ValueKind expected, const Value& got, Span span) { return fail_kind(describe(expected), got, span); }
  bool fail_unknown(const Value& value, Span span);
  bool known(const Value& value, Span span) { return !value.has_unknown() || fail_unknown(value, span); }

  struct Place {
    const detail::EntityUidData* uid = nullptr;
    const StoredEntity* entity = nullptr;
    bool sought = false;
  };

  const Request* request_;
  const EntityOverlay* entities_;
  Arena* arena_;
  const Program* program_ = nullptr;
  Value action_;
  Value peeked_;
  mutable std::array<Place, 3> places_;
  EvaluationError error_;
};

}  // namespace cedar
