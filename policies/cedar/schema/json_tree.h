// JSON in which every value knows where it stands in the text, for messages about schemas. Strict RFC 8259; refuses
// duplicate keys and lone surrogates. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "policies/cedar/source.h"

namespace cedar {

enum class JsonKind : std::uint8_t { null, boolean, number, string, array, object };

// "a string", "an array", …
std::string_view describe(JsonKind kind);

struct JsonMember;

struct JsonNode {
  JsonKind kind = JsonKind::null;
  bool truth = false;  // of a boolean
  Span span;
  std::string text;  // of a string, decoded
  std::vector<JsonNode> elements;
  std::vector<JsonMember> members;  // in the order they are written

  const JsonMember* find(std::string_view key) const;
};

struct JsonMember {
  std::string key;
  Span key_span;
  JsonNode value;
};

struct JsonTreeLimits {
  std::size_t depth = 64;  // recursion goes as deep
  std::size_t values = 500'000;
};

// The value, or the first thing wrong (its position is not filled in). `text` is UTF-8.
std::expected<JsonNode, Diagnostic> parse_json_tree(std::string_view text, const JsonTreeLimits& limits);

}  // namespace cedar
