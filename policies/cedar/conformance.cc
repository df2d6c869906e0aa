#include "policies/cedar/conformance.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "policies/cedar/json_reader.h"

namespace cedar {
namespace {

using countersign::fail;
using countersign::Json;
using detail::JsonReader;

constexpr std::string_view kRequest = "cedar.request.invalid";
constexpr std::string_view kEntity = "cedar.entity.invalid";

std::unexpected<Error> refuse(std::string_view code, std::string message) {
  return fail(ErrorKind::invalid, code, std::move(message));
}

std::string named(std::string_view text) {
  return "`" + std::string(text) + "`";
}

std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 10;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) out += (i == 0 ? "" : ", ") + named(names[i]);
  return names.size() > kShown ? out + ", …" : out;
}

ValueKind value_kind(TypeKind kind) {
  switch (kind) {
    case TypeKind::boolean:
      return ValueKind::boolean;
    case TypeKind::integer:
      return ValueKind::integer;
    case TypeKind::string:
      return ValueKind::string;
    case TypeKind::decimal:
      return ValueKind::decimal;
    case TypeKind::ip:
      return ValueKind::ip;
    case TypeKind::datetime:
      return ValueKind::datetime;
    case TypeKind::duration:
      return ValueKind::duration;
    case TypeKind::entity:
      return ValueKind::entity;
    case TypeKind::set:
      return ValueKind::set;
    case TypeKind::record:
      return ValueKind::record;
  }
  return ValueKind::unknown;
}

// What is wrong with naming this entity, whatever its type may be: an id outside an enumeration, or an action that is
// not declared. Empty when nothing is.
std::string fault_of(const Schema& schema, std::string_view type, std::string_view id) {
  if (detail::is_action_type_name(type)) {
    EntityUid uid(type, id);
    return schema.action(uid) == nullptr ? "the action " + named(uid.to_text()) + " is not declared" : "";
  }
  const EntityTypeInfo* info = schema.entity_type(type);
  if (info == nullptr || !info->is_enumerated() || std::ranges::find(info->ids, id) != info->ids.end()) return "";
  return named(EntityUid(type, id).to_text()) + " does not exist: the ids of " + named(type) + " are " +
         list(info->ids);
}

// A place inside a value; its text is made only when there is something to say.
struct Where {
  const Where* outer = nullptr;
  std::string_view before;
  std::string_view name;

  std::string text() const { return (outer == nullptr ? "" : outer->text()) + std::string(before) + std::string(name); }
};

class ValueChecker {
 public:
  ValueChecker(const Schema& schema, std::string_view code) : schema_(schema), code_(code) {}

  // Recursive: as deep as the type is, which the schema bounds.
  Status check(const Value& value, const Type& type, const Where& where) const {
    if (value.is(ValueKind::unknown)) {
      bool fits =
          value.unknown_type().empty() || (type.is(TypeKind::entity) && type.entity_name() == value.unknown_type());
      return fits ? Status() : mismatch(where, type, "an entity of type " + named(value.unknown_type()));
    }
    if (!value.is(value_kind(type.kind()))) return mismatch(where, type, std::string(describe(value.kind())));
    if (type.is(TypeKind::entity)) return entity(value, type, where);
    if (type.is(TypeKind::record)) return record(value, type, where);
    if (!type.is(TypeKind::set)) return {};
    for (const Value& element : value.elements()) {
      if (auto fits = check(element, *type.element(), {&where, "[…]", {}}); !fits) return fits;
    }
    return {};
  }

 private:
  Status mismatch(const Where& where, const Type& type, const std::string& found) const {
    return refuse(code_, where.text() + ": expected " + named(type.to_text()) + ", found " + found);
  }

  Status entity(const Value& value, const Type& type, const Where& where) const {
    const detail::EntityUidData& uid = value.entity_data();
    if (uid.type.view() != type.entity_name()) {
      return mismatch(where, type, "an entity of type " + named(uid.type.view()));
    }
    std::string fault = fault_of(schema_, uid.type.view(), uid.id);
    return fault.empty() ? Status() : refuse(code_, where.text() + ": " + fault);
  }

  Status record(const Value& value, const Type& type, const Where& where) const {
    for (const auto& [name, member] : value.fields()) {
      const AttributeType* declared = type.find(name.view());
      if (declared == nullptr) return refuse(code_, where.text() + ": there is no attribute " + named(name.view()));
      if (auto fits = check(member, *declared->type, {&where, ".", name.view()}); !fits) return fits;
    }
    for (const AttributeType& each : type.attributes()) {
      if (each.requirement == Requirement::required && value.find(each.name) == nullptr)
        return refuse(code_, where.text() + ": the attribute " + named(each.name) + " is missing");
    }
    return {};
  }

  const Schema& schema_;
  std::string_view code_;
};

bool contains(const std::vector<std::string>& sorted, std::string_view name) {
  return std::ranges::binary_search(sorted, name, std::less<>());
}

// Principal or resource.
Status validate_participant(const Schema& schema, const Value& who, std::string_view role, const ActionInfo& action,
                            const std::vector<std::string>& allowed) {
  std::string_view type = who.is(ValueKind::unknown) ? who.unknown_type() : who.entity_data().type.view();
  if (type.empty()) return {};
  if (schema.entity_type(type) == nullptr)
    return refuse(kRequest, "the " + std::string(role) + "'s type " + named(type) + " is not declared");
  if (who.is(ValueKind::entity)) {
    std::string fault = fault_of(schema, type, who.entity_data().id);
    if (!fault.empty()) return refuse(kRequest, "the " + std::string(role) + " " + fault);
  }
  if (contains(allowed, type)) return {};
  std::string applies = allowed.empty() ? "to nothing" : "only to " + list(allowed);
  return refuse(kRequest, named(action.uid.to_text()) + " does not apply to a " + std::string(role) + " of type " +
                              named(type) + ", " + applies);
}

Status validate_context(const Schema& schema, const Value& context, const ActionInfo& action) {
  return ValueChecker(schema, kRequest).check(context, *action.context, {nullptr, {}, "context"});
}

std::unexpected<Error> undeclared_action(std::string_view code, const EntityUid& uid) {
  return refuse(code, "the action " + named(uid.to_text()) + " is not declared");
}

bool same_uids(const std::unordered_set<EntityUid>& some, const std::vector<EntityUid>& all) {
  return some.size() == all.size() &&
         std::ranges::all_of(all, [&](const EntityUid& uid) { return some.contains(uid); });
}

// Whether an action given with these groups, all of them, is the one of the schema.
Status validate_action(const Schema& schema, const Entity& entity, const std::unordered_set<EntityUid>& groups) {
  const ActionInfo* declared = schema.action(entity.uid);
  if (declared == nullptr) return undeclared_action(kEntity, entity.uid);
  bool plain = entity.attributes.fields().empty() && entity.tags.fields().empty();
  if (plain && same_uids(groups, declared->ancestors)) return {};
  return refuse(kEntity, "the action " + named(entity.uid.to_text()) + " differs from the schema's; leave it out");
}

using Groups = std::unordered_map<EntityUid, std::unordered_set<EntityUid>>;

// The groups of an action among actions that were given, transitively.
std::unordered_set<EntityUid> groups_of(const EntityUid& action, const Groups& given) {
  std::unordered_set<EntityUid> out;
  std::vector<const EntityUid*> open{&action};
  while (!open.empty()) {
    auto current = given.find(*open.back());
    open.pop_back();
    if (current == given.end()) continue;
    for (const EntityUid& parent : current->second) {
      if (out.insert(parent).second) open.push_back(&parent);
    }
  }
  return out;
}

Status validate_actions(const Schema& schema, const std::vector<Entity>& entities) {
  Groups given;
  for (const Entity& each : entities) {
    if (!detail::is_action_type_name(each.uid.type_name())) continue;
    const ActionInfo* declared = schema.action(each.uid);
    if (declared == nullptr) return undeclared_action(kEntity, each.uid);
    // A group that the schema does not have either ends this here, before anything is closed over.
    std::unordered_set<EntityUid> known(declared->ancestors.begin(), declared->ancestors.end());
    for (const EntityUid& parent : each.parents) {
      if (!known.contains(parent)) return validate_action(schema, each, {parent});
    }
    given[each.uid].insert(each.parents.begin(), each.parents.end());
  }
  for (const Entity& each : entities) {
    if (!given.contains(each.uid)) continue;
    if (auto valid = validate_action(schema, each, groups_of(each.uid, given)); !valid) return valid;
  }
  return {};
}

}  // namespace

Status validate_value(const Schema& schema, const Value& value, const Type& type, std::string_view where) {
  return ValueChecker(schema, "cedar.value.invalid").check(value, type, {nullptr, {}, where});
}

Status validate_request(const Schema& schema, const Request& request) {
  const ActionInfo* action = schema.action(request.action);
  if (action == nullptr) return undeclared_action(kRequest, request.action);
  if (auto valid = validate_participant(schema, request.principal, "principal", *action, action->principals); !valid)
    return valid;
  if (auto valid = validate_participant(schema, request.resource, "resource", *action, action->resources); !valid)
    return valid;
  return validate_context(schema, request.context, *action);
}

Status validate_entity(const Schema& schema, const Entity& entity) {
  std::string_view type = entity.uid.type_name();
  if (detail::is_action_type_name(type)) {
    std::unordered_set<EntityUid> groups;
    for (const EntityUid& parent : entity.parents) {
      groups.insert(parent);
      const ActionInfo* group = schema.action(parent);
      if (group != nullptr) groups.insert(group->ancestors.begin(), group->ancestors.end());
    }
    return validate_action(schema, entity, groups);
  }
  std::string name = entity.uid.to_text();
  const EntityTypeInfo* declared = schema.entity_type(type);
  if (declared == nullptr) return refuse(kEntity, name + ": the entity type " + named(type) + " is not declared");
  if (std::string fault = fault_of(schema, type, entity.uid.id()); !fault.empty()) return refuse(kEntity, fault);
  ValueChecker values(schema, kEntity);
  Where here{nullptr, {}, name};
  if (auto valid = values.check(entity.attributes, *declared->attributes, here); !valid) return valid;
  for (const auto& [key, tag] : entity.tags.fields()) {
    if (declared->tags == nullptr) return refuse(kEntity, name + ": entities of type " + named(type) + " have no tags");
    if (auto valid = values.check(tag, *declared->tags, {&here, ".tags.", key.view()}); !valid) return valid;
  }
  for (const EntityUid& parent : entity.parents) {
    if (!contains(declared->ancestors, parent.type_name()))
      return refuse(kEntity, name + " cannot be in " + named(parent.to_text()) + ", an entity of type " +
                                 named(parent.type_name()));
    if (std::string fault = fault_of(schema, parent.type_name(), parent.id()); !fault.empty())
      return refuse(kEntity, name + ": " + fault);
  }
  return {};
}

Result<std::vector<Entity>> parse_entities_json(std::string_view text, const Schema& schema, const JsonLimits& limits) {
  auto json = detail::parse_cedar_json(text, limits);
  if (!json) return fail(json.error());
  if (!json->is_array()) return fail(ErrorKind::malformed, "cedar.json.invalid", "entities: expected an array");
  std::vector<Entity> out;
  for (std::size_t i = 0; i < json->size(); ++i) {
    auto entity = JsonReader("[" + std::to_string(i) + "]").entity((*json)[i], &schema);
    if (!entity) return fail(entity.error());
    out.push_back(std::move(*entity));
  }
  detail::drop_equal_duplicates(out);
  if (auto valid = validate_actions(schema, out); !valid) return fail(valid.error());
  std::erase_if(out, [](const Entity& each) { return detail::is_action_type_name(each.uid.type_name()); });
  for (const Entity& each : out) {
    if (auto valid = validate_entity(schema, each); !valid) return fail(valid.error());
  }
  out.insert(out.end(), schema.action_entities().begin(), schema.action_entities().end());
  return out;
}

Result<Value> read_context_json(std::string_view text, const Schema& schema, const EntityUid& action,
                                const JsonLimits& limits) {
  const ActionInfo* declared = schema.action(action);
  if (declared == nullptr) return undeclared_action(kRequest, action);
  auto json = detail::parse_cedar_json(text, limits);
  if (!json) return fail(json.error());
  return JsonReader("context").record(*json, *declared->context);
}

Result<Value> parse_context_json(std::string_view text, const Schema& schema, const EntityUid& action,
                                 const JsonLimits& limits) {
  auto context = read_context_json(text, schema, action, limits);
  if (!context) return context;
  if (auto valid = validate_context(schema, *context, *schema.action(action)); !valid) return fail(valid.error());
  return context;
}

}  // namespace cedar
