#include "proxy/adapters/preview.h"

#include <algorithm>

#include "core/json.h"
#include "core/json_reader.h"

namespace countersign::adapters {
namespace {

// Length of the UTF-8 sequence a lead byte announces; 1 for anything that is none.
std::size_t announced(unsigned char lead) {
  return lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
}

std::uint32_t code_point(std::string_view sequence) {
  auto lead = static_cast<std::uint32_t>(static_cast<unsigned char>(sequence[0]));
  if (sequence.size() == 1) return lead;
  std::uint32_t value = lead & (0xFFU >> (sequence.size() + 1));
  for (char c : sequence.substr(1))
    value = value << 6 | (static_cast<std::uint32_t>(static_cast<unsigned char>(c)) & 0x3FU);
  return value;
}

// Characters that change how others look, or are not seen at all: an approver must not be shown another text than the
// one that is stored.
bool hides(std::uint32_t c) {
  return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x061C ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xE0000 && c <= 0xE0FFF);
}

// `digits` hexadecimal digits at least.
std::string hex(std::uint32_t value, std::size_t digits) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (; value > 0 || out.size() < digits; value >>= 4) out.insert(out.begin(), kDigits[value & 15]);
  return out;
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size() && out.size() < limit) {
    std::size_t length = announced(static_cast<unsigned char>(text[at]));
    std::string_view sequence = text.substr(at, length);
    if (!is_utf8(sequence)) {
      out += "\\x" + hex(static_cast<unsigned char>(text[at]), 2);
      ++at;
      continue;
    }
    std::uint32_t c = code_point(sequence);
    if (hides(c))
      out += "\\u{" + hex(c, 4) + "}";
    else
      out += sequence;
    at += sequence.size();
  }
  if (at < text.size()) out += "\n… " + std::to_string(text.size() - at) + " more bytes are not shown";
  return out;
}

PreviewPart preview_body(std::string title, std::string_view body, std::uint64_t size, std::string_view sha256,
                         Coding coding) {
  bool whole = body.size() == size;
  if (whole && coding == Coding::plain && size <= kMaxPreviewBytes) {
    Result<Json> json = parse_json(body);
    if (json) return {std::move(title), "application/json", printable(json->dump(2), 4 * kMaxPreviewBytes)};
  }
  // A sequence may be cut at the end of a beginning.
  std::string_view shown = body;
  for (int i = 0; !whole && i < 3 && !shown.empty() && !is_utf8(shown); ++i) shown.remove_suffix(1);
  if (coding == Coding::plain && !shown.empty() && is_utf8(shown) && shown.find('\0') == std::string_view::npos) {
    std::string text = printable(shown, kMaxPreviewBytes);
    if (!whole) text += "\n… the body has " + std::to_string(size) + " bytes in all";
    return {std::move(title), "text/plain", std::move(text)};
  }
  return {std::move(title), "text/plain",
          std::to_string(size) + " bytes that are not text\nSHA-256 " + std::string(sha256)};
}

}  // namespace countersign::adapters
