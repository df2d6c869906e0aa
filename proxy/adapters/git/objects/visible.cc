#include "proxy/adapters/git/objects/visible.h"

#include <array>
#include <cstdio>

namespace countersign::adapters::git {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t size = 0;  // 0: no UTF-8
};

// One character (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
Character decode(std::string_view text) {
  auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  unsigned first = byte(0);
  if (first < 0x80) return {first, 1};
  std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return {};
  char32_t code = first & (0xFFU >> (size + 1));
  for (std::size_t at = 1; at < size; ++at) {
    if ((byte(at) & 0xC0U) != 0x80U) return {};
    code = (code << 6U) | (byte(at) & 0x3FU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, size};
}

bool hides(char32_t code) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  // Control, bidirectional, invisible and tag characters; variation selectors, which can carry text unseen.
  constexpr Range kRanges[] = {{0x00, 0x08},     {0x0A, 0x1F},       {0x7F, 0x9F},      {0xAD, 0xAD},
                               {0x034F, 0x034F}, {0x061C, 0x061C},   {0x115F, 0x1160},  {0x17B4, 0x17B5},
                               {0x180B, 0x180F}, {0x200B, 0x200F},   {0x2028, 0x202E},  {0x2060, 0x206F},
                               {0x3164, 0x3164}, {0xFE00, 0xFE0E},   {0xFEFF, 0xFEFF},  {0xFFA0, 0xFFA0},
                               {0xFFF0, 0xFFFB}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};
  for (const Range& range : kRanges) {
    if (code >= range.first && code <= range.last) return true;
  }
  return false;
}

}  // namespace

std::string visible(std::string_view text, LineFeeds line_feeds) {
  std::string out;
  out.reserve(text.size());
  std::array<char, 16> escape{};
  while (!text.empty()) {
    Character c = decode(text);
    if (c.size == 0) {
      std::snprintf(escape.data(), escape.size(), "<%02X>", static_cast<unsigned>(static_cast<unsigned char>(text[0])));
      out += escape.data();
      text.remove_prefix(1);
      continue;
    }
    bool shown = hides(c.code) && !(c.code == '\n' && line_feeds == LineFeeds::kept);
    if (!shown) {
      out += text.substr(0, c.size);
    } else {
      std::snprintf(escape.data(), escape.size(), c.code < 0x80 ? "<%02X>" : "<U+%04X>", static_cast<unsigned>(c.code));
      out += escape.data();
    }
    text.remove_prefix(c.size);
  }
  return out;
}

}  // namespace countersign::adapters::git
