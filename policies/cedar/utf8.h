// Characters of UTF-8 texts: reading, spelling, cutting, and which of them cannot be seen. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cedar {

// True when the text is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
};

// The character at the front of a text that is well-formed and not empty.
Character first_character(std::string_view text);

void append_utf8(std::string& out, char32_t code);

// The first `bytes` bytes of a well-formed text, or up to three fewer: never a part of a character.
std::string_view beginning(std::string_view text, std::size_t bytes);
// The same with "…" behind it when something is left out.
std::string shortened(std::string_view text, std::size_t bytes);

// Whether it cannot be seen or changes how its neighbours are shown: controls, spaces other than ` `, formatting and
// bidirectional marks, private use, non-characters.
bool is_hidden(char32_t code);

}  // namespace cedar
