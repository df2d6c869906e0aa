#include "policies/input.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/json_reader.h"

namespace countersign::policies {
namespace {

using cedar::Type;
using cedar::TypeKind;
using cedar::Value;

constexpr std::size_t kMostMisfits = 20;

std::optional<std::int64_t> whole_number(JsonValue json) {
  if (auto exact = json.integer()) return exact;
  constexpr double kPast64Bits = 9223372036854775808.0;
  if (json.kind() != JsonKind::number) return std::nullopt;
  double number = *json.number();
  if (std::trunc(number) != number || number < -kPast64Bits || number >= kPast64Bits) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::optional<cedar::Decimal> decimal(std::string_view text) {
  auto read = cedar::Decimal::parse(text);
  if (!read && text.find('.') == std::string_view::npos) read = cedar::Decimal::parse(std::string(text) + ".0");
  return read ? std::optional(*read) : std::nullopt;
}

// Cedar's own parser judges digits and range.
std::optional<cedar::Decimal> decimal(JsonValue json) {
  if (auto text = json.string()) return decimal(*text);
  if (auto exact = json.integer()) return decimal(std::to_string(*exact));
  if (json.kind() != JsonKind::number) return std::nullopt;
  // The shortest spelling that reads back as the same double.
  std::array<char, 400> text{};
  auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), *json.number(), std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  return decimal(std::string_view(text.data(), static_cast<std::size_t>(end - text.data())));
}

// Parsed text of an extension type, as a value.
template <class Parsed>
std::optional<Value> parsed(JsonValue json, Value (*make)(Parsed)) {
  auto text = json.string();
  if (!text) return std::nullopt;
  auto read = std::remove_cvref_t<Parsed>::parse(*text);
  return read ? std::optional(make(*read)) : std::nullopt;
}

std::string_view describe(JsonValue json) {
  switch (json.kind()) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "a truth value";
    case JsonKind::integer:
    case JsonKind::unsigned_integer:
    case JsonKind::number:
      return "a number";
    case JsonKind::string:
      return "text";
    case JsonKind::array:
      return "a list";
    case JsonKind::object:
      return "an object";
  }
  return "null";
}

// Whether every number of a JSON text that is not spelt as an integer survives being read as a double: 15 digits do.
// What does not must not be compared with a limit: the upstream may read more of it than we did.
bool has_exact_numbers(std::string_view json) {
  constexpr int kDigits = 15;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '"') {
      while (++i < json.size() && json[i] != '"') i += json[i] == '\\' ? 1 : 0;
      continue;
    }
    bool digit = json[i] >= '0' && json[i] <= '9';
    if (!digit) continue;
    int significant = 0;
    bool fraction = false;
    bool exponent = false;
    for (; i < json.size() && std::string_view("0123456789.eE+-").contains(json[i]); ++i) {
      exponent = exponent || json[i] == 'e' || json[i] == 'E';
      fraction = fraction || json[i] == '.' || exponent;
      bool counts = json[i] >= '0' && json[i] <= '9' && !exponent && (significant > 0 || json[i] != '0');
      significant += counts ? 1 : 0;
    }
    --i;
    if (fraction && significant > kDigits) return false;
  }
  return true;
}

// The depth was bounded when the text was parsed, and a type's when the schema was.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Value record(JsonValue json, const Type& type) {
    std::vector<cedar::Field> fields;
    for (const cedar::AttributeType& attribute : type.attributes()) {
      JsonValue member = json.member(attribute.name);
      bool absent = !member || member.kind() == JsonKind::null;
      if (absent && attribute.requirement == cedar::Requirement::optional) continue;
      std::size_t before = where_.size();
      where_.append(".").append(attribute.name);
      fields.emplace_back(cedar::Text(attribute.name), absent ? missing() : value(member, *attribute.type));
      where_.resize(before);
    }
    return Value::record(std::move(fields));
  }

  std::vector<std::string> misfits;

 private:
  Value value(JsonValue json, const Type& type) {
    if (auto read = fitting(json, type)) return std::move(*read);
    return unknown(std::string(describe(json)) + ", not " + type.to_text());
  }

  // nullopt when it does not fit.
  std::optional<Value> fitting(JsonValue json, const Type& type) {
    if (json.kind() == JsonKind::number && !is_exact()) return std::nullopt;
    switch (type.kind()) {
      case TypeKind::boolean:
        if (auto flag = json.boolean()) return Value::boolean(*flag);
        return std::nullopt;
      case TypeKind::integer:
        if (auto number = whole_number(json)) return Value::integer(*number);
        return std::nullopt;
      case TypeKind::string:
        if (auto text = json.string()) return Value::string(*text);
        return std::nullopt;
      case TypeKind::decimal:
        if (auto number = decimal(json)) return Value::decimal(*number);
        return std::nullopt;
      case TypeKind::ip:
        return parsed<const cedar::IpAddress&>(json, Value::ip);
      case TypeKind::datetime:
        return parsed<cedar::Datetime>(json, Value::datetime);
      case TypeKind::duration:
        return parsed<cedar::Duration>(json, Value::duration);
      case TypeKind::entity:
        return std::nullopt;  // parameters make no entities
      case TypeKind::set:
        return set(json, *type.element());
      case TypeKind::record:
        if (json.is_object()) return record(json, type);
        return std::nullopt;
    }
    return std::nullopt;
  }

  Value set(JsonValue json, const Type& element_type) {
    std::vector<Value> elements;
    if (!json.is_array()) {
      elements.push_back(value(json, element_type));
    } else {
      elements.reserve(json.size());
      for (JsonValue element = json.first(); element; element = element.next()) {
        if (element.kind() != JsonKind::null) elements.push_back(value(element, element_type));
      }
    }
    return Value::set(std::move(elements));
  }

  // Asked only when there is such a number.
  bool is_exact() {
    if (!exact_) exact_ = has_exact_numbers(text_);
    return *exact_;
  }

  // Not more of them than the protocol's type has members: what operators declare is optional.
  Value missing() {
    misfits.push_back(where_ + std::string(kNotKnown));
    return Value::unknown(where_);
  }
  Value unknown(const std::string& what) {
    if (misfits.size() < kMostMisfits) misfits.push_back(where_ + " is " + what);
    return Value::unknown(where_);
  }

  std::string where_ = "context.input";
  std::string_view text_;
  std::optional<bool> exact_;
};

}  // namespace

Result<TypedInput> input_value(std::string_view json, const cedar::Type& type, const InputLimits& limits) {
  auto document = JsonDocument::parse(json.empty() ? "{}" : json,
                                      {.bytes = limits.bytes, .depth = limits.depth, .values = limits.values});
  if (!document) return fail(document.error());
  if (!document->root().is_object())
    return fail(ErrorKind::malformed, "input.malformed", "the parameters are not an object");
  Reader reader(json);
  TypedInput out{reader.record(document->root(), type), {}};
  out.misfits = std::move(reader.misfits);
  return out;
}

}  // namespace countersign::policies
