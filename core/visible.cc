#include "core/visible.h"

#include <algorithm>
#include <array>

namespace countersign {
namespace {

// `digits` hexadecimal digits at least.
std::string hex(std::uint32_t value, std::size_t digits) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (; value > 0 || out.size() < digits; value >>= 4) out.insert(out.begin(), kDigits[value & 15]);
  return out;
}

}  // namespace

TextCharacter front_character(std::string_view text) {
  auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return {};
  char32_t code = first & (0xFFU >> (bytes + 1));
  for (std::size_t at = 1; at < bytes; ++at) {
    if ((byte(at) & 0xC0U) != 0x80U) return {};
    code = (code << 6U) | (byte(at) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast.at(bytes) || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, bytes, true};
}

bool hides(char32_t code) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  constexpr Range kRanges[] = {
      {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},     {0x034F, 0x034F}, {0x061C, 0x061C},   {0x115F, 0x1160},
      {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},   {0x3164, 0x3164},
      {0xFE00, 0xFE0E}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};
  return std::ranges::any_of(kRanges, [&](Range range) { return code >= range.first && code <= range.last; });
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size() && out.size() < limit) {
    const TextCharacter c = front_character(text.substr(at));
    if (!c.is_utf8) {
      out += "\\x" + hex(static_cast<unsigned char>(text[at]), 2);
    } else if (hides(c.code) && c.code != '\n' && c.code != '\t') {
      out += "\\u{" + hex(c.code, 4) + "}";
    } else {
      out += text.substr(at, c.bytes);
    }
    at += c.bytes;
  }
  if (at < text.size()) out += "\n… " + std::to_string(text.size() - at) + " more bytes are not shown";
  return out;
}

}  // namespace countersign
