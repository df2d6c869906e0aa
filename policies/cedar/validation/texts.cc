#include "policies/cedar/validation/texts.h"

#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "policies/cedar/utf8.h"
#include "policies/cedar/validation/scripts.h"

namespace cedar::validation {
namespace {

constexpr std::string_view kBidiHelp = "it makes text look different from what it says";

// "U+202E", with the character itself where that can be shown.
std::string name_of(char32_t character, std::string_view shown) {
  std::array<char, 8> digits{};
  char* end = std::to_chars(digits.begin(), digits.end(), static_cast<std::uint32_t>(character), 16).ptr;
  std::string hex(digits.begin(), end);
  for (char& each : hex) each = static_cast<char>(each >= 'a' ? each - 'a' + 'A' : each);
  hex = "U+" + std::string(hex.size() < 4 ? 4 - hex.size() : 0, '0') + hex;
  return shown.empty() ? hex : std::string(shown) + " (" + hex + ")";
}

std::string shown(char32_t character) {
  if (character < 0x80) {
    return character > 0x20 && character < 0x7F ? "`" + std::string(1, static_cast<char>(character)) + "`" : "";
  }
  if (!is_allowed_in_identifiers(character)) return {};
  std::string out = "`";
  append_utf8(out, character);
  return out + "`";
}

template <class Test>
std::optional<char32_t> first(std::string_view text, Test test) {
  CodePoints characters(text);
  while (auto each = characters.next()) {
    if (test(*each)) return each;
  }
  return std::nullopt;
}

void mixed(Finding kind, std::string_view what, char32_t other, Span span, Report& report) {
  report.warning(kind, span,
                 "this " + std::string(what) + " mixes scripts: " + name_of(other, shown(other)) +
                     " is of another script than what stands before it",
                 "letters of different scripts may look alike");
}

void check_string(std::string_view text, Span span, Report& report) {
  if (auto bidi = first(text, is_bidi_control)) {
    report.warning(Finding::bidi_string, span, "this string holds the text direction control " + name_of(*bidi, ""),
                   std::string(kBidiHelp));
  } else if (auto other = first_of_other_script(text)) {
    mixed(Finding::mixed_script_string, "string", *other, span, report);
  }
}

void check_identifier(std::string_view text, Span span, Report& report) {
  auto odd = [](char32_t each) { return (each < 0x20 || each > 0x7E) && !is_allowed_in_identifiers(each); };
  if (auto bidi = first(text, is_bidi_control)) {
    report.warning(Finding::bidi_identifier, span, "this name holds the text direction control " + name_of(*bidi, ""),
                   std::string(kBidiHelp));
  } else if (auto found = first(text, odd)) {
    report.warning(Finding::confusable_identifier, span,
                   "this name holds " + name_of(*found, "") + ", which does not belong in names",
                   "it may be invisible or look like another character");
  } else if (auto other = first_of_other_script(text)) {
    mixed(Finding::mixed_script_identifier, "name", *other, span, report);
  }
}

}  // namespace

void check_texts(const Conditions& conditions, Report& report) {
  for (const Node& node : conditions.nodes()) {
    switch (node.form) {
      case Form::string:
        check_string(node.text, node.span, report);
        break;
      case Form::entity:
        check_identifier(node.text2, node.span, report);
        break;
      case Form::attribute:
      case Form::has:
        check_identifier(node.text, node.span, report);
        break;
      case Form::record:
        for (const std::string& key : node.keys) check_identifier(key, node.span, report);
        break;
      case Form::like: {
        std::string text;
        for (const std::string& piece : node.pattern->pieces()) text += piece;
        check_string(text, node.span, report);
        break;
      }
      default:
        break;
    }
  }
}

}  // namespace cedar::validation
