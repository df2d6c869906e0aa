// Bytes, hex and base64url. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace countersign {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(ByteView bytes);
// Accepts lower and upper case; malformed ("hex.malformed") on odd length or any other character.
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

// RFC 4648 section 5, no padding.
[[nodiscard]] std::string to_base64url(ByteView bytes);
// Strict: no padding, no white space, and unused trailing bits must be zero, so that one value has one spelling.
[[nodiscard]] Result<Bytes> from_base64url(std::string_view text);

// RFC 4648 section 4 with padding: signed notes and Basic credentials.
[[nodiscard]] std::string to_base64(ByteView bytes);
[[nodiscard]] Result<Bytes> from_base64(std::string_view text);

// Compares in a time that depends on the lengths only.
[[nodiscard]] bool equal_constant_time(ByteView a, ByteView b);

// `count` bytes from the operating system's generator. Ends the process if there is none: nothing here may run on
// guessable keys.
[[nodiscard]] Bytes random_bytes(std::size_t count);

}  // namespace countersign
