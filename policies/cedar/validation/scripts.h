// Which scripts characters belong to, and which characters belong in identifiers. Pure functions, any thread.
//
// Scripts: Unicode 17.0 Script_Extensions, augmented as TR39 section 5.1 says (Japanese, Korean and Han with Bopomofo
// are scripts of their own). Identifiers: TR39 General Security Profile of Unicode 15.1.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cedar::validation {

// A set of scripts.
using Scripts = std::array<std::uint64_t, 3>;

Scripts scripts_of(char32_t character);
bool is_allowed_in_identifiers(char32_t character);
// Whether it changes the direction in which text behind it is shown.
bool is_bidi_control(char32_t character);

// The characters of well-formed UTF-8, one after the other.
class CodePoints {
 public:
  explicit CodePoints(std::string_view text) : rest_(text) {}
  std::optional<char32_t> next();

 private:
  std::string_view rest_;
};

// The first character that has no script in common with all before it; nullopt when the text is of one script.
std::optional<char32_t> first_of_other_script(std::string_view text);

}  // namespace cedar::validation
