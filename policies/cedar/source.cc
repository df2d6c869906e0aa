#include "policies/cedar/source.h"

#include <algorithm>
#include <utility>

namespace cedar {
namespace {

std::uint32_t code_points(std::string_view text) {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

LineMap::LineMap(std::string_view text) : text_(text), starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts_.push_back(static_cast<std::uint32_t>(i + 1));
  }
}

Position LineMap::locate(Span span) const {
  std::uint32_t offset = std::min(span.offset, static_cast<std::uint32_t>(text_.size()));
  auto after = std::ranges::upper_bound(starts_, offset);
  auto number = static_cast<std::uint32_t>(after - starts_.begin());
  std::uint32_t start = starts_[number - 1];
  return {number, code_points(text_.substr(start, offset - start)) + 1, code_points(text_.substr(offset, span.length))};
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
  out += "  " + std::string(line) + "\n  " + margin + std::string(std::clamp(at.length, 1U, std::max(room, 1U)), '^') +
         "\n";
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
