// Comparisons, membership, arithmetic, sets and extension functions.
#include <algorithm>
#include <array>
#include <utility>

#include "policies/cedar/unescape.h"
#include "policies/cedar/validation/checker.h"

namespace cedar::validation {
namespace {

Verdict both(const Outcome& a, const Outcome& b) {
  return a.is_sound() && b.is_sound() ? Verdict::sound : Verdict::unsound;
}

bool is_ordered(TypeId type) {
  return type == kInteger || type == kDatetime || type == kDuration;
}

// What the extension functions take and answer.
struct Signature {
  std::string_view name;
  TypeId answer;
  std::array<TypeId, 2> arguments;
};

constexpr Signature kSignatures[] = {
    {"ip", kIp, {kString}},
    {"decimal", kDecimal, {kString}},
    {"datetime", kDatetime, {kString}},
    {"duration", kDuration, {kString}},
    {"isIpv4", kBoolean, {kIp}},
    {"isIpv6", kBoolean, {kIp}},
    {"isLoopback", kBoolean, {kIp}},
    {"isMulticast", kBoolean, {kIp}},
    {"isInRange", kBoolean, {kIp, kIp}},
    {"lessThan", kBoolean, {kDecimal, kDecimal}},
    {"lessThanOrEqual", kBoolean, {kDecimal, kDecimal}},
    {"greaterThan", kBoolean, {kDecimal, kDecimal}},
    {"greaterThanOrEqual", kBoolean, {kDecimal, kDecimal}},
    {"offset", kDatetime, {kDatetime, kDuration}},
    {"durationSince", kDuration, {kDatetime, kDatetime}},
    {"toDate", kDatetime, {kDatetime}},
    {"toTime", kDuration, {kDatetime}},
    {"toMilliseconds", kInteger, {kDuration}},
    {"toSeconds", kInteger, {kDuration}},
    {"toMinutes", kInteger, {kDuration}},
    {"toHours", kInteger, {kDuration}},
    {"toDays", kInteger, {kDuration}},
};

std::string_view literal_help(std::string_view constructor) {
  if (constructor == "ip") return "an address is written like `10.1.2.3`, `10.0.0.0/8` or `fe80::/10`";
  if (constructor == "decimal") return "a decimal is written like `12.5`: one to four digits behind the point";
  if (constructor == "datetime") {
    return "a datetime is written like `2024-10-15`, `2024-10-15T11:35:00Z` or `2024-10-15T11:35:00.000+0100`";
  }
  return "a duration is written like `1d2h3m4s5ms`, with a `-` in front when it is negative";
}

}  // namespace

std::optional<Checker::Literal> Checker::literal(NodeId id) const {
  const Node& node = (*conditions_)[id];
  if (node.is_literal()) return Literal{node.form, node.number, node.text, node.text2};
  if (node.form == Form::variable && node.variable == ast::Variable::action) {
    const EntityUid& uid = environment_->action->uid;
    return Literal{Form::entity, 0, uid.type_name(), uid.id()};
  }
  return std::nullopt;
}

Outcome Checker::equal(const Node& node) {
  Outcome left = type_of(node.operands[0]);
  Outcome right = type_of(node.operands[1]);
  Verdict verdict = both(left, right);
  if (types_->is(left.type, Kind::entity) && types_->is(right.type, Kind::entity) && left.type != right.type) {
    return {.type = kFalse, .verdict = verdict};
  }
  auto left_literal = literal(node.operands[0]);
  auto right_literal = literal(node.operands[1]);
  if (left_literal && right_literal) return {.type = constant(*left_literal == *right_literal), .verdict = verdict};
  std::string help = conversion_help(node.operands[1], left.type);
  if (help.empty()) help = conversion_help(node.operands[0], right.type);
  if (help.empty()) help = "values of different types are never equal";
  return require_join(node, left.type, right.type, kBoolean, verdict, "both sides of `==` or `!=`", help);
}

Outcome Checker::compare(const Node& node) {
  Outcome left = type_of(node.operands[0]);
  Outcome right = type_of(node.operands[1]);
  Outcome out{.type = kBoolean, .verdict = both(left, right)};
  if (left.type == kUnknown || right.type == kUnknown) {
    out.verdict = Verdict::unsound;
    return out;
  }
  if (left.type == right.type && is_ordered(left.type)) return out;
  out.verdict = Verdict::unsound;

  constexpr std::string_view kAny = "`Long`, `datetime` or `duration`";
  auto help = [&](NodeId id, TypeId type, TypeId expected) -> std::string {
    std::string conversion = conversion_help(id, expected);
    if (!conversion.empty()) return conversion;
    if (type == kDecimal) return "decimals are compared with `.lessThan(…)`, `.greaterThanOrEqual(…)` and the like";
    if (type == kString) return "strings have no order; `like` examines what is in them";
    return {};
  };
  auto quoted = [&](TypeId type) { return "`" + types_->to_text(type) + "`"; };
  if (left.type == kInteger || (right.type != kInteger && is_ordered(left.type))) {
    unexpected(node.operands[1], right.type, quoted(left.type), help(node.operands[1], right.type, left.type));
  } else if (is_ordered(right.type)) {
    unexpected(node.operands[0], left.type, quoted(right.type), help(node.operands[0], left.type, right.type));
  } else {
    unexpected(node.operands[0], left.type, kAny, help(node.operands[0], left.type, kUnknown));
    unexpected(node.operands[1], right.type, kAny, help(node.operands[1], right.type, kUnknown));
  }
  return out;
}

Outcome Checker::arithmetic(const Node& node) {
  Help help = [](Kind found) {
    if (found == Kind::set) return std::string_view("sets cannot be added or subtracted");
    return std::string_view(found == Kind::decimal    ? "there is no arithmetic on decimals"
                            : found == Kind::datetime ? "use `.offset(…)` and `.durationSince(…)`"
                                                      : "");
  };
  if (node.form == Form::sum && node.signs.front() == ast::Operator::plus) {
    help = [](Kind found) {
      if (found == Kind::string) return std::string_view("strings cannot be joined");
      if (found == Kind::set) return std::string_view("sets cannot be added or subtracted");
      return std::string_view(found == Kind::decimal    ? "there is no arithmetic on decimals"
                              : found == Kind::datetime ? "use `.offset(…)` and `.durationSince(…)`"
                                                        : "");
    };
  }
  Outcome out{.type = kInteger};
  for (NodeId id : node.operands) {
    if (!expect(id, Wanted::integer, help).is_sound()) out.verdict = Verdict::unsound;
  }
  return out;
}

Outcome Checker::membership(const Node& node) {
  Outcome member = expect(node.operands[0], Wanted::entity, [](Kind found) {
    return found == Kind::entity ? std::string_view()
                                 : std::string_view(
                                       "`in` is about the hierarchy of entities; to look into a set, use "
                                       "`set.contains(…)`");
  });
  Outcome group = expect(node.operands[1], Wanted::entity_or_set, [](Kind found) {
    if (found == Kind::set) {
      return std::string_view("`in` is about the hierarchy of entities; to look into a set, use `set.contains(…)`");
    }
    return std::string_view(found == Kind::string ? "to look into a string, use `like`" : "");
  });
  if (!member.is_sound() || !group.is_sound()) return {.type = kBoolean, .verdict = Verdict::unsound};

  auto left = literal(node.operands[0]);
  const Node& right = (*conditions_)[node.operands[1]];
  if (left && is_action_name(left->text)) {
    if (auto single = literal(node.operands[1])) return {.type = constant(is_action_in(*left, *single))};
    if (right.form == Form::set) {
      bool literals = true;
      bool found = false;
      for (NodeId id : right.operands) {
        auto each = literal(id);
        literals = literals && each.has_value();
        found = found || (each && is_action_in(*left, *each));
      }
      if (literals) return {.type = constant(found)};
    }
  }
  TypeId group_type = types_->is(group.type, Kind::set) ? types_->element(group.type) : group.type;
  return {.type = may_be_in(member.type, group_type) ? kBoolean : kFalse};
}

bool Checker::is_action_in(const Literal& action, const Literal& group) const {
  if (action == group) return true;
  if (!is_action_name(group.text)) return false;
  const ActionInfo* info = schema_->action(EntityUid(action.text, action.text2));
  return info != nullptr && std::ranges::any_of(info->ancestors, [&](const EntityUid& each) {
           return each.type_name() == group.text && each.id() == group.text2;
         });
}

bool Checker::may_be_in(TypeId member, TypeId group) const {
  if (member == group) return true;
  const std::string& wanted = types_->entity_name(group);
  if (const EntityTypeInfo* info = types_->entity_info(member)) {
    return std::ranges::binary_search(info->ancestors, wanted);
  }
  return types_->is_action(member) && types_->is_action(group) &&
         std::ranges::any_of(schema_->actions(), [&](const ActionInfo& action) {
           return action.uid.type_name() == types_->entity_name(member) &&
                  std::ranges::any_of(action.ancestors,
                                      [&](const EntityUid& each) { return each.type_name() == wanted; });
         });
}

Outcome Checker::contains(const Node& node) {
  Outcome left = expect(node.operands[0], Wanted::any_set, [](Kind found) {
    return std::string_view(found == Kind::entity   ? "to test whether an entity is in another, use `in`"
                            : found == Kind::record ? "to test whether a record has an attribute, use `has`"
                            : found == Kind::string ? "to look into a string, use `like`"
                                                    : "");
  });
  Outcome right = type_of(node.operands[1]);
  TypeId element = left.type == kUnknown ? kUnknown : types_->element(left.type);
  return require_join(node, element, right.type, kBoolean, both(left, right), "a set's elements and what is looked for",
                      "a set never contains a value of another type");
}

Outcome Checker::contains_sets(const Node& node) {
  Outcome left = expect(node.operands[0], Wanted::any_set, [](Kind found) {
    return std::string_view(found == Kind::entity   ? "to test whether an entity is in another, use `in`"
                            : found == Kind::record ? "to test whether a record has an attribute, use `has`"
                            : found == Kind::string ? "to look into a string, use `like`"
                                                    : "");
  });
  Outcome right = expect(node.operands[1], Wanted::any_set,
                         [](Kind) { return std::string_view("for a single element, use `.contains(…)`"); });
  return require_join(node, left.type, right.type, kBoolean, both(left, right), "both sets",
                      "sets of different element types have nothing in common");
}

Outcome Checker::is_empty(const Node& node) {
  Outcome out = expect(node.operands[0], Wanted::any_set, [](Kind found) {
    return std::string_view(found == Kind::string ? "to test whether a string is empty, write `== \"\"`" : "");
  });
  return {.type = kBoolean, .verdict = out.verdict};
}

Outcome Checker::extension(const Node& node) {
  const Signature* signature = std::ranges::find(kSignatures, node.function->name, &Signature::name);
  std::size_t arity = node.function->arity;
  std::string name = "`" + std::string(node.function->name) + "`";
  Outcome out{.type = signature->answer};

  if (node.operands.size() != arity) {
    out.verdict = Verdict::unsound;
    if (report_->is_new(Finding::wrong_number_of_arguments, node.span)) {
      std::size_t receiver = node.function->style == CallStyle::method ? 1 : 0;
      std::size_t wanted = arity - receiver;
      std::size_t given = node.operands.size() - std::min(node.operands.size(), receiver);
      report_->error(Finding::wrong_number_of_arguments, node.span,
                     name + " takes " + (wanted == 0 ? "no" : std::to_string(wanted)) +
                         (wanted == 1 ? " argument" : " arguments") + ", found " + std::to_string(given));
    }
  }
  if (node.function->is_constructor()) {
    bool literals = std::ranges::all_of(node.operands, [&](NodeId id) { return (*conditions_)[id].is_literal(); });
    const Node* argument = node.operands.size() == 1 ? &(*conditions_)[node.operands.front()] : nullptr;
    if (!literals) {
      out.verdict = Verdict::unsound;
      if (report_->is_new(Finding::non_literal_extension, node.span)) {
        report_->error(Finding::non_literal_extension, node.span, name + " must be given a string literal",
                       "declare the value itself as `" + types_->to_text(signature->answer) +
                           "` in the schema, so that it arrives ready made");
      }
    } else if (argument != nullptr && argument->form == Form::string) {
      Value text = Value::string(argument->text);
      if (!node.function->call(std::span(&text, 1))) {
        out.verdict = Verdict::unsound;
        if (report_->is_new(Finding::function_argument, argument->span)) {
          report_->error(Finding::function_argument, argument->span,
                         "this is not a value for " + name + ": " + quote(argument->text),
                         std::string(literal_help(node.function->name)));
        }
      }
    }
  }

  bool as_declared = out.is_sound();
  for (std::size_t i = 0; i < node.operands.size(); ++i) {
    Outcome argument = type_of(node.operands[i]);
    if (!argument.is_sound() || argument.type == kUnknown) out.verdict = Verdict::unsound;
    if (!as_declared || argument.type == kUnknown || argument.type == signature->arguments[i]) continue;
    out.verdict = Verdict::unsound;
    unexpected(node.operands[i], argument.type, "`" + types_->to_text(signature->arguments[i]) + "`", {});
  }
  return out;
}

}  // namespace cedar::validation
