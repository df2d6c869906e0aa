// Text inside HTML or XML. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace countersign {

// The five characters that markup gives a meaning, as references; control characters but line feeds and tabs become
// U+FFFD.
[[nodiscard]] inline std::string escape_markup(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (byte >= 0x20 || c == '\n' || c == '\t') {
          out += c;
        } else {
          out += "\xEF\xBF\xBD";
        }
    }
  }
  return out;
}

}  // namespace countersign
