#include "policies/cedar/index.h"

#include <algorithm>
#include <functional>

namespace cedar {

bool PolicyIndex::Search::Keys::has(std::uint32_t key) const {
  constexpr std::size_t kScan = 16;
  return keys.size() <= kScan ? std::ranges::find(keys, key) != keys.end() : std::ranges::binary_search(keys, key);
}

std::size_t PolicyIndex::slot_of(std::uint32_t node, std::uint32_t key) {
  std::uint64_t mixed = (std::uint64_t{node} << 32 | key) * 0x9E37'79B9'7F4A'7C15U;
  return static_cast<std::size_t>(mixed ^ (mixed >> 32));
}

void PolicyIndex::find(const Request& request, Evaluator& evaluator, Search& search) const {
  search.found_.clear();
  if (nodes_.empty()) return;
  auto resolve_value = [&](Head head, const Value& value) {
    Search::Keys& keys = search.heads_.at(static_cast<std::size_t>(head));
    keys.known = value.is(ValueKind::entity);
    if (keys.known) resolve(head, value.entity_data(), evaluator, keys);
  };
  resolve_value(Head::principal, request.principal);
  resolve_value(Head::resource, request.resource);
  resolve(Head::action, request.action.data(), evaluator, search.heads_.at(static_cast<std::size_t>(Head::action)));

  search.pending_.assign(1, 0);
  while (!search.pending_.empty()) {
    std::uint32_t number = search.pending_.back();
    search.pending_.pop_back();
    while (number != kNone) {
      const Node& node = nodes_[number];
      if (node.form == Form::leaf) take(node, search);
      if (node.form == Form::head) follow(number, search);
      if (node.form == Form::test) ask(number, evaluator, search);
      number = node.rest;
    }
  }
  auto out_of_order = std::ranges::adjacent_find(search.found_, std::ranges::greater_equal());
  if (out_of_order == search.found_.end()) return;
  std::ranges::sort(search.found_);
  auto repeated = std::ranges::unique(search.found_);
  search.found_.erase(repeated.begin(), repeated.end());
}

void PolicyIndex::resolve(Head head, const detail::EntityUidData& uid, const Evaluator& evaluator,
                          Search::Keys& out) const {
  out.keys.clear();
  if (std::uint32_t self = literals_.find(uid); self != kNone) {
    out.keys.push_back(key(self, Ask::equal));
    out.keys.push_back(key(self, Ask::in));
  }
  out.type = literals_.find_type(uid.type);
  if (out.type != kNone) out.keys.push_back(key(out.type, Ask::type));
  const std::vector<std::uint32_t>& groups = groups_.at(static_cast<std::size_t>(head));
  const StoredEntity* entity = groups.empty() ? nullptr : evaluator.find(uid);
  if (entity != nullptr) {
    constexpr std::size_t kSearch = 4;  // what asking for one group costs, in lookups of one ancestor
    if (groups.size() * kSearch < entity->ancestors().size()) {
      for (std::uint32_t group : groups) {
        if (entity->is_in(literals_[group].entity_data())) out.keys.push_back(key(group, Ask::in));
      }
    } else {
      for (const EntityUid& ancestor : entity->ancestors()) {
        std::uint32_t group = literals_.find(ancestor.data());
        if (group != kNone) out.keys.push_back(key(group, Ask::in));
      }
    }
  }
  std::ranges::sort(out.keys);
}

void PolicyIndex::probe(std::uint32_t node, std::uint32_t key, Search& search) const {
  std::size_t mask = slots_.size() - 1;
  for (std::size_t at = slot_of(node, key) & mask; slots_[at].to != kNone; at = (at + 1) & mask) {
    if (slots_[at].from == node && slots_[at].key == key) return search.pending_.push_back(slots_[at].to);
  }
}

// The nodes behind what the request has for a head.
void PolicyIndex::follow(std::uint32_t number, Search& search) const {
  const Node& node = nodes_[number];
  const Search::Keys& keys = search.heads_.at(static_cast<std::size_t>(node.head));
  if (keys.known && keys.keys.size() <= node.edges) {
    for (std::uint32_t key : keys.keys) probe(number, key, search);
    return;
  }
  for (const Edge& edge : edges_of(node)) {
    if (!keys.known || keys.has(edge.key)) search.pending_.push_back(edge.node);
  }
}

// The nodes behind the value of an expression; or, where that settles nothing, the policies behind all of them.
void PolicyIndex::ask(std::uint32_t number, Evaluator& evaluator, Search& search) const {
  const Node& node = nodes_[number];
  const Test& test = tests_[node.test];
  auto probe_literal = [&](std::uint32_t literal) {
    if (literal != kNone) probe(number, literal, search);
  };
  const Value* value = evaluator.peek(*program_, test.root);
  if (value == nullptr || value->has_unknown()) return take(node, search);
  switch (test.mode) {
    case TestMode::value:
      return probe_literal(literals_.find(*value));
    case TestMode::truth:
      if (!value->is(ValueKind::boolean)) return take(node, search);
      if (value->as_boolean()) probe(number, Conjuncts::kTrue, search);
      return;
    case TestMode::type:
      if (!value->is(ValueKind::entity)) return take(node, search);
      return probe_literal(literals_.find_type(value->entity_data().type));
    case TestMode::member: {
      if (!value->is(ValueKind::entity)) return take(node, search);
      const detail::EntityUidData& uid = value->entity_data();
      const StoredEntity* entity = evaluator.find(uid);
      if (entity != nullptr && entity->ancestors().size() > node.edges) {
        for (const Edge& edge : edges_of(node)) {
          if (evaluator.is_in(uid, literals_[edge.key].entity_data())) search.pending_.push_back(edge.node);
        }
        return;
      }
      probe_literal(literals_.find(uid));
      if (entity == nullptr) return;
      for (const EntityUid& ancestor : entity->ancestors()) probe_literal(literals_.find(ancestor.data()));
      return;
    }
    case TestMode::element:
      if (!value->is(ValueKind::set)) return take(node, search);
      if (value->elements().size() > node.edges) {
        for (const Edge& edge : edges_of(node)) {
          if (value->contains(literals_[edge.key])) search.pending_.push_back(edge.node);
        }
        return;
      }
      for (const Value& element : value->elements()) probe_literal(literals_.find(element));
      return;
  }
}

void PolicyIndex::take(const Node& node, Search& search) const {
  for (std::uint32_t entry : std::span(entries_).subspan(node.first_entry, node.entries)) {
    if (matches(rows_[entry], search)) search.found_.push_back(PolicyRef{entry});
  }
}

bool PolicyIndex::matches(const Row& row, const Search& search) const {
  auto head_matches = [](const HeadTest& test, const Search::Keys& keys) {
    return !keys.known || ((test.key == kNone || keys.has(test.key)) && (test.type == kNone || test.type == keys.type));
  };
  if (!head_matches(row.principal, search.heads_[static_cast<std::size_t>(Head::principal)])) return false;
  if (!head_matches(row.resource, search.heads_[static_cast<std::size_t>(Head::resource)])) return false;
  const Search::Keys& action = search.heads_[static_cast<std::size_t>(Head::action)];
  std::span<const std::uint32_t> wanted = std::span(action_keys_).subspan(row.first_action, row.actions);
  return wanted.empty() || std::ranges::any_of(wanted, [&](std::uint32_t key) { return action.has(key); });
}

}  // namespace cedar
