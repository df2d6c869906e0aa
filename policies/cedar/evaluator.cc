#include "policies/cedar/evaluator.h"

#include <algorithm>
#include <array>
#include <utility>

namespace cedar {
namespace {

Truth truth_of(bool value) {
  return value ? Truth::yes : Truth::no;
}

std::string named(const Text& name) {
  return "`" + std::string(name.view()) + "`";
}

// The name of the first unknown inside a value that has one.
std::string unknown_inside(const Value& value) {
  if (value.is(ValueKind::unknown)) return std::string(value.unknown_name());
  if (value.is(ValueKind::set)) {
    for (const Value& element : value.elements()) {
      if (element.has_unknown()) return unknown_inside(element);
    }
  } else if (value.is(ValueKind::record)) {
    for (const Field& field : value.fields()) {
      if (field.second.has_unknown()) return unknown_inside(field.second);
    }
  }
  return {};
}

}  // namespace

Evaluator::Evaluator(const Request& request, const EntityOverlay& entities)
    : request_(&request), entities_(&entities), action_(Value::entity(request.action)) {}

std::expected<Value, EvaluationError> Evaluator::evaluate(const Program& program, NodeId root) {
  program_ = &program;
  Value out;
  if (!eval(root, out) || !known(out, program.nodes[root].span)) return std::unexpected(error_);
  return out.owned();
}

Truth Evaluator::test(const Program& program, NodeId root) {
  program_ = &program;
  return truth(root);
}

bool Evaluator::is_in(const detail::EntityUidData& left, const detail::EntityUidData& right) const {
  if (left == right) return true;
  const StoredEntity* entity = entities_->find(left);
  return entity != nullptr && entity->is_in(right);
}

bool Evaluator::fail(ErrorCause cause, Span span, std::string message) {
  error_ = {cause, span, std::move(message)};
  return false;
}

Truth Evaluator::fail_test(ErrorCause cause, Span span, std::string message) {
  fail(cause, span, std::move(message));
  return Truth::failed;
}

bool Evaluator::fail_kind(ValueKind expected, const Value& got, Span span) {
  return fail(ErrorCause::type, span,
              "expected " + std::string(describe(expected)) + ", got " + std::string(describe(got.kind())));
}

bool Evaluator::fail_unknown(const Value& value, Span span) {
  return fail(ErrorCause::unknown, span, "`" + unknown_inside(value) + "` is not known yet");
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
    case Op::has_tag: {
      Value target;
      Value key;
      if (!operand(node, 0, ValueKind::entity, target) || !operand(node, 1, ValueKind::string, key))
        return Truth::failed;
      const StoredEntity* entity = entities_->find(target.entity_data());
      if (entity == nullptr) return Truth::no;
      const Value* tag = entity->tags().find(key.as_string());
      if (tag != nullptr && tag->is(ValueKind::unknown) && tag->unknown_presence() == Presence::maybe_absent) {
        fail_unknown(*tag, node.span);
        return Truth::failed;
      }
      return truth_of(tag != nullptr);
    }
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
    return fail_test(ErrorCause::type, node.span,
                     "expected an integer, a datetime or a duration, got " + std::string(describe(side->kind())));
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
    return fail_test(ErrorCause::type, node.span,
                     "expected an entity or a set of entities, got " + std::string(describe(right.kind())));
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
      const StoredEntity* entity = entities_->find(target->entity_data());
      if (entity == nullptr) return Truth::no;
      target = &entity->attributes();
    } else if (!target->is(ValueKind::record)) {
      return fail_test(ErrorCause::type, node.span,
                       "expected a record or an entity, got " + std::string(describe(target->kind())));
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
  if (node.op == Op::negate) {
    if (__builtin_sub_overflow(std::int64_t{0}, result, &result)) {
      return fail(ErrorCause::overflow, node.span, "integer overflow while negating " + std::to_string(result));
    }
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
    std::string_view sign = node.op == Op::product ? " * " : minus ? " - " : " + ";
    return fail(ErrorCause::overflow, node.span,
                "integer overflow in " + std::to_string(before) + std::string(sign) + std::to_string(next));
  }
  out = Value::integer(result);
  return true;
}

// Hands on a part of `base`: borrowed where `base` is, with a share of its own where `base` is about to die.
bool Evaluator::take(const Value& found, Value& base, const Node& node, Value& out) {
  if (found.is(ValueKind::unknown)) return fail_unknown(found, node.span);
  out = base.is_owned() ? found.owned() : found.borrowed();
  return true;
}

bool Evaluator::attribute(const Node& node, Value& out) {
  Value base;
  if (!operand(node, 0, base)) return false;
  const Text& name = program_->names[node.index];
  if (base.is(ValueKind::record)) {
    const Value* found = base.find(name);
    if (found != nullptr) return take(*found, base, node, out);
    return fail(ErrorCause::missing_attribute, node.span, "the record has no attribute " + named(name));
  }
  if (!base.is(ValueKind::entity)) {
    return fail(ErrorCause::type, node.span,
                "expected a record or an entity before `." + std::string(name.view()) + "`, got " +
                    std::string(describe(base.kind())));
  }
  const StoredEntity* entity = entities_->find(base.entity_data());
  if (entity == nullptr) {
    return fail(ErrorCause::missing_entity, node.span, "the entity `" + base.to_text() + "` does not exist");
  }
  const Value* found = entity->attributes().find(name);
  if (found == nullptr) {
    return fail(ErrorCause::missing_attribute, node.span, "`" + base.to_text() + "` has no attribute " + named(name));
  }
  if (found->is(ValueKind::unknown)) return fail_unknown(*found, node.span);
  out = found->borrowed();
  return true;
}

bool Evaluator::get_tag(const Node& node, Value& out) {
  Value base;
  Value key;
  if (!operand(node, 0, ValueKind::entity, base) || !operand(node, 1, ValueKind::string, key)) return false;
  const StoredEntity* entity = entities_->find(base.entity_data());
  if (entity == nullptr) {
    return fail(ErrorCause::missing_entity, node.span, "the entity `" + base.to_text() + "` does not exist");
  }
  const Value* found = entity->tags().find(key.as_string());
  if (found == nullptr) {
    return fail(ErrorCause::missing_tag, node.span, "`" + base.to_text() + "` has no tag " + key.to_text());
  }
  if (found->is(ValueKind::unknown)) return fail_unknown(*found, node.span);
  out = found->borrowed();
  return true;
}

// Sets, records and extension calls: all operands first, then the value.
bool Evaluator::compound(const Node& node, Value& out) {
  std::vector<Value> values(node.count);
  for (std::uint32_t i = 0; i < node.count; ++i) {
    if (!operand(node, i, values[i])) return false;
  }
  if (node.op == Op::set) {
    out = Value::set(std::move(values));
    return true;
  }
  if (node.op == Op::record) {
    std::vector<Field> fields;
    fields.reserve(values.size());
    for (std::uint32_t i = 0; i < node.count; ++i) {
      fields.emplace_back(program_->names[node.index + i], std::move(values[i]));
    }
    out = Value::record(std::move(fields));
    return true;
  }
  for (const Value& value : values) {
    if (!known(value, node.span)) return false;
  }
  ExtensionResult result = program_->functions[node.index]->call(values);
  if (!result) return fail(ErrorCause::extension, node.span, std::move(result.error()));
  out = std::move(*result);
  return true;
}

}  // namespace cedar
