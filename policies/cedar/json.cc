#include "policies/cedar/json.h"

#include <string>
#include <type_traits>
#include <utility>

#include "core/json.h"
#include "policies/cedar/extensions/functions.h"

namespace cedar {
namespace {

using countersign::fail;
using countersign::Json;

// Recursive: parse_json bounds the depth.
class Reader {
 public:
  explicit Reader(std::string root) : path_(std::move(root)) {}

  Result<Value> value(const Json& json) {
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
        return set(json);
      case Json::value_t::object:
        return object(json);
      default:
        return refuse("`null` is not allowed");
    }
  }

  // A record; escapes are not records.
  Result<Value> record(const Json& json) {
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

  Result<EntityUid> uid(const Json& json) {
    const Json* body = &json;
    if (json.is_object() && json.size() == 1 && json.contains("__entity")) body = &json["__entity"];
    if (!body->is_object() || body->size() != 2 || !is_string(*body, "type") || !is_string(*body, "id")) {
      return refuse("expected an entity: {\"type\": …, \"id\": …}");
    }
    const auto& type = (*body)["type"].get_ref<const std::string&>();
    if (!is_entity_type_name(type)) return refuse("`" + type + "` is not an entity type name");
    return EntityUid(type, (*body)["id"].get_ref<const std::string&>());
  }

  Result<Entity> entity(const Json& json) {
    if (!json.is_object()) return refuse("expected an object with `uid`, `attrs` and `parents`");
    for (const auto& [key, member] : json.items()) {
      if (key != "uid" && key != "attrs" && key != "parents" && key != "tags")
        return refuse("unknown member `" + key + "`");
    }
    for (const char* required : {"uid", "attrs", "parents"}) {
      if (!json.contains(required)) return refuse("the member `" + std::string(required) + "` is missing");
    }
    auto read_uid = at(".uid", [&] { return uid(json["uid"]); });
    if (!read_uid) return fail(read_uid.error());
    Entity out{.uid = std::move(*read_uid)};
    auto attributes = at(".attrs", [&] { return record(json["attrs"]); });
    if (!attributes) return fail(attributes.error());
    out.attributes = std::move(*attributes);
    if (json.contains("tags")) {
      auto tags = at(".tags", [&] { return record(json["tags"]); });
      if (!tags) return fail(tags.error());
      out.tags = std::move(*tags);
    }
    if (!json["parents"].is_array()) return refuse("`parents` must be an array");
    for (const Json& parent : json["parents"]) {
      auto read = at(".parents", [&] { return uid(parent); });
      if (!read) return fail(read.error());
      out.parents.push_back(std::move(*read));
    }
    return out;
  }

 private:
  // Lengthens the path while in scope.
  class Step {
   public:
    Step(Reader& reader, const std::string& step) : reader_(reader), before_(reader.path_.size()) {
      reader.path_ += step;
    }
    ~Step() { reader_.path_.resize(before_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Reader& reader_;
    std::size_t before_;
  };

  template <class Read>
  std::invoke_result_t<Read> at(const std::string& step, Read read) {
    Step here(*this, step);
    return read();
  }

  static bool is_string(const Json& object, const char* key) { return object.contains(key) && object[key].is_string(); }

  std::unexpected<Error> refuse(const std::string& message) const {
    return fail(ErrorKind::malformed, "cedar.json.invalid", path_ + ": " + message);
  }

  Result<Value> set(const Json& json) {
    std::vector<Value> elements;
    elements.reserve(json.size());
    for (std::size_t i = 0; i < json.size(); ++i) {
      Step step(*this, "[" + std::to_string(i) + "]");
      auto read = value(json[i]);
      if (!read) return read;
      elements.push_back(std::move(*read));
    }
    return Value::set(std::move(elements));
  }

  Result<Value> object(const Json& json) {
    for (const char* escape : {"__entity", "__extn", "__expr"}) {
      if (!json.contains(escape)) continue;
      if (json.size() != 1) return refuse("`" + std::string(escape) + "` must stand alone in its object");
      if (std::string_view(escape) == "__expr") return refuse("`__expr` is no longer supported");
      if (std::string_view(escape) == "__extn") return extension(json["__extn"]);
      auto read = uid(json);
      if (!read) return fail(read.error());
      return Value::entity(std::move(*read));
    }
    return record(json);
  }

  Result<Value> extension(const Json& json) {
    bool one = json.is_object() && json.contains("arg");
    bool many = json.is_object() && json.contains("args") && json["args"].is_array();
    if (!json.is_object() || json.size() != 2 || !is_string(json, "fn") || one == many) {
      return refuse("expected {\"fn\": …, \"arg\": …}");
    }
    const auto& name = json["fn"].get_ref<const std::string&>();
    const ExtensionFunction* function = find_extension(name);
    if (function == nullptr) return refuse("`" + name + "` is not a function");
    std::vector<Value> arguments;
    for (std::size_t i = 0; i < (one ? 1 : json["args"].size()); ++i) {
      auto read = value(one ? json["arg"] : json["args"][i]);
      if (!read) return read;
      arguments.push_back(std::move(*read));
    }
    ExtensionResult result = function->call(arguments);
    if (!result) return refuse(result.error());
    return std::move(*result);
  }

  std::string path_;
};

Result<Json> parse(std::string_view text, const JsonLimits& limits) {
  return countersign::parse_json(text, {.bytes = limits.bytes, .depth = limits.depth, .values = limits.values});
}

}  // namespace

Result<std::vector<Entity>> parse_entities_json(std::string_view text, const JsonLimits& limits) {
  auto json = parse(text, limits);
  if (!json) return fail(json.error());
  if (!json->is_array()) return fail(ErrorKind::malformed, "cedar.json.invalid", "entities: expected an array");
  std::vector<Entity> out;
  out.reserve(json->size());
  for (std::size_t i = 0; i < json->size(); ++i) {
    auto entity = Reader("[" + std::to_string(i) + "]").entity((*json)[i]);
    if (!entity) return fail(entity.error());
    out.push_back(std::move(*entity));
  }
  return out;
}

Result<Value> parse_context_json(std::string_view text, const JsonLimits& limits) {
  auto json = parse(text, limits);
  if (!json) return fail(json.error());
  Reader reader("context");
  // An escape such as {"__entity": …} reads as another value, and a context is a record.
  auto value = reader.value(*json);
  if (!value) return value;
  if (!value->is(ValueKind::record))
    return fail(ErrorKind::malformed, "cedar.json.invalid", "context: expected an object");
  return value;
}

Result<Value> parse_value_json(std::string_view text, const JsonLimits& limits) {
  auto json = parse(text, limits);
  if (!json) return fail(json.error());
  return Reader("value").value(*json);
}

}  // namespace cedar
