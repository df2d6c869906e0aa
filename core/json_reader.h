// The hot JSON door: what arrives on the request path (MCP messages, JSON bodies) is read here, strictly and once.
//
// Strict means RFC 8259 in UTF-8 without a byte order mark, and beyond it: a key that appears twice in one object is
// refused at every level (readers disagree on which one counts, so a check would judge another request than the one
// that runs), integers must fit 64 bits, strings must be well-formed Unicode (no lone surrogate escapes).
//
// A JsonDocument belongs to one thread; JsonValue is a pointer into it and lives as long as it does. parse() may be
// called from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace countersign {

struct JsonReadLimits {
  std::size_t bytes = 8U << 20;
  std::size_t depth = 64;
  std::size_t values = 200'000;  // members and elements in all
};

enum class JsonKind : std::uint8_t { null, boolean, integer, unsigned_integer, number, string, array, object };

struct JsonNode;

// One value of a document; null-like (`!value`) when a look-up found nothing. Cheap to copy.
class JsonValue {
 public:
  JsonValue() = default;

  [[nodiscard]] explicit operator bool() const { return node_ != nullptr; }
  // Of a value that is there.
  [[nodiscard]] JsonKind kind() const;
  [[nodiscard]] bool is_object() const { return node_ && kind() == JsonKind::object; }
  [[nodiscard]] bool is_array() const { return node_ && kind() == JsonKind::array; }
  [[nodiscard]] bool is_string() const { return node_ && kind() == JsonKind::string; }

  // nullopt when missing or of another kind. Strings are unescaped and live as long as the document.
  [[nodiscard]] std::optional<std::string_view> string() const;
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  [[nodiscard]] std::optional<double> number() const;  // any of the three numeric kinds
  [[nodiscard]] std::optional<bool> boolean() const;

  // Members and elements in the order of the text.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] JsonValue first() const;
  [[nodiscard]] JsonValue next() const;        // the sibling after this one
  [[nodiscard]] std::string_view key() const;  // of a member; empty for elements
  [[nodiscard]] JsonValue member(std::string_view key) const;
  // RFC 6901 pointer, "" being this value. Nothing is found when the pointer is malformed.
  [[nodiscard]] JsonValue at(std::string_view pointer) const;

  // RFC 8785 (JCS): the same spelling as canonical_json (core/json.h) gives.
  [[nodiscard]] std::string canonical() const;
  void append_canonical(std::string& out) const;

 private:
  friend class JsonDocument;
  explicit JsonValue(const JsonNode* node) : node_(node) {}
  const JsonNode* node_ = nullptr;
};

class JsonDocument {
 public:
  // Errors: json.malformed (also not UTF-8), json.duplicate_key, json.too_large, json.too_deep, json.number_range.
  static Result<JsonDocument> parse(std::string_view text, const JsonReadLimits& limits = {});

  JsonDocument(JsonDocument&&) noexcept;
  JsonDocument& operator=(JsonDocument&&) noexcept;
  ~JsonDocument();

  [[nodiscard]] JsonValue root() const;

 private:
  struct Storage;
  explicit JsonDocument(std::unique_ptr<Storage> storage);
  std::unique_ptr<Storage> storage_;
};

// The bytes of `text` that spell the value of the object's member `key`, empty when there is none. `text` must be what
// `object` was parsed from. For handing a value on exactly as it was written.
[[nodiscard]] std::string_view json_member_source(JsonValue object, std::string_view text, std::string_view key);

// The elements of a well-formed JSON array or the values of a well-formed object's members, as slices of the text.
// Behaviour is defined, but the result meaningless, when `text` does not parse.
[[nodiscard]] std::vector<std::string_view> json_slices(std::string_view text);

// Well-formed UTF-8: no overlong forms, no surrogates.
[[nodiscard]] bool is_utf8(std::string_view text);

// Appends `text`, which must be UTF-8, as a JSON string in the spelling RFC 8785 prescribes.
void append_json_string(std::string_view text, std::string& out);

}  // namespace countersign
