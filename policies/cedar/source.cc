#include "policies/cedar/source.h"

#include <algorithm>
#include <utility>

#include "policies/cedar/utf8.h"

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
  std::string out;
  while (!line.empty()) {
    Character first = first_character(line);
    if (is_hidden(first.code) && first.code != '\t') {
      out += "\uFFFD";
    } else {
      out += line.substr(0, first.bytes);
    }
    line.remove_prefix(first.bytes);
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

}  // namespace cedar
