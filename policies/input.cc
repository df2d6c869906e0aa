#include "policies/input.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/json_reader.h"

namespace countersign::policies {
namespace {

cedar::Value unreadable_number() {
  return cedar::Value::unknown("a number of context.input that Cedar cannot hold");
}

cedar::Value number_value(double number) {
  constexpr double kPast64Bits = 9223372036854775808.0;
  if (std::trunc(number) == number && number >= -kPast64Bits && number < kPast64Bits)
    return cedar::Value::integer(static_cast<std::int64_t>(number));
  // The shortest spelling that reads back as the same double; Cedar's own parser judges digits and range.
  std::array<char, 400> text{};
  auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc()) return unreadable_number();
  auto decimal = cedar::Decimal::parse(std::string_view(text.data(), static_cast<std::size_t>(end - text.data())));
  return decimal ? cedar::Value::decimal(*decimal) : unreadable_number();
}

// nullopt for null. The depth was bounded when the text was parsed.
std::optional<cedar::Value> value_of(JsonValue json) {
  switch (json.kind()) {
    case JsonKind::null:
      return std::nullopt;
    case JsonKind::boolean:
      return cedar::Value::boolean(*json.boolean());
    case JsonKind::integer:
      return cedar::Value::integer(*json.integer());
    case JsonKind::unsigned_integer:
      if (auto fits = json.integer()) return cedar::Value::integer(*fits);
      return unreadable_number();
    case JsonKind::number:
      return number_value(*json.number());
    case JsonKind::string:
      return cedar::Value::string(*json.string());
    case JsonKind::array: {
      std::vector<cedar::Value> elements;
      elements.reserve(json.size());
      for (JsonValue element = json.first(); element; element = element.next()) {
        if (auto value = value_of(element)) elements.push_back(std::move(*value));
      }
      return cedar::Value::set(std::move(elements));
    }
    case JsonKind::object: {
      std::vector<cedar::Field> fields;
      fields.reserve(json.size());
      for (JsonValue member = json.first(); member; member = member.next()) {
        if (auto value = value_of(member)) fields.emplace_back(cedar::Text(member.key()), std::move(*value));
      }
      return cedar::Value::record(std::move(fields));
    }
  }
  return unreadable_number();
}

}  // namespace

Result<cedar::Value> input_value(std::string_view json, const InputLimits& limits) {
  if (json.empty()) return cedar::Value::record({});
  auto document = JsonDocument::parse(json, {.bytes = limits.bytes, .depth = limits.depth, .values = limits.values});
  if (!document) return fail(document.error());
  if (!document->root().is_object())
    return fail(ErrorKind::malformed, "input.malformed", "the parameters are not an object");
  return *value_of(document->root());
}

}  // namespace countersign::policies
