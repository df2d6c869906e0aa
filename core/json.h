// The cold JSON door: configuration, admin API, CLI, stored requests. (The request path reads with core/json_reader.h.)
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/result.h"

namespace countersign {

using Json = nlohmann::json;

struct JsonLimits {
  std::size_t bytes = 8U << 20;
  std::size_t depth = 64;
  std::size_t values = 200'000;  // members and elements in all
};

// Strict RFC 8259 in UTF-8. Refuses duplicate keys (json.duplicate_key), integers outside 64 bits, and anything past
// the limits (json.too_large, json.too_deep); everything else that does not parse is json.malformed.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// RFC 8785 (JCS): one spelling for each value, keys in UTF-16 order. What is hashed and signed is always this.
// Fails with json.not_utf8 when a string is not UTF-8.
Result<std::string> canonical_json(const Json& value);

// Typed look-ups for data from outside: nullptr or the fallback when the key is missing or of another type.
const Json* find_member(const Json& object, std::string_view key);
std::string string_or(const Json& object, std::string_view key, std::string_view fallback);
std::int64_t integer_or(const Json& object, std::string_view key, std::int64_t fallback);

}  // namespace countersign
