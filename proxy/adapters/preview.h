// Stored bytes as approvers see them. What cannot be shown faithfully is named by digest and size, never guessed at.
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/visible.h"
#include "proxy/adapters/adapter.h"

namespace countersign::adapters {

inline constexpr std::size_t kMaxPreviewBytes = 64U << 10;

enum class Coding : std::uint8_t { plain, encoded };  // encoded: compressed, cannot be read as it is

// Well-formed JSON, a line for each member and element, in the order of the text. Numbers stay as they were written:
// read and written again, one of 20 decimals would be another one than the one that runs. Strings are
// unescaped as far as JSON allows.
[[nodiscard]] std::string indented_json(std::string_view json);

// JSON indented, text as it is, anything else as digest and size. `body` may be only the beginning of `size` bytes.
[[nodiscard]] PreviewPart preview_body(std::string title, std::string_view body, std::uint64_t size,
                                       std::string_view sha256, Coding coding);

}  // namespace countersign::adapters
