#include "core/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_set>

#include "core/json.h"
#include "core/json_writer.h"

namespace countersign {

struct JsonNode {
  JsonKind kind = JsonKind::null;
  std::uint32_t next = 0;   // index of the next sibling, 0: none
  std::uint32_t count = 0;  // children
  const JsonNode* nodes = nullptr;
  std::string_view key;
  std::string_view text;
  union {
    std::int64_t integer = 0;
    std::uint64_t unsigned_integer;
    double number;
    bool boolean;
  };
};

struct JsonDocument::Storage {
  simdjson::dom::document document;
  std::vector<JsonNode> nodes;
};

namespace {

namespace dom = simdjson::dom;

// Reading leaves its working memory here for the next text; past this size it is given back.
constexpr std::size_t kKeptCapacity = 1U << 20;
constexpr std::size_t kLinearKeys = 12;

Error malformed(std::string_view code, std::string message) {
  return {ErrorKind::malformed, std::string(code), std::move(message)};
}

Error from_simdjson(simdjson::error_code code) {
  switch (code) {
    case simdjson::DEPTH_ERROR:
      return malformed("json.too_deep", "nested too deeply");
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
      return {ErrorKind::too_large, "json.too_large", "JSON text over the size limit"};
    case simdjson::UTF8_ERROR:
      return malformed("json.malformed", "not JSON: not UTF-8");
    case simdjson::NUMBER_ERROR:
      return malformed("json.number_range", "a number is malformed or out of range");
    default:
      return malformed("json.malformed", std::string("not JSON: ") + simdjson::error_message(code));
  }
}

// Copies the tape into nodes, looking at every key and string on the way.
class Builder {
 public:
  Builder(std::vector<JsonNode>& nodes, const JsonReadLimits& limits) : nodes_(nodes), limits_(limits) {}

  // False when `error_` says why not.
  bool add(dom::element element, std::string_view key, std::size_t depth) {
    if (nodes_.size() >= limits_.values) return refuse("json.too_large", "too many values");
    std::size_t at = nodes_.size();
    nodes_.emplace_back();
    nodes_[at].key = key;
    switch (element.type()) {
      case dom::element_type::OBJECT:
        return add_object(dom::object(element), at, depth);
      case dom::element_type::ARRAY:
        return add_array(dom::array(element), at, depth);
      case dom::element_type::STRING:
        nodes_[at].kind = JsonKind::string;
        nodes_[at].text = std::string_view(element);
        return well_formed(nodes_[at].text);
      case dom::element_type::INT64:
        nodes_[at].kind = JsonKind::integer;
        nodes_[at].integer = std::int64_t(element);
        return true;
      case dom::element_type::UINT64:
        nodes_[at].kind = JsonKind::unsigned_integer;
        nodes_[at].unsigned_integer = std::uint64_t(element);
        return true;
      case dom::element_type::DOUBLE:
        nodes_[at].kind = JsonKind::number;
        nodes_[at].number = double(element);
        return readable_again(nodes_[at].number);
      case dom::element_type::BOOL:
        nodes_[at].kind = JsonKind::boolean;
        nodes_[at].boolean = bool(element);
        return true;
      case dom::element_type::NULL_VALUE:
        return true;
    }
    return refuse("json.malformed", "not JSON");
  }

  [[nodiscard]] Error error() const { return error_; }

 private:
  bool refuse(std::string_view code, std::string message) {
    error_ = malformed(code, std::move(message));
    return false;
  }
  // The escape of a lone surrogate passes simdjson's parser as three bytes that are not UTF-8.
  bool well_formed(std::string_view text) {
    return simdjson::validate_utf8(text) || refuse("json.malformed", "a string is not well-formed Unicode");
  }
  // 1e20 is an integer beyond 64 bits, and RFC 8785 spells it as one: nobody could read its canonical form.
  bool readable_again(double value) {
    constexpr double kPlainDigits = 1e21;  // from here on the canonical spelling has an exponent
    bool too_large = value >= 0x1p64 && value < kPlainDigits;
    bool too_small = value < -0x1p63 && value > -kPlainDigits;
    return !(too_large || too_small) || refuse("json.number_range", "an integer does not fit in 64 bits");
  }
  bool seen_before(std::size_t object, std::string_view key, std::unordered_set<std::string_view>& seen) {
    std::size_t count = nodes_[object].count;
    if (count < kLinearKeys) {
      std::size_t child = object + 1;
      for (std::size_t i = 0; i < count; ++i, child = nodes_[child].next) {
        if (nodes_[child].key == key) return true;
      }
      return false;
    }
    if (count == kLinearKeys) {
      std::size_t child = object + 1;
      for (std::size_t i = 0; i < count; ++i, child = nodes_[child].next) seen.insert(nodes_[child].key);
    }
    return !seen.insert(key).second;
  }
  // Links the child that is about to be added behind the one before it.
  void link(std::size_t parent, std::size_t& previous) {
    if (nodes_[parent].count > 0) nodes_[previous].next = static_cast<std::uint32_t>(nodes_.size());
    previous = nodes_.size();
  }
  bool add_object(dom::object object, std::size_t at, std::size_t depth) {
    nodes_[at].kind = JsonKind::object;
    if (depth >= limits_.depth) return refuse("json.too_deep", "nested too deeply");
    std::unordered_set<std::string_view> seen;
    std::size_t previous = 0;
    for (dom::key_value_pair member : object) {
      link(at, previous);
      if (seen_before(at, member.key, seen)) return refuse("json.duplicate_key", "an object has the same key twice");
      if (!well_formed(member.key) || !add(member.value, member.key, depth + 1)) return false;
      ++nodes_[at].count;
    }
    return true;
  }
  bool add_array(dom::array array, std::size_t at, std::size_t depth) {
    nodes_[at].kind = JsonKind::array;
    if (depth >= limits_.depth) return refuse("json.too_deep", "nested too deeply");
    std::size_t previous = 0;
    for (dom::element element : array) {
      link(at, previous);
      if (!add(element, {}, depth + 1)) return false;
      ++nodes_[at].count;
    }
    return true;
  }

  std::vector<JsonNode>& nodes_;
  const JsonReadLimits& limits_;
  Error error_;
};

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) ++at;
  return at;
}

std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return text.size();
}

std::size_t skip_value(std::string_view text, std::size_t at) {
  std::size_t open = 0;
  while (at < text.size()) {
    char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
    } else if (c == '{' || c == '[') {
      ++open;
      ++at;
    } else if (c == '}' || c == ']') {
      if (open == 0) return at;
      --open;
      ++at;
    } else if (c == ',' || c == ':' || c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (open == 0) return at;
      ++at;
      continue;
    } else {
      while (at < text.size() && std::string_view(",]} \t\n\r").find(text[at]) == std::string_view::npos) ++at;
    }
    if (open == 0) return at;
  }
  return at;
}

// Keys in UTF-16 code unit order, as RFC 8785 asks. It differs from byte order only where a character beyond U+FFFF
// (lead byte F0 and up, a surrogate in UTF-16) meets one from U+E000 to U+FFFF (lead bytes EE and EF).
bool utf16_less(std::string_view a, std::string_view b) {
  auto [x, y] = std::ranges::mismatch(a, b);
  if (x == a.end() || y == b.end()) return y != b.end();
  auto rank = [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte == 0xEE || byte == 0xEF ? byte + 0x100 : static_cast<int>(byte);
  };
  return rank(*x) < rank(*y);
}

template <class Number>
void append_number(Number number, std::string& out) {
  std::array<char, 24> digits{};
  auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

}  // namespace

JsonKind JsonValue::kind() const {
  return node_->kind;
}

std::optional<std::string_view> JsonValue::string() const {
  if (!is_string()) return std::nullopt;
  return node_->text;
}

std::optional<std::int64_t> JsonValue::integer() const {
  if (!node_ || kind() != JsonKind::integer) return std::nullopt;
  return node_->integer;
}

std::optional<double> JsonValue::number() const {
  if (!node_) return std::nullopt;
  if (kind() == JsonKind::integer) return static_cast<double>(node_->integer);
  if (kind() == JsonKind::unsigned_integer) return static_cast<double>(node_->unsigned_integer);
  if (kind() == JsonKind::number) return node_->number;
  return std::nullopt;
}

std::optional<bool> JsonValue::boolean() const {
  if (!node_ || kind() != JsonKind::boolean) return std::nullopt;
  return node_->boolean;
}

std::size_t JsonValue::size() const {
  return node_ ? node_->count : 0;
}

JsonValue JsonValue::first() const {
  return size() == 0 ? JsonValue() : JsonValue(node_ + 1);
}

JsonValue JsonValue::next() const {
  if (!node_ || node_->next == 0) return {};
  return JsonValue(node_->nodes + node_->next);
}

std::string_view JsonValue::key() const {
  return node_ ? node_->key : std::string_view();
}

JsonValue JsonValue::member(std::string_view key) const {
  if (!is_object()) return {};
  for (JsonValue child = first(); child; child = child.next()) {
    if (child.key() == key) return child;
  }
  return {};
}

JsonValue JsonValue::at(std::string_view pointer) const {
  JsonValue value = *this;
  while (value && !pointer.empty()) {
    if (pointer.front() != '/') return {};
    std::size_t end = std::min(pointer.find('/', 1), pointer.size());
    std::string token;
    for (std::size_t i = 1; i < end; ++i) {
      if (pointer[i] != '~') {
        token += pointer[i];
        continue;
      }
      char escaped = ++i < end ? pointer[i] : '\0';
      if (escaped != '0' && escaped != '1') return {};
      token += escaped == '0' ? '~' : '/';
    }
    pointer.remove_prefix(end);
    if (value.is_object()) {
      value = value.member(token);
      continue;
    }
    std::size_t index = 0;
    auto [rest, error] = std::from_chars(token.data(), token.data() + token.size(), index);
    bool exact = error == std::errc() && rest == token.data() + token.size() && (token == "0" || token.front() != '0');
    if (!value.is_array() || !exact || index >= value.size()) return {};
    value = value.first();
    while (index-- > 0) value = value.next();
  }
  return value;
}

std::string JsonValue::canonical() const {
  std::string out;
  append_canonical(out);
  return out;
}

void JsonValue::append_canonical(std::string& out) const {
  if (!node_) return;
  switch (kind()) {
    case JsonKind::null:
      out += "null";
      return;
    case JsonKind::boolean:
      out += node_->boolean ? "true" : "false";
      return;
    case JsonKind::integer:
      return append_number(node_->integer, out);
    case JsonKind::unsigned_integer:
      return append_number(node_->unsigned_integer, out);
    case JsonKind::number:
      out += canonical_json(Json(node_->number)).value_or("0");
      return;
    case JsonKind::string:
      return append_json_string(node_->text, out);
    case JsonKind::array: {
      out += '[';
      for (JsonValue child = first(); child; child = child.next()) {
        if (child.node_ != node_ + 1) out += ',';
        child.append_canonical(out);
      }
      out += ']';
      return;
    }
    case JsonKind::object: {
      std::vector<JsonValue> members;
      members.reserve(size());
      for (JsonValue child = first(); child; child = child.next()) members.push_back(child);
      std::ranges::sort(members, [](JsonValue a, JsonValue b) { return utf16_less(a.key(), b.key()); });
      out += '{';
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (i > 0) out += ',';
        append_json_string(members[i].key(), out);
        out += ':';
        members[i].append_canonical(out);
      }
      out += '}';
      return;
    }
  }
}

JsonDocument::JsonDocument(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

Result<JsonDocument> JsonDocument::parse(std::string_view text, const JsonReadLimits& limits) {
  if (text.size() > limits.bytes) return fail(ErrorKind::too_large, "json.too_large", "JSON text over the size limit");
  if (text.empty())
    return fail(malformed("json.malformed", "not JSON: nothing"));  // of no text there may be no address
  if (text.starts_with("\xEF\xBB\xBF")) return fail(malformed("json.malformed", "not JSON: a byte order mark"));
  static thread_local dom::parser parser;
  auto storage = std::make_unique<Storage>();
  auto parsed = parser.parse_into_document(storage->document, text.data(), text.size());
  if (parser.capacity() > kKeptCapacity) parser = dom::parser();
  dom::element root;
  if (simdjson::error_code code = parsed.get(root)) return fail(from_simdjson(code));

  Builder builder(storage->nodes, limits);
  if (!builder.add(root, {}, 0)) return fail(builder.error());
  for (JsonNode& node : storage->nodes) node.nodes = storage->nodes.data();
  return JsonDocument(std::move(storage));
}

JsonValue JsonDocument::root() const {
  return JsonValue(storage_->nodes.data());
}

std::string_view json_member_source(JsonValue object, std::string_view text, std::string_view key) {
  if (!object.is_object()) return {};
  std::size_t index = 0;
  for (JsonValue child = object.first(); child; child = child.next(), ++index) {
    if (child.key() != key) continue;
    std::vector<std::string_view> slices = json_slices(text);
    return index < slices.size() ? slices[index] : std::string_view();
  }
  return {};
}

std::vector<std::string_view> json_slices(std::string_view text) {
  std::vector<std::string_view> slices;
  std::size_t at = skip_space(text, 0);
  if (at >= text.size() || (text[at] != '{' && text[at] != '[')) return slices;
  bool object = text[at] == '{';
  at = skip_space(text, at + 1);
  while (at < text.size() && text[at] != '}' && text[at] != ']') {
    if (object) {
      at = skip_space(text, skip_string(text, at));
      at = skip_space(text, at + 1);  // the colon
    }
    std::size_t end = skip_value(text, std::min(at, text.size()));
    slices.push_back(text.substr(std::min(at, text.size()), end - std::min(at, end)));
    at = skip_space(text, end);
    if (at < text.size() && text[at] == ',')
      at = skip_space(text, at + 1);
    else
      break;
  }
  return slices;
}

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text);
}

void append_json_string(std::string_view text, std::string& out) {
  JsonWriter(out).value(text);
}

}  // namespace countersign
