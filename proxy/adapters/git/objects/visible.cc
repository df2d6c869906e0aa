#include "proxy/adapters/git/objects/visible.h"

#include <array>
#include <cstdio>

#include "core/visible.h"

namespace countersign::adapters::git {

std::string visible(std::string_view text, LineFeeds line_feeds) {
  std::string out;
  out.reserve(text.size());
  std::array<char, 16> escape{};
  while (!text.empty()) {
    const TextCharacter c = front_character(text);
    const bool kept = c.code == '\t' || (c.code == '\n' && line_feeds == LineFeeds::kept);
    if (c.is_utf8 && (kept || !hides(c.code))) {
      out += text.substr(0, c.bytes);
    } else {
      const unsigned shown = c.is_utf8 ? static_cast<unsigned>(c.code) : static_cast<unsigned char>(text[0]);
      std::snprintf(escape.data(), escape.size(), c.code < 0x80 ? "<%02X>" : "<U+%04X>", shown);
      out += escape.data();
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

}  // namespace countersign::adapters::git
