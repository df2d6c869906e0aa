#include "policies/cedar/validation/scripts.h"

#include <algorithm>
#include <iterator>

#include "policies/cedar/utf8.h"
#include "policies/cedar/validation/script_table.h"

namespace cedar::validation {

Scripts scripts_of(char32_t character) {
  auto after = std::ranges::upper_bound(kScriptRuns, character, {}, &ScriptRun::first);
  return kScriptSets[std::prev(after)->set];
}

bool is_allowed_in_identifiers(char32_t character) {
  auto after = std::ranges::upper_bound(kIdentifierRanges, character, {}, &CharacterRange::first);
  return after != std::begin(kIdentifierRanges) && character <= std::prev(after)->last;
}

bool is_bidi_control(char32_t character) {
  return (character >= U'\u202A' && character <= U'\u202E') || (character >= U'\u2066' && character <= U'\u2069');
}

std::optional<char32_t> CodePoints::next() {
  if (rest_.empty()) return std::nullopt;
  Character first = first_character(rest_);
  rest_.remove_prefix(first.bytes);
  return first.code;
}

std::optional<char32_t> first_of_other_script(std::string_view text) {
  Scripts common;
  common.fill(~std::uint64_t{0});
  CodePoints characters(text);
  while (auto each = characters.next()) {
    Scripts scripts = scripts_of(*each);
    bool some = false;
    for (std::size_t i = 0; i < common.size(); ++i) {
      common[i] &= scripts[i];
      some = some || common[i] != 0;
    }
    if (!some) return each;
  }
  return std::nullopt;
}

}  // namespace cedar::validation
