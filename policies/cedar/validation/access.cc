// Attributes and tags, and what is said about them.
#include <array>
#include <utility>

#include "policies/cedar/unescape.h"
#include "policies/cedar/validation/checker.h"
#include "policies/cedar/validation/phrases.h"

namespace cedar::validation {
namespace {

std::string_view access_help(Kind found) {
  if (found == Kind::set) return "to look into a set, use `.contains(…)`";
  if (found == Kind::string) return "to look into a string, use `like`";
  return {};
}

// `name`, or `"some name"` where it is no identifier: what follows `has`.
std::string attribute_text(std::string_view name) {
  return is_entity_type_name(name) && name.find(':') == std::string_view::npos ? std::string(name) : quote(name);
}

}  // namespace

Capability Checker::attribute_capability(NodeId target, std::string_view name) {
  auto number = attributes_.try_emplace(name, static_cast<std::uint32_t>(attributes_.size())).first->second;
  return capability(CapabilityKind::attribute, conditions_->shape(target), number);
}

Outcome Checker::has(const Node& node) {
  NodeId target = node.operands.front();
  Outcome out = expect(target, Wanted::entity_or_record, access_help);
  out.capabilities.clear();
  if (out.type == kUnknown) return {.type = kBoolean, .verdict = Verdict::unsound};

  const Field* field = types_->find(out.type, node.text);
  if (field == nullptr) {
    out.type = kFalse;
    return out;
  }
  // An entity may be missing altogether, and then has nothing.
  bool surely = field->requirement == Requirement::required && types_->is(out.type, Kind::record);
  Capability found = attribute_capability(target, node.text);
  out.type = surely || known_.contains(found) ? kTrue : kBoolean;
  if (out.is_sound()) out.capabilities.push_back(found);
  return out;
}

Outcome Checker::attribute(const Node& node) {
  NodeId target = node.operands.front();
  Outcome out = expect(target, Wanted::entity_or_record, access_help);
  out.capabilities.clear();
  if (out.type == kUnknown) return {.verdict = Verdict::unsound};

  const Field* field = types_->find(out.type, node.text);
  if (field == nullptr) {
    unknown_attribute(node, out.type);
    return {.verdict = Verdict::unsound};
  }
  if (field->requirement == Requirement::optional && !known_.contains(attribute_capability(target, node.text))) {
    optional_attribute(node, out.type);
    out.verdict = Verdict::unsound;
  }
  out.type = field->type;
  return out;
}

Outcome Checker::has_tag(const Node& node) {
  Outcome target = expect(node.operands[0], Wanted::entity);
  Outcome key = expect(node.operands[1], Wanted::string);
  Outcome out{.type = kBoolean};
  if (!target.is_sound() || !key.is_sound()) out.verdict = Verdict::unsound;
  if (target.type == kUnknown) return {.verdict = Verdict::unsound};

  Capability found =
      capability(CapabilityKind::tag, conditions_->shape(node.operands[0]), conditions_->shape(node.operands[1]));
  if (types_->tags(target.type) == kUnknown) {
    out.type = kFalse;
  } else if (known_.contains(found)) {
    out.type = kTrue;
  }
  if (out.is_sound()) out.capabilities.push_back(found);
  return out;
}

Outcome Checker::get_tag(const Node& node) {
  Outcome target = expect(node.operands[0], Wanted::entity);
  Outcome key = expect(node.operands[1], Wanted::string);
  if (target.type == kUnknown) return {.verdict = Verdict::unsound};

  Capability found =
      capability(CapabilityKind::tag, conditions_->shape(node.operands[0]), conditions_->shape(node.operands[1]));
  TypeId tags = types_->tags(target.type);
  std::string entity = "`" + types_->entity_name(target.type) + "`";
  if (!known_.contains(found)) {
    if (report_->is_new(Finding::unsafe_tag, node.span, target.type)) {
      std::string help = tags == kUnknown ? "the schema declares no tags for " + entity
                                          : "test with `" + text_of(node.operands[0]) + ".hasTag(" +
                                                text_of(node.operands[1]) + ") && …` first";
      report_->error(Finding::unsafe_tag, node.span,
                     "the tag " + text_of(node.operands[1]) + " may be missing on " + entity, std::move(help));
    }
    return {.verdict = Verdict::unsound};
  }
  if (tags == kUnknown) {
    if (report_->is_new(Finding::no_tags_allowed, node.span, target.type)) {
      report_->error(Finding::no_tags_allowed, node.span, "entities of type " + entity + " have no tags",
                     "declare `tags` of the type in the schema");
    }
    return {.verdict = Verdict::unsound};
  }
  return {.type = tags, .verdict = target.is_sound() && key.is_sound() ? Verdict::sound : Verdict::unsound};
}

void Checker::unexpected(NodeId id, TypeId found, std::string_view expected, std::string_view help) {
  Span span = (*conditions_)[id].span;
  if (!report_->is_new(Finding::unexpected_type, span, found)) return;
  report_->error(Finding::unexpected_type, span,
                 "expected " + std::string(expected) + ", found `" + types_->to_text(found) + "`", std::string(help));
}

void Checker::incompatible(Span span, TypeId a, TypeId b, Mismatch why, std::string_view what, std::string_view help) {
  if (!report_->is_new(Finding::incompatible_types, span, (std::uint64_t{a} << 32) | b)) return;
  std::string hint(help);
  switch (why) {
    case Mismatch::record_width:
      hint = "records fit each other only with the same attributes";
      break;
    case Mismatch::requirement:
      hint = "records fit each other only when each attribute is required in both or optional in both";
      break;
    case Mismatch::entity_types:
      hint = "entities of different types never fit each other";
      break;
    case Mismatch::entity_and_record:
      hint = "an entity is never a record";
      break;
    case Mismatch::different:
      break;
  }
  report_->error(
      Finding::incompatible_types, span,
      std::string(what) + " must have one type, found `" + types_->to_text(a) + "` and `" + types_->to_text(b) + "`",
      std::move(hint));
}

std::string Checker::conversion_help(NodeId literal, TypeId type) const {
  const Node& node = (*conditions_)[literal];
  if (node.form != Form::string || type == kUnknown) return {};
  std::string text = report_->text(node.span);
  switch (types_->kind(type)) {
    case Kind::entity:
      return types_->is_action(type) ? std::string()
                                     : "an entity is written `" + types_->entity_name(type) + "::" + text + "`";
    case Kind::ip:
      return "an address is written `ip(" + text + ")`";
    case Kind::decimal:
    case Kind::datetime:
    case Kind::duration:
      return "a " + types_->to_text(type) + " is written `" + types_->to_text(type) + "(" + text + ")`";
    default:
      return {};
  }
}

std::string Checker::text_of(NodeId id) const {
  const Node& node = (*conditions_)[id];
  switch (node.form) {
    case Form::variable:
      return std::string(std::array<std::string_view, 4>{"principal", "action", "resource",
                                                         "context"}[static_cast<std::size_t>(node.variable)]);
    case Form::attribute:
      if (is_entity_type_name(node.text) && node.text.find(':') == std::string::npos) {
        return text_of(node.operands.front()) + "." + node.text;
      }
      return text_of(node.operands.front()) + "[" + quote(node.text) + "]";
    default:
      return report_->text(node.span);
  }
}

std::string Checker::place_of(NodeId target, TypeId type) const {
  const Node& node = (*conditions_)[target];
  if (node.form == Form::variable && node.variable == ast::Variable::context) {
    return "the context of `" + environment_->action->uid.to_text() + "`";
  }
  return "`" + types_->to_text(type) + "`";
}

void Checker::unknown_attribute(const Node& node, TypeId target) {
  if (!report_->is_new(Finding::attribute_not_found, node.span, target)) return;
  std::vector<std::string_view> names;
  Suggestion suggestion(node.text);
  for (const Field& each : types_->attributes(target)) {
    names.push_back(each.name);
    suggestion.consider(each.name);
  }
  std::string help = did_you_mean(suggestion);
  // Not every kind of request this policy is for need have it.
  const Node* root = &(*conditions_)[node.operands.front()];
  while (root->form == Form::attribute) root = &(*conditions_)[root->operands.front()];
  if (help.empty() && (root->uses & static_cast<std::uint8_t>(~fixed_)) != 0) {
    help = "where not all have it, test with `" + text_of(node.operands.front()) + " has " + attribute_text(node.text) +
           " && …` first, or narrow the head";
  }
  if (help.empty() && names.empty()) help = "the schema declares no attributes there";
  if (help.empty() && names.size() <= 8) {
    help = (names.size() == 1 ? "its only attribute is " : "its attributes are ") + list(names);
  }
  report_->error(Finding::attribute_not_found, node.span,
                 "there is no attribute `" + node.text + "` in " + place_of(node.operands.front(), target),
                 std::move(help));
}

void Checker::optional_attribute(const Node& node, TypeId target) {
  if (!report_->is_new(Finding::unsafe_optional_attribute, node.span, target)) return;
  report_->error(Finding::unsafe_optional_attribute, node.span,
                 "the attribute `" + node.text + "` of " + place_of(node.operands.front(), target) +
                     " is optional and may be missing",
                 "test with `" + text_of(node.operands.front()) + " has " + attribute_text(node.text) + " && …` first");
}

}  // namespace cedar::validation
