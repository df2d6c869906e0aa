#include "core/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <unordered_set>
#include <vector>

namespace countersign {
namespace {

// Builds the value itself, so that duplicate keys, depth and counts are seen while parsing and not after.
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit StrictBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t& text) override {
    // An integer that does not fit 64 bits arrives here as a double: digits only, no '.', no exponent.
    if (text.find_first_of(".eE") == std::string::npos)
      return refuse("json.number_range", "an integer does not fit in 64 bits");
    return put(value);
  }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (!stack_.back()->is_object()) return false;
    if (stack_.back()->contains(name)) return refuse("json.duplicate_key", "an object has the same key twice");
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    if (!error_) error_ = Error{ErrorKind::malformed, "json.malformed", "not JSON at byte " + std::to_string(position)};
    return false;
  }

  Result<Json> take() {
    if (error_) return fail(std::move(*error_));
    return std::move(root_);
  }

 private:
  bool refuse(std::string_view code, std::string message) {
    error_ = Error{ErrorKind::malformed, std::string(code), std::move(message)};
    return false;
  }
  template <class T>
  Json* place(T&& value) {
    if (stack_.empty()) {
      root_ = std::forward<T>(value);
      return &root_;
    }
    Json& top = *stack_.back();
    if (top.is_object()) return &(top[std::move(key_)] = std::forward<T>(value));
    top.push_back(std::forward<T>(value));
    return &top.back();
  }
  template <class T>
  bool put(T&& value) {
    if (++count_ > limits_.values) return refuse("json.too_large", "too many values");
    place(std::forward<T>(value));
    return true;
  }
  bool open(Json container) {
    if (++count_ > limits_.values) return refuse("json.too_large", "too many values");
    if (stack_.size() >= limits_.depth) return refuse("json.too_deep", "nested too deeply");
    stack_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  JsonLimits limits_;
  Json root_;
  std::vector<Json*> stack_;
  std::string key_;
  std::size_t count_ = 0;
  std::optional<Error> error_;
};

// ECMAScript's Number::toString, which RFC 8785 prescribes.
std::string es6_number(double value) {
  if (value == 0) return "0";
  std::array<char, 40> text{};
  auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific);
  std::string_view all(text.data(), static_cast<std::size_t>(end - text.data()));
  bool negative = all.front() == '-';
  if (negative) all.remove_prefix(1);
  std::size_t e = all.find('e');
  std::string digits;
  for (char c : all.substr(0, e)) {
    if (c != '.') digits += c;
  }
  int exponent = 0;
  std::string_view exponent_text = all.substr(e + 1);
  if (exponent_text.front() == '+') exponent_text.remove_prefix(1);
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  int point = exponent + 1;  // position of the decimal point after the first digit of `digits`
  int count = static_cast<int>(digits.size());
  std::string out;
  if (point > 21 || point <= -6) {
    out = digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    out += exponent < 0 ? "e-" : "e+";
    out += std::to_string(std::abs(exponent));
  } else if (point <= 0) {
    out = "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else if (count <= point) {
    out = digits + std::string(static_cast<std::size_t>(point - count), '0');
  } else {
    out = digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
  }
  return negative ? "-" + out : out;
}

// UTF-16 order equals UTF-8 byte order but for one thing: surrogates (code points above U+FFFF) sort before
// U+E000…U+FFFF.
bool utf16_less(std::string_view a, std::string_view b) {
  auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
  auto rank = [](char c) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0xF0) return 0xED;         // a surrogate pair begins with D800…DFFF, which would be ED in UTF-8
    if (byte >= 0xEE) return byte + 0x10;  // U+E000 and above
    return static_cast<int>(byte);
  };
  int left = rank(*x);
  int right = rank(*y);
  if (left != right) return left < right;
  return static_cast<unsigned char>(*x) < static_cast<unsigned char>(*y);
}

void write_canonical(const Json& value, std::string& out);

void write_object(const Json& object, std::string& out) {
  std::vector<const std::string*> keys;
  for (auto it = object.begin(); it != object.end(); ++it) keys.push_back(&it.key());
  std::sort(keys.begin(), keys.end(), [](auto* a, auto* b) { return utf16_less(*a, *b); });
  out += '{';
  bool first = true;
  for (const std::string* key : keys) {
    if (!first) out += ',';
    first = false;
    out += Json(*key).dump();
    out += ':';
    write_canonical(object.at(*key), out);
  }
  out += '}';
}

void write_canonical(const Json& value, std::string& out) {
  if (value.is_object()) return write_object(value, out);
  if (value.is_number_float()) {
    out += es6_number(value.get<double>());
    return;
  }
  if (!value.is_array()) {
    out += value.dump();  // nlohmann escapes exactly what JCS escapes, in the same spelling
    return;
  }
  out += '[';
  bool first = true;
  for (const Json& element : value) {
    if (!first) out += ',';
    first = false;
    write_canonical(element, out);
  }
  out += ']';
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) return fail(ErrorKind::too_large, "json.too_large", "JSON text over the size limit");
  StrictBuilder builder(limits);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

Result<std::string> canonical_json(const Json& value) {
  std::string out;
  try {
    write_canonical(value, out);
  } catch (const Json::exception&) {  // dump() throws type_error.316 on strings that are not UTF-8
    return fail(ErrorKind::malformed, "json.not_utf8", "a string is not UTF-8");
  }
  return out;
}

const Json* find_member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

std::string string_or(const Json& object, std::string_view key, std::string_view fallback) {
  const Json* member = find_member(object, key);
  return member && member->is_string() ? member->get<std::string>() : std::string(fallback);
}

std::int64_t integer_or(const Json& object, std::string_view key, std::int64_t fallback) {
  const Json* member = find_member(object, key);
  return member && member->is_number_integer() ? member->get<std::int64_t>() : fallback;
}

}  // namespace countersign
