#include "policies/cedar/evaluator.h"

#include <algorithm>
#include <array>
#include <utility>

namespace cedar {
namespace {

Truth truth_of(bool value) {
  return value ? Truth::yes : Truth::no;
}

// The first unknown inside a value that has one.
const Value& unknown_inside(const Value& value) {
  if (value.is(ValueKind::set)) {
    for (const Value& element : value.elements()) {
      if (element.has_unknown()) return unknown_inside(element);
    }
  } else if (value.is(ValueKind::record)) {
    for (const Field& field : value.fields()) {
      if (field.second.has_unknown()) return unknown_inside(field.second);
    }
  }
  return value;
}

Arena& arena_of_this_thread() {
  thread_local Arena arena;
  return arena;
}

const detail::EntityUidData* uid_of(const Value& value) {
  return value.is(ValueKind::entity) ? &value.entity_data() : nullptr;
}

}  // namespace

Evaluator::Evaluator(const Request& request, const EntityOverlay& entities)
    : request_(&request),
      entities_(&entities),
      arena_(&arena_of_this_thread()),
      action_(Value::borrowed_entity(request.action)),
      places_{Place{uid_of(request.principal)}, Place{uid_of(request.resource)}, Place{&request.action.data()}} {}

void Evaluator::start(const Program& program) {
  program_ = &program;
  arena_->reset();
}

std::expected<Value, EvaluationError> Evaluator::evaluate(const Program& program, NodeId root) {
  start(program);
  Value out;
  if (!eval(root, out) || !known(out, program.nodes[root].span)) return std::unexpected(error_);
  return out.detached();
}

const Value* Evaluator::peek(const Program& program, NodeId root) {
  start(program);
  return eval(root, peeked_) ? &peeked_ : nullptr;
}

Truth Evaluator::test(const Program& program, NodeId root) {
  start(program);
  return truth(root);
}

const StoredEntity* Evaluator::find(const detail::EntityUidData& uid) const {
  for (Place& place : places_) {
    if (place.uid != &uid) continue;
    if (!place.sought) {
      place.sought = true;
      place.entity = entities_->find(uid);
    }
    return place.entity;
  }
  return entities_->find(uid);
}

bool Evaluator::is_in(const detail::EntityUidData& left, const detail::EntityUidData& right) const {
  if (left == right) return true;
  const StoredEntity* entity = find(left);
  return entity != nullptr && entity->is_in(right);
}

EvaluationError& Evaluator::fail(ErrorCause cause, Span span) {
  error_.cause = cause;
  error_.span = span;
  return error_;
}

bool Evaluator::fail_kind(std::string_view expected, const Value& got, Span span) {
  EvaluationError& error = fail(ErrorCause::type, span);
  error.expected = expected;
  error.got = got.kind();
  error.name = Text();
  return false;
}

bool Evaluator::fail_unknown(const Value& value, Span span) {
  fail(ErrorCause::unknown, span).left = unknown_inside(value).owned();
  return false;
}

bool Evaluator::operand(const Node& node, std::uint32_t which, ValueKind kind, Value& out) {
  NodeId id = program_->operands[node.first + which];
  if (!eval(id, out)) return false;
  return out.is(kind) || fail_kind(kind, out, program_->nodes[id].span);
}

// Everything that answers a boolean by itself; other nodes are evaluated and their value checked.
Truth Evaluator::truth(NodeId id) {
  const Node& node = program_->nodes[id];
  switch (node.op) {
    case Op::and_:
    case Op::or_: {
      Truth decisive = node.op == Op::and_ ? Truth::no : Truth::yes;
      for (NodeId each : program_->operands_of(node)) {
        Truth result = truth(each);
        if (result == Truth::failed || result == decisive) return result;
      }
      return decisive == Truth::no ? Truth::yes : Truth::no;
    }
    case Op::not_: {
      Truth result = truth(program_->operands[node.first]);
      if (result == Truth::failed) return result;
      return truth_of(result == Truth::no);
    }
    case Op::equal:
    case Op::not_equal:
      return equality(node);
    case Op::less:
    case Op::less_equal:
      return less(node);
    case Op::in: {
      Value left;
      Value right;
      if (!operand(node, 0, left) || !operand(node, 1, right)) return Truth::failed;
      return membership(left, right, node);
    }
    case Op::is: {
      Value target;
      if (!operand(node, 0, target)) return Truth::failed;
      return is_type(target, node);
    }
    case Op::is_in: {
      Value target;
      Value group;
      if (!operand(node, 0, target)) return Truth::failed;
      Truth type = is_type(target, node);
      if (type != Truth::yes) return type;
      if (!operand(node, 1, group)) return Truth::failed;
      return membership(target, group, node);
    }
    case Op::has:
      return has(node);
    case Op::like: {
      Value text;
      if (!operand(node, 0, ValueKind::string, text)) return Truth::failed;
      return truth_of(program_->patterns[node.index].matches(text.as_string()));
    }
    case Op::contains:
    case Op::contains_all:
    case Op::contains_any:
    case Op::is_empty:
      return sets(node);
    case Op::has_tag:
      return has_tag(node);
    case Op::conditional: {
      Truth condition = truth(program_->operands[node.first]);
      if (condition == Truth::failed) return condition;
      return truth(program_->operands[node.first + (condition == Truth::yes ? 1 : 2)]);
    }
    default: {
      Value value;
      if (!eval(id, value)) return Truth::failed;
      if (value.is(ValueKind::boolean)) return truth_of(value.as_boolean());
      fail_kind(ValueKind::boolean, value, node.span);
      return Truth::failed;
    }
  }
}

// Leaves in `out` a value that may be borrowed from the program, the request or the entities.
bool Evaluator::eval(NodeId id, Value& out) {
  const Node& node = program_->nodes[id];
  switch (node.op) {
    case Op::constant:
      out = program_->constants[node.index].borrowed();
      return true;
    case Op::variable: {
      switch (static_cast<ast::Variable>(node.extra)) {
        case ast::Variable::principal:
          out = request_->principal.borrowed();
          break;
        case ast::Variable::action:
          out = action_.borrowed();
          break;
        case ast::Variable::resource:
          out = request_->resource.borrowed();
          break;
        case ast::Variable::context:
          out = request_->context.borrowed();
          break;
      }
      return !out.is(ValueKind::unknown) || fail_unknown(out, node.span);
    }
    case Op::conditional: {
      Truth condition = truth(program_->operands[node.first]);
      if (condition == Truth::failed) return false;
      return operand(node, condition == Truth::yes ? 1 : 2, out);
    }
    case Op::sum:
    case Op::product:
    case Op::negate:
      return arithmetic(node, out);
    case Op::attribute:
      return attribute(node, out);
    case Op::get_tag:
      return get_tag(node, out);
    case Op::extension:
    case Op::set:
    case Op::record:
      return compound(node, out);
    default: {
      Truth result = truth(id);
      out = Value::boolean(result == Truth::yes);
      return result != Truth::failed;
    }
  }
}

Truth Evaluator::equality(const Node& node) {
  Value left;
  Value right;
  if (!operand(node, 0, left) || !operand(node, 1, right)) return Truth::failed;
  // Values of different kinds differ whatever is unknown inside them.
  bool same_kind = left.kind() == right.kind();
  if (same_kind && (!known(left, node.span) || !known(right, node.span))) return Truth::failed;
  return truth_of((same_kind && left == right) == (node.op == Op::equal));
}

Truth Evaluator::less(const Node& node) {
  std::array<Value, 2> sides;
  std::uint32_t first = node.swapped ? 1 : 0;
  if (!operand(node, first, sides.at(first)) || !operand(node, 1 - first, sides.at(1 - first))) return Truth::failed;
  auto comparable = [](const Value& value) {
    return value.is(ValueKind::integer) || value.is(ValueKind::datetime) || value.is(ValueKind::duration);
  };
  const auto& [left, right] = sides;
  for (const Value* side : {&left, &right}) {
    if (comparable(*side)) continue;
    fail_kind("an integer, a datetime or a duration", *side, node.span);
    return Truth::failed;
  }
  if (left.kind() != right.kind()) {
    fail_kind(sides.at(first).kind(), sides.at(1 - first), node.span);
    return Truth::failed;
  }
  std::strong_ordering result = order(left, right);
  return truth_of(node.op == Op::less ? result < 0 : result <= 0);
}

Truth Evaluator::membership(const Value& left, const Value& right, const Node& node) {
  if (!left.is(ValueKind::entity)) {
    fail_kind(ValueKind::entity, left, node.span);
    return Truth::failed;
  }
  if (right.is(ValueKind::entity)) return truth_of(is_in(left.entity_data(), right.entity_data()));
  if (!right.is(ValueKind::set)) {
    fail_kind("an entity or a set of entities", right, node.span);
    return Truth::failed;
  }
  if (!known(right, node.span)) return Truth::failed;
  for (const Value& element : right.elements()) {
    if (element.is(ValueKind::entity)) continue;
    fail_kind(ValueKind::entity, element, node.span);
    return Truth::failed;
  }
  for (const Value& element : right.elements()) {
    if (is_in(left.entity_data(), element.entity_data())) return Truth::yes;
  }
  return Truth::no;
}

Truth Evaluator::is_type(const Value& target, const Node& node) {
  if (!target.is(ValueKind::entity)) {
    fail_kind(ValueKind::entity, target, node.span);
    return Truth::failed;
  }
  return truth_of(target.entity_data().type == program_->names[node.index]);
}

Truth Evaluator::has(const Node& node) {
  Value held;
  if (!operand(node, 0, held)) return Truth::failed;
  const Value* target = &held;
  for (std::uint32_t i = 0; i < node.extra; ++i) {
    const Text& name = program_->names[node.index + i];
    if (target->is(ValueKind::unknown)) {
      fail_unknown(*target, node.span);
      return Truth::failed;
    }
    if (target->is(ValueKind::entity)) {
      const StoredEntity* entity = find(target->entity_data());
      if (entity == nullptr) return Truth::no;
      target = &entity->attributes();
    } else if (!target->is(ValueKind::record)) {
      fail_kind("a record or an entity", *target, node.span);
      return Truth::failed;
    }
    target = target->find(name);
    if (target == nullptr) return Truth::no;
    if (target->is(ValueKind::unknown) && target->unknown_presence() == Presence::maybe_absent) {
      fail_unknown(*target, node.span);
      return Truth::failed;
    }
  }
  return Truth::yes;
}

Truth Evaluator::has_tag(const Node& node) {
  Value target;
  Value key;
  if (!operand(node, 0, ValueKind::entity, target) || !operand(node, 1, ValueKind::string, key)) return Truth::failed;
  const StoredEntity* entity = find(target.entity_data());
  if (entity == nullptr) return Truth::no;
  const Value* tag = entity->tags().find(key.as_string(), key.string_hash());
  if (tag != nullptr && tag->is(ValueKind::unknown) && tag->unknown_presence() == Presence::maybe_absent) {
    fail_unknown(*tag, node.span);
    return Truth::failed;
  }
  return truth_of(tag != nullptr);
}

Truth Evaluator::sets(const Node& node) {
  Value set;
  Value other;
  if (!operand(node, 0, set)) return Truth::failed;
  if (node.count == 2 && !operand(node, 1, other)) return Truth::failed;
  bool both_sets = node.op == Op::contains_all || node.op == Op::contains_any;
  for (const Value* each : {&set, &other}) {
    if ((each == &set || both_sets) && !each->is(ValueKind::set)) {
      fail_kind(ValueKind::set, *each, node.span);
      return Truth::failed;
    }
    if (!known(*each, node.span)) return Truth::failed;
  }
  switch (node.op) {
    case Op::contains:
      return truth_of(set.contains(other));
    case Op::contains_all:
      return truth_of(std::ranges::all_of(other.elements(), [&](const Value& each) { return set.contains(each); }));
    case Op::contains_any:
      return truth_of(std::ranges::any_of(other.elements(), [&](const Value& each) { return set.contains(each); }));
    default:
      return truth_of(set.elements().empty());
  }
}

bool Evaluator::arithmetic(const Node& node, Value& out) {
  Value operand_value;
  if (!operand(node, 0, ValueKind::integer, operand_value)) return false;
  std::int64_t result = operand_value.as_integer();
  if (node.op == Op::negate && __builtin_sub_overflow(std::int64_t{0}, result, &result)) {
    EvaluationError& error = fail(ErrorCause::overflow, node.span);
    error.sign = '~';
    error.left = operand_value;
    return false;
  }
  for (std::uint32_t i = 1; i < node.count; ++i) {
    if (!operand(node, i, ValueKind::integer, operand_value)) return false;
    std::int64_t next = operand_value.as_integer();
    std::int64_t before = result;
    bool minus = node.op == Op::sum && program_->signs[node.index + i - 1];
    bool overflow = node.op == Op::product ? __builtin_mul_overflow(before, next, &result)
                    : minus                ? __builtin_sub_overflow(before, next, &result)
                                           : __builtin_add_overflow(before, next, &result);
    if (!overflow) continue;
    EvaluationError& error = fail(ErrorCause::overflow, node.span);
    error.sign = node.op == Op::product ? '*' : minus ? '-' : '+';
    error.left = Value::integer(before);
    error.right = operand_value;
    return false;
  }
  out = Value::integer(result);
  return true;
}

bool Evaluator::take(const Value& found, Span span, Value& out) {
  if (found.is(ValueKind::unknown)) return fail_unknown(found, span);
  out = found.borrowed();
  return true;
}

bool Evaluator::attribute(const Node& node, Value& out) {
  Value base;
  if (!operand(node, 0, base)) return false;
  const Text& name = program_->names[node.index];
  const Value* record = &base;
  if (base.is(ValueKind::entity)) {
    const StoredEntity* entity = find(base.entity_data());
    if (entity == nullptr) {
      fail(ErrorCause::missing_entity, node.span).left = base.owned();
      return false;
    }
    record = &entity->attributes();
  } else if (!base.is(ValueKind::record)) {
    fail_kind("a record or an entity", base, node.span);
    error_.name = name;
    return false;
  }
  if (const Value* found = record->find(name)) return take(*found, node.span, out);
  EvaluationError& error = fail(ErrorCause::missing_attribute, node.span);
  error.left = base.is(ValueKind::entity) ? base.owned() : Value();
  error.name = name;
  return false;
}

bool Evaluator::get_tag(const Node& node, Value& out) {
  Value base;
  Value key;
  if (!operand(node, 0, ValueKind::entity, base) || !operand(node, 1, ValueKind::string, key)) return false;
  const StoredEntity* entity = find(base.entity_data());
  if (entity == nullptr) {
    fail(ErrorCause::missing_entity, node.span).left = base.owned();
    return false;
  }
  if (const Value* found = entity->tags().find(key.as_string(), key.string_hash())) return take(*found, node.span, out);
  EvaluationError& error = fail(ErrorCause::missing_tag, node.span);
  error.left = base.owned();
  error.right = key.owned();
  return false;
}

// Sets, records and extension calls: all operands first, then the value.
bool Evaluator::compound(const Node& node, Value& out) {
  std::span<Value> values = arena_->array<Value>(node.count);
  for (std::uint32_t i = 0; i < node.count; ++i) {
    if (!operand(node, i, values[i])) return false;
  }
  switch (node.op) {
    case Op::set:
      out = Value::set(values, *arena_);
      return true;
    case Op::record:
      out = Value::record(std::span(program_->names).subspan(node.index, node.count), values, *arena_);
      return true;
    default:
      return call(node, values, out);
  }
}

bool Evaluator::call(const Node& node, std::span<const Value> arguments, Value& out) {
  for (const Value& value : arguments) {
    if (!known(value, node.span)) return false;
  }
  const ExtensionFunction* function = program_->functions[node.index];
  auto result = function->call(arguments, *arena_);
  if (result) {
    out = result->borrowed();
    return true;
  }
  EvaluationError& error = fail(ErrorCause::extension, node.span);
  error.function = function;
  error.arguments = node.count;
  error.left = result.error().unreadable == nullptr ? Value() : result.error().unreadable->owned();
  error.fault = result.error();
  error.fault.unreadable = nullptr;
  return false;
}

}  // namespace cedar
