#include "policies/cedar/conjuncts.h"

#include <algorithm>

namespace cedar {
namespace {

constexpr std::size_t kLongest = 1000;  // of the description of a test that may be shared

bool all_plain(const Value& set) {
  return !set.elements().empty() && std::ranges::all_of(set.elements(), &Literals::is_plain);
}

bool all_entities(const Value& set) {
  return !set.elements().empty() &&
         std::ranges::all_of(set.elements(), [](const Value& each) { return each.is(ValueKind::entity); });
}

}  // namespace

std::span<const Conjunct> Conjuncts::of(std::span<const Condition> conditions) {
  if (conditions.empty()) return {};
  auto [found, fresh] = known_.try_emplace(conditions.front().root);
  if (fresh) {
    std::vector<NodeId> roots;
    for (const Condition& condition : conditions) {
      if (condition.kind != ast::ClauseKind::when) break;
      split(condition.root, roots);
    }
    found->second = {static_cast<std::uint32_t>(conjuncts_.size()), static_cast<std::uint32_t>(roots.size())};
    for (NodeId root : roots) conjuncts_.push_back(classify(root));
  }
  return std::span(conjuncts_).subspan(found->second.first, found->second.count);
}

void Conjuncts::split(NodeId root, std::vector<NodeId>& out) const {
  const Node& node = program_.nodes[root];
  if (out.size() == kMost) return;
  if (node.op != Op::and_) return out.push_back(root);
  for (NodeId operand : program_.operands_of(node)) split(operand, out);
}

const Value* Conjuncts::constant(NodeId id) const {
  const Node& node = program_.nodes[id];
  return node.op == Op::constant ? &program_.constants[node.index] : nullptr;
}

Conjunct Conjuncts::classify(NodeId root) {
  const Node& node = program_.nodes[root];
  std::span<const NodeId> operands = program_.operands_of(node);
  const Value* left = operands.empty() ? nullptr : constant(operands[0]);
  const Value* right = operands.size() < 2 ? nullptr : constant(operands[1]);
  bool right_set = right != nullptr && right->is(ValueKind::set);
  switch (node.op) {
    case Op::equal:
      if (right != nullptr && Literals::is_plain(*right)) return make(TestMode::value, operands[0], {right, 1});
      if (left != nullptr && Literals::is_plain(*left)) return make(TestMode::value, operands[1], {left, 1});
      break;
    case Op::is: {
      Conjunct out = make(TestMode::type, operands[0], {});
      answers_.push_back(literals_.add_type(program_.names[node.index]));
      out.answers = 1;
      return out;
    }
    case Op::in:
    case Op::is_in:
      if (right != nullptr && right->is(ValueKind::entity)) return make(TestMode::member, operands[0], {right, 1});
      if (right_set && all_entities(*right)) return make(TestMode::member, operands[0], right->elements());
      break;
    case Op::contains:
      if (left != nullptr && left->is(ValueKind::set) && all_plain(*left))
        return make(TestMode::value, operands[1], left->elements());
      if (right != nullptr && Literals::is_plain(*right)) return make(TestMode::element, operands[0], {right, 1});
      break;
    case Op::contains_any:
      if (left != nullptr && left->is(ValueKind::set) && all_plain(*left))
        return make(TestMode::element, operands[1], left->elements());
      if (right_set && all_plain(*right)) return make(TestMode::element, operands[0], right->elements());
      break;
    case Op::contains_all:
      // One of the elements is enough to ask for: a set without it does not contain all.
      if (right_set && all_plain(*right)) return make(TestMode::element, operands[0], right->elements().first(1));
      break;
    default:
      break;
  }
  Conjunct out = make(TestMode::truth, root, {});
  answers_.push_back(kTrue);
  out.answers = 1;
  return out;
}

Conjunct Conjuncts::make(TestMode mode, NodeId root, std::span<const Value> answers) {
  std::string text(1, static_cast<char>('0' + static_cast<int>(mode)));
  auto number = static_cast<std::uint32_t>(tests_.size());
  bool shared = describe(root, text) && text.size() <= kLongest;
  auto [found, fresh] = numbers_.emplace(shared ? std::move(text) : "#" + std::to_string(root), number);
  if (fresh) tests_.push_back({mode, root});
  Conjunct out{found->second, static_cast<std::uint32_t>(answers_.size()), static_cast<std::uint32_t>(answers.size())};
  for (const Value& answer : answers) answers_.push_back(literals_.add(answer));
  return out;
}

// Recursive: the parser bounds the height of every tree.
bool Conjuncts::describe(NodeId root, std::string& out) const {
  if (out.size() > kLongest) return false;
  const Node& node = program_.nodes[root];
  auto quoted = [&out](std::string_view text) { out += std::to_string(text.size()) + ":" + std::string(text); };
  out += "(" + std::to_string(static_cast<int>(node.op)) + (node.swapped ? "s" : "");
  switch (node.op) {
    case Op::constant: {
      const Value& value = program_.constants[node.index];
      out += std::to_string(static_cast<int>(value.kind())) + "=";
      quoted(value.to_text());
      break;
    }
    case Op::variable:
      out += "v" + std::to_string(node.extra);
      break;
    case Op::has:
      for (std::uint32_t i = 0; i < node.extra; ++i) quoted(program_.names[node.index + i].view());
      break;
    case Op::is:
    case Op::is_in:
    case Op::attribute:
      quoted(program_.names[node.index].view());
      break;
    case Op::record:
      for (std::uint32_t i = 0; i < node.count; ++i) quoted(program_.names[node.index + i].view());
      break;
    case Op::sum:
      for (std::uint32_t i = 0; i + 1 < node.count; ++i) out += program_.signs[node.index + i] ? '-' : '+';
      break;
    case Op::extension:
      quoted(program_.functions[node.index]->name);
      break;
    case Op::like:
      for (const std::string& piece : program_.patterns[node.index].pieces()) quoted(piece);
      break;
    default:
      break;
  }
  for (NodeId operand : program_.operands_of(node)) {
    if (!describe(operand, out)) return false;
  }
  out += ")";
  return true;
}

}  // namespace cedar
