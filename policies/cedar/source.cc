#include "policies/cedar/source.h"

#include <algorithm>
#include <utility>

namespace cedar {
namespace {

constexpr std::uint32_t kBlock = 1024;  // bytes

std::uint32_t code_points(std::string_view text) {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

LineMap::LineMap(std::string_view text) : text_(text), starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts_.push_back(static_cast<std::uint32_t>(i + 1));
  }
  std::uint32_t points = 0;
  for (std::size_t at = 0; at <= text.size(); at += kBlock) {
    points_.push_back(points);
    points += code_points(text.substr(at, kBlock));
  }
}

std::uint32_t LineMap::points_before(std::uint32_t offset) const {
  std::uint32_t block = offset / kBlock;
  return points_[block] + code_points(text_.substr(block * kBlock, offset - block * kBlock));
}

Position LineMap::locate(Span span) const {
  std::uint32_t offset = std::min(span.offset, static_cast<std::uint32_t>(text_.size()));
  auto after = std::ranges::upper_bound(starts_, offset);
  auto number = static_cast<std::uint32_t>(after - starts_.begin());
  std::uint32_t start = starts_[number - 1];
  return {number, points_before(offset) - points_before(start) + 1, code_points(text_.substr(offset, span.length))};
}

std::string_view LineMap::line(std::uint32_t number) const {
  if (number == 0 || number > starts_.size()) return {};
  std::string_view rest = text_.substr(starts_[number - 1]);
  std::string_view found = rest.substr(0, rest.find('\n'));
  if (found.ends_with('\r')) found.remove_suffix(1);
  return found;
}

Source::Source(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)), lines_(std::string_view(text_)) {}

namespace {

// A line as a terminal may show it: what would move the cursor, colour the text or turn its direction is one
// replacement character, so that columns stay what they are and nobody reads another text than the one that is there.
std::string harmless(std::string_view line) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string out;
  for (std::size_t i = 0; i < line.size();) {
    auto byte = static_cast<unsigned char>(line[i]);
    std::size_t length = 1;
    while (i + length < line.size() && (static_cast<unsigned char>(line[i + length]) & 0xC0) == 0x80) ++length;
    std::string_view point = line.substr(i, length);
    bool control = (byte < 0x20 && byte != '\t') || byte == 0x7F || (byte == 0xC2 && point < "\xC2\xA0");
    bool direction = point == "\xD8\x9C" || (point >= "\xE2\x80\x8B" && point <= "\xE2\x80\x8F") ||
                     (point >= "\xE2\x80\xA8" && point <= "\xE2\x80\xAE") ||
                     (point >= "\xE2\x81\xA0" && point <= "\xE2\x81\xAF") || point == "\xEF\xBB\xBF";
    out += control || direction ? kReplacement : point;
    i += length;
  }
  return out;
}

}  // namespace

std::string render(const Diagnostic& diagnostic, const Source& source) {
  const Position& at = diagnostic.position;
  std::string out = source.name() + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " +
                    diagnostic.message + "\n";
  std::string_view line = source.line(at.line);
  std::string margin;
  std::uint32_t column = 1;
  for (char c : line) {
    if (column == at.column) break;
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;
    margin += c == '\t' ? '\t' : ' ';
    ++column;
  }
  std::uint32_t room = code_points(line) + 1 > at.column ? code_points(line) + 1 - at.column : 1;
  out +=
      "  " + harmless(line) + "\n  " + margin + std::string(std::clamp(at.length, 1U, std::max(room, 1U)), '^') + "\n";
  if (!diagnostic.help.empty()) out += "  help: " + diagnostic.help + "\n";
  return out;
}

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) return false;
    auto second = static_cast<unsigned char>(text[i + 1]);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second > 0x8F)) {
      return false;
    }
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace cedar
