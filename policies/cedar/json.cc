#include "policies/cedar/json.h"

#include <string>
#include <utility>

#include "policies/cedar/json_reader.h"

namespace cedar {

using countersign::fail;
using countersign::Json;
using detail::JsonReader;

Result<std::vector<Entity>> parse_entities_json(std::string_view text, const JsonLimits& limits) {
  auto json = detail::parse_cedar_json(text, limits);
  if (!json) return fail(json.error());
  if (!json->is_array()) return fail(ErrorKind::malformed, "cedar.json.invalid", "entities: expected an array");
  std::vector<Entity> out;
  out.reserve(json->size());
  for (std::size_t i = 0; i < json->size(); ++i) {
    auto entity = JsonReader("[" + std::to_string(i) + "]").entity((*json)[i], nullptr);
    if (!entity) return fail(entity.error());
    out.push_back(std::move(*entity));
  }
  detail::drop_equal_duplicates(out);
  return out;
}

Result<Value> parse_context_json(std::string_view text, const JsonLimits& limits) {
  auto json = detail::parse_cedar_json(text, limits);
  if (!json) return fail(json.error());
  // An escape such as {"__entity": …} reads as another value, and a context is a record.
  auto value = JsonReader("context").value(*json);
  if (!value) return value;
  if (!value->is(ValueKind::record))
    return fail(ErrorKind::malformed, "cedar.json.invalid", "context: expected an object");
  return value;
}

Result<Value> parse_value_json(std::string_view text, const JsonLimits& limits) {
  auto json = detail::parse_cedar_json(text, limits);
  if (!json) return fail(json.error());
  return JsonReader("value").value(*json);
}

}  // namespace cedar
