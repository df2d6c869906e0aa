#include "policies/cedar/json_reader.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "policies/cedar/extensions/functions.h"

namespace cedar::detail {
namespace {

using countersign::fail;

bool has_string(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string();
}

// {"type": "…", "id": "…"}, whatever stands beside them.
bool is_uid_body(const Json& json) {
  return json.is_object() && has_string(json, "type") && has_string(json, "id");
}

// {"fn": "…", "arg": …} or {"fn": "…", "args": […]}, whatever stands beside them.
bool is_call_body(const Json& json) {
  if (!json.is_object() || !has_string(json, "fn")) return false;
  auto many = json.find("args");
  return json.contains("arg") || (many != json.end() && many->is_array());
}

// What a function's arguments are: the constructors take strings, the methods what they are methods of, but for
// `offset`.
TypePtr parameter(std::string_view function, std::size_t number) {
  constexpr std::array<std::pair<std::string_view, TypeKind>, 18> kReceivers = {
      {{"isIpv4", TypeKind::ip},
       {"isIpv6", TypeKind::ip},
       {"isLoopback", TypeKind::ip},
       {"isMulticast", TypeKind::ip},
       {"isInRange", TypeKind::ip},
       {"lessThan", TypeKind::decimal},
       {"lessThanOrEqual", TypeKind::decimal},
       {"greaterThan", TypeKind::decimal},
       {"greaterThanOrEqual", TypeKind::decimal},
       {"offset", TypeKind::datetime},
       {"durationSince", TypeKind::datetime},
       {"toDate", TypeKind::datetime},
       {"toTime", TypeKind::datetime},
       {"toMilliseconds", TypeKind::duration},
       {"toSeconds", TypeKind::duration},
       {"toMinutes", TypeKind::duration},
       {"toHours", TypeKind::duration},
       {"toDays", TypeKind::duration}}};
  if (function == "offset" && number == 1) return Type::primitive(TypeKind::duration);
  auto found = std::ranges::find(kReceivers, function, &std::pair<std::string_view, TypeKind>::first);
  return Type::primitive(found == kReceivers.end() ? TypeKind::string : found->second);
}

std::string_view constructor_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::ip:
      return "ip";
    case TypeKind::decimal:
      return "decimal";
    case TypeKind::datetime:
      return "datetime";
    default:
      return "duration";
  }
}

bool same_contents(const Entity& a, const Entity& b) {
  using Uids = std::unordered_set<EntityUid>;
  return a.attributes == b.attributes && a.tags == b.tags &&
         Uids(a.parents.begin(), a.parents.end()) == Uids(b.parents.begin(), b.parents.end());
}

}  // namespace

Result<Json> parse_cedar_json(std::string_view text, const JsonLimits& limits) {
  return countersign::parse_json(text, {.bytes = limits.bytes, .depth = limits.depth, .values = limits.values});
}

bool is_action_type_name(std::string_view type) {
  return type == "Action" || type.ends_with("::Action");
}

void drop_equal_duplicates(std::vector<Entity>& entities) {
  std::unordered_map<EntityUid, std::size_t> first;
  std::vector<Entity> kept;
  kept.reserve(entities.size());
  for (Entity& each : entities) {
    auto [known, fresh] = first.try_emplace(each.uid, kept.size());
    if (fresh || !same_contents(kept[known->second], each)) kept.push_back(std::move(each));
  }
  entities = std::move(kept);
}

std::unexpected<Error> JsonReader::refuse(const std::string& message) const {
  return fail(ErrorKind::malformed, "cedar.json.invalid", path_ + ": " + message);
}

Result<Value> JsonReader::value(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case Json::value_t::string:
      return Value::string(json.get_ref<const std::string&>());
    case Json::value_t::number_integer:
      return Value::integer(json.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
        return refuse("this integer is out of range");
      return Value::integer(json.get<std::int64_t>());
    case Json::value_t::number_float:
      return refuse("fractions are not allowed; write a decimal");
    case Json::value_t::array:
      return set(json, nullptr);
    case Json::value_t::object:
      break;
    default:
      return refuse("`null` is not allowed");
  }
  if (json.size() != 1) return record(json);
  const Json& body = *json.begin();
  if (has_string(json, "__expr")) return refuse("`__expr` is no longer supported");
  if (json.contains("__extn") && is_call_body(body)) return extension(body, nullptr);
  if (!json.contains("__entity") || !is_uid_body(body)) return record(json);
  auto read = uid(json);
  if (!read) return fail(read.error());
  return Value::entity(std::move(*read));
}

Result<Value> JsonReader::value(const Json& json, const Type& type) {
  switch (type.kind()) {
    case TypeKind::entity: {
      auto read = uid(json);
      if (!read) return fail(read.error());
      return Value::entity(std::move(*read));
    }
    case TypeKind::set:
      if (!json.is_array()) return refuse("expected an array");
      return set(json, type.element().get());
    case TypeKind::record:
      return record(json, type);
    case TypeKind::boolean:
    case TypeKind::integer:
    case TypeKind::string:
      return value(json);
    default:
      break;
  }
  if (json.is_object() && has_string(json, "__expr")) return refuse("`__expr` is no longer supported");
  if (json.is_object() && json.contains("__extn") && is_call_body(json["__extn"]))
    return extension(json["__extn"], &type);
  if (is_call_body(json)) return extension(json, &type);
  auto argument = value(json);
  if (!argument) return argument;
  ExtensionResult result = find_extension(constructor_of(type.kind()))->call(std::span(&*argument, 1));
  if (!result) return refuse(result.error());
  return std::move(*result);
}

Result<Value> JsonReader::record(const Json& json) {
  if (!json.is_object()) return refuse("expected an object");
  std::vector<Field> fields;
  for (const auto& [key, member] : json.items()) {
    Step step(*this, "." + key);
    auto read = value(member);
    if (!read) return read;
    fields.emplace_back(Text(key), std::move(*read));
  }
  return Value::record(std::move(fields));
}

Result<Value> JsonReader::record(const Json& json, const Type& type) {
  if (!json.is_object()) return refuse("expected an object");
  std::vector<Field> fields;
  for (const auto& [key, member] : json.items()) {
    const AttributeType* declared = type.find(key);
    if (declared == nullptr) return refuse("the schema has no attribute `" + key + "` here");
    Step step(*this, "." + key);
    auto read = value(member, *declared->type);
    if (!read) return read;
    fields.emplace_back(Text(key), std::move(*read));
  }
  for (const AttributeType& each : type.attributes()) {
    if (each.requirement == Requirement::required && !json.contains(each.name))
      return refuse("the attribute `" + each.name + "` is missing");
  }
  return Value::record(std::move(fields));
}

Result<Value> JsonReader::set(const Json& json, const Type* element) {
  std::vector<Value> elements;
  elements.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    Step step(*this, "[" + std::to_string(i) + "]");
    auto read = element == nullptr ? value(json[i]) : value(json[i], *element);
    if (!read) return read;
    elements.push_back(std::move(*read));
  }
  return Value::set(std::move(elements));
}

Result<Value> JsonReader::extension(const Json& body, const Type* expected) {
  const auto& name = body["fn"].get_ref<const std::string&>();
  const ExtensionFunction* function = find_extension(name);
  if (function == nullptr) return refuse("`" + name + "` is not a function");
  bool one = body.contains("arg");
  std::vector<Value> arguments;
  for (std::size_t i = 0; i < (one ? 1 : body["args"].size()); ++i) {
    const Json& argument = one ? body["arg"] : body["args"][i];
    auto read = expected == nullptr ? value(argument) : value(argument, *parameter(name, i));
    if (!read) return read;
    arguments.push_back(std::move(*read));
  }
  ExtensionResult result = function->call(arguments);
  if (!result) return refuse(result.error());
  return std::move(*result);
}

Result<EntityUid> JsonReader::uid(const Json& json) {
  if (json.is_object() && has_string(json, "__expr")) return refuse("`__expr` is no longer supported");
  bool escaped = json.is_object() && json.contains("__entity") && is_uid_body(json["__entity"]);
  const Json& body = escaped ? json["__entity"] : json;
  if (!is_uid_body(body)) return refuse("expected an entity: {\"type\": …, \"id\": …}");
  const auto& type = body["type"].get_ref<const std::string&>();
  if (!is_entity_type_name(type)) return refuse("`" + type + "` is not an entity type name");
  return EntityUid(type, body["id"].get_ref<const std::string&>());
}

Result<Value> JsonReader::tags(const Json& json, const EntityTypeInfo& declared) {
  if (!json.is_object()) return refuse("expected an object");
  std::vector<Field> fields;
  for (const auto& [key, member] : json.items()) {
    if (declared.tags == nullptr) return refuse("entities of type `" + declared.name + "` have no tags");
    Step step(*this, "." + key);
    auto read = value(member, *declared.tags);
    if (!read) return read;
    fields.emplace_back(Text(key), std::move(*read));
  }
  return Value::record(std::move(fields));
}

Result<Entity> JsonReader::entity(const Json& json, const Schema* schema) {
  if (!json.is_object()) return refuse("expected an object with `uid`, `attrs` and `parents`");
  for (const char* required : {"uid", "attrs", "parents"}) {
    if (!json.contains(required)) return refuse("the member `" + std::string(required) + "` is missing");
  }
  auto read_uid = at(".uid", [&] { return uid(json["uid"]); });
  if (!read_uid) return fail(read_uid.error());
  Entity out{.uid = std::move(*read_uid)};
  bool is_action = is_action_type_name(out.uid.type_name());
  const EntityTypeInfo* declared = nullptr;
  if (schema != nullptr && !is_action) {
    declared = schema->entity_type(out.uid.type_name());
    if (declared == nullptr) return refuse("the schema has no entity type `" + std::string(out.uid.type_name()) + "`");
  }
  auto attributes = at(".attrs", [&] {
    return declared == nullptr ? record(json["attrs"]) : record(json["attrs"], *declared->attributes);
  });
  if (!attributes) return fail(attributes.error());
  out.attributes = std::move(*attributes);
  if (json.contains("tags")) {
    auto read = at(".tags", [&] { return declared == nullptr ? record(json["tags"]) : tags(json["tags"], *declared); });
    if (!read) return fail(read.error());
    out.tags = std::move(*read);
  }
  if (!json["parents"].is_array()) return refuse("`parents` must be an array");
  for (const Json& parent : json["parents"]) {
    auto read = at(".parents", [&] { return uid(parent); });
    if (!read) return fail(read.error());
    if (is_action && !is_action_type_name(read->type_name()))
      return refuse("the parents of an action must be actions, and `" + read->to_text() + "` is none");
    out.parents.push_back(std::move(*read));
  }
  return out;
}

}  // namespace cedar::detail
