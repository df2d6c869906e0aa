#include "policies/cedar/validation/checker.h"

#include <algorithm>
#include <utility>

namespace cedar::validation {

Checker::Checker(const Schema& schema, TypePool& types, Conditions& conditions, Report& report, std::uint8_t fixed)
    : schema_(&schema), types_(&types), conditions_(&conditions), report_(&report), fixed_(fixed) {}

Outcome Checker::check(NodeId id, const Environment& environment) {
  environment_ = &environment;
  return expect(id, Wanted::boolean);
}

bool Checker::fits(TypeId type, Wanted wanted) const {
  switch (wanted) {
    case Wanted::boolean:
      return types_->is_boolean(type);
    case Wanted::integer:
      return type == kInteger;
    case Wanted::string:
      return type == kString;
    case Wanted::entity:
      return types_->is(type, Kind::entity);
    case Wanted::any_set:
      return types_->is(type, Kind::set);
    case Wanted::entity_or_record:
      return types_->is(type, Kind::entity) || types_->is(type, Kind::record);
    case Wanted::entity_or_set:
      return types_->is(type, Kind::entity) ||
             (types_->is(type, Kind::set) && types_->is(types_->element(type), Kind::entity));
  }
  return false;
}

Outcome Checker::expect(NodeId id, Wanted wanted, Help help) {
  constexpr std::string_view kNames[] = {
      "`Bool`", "`Long`", "`String`", "an entity", "a set", "an entity or a record", "an entity or a set of entities"};
  Outcome out = type_of(id);
  if (out.type == kUnknown) {
    out.verdict = Verdict::unsound;
    return out;
  }
  if (fits(out.type, wanted)) return out;
  unexpected(id, out.type, kNames[static_cast<std::size_t>(wanted)],
             help == nullptr ? std::string_view() : help(types_->kind(out.type)));
  return {.type = kUnknown, .verdict = Verdict::unsound};
}

Outcome Checker::type_of(NodeId id) {
  ++steps_;
  const Node& node = (*conditions_)[id];
  switch (node.form) {
    case Form::boolean:
      return {.type = constant(node.number != 0)};
    case Form::integer:
      return {.type = kInteger};
    case Form::string:
      return {.type = kString};
    case Form::entity:
      return entity(node);
    case Form::variable:
      return variable(node);
    case Form::slot:
      return slot(node);
    case Form::conditional:
      return conditional(node);
    case Form::all:
      return all(node);
    case Form::any:
      return any(node);
    case Form::negated:
      return negated(node);
    case Form::equal:
      return equal(node);
    case Form::less:
    case Form::less_equal:
      return compare(node);
    case Form::in:
      return membership(node);
    case Form::has:
      return has(node);
    case Form::like:
      return like(node);
    case Form::is:
      return is(node);
    case Form::sum:
    case Form::product:
    case Form::minus:
      return arithmetic(node);
    case Form::attribute:
      return attribute(node);
    case Form::contains:
      return contains(node);
    case Form::contains_all:
    case Form::contains_any:
      return contains_sets(node);
    case Form::is_empty:
      return is_empty(node);
    case Form::get_tag:
      return get_tag(node);
    case Form::has_tag:
      return has_tag(node);
    case Form::extension:
      return extension(node);
    case Form::set:
      return set(node);
    case Form::record:
      return record(node);
  }
  return {.verdict = Verdict::unsound};
}

Outcome Checker::variable(const Node& node) {
  switch (node.variable) {
    case ast::Variable::principal:
      return {.type = environment_->principal};
    case ast::Variable::action:
      return {.type = types_->entity(environment_->action->uid.type_name())};
    case ast::Variable::resource:
      return {.type = environment_->resource};
    case ast::Variable::context:
      return {.type = environment_->context};
  }
  return {.verdict = Verdict::unsound};
}

Outcome Checker::slot(const Node& node) {
  bool of_principal = node.variable == ast::Variable::principal;
  return {.type = of_principal ? environment_->principal_slot : environment_->resource_slot};
}

// Unknown types and actions are reported once for the policy, not here.
Outcome Checker::entity(const Node& node) {
  bool known = is_action_name(node.text) ? schema_->action(EntityUid(node.text, node.text2)) != nullptr
                                         : schema_->entity_type(node.text) != nullptr;
  if (!known) return {.verdict = Verdict::unsound};
  return {.type = types_->entity(node.text)};
}

// A branch that is never taken is not looked at.
Outcome Checker::conditional(const Node& node) {
  Outcome test = expect(node.operands[0], Wanted::boolean);
  Outcome out;
  if (test.type == kFalse) {
    out = type_of(node.operands[2]);
  } else {
    known_.enter(test.capabilities);
    Outcome yes = type_of(node.operands[1]);
    known_.leave(test.capabilities);
    if (yes.is_sound()) {
      yes.capabilities.insert(yes.capabilities.end(), test.capabilities.begin(), test.capabilities.end());
      settle(yes.capabilities);
    }
    if (test.type == kTrue) {
      out = std::move(yes);
    } else {
      Outcome no = type_of(node.operands[2]);
      out = require_join(node, yes.type, no.type, kUnknown,
                         yes.is_sound() && no.is_sound() ? Verdict::sound : Verdict::unsound,
                         "the branches of a conditional", "both branches must have the same type");
      if (out.is_sound()) out.capabilities = common(yes.capabilities, no.capabilities);
    }
  }
  if (!test.is_sound()) out.verdict = Verdict::unsound;
  if (!out.is_sound()) out.capabilities.clear();
  return out;
}

// From left to right; behind a `false` nothing is looked at.
Outcome Checker::all(const Node& node) {
  Outcome out{.type = kTrue};
  bool first = true;
  Capabilities entered;
  for (NodeId id : node.operands) {
    Outcome right = expect(id, Wanted::boolean);
    if (first) {
      out.type = right.type;
      first = false;
    } else if (out.type == kUnknown || right.type == kUnknown) {
      out.type = kBoolean;
      out.verdict = Verdict::unsound;
    } else if (right.type == kFalse) {
      out.type = kFalse;
    } else if (out.type == kTrue) {
      out.type = right.type;
    } else if (right.type != kTrue) {
      out.type = kBoolean;
    }
    if (!right.is_sound()) out.verdict = Verdict::unsound;
    if (out.type == kFalse) break;
    // What an unsound left has found does not hold on the right.
    if (!out.is_sound()) {
      known_.leave(entered);
      entered.clear();
      right.capabilities.clear();
    }
    known_.enter(right.capabilities);
    entered.insert(entered.end(), right.capabilities.begin(), right.capabilities.end());
  }
  known_.leave(entered);
  if (out.is_sound() && out.type != kFalse) {
    settle(entered);
    out.capabilities = std::move(entered);
  }
  return out;
}

// Behind a `true` nothing is looked at.
Outcome Checker::any(const Node& node) {
  Outcome out = expect(node.operands.front(), Wanted::boolean);
  for (std::size_t i = 1; i < node.operands.size() && out.type != kTrue; ++i) {
    Outcome right = expect(node.operands[i], Wanted::boolean);
    if (out.type == kUnknown || right.type == kUnknown) {
      out.type = kBoolean;
      out.verdict = Verdict::unsound;
    } else if (right.type == kTrue) {
      out.type = kTrue;
      out.capabilities = std::move(right.capabilities);
    } else if (out.type == kFalse) {
      out.type = right.type;
      out.capabilities = std::move(right.capabilities);
    } else if (right.type != kFalse) {
      out.type = kBoolean;
      out.capabilities = common(out.capabilities, right.capabilities);
    }
    if (!right.is_sound()) out.verdict = Verdict::unsound;
    if (!out.is_sound()) out.capabilities.clear();
  }
  return out;
}

Outcome Checker::negated(const Node& node) {
  Outcome out = expect(node.operands.front(), Wanted::boolean);
  out.capabilities.clear();
  if (out.type == kUnknown) {
    out.type = kBoolean;
  } else if (out.type != kBoolean) {
    out.type = constant(out.type == kFalse);
  }
  return out;
}

Outcome Checker::is(const Node& node) {
  Outcome out = expect(node.operands.front(), Wanted::entity,
                       [](Kind) { return std::string_view("only entities can be tested for their type"); });
  out.capabilities.clear();
  if (out.type == kUnknown) return {.type = kBoolean, .verdict = Verdict::unsound};
  out.type = constant(types_->entity_name(out.type) == node.text);
  return out;
}

Outcome Checker::like(const Node& node) {
  Outcome out = expect(node.operands.front(), Wanted::string, [](Kind found) {
    return found == Kind::entity ? std::string_view("to test an entity's type, use `is`") : std::string_view();
  });
  return {.type = kBoolean, .verdict = out.verdict};
}

Outcome Checker::set(const Node& node) {
  if (node.operands.empty()) {
    if (report_->is_new(Finding::empty_set, node.span)) {
      report_->error(Finding::empty_set, node.span, "an empty set has no element type",
                     "to test whether a set is empty, use `.isEmpty()`");
    }
    return {.verdict = Verdict::unsound};
  }
  Verdict verdict = Verdict::sound;
  bool known = true;
  std::vector<TypeId> elements;
  for (NodeId id : node.operands) {
    Outcome each = type_of(id);
    if (!each.is_sound()) verdict = Verdict::unsound;
    if (each.type == kUnknown) known = false;
    elements.push_back(each.type);
  }
  if (!known) return {.verdict = Verdict::unsound};
  TypeId joined = elements.front();
  for (std::size_t i = 1; i < elements.size(); ++i) {
    auto next = types_->join(joined, elements[i]);
    if (!next) {
      incompatible((*conditions_)[node.operands[i]].span, joined, elements[i], next.error(), "the elements of a set",
                   "all elements of a set must have the same type");
      return {.verdict = Verdict::unsound};
    }
    joined = *next;
  }
  return {.type = types_->set(joined), .verdict = verdict};
}

Outcome Checker::record(const Node& node) {
  Verdict verdict = Verdict::sound;
  bool known = true;
  std::vector<Field> fields;
  for (std::size_t i = 0; i < node.operands.size(); ++i) {
    Outcome each = type_of(node.operands[i]);
    if (!each.is_sound()) verdict = Verdict::unsound;
    if (each.type == kUnknown) known = false;
    fields.push_back({node.keys[i], each.type, Requirement::required});
  }
  if (!known) return {.verdict = Verdict::unsound};
  return {.type = types_->record(std::move(fields)), .verdict = verdict};
}

Outcome Checker::require_join(const Node& node, TypeId a, TypeId b, TypeId type, Verdict verdict, std::string_view what,
                              std::string_view help) {
  if (a == kUnknown || b == kUnknown) return {.type = type, .verdict = Verdict::unsound};
  auto joined = types_->join(a, b);
  if (!joined) {
    incompatible(node.span, a, b, joined.error(), what, help);
    return {.type = type, .verdict = Verdict::unsound};
  }
  return {.type = type == kUnknown ? *joined : type, .verdict = verdict};
}

}  // namespace cedar::validation
