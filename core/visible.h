// What a text from a stranger may hide from the person who reads it. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace countersign {

struct TextCharacter {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool is_utf8 = false;  // false: one byte that begins no character
};

// What stands at the front of a text that is not empty (RFC 3629: no overlong forms, no surrogates).
[[nodiscard]] TextCharacter front_character(std::string_view text);

// Whether it is not seen itself or changes how others are shown: control characters, line feeds and tabs among them;
// bidirectional marks; characters without width; tags; variation selectors, which can carry text unseen.
[[nodiscard]] bool hides(char32_t code);

// Text that shows everything: control characters (newline and tab excepted), bidirectional controls and bad UTF-8
// become visible escapes; cut at `limit` bytes with a note that says how much is missing.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit);

}  // namespace countersign
