#include "policies/cedar/validation/scripts.h"

#include <algorithm>
#include <iterator>

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
  auto lead = static_cast<unsigned char>(rest_.front());
  std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  length = std::min(length, rest_.size());
  constexpr unsigned char kLeadBits[] = {0x7F, 0x1F, 0x0F, 0x07};
  char32_t out = lead & kLeadBits[length - 1];
  for (char each : rest_.substr(1, length - 1)) out = (out << 6) | (static_cast<unsigned char>(each) & 0x3FU);
  rest_.remove_prefix(length);
  return out;
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
