#include "policies/cedar/layout.h"

#include <algorithm>
#include <span>
#include <utility>

#include "policies/cedar/utf8.h"

namespace cedar::detail {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// Characters two columns wide, and of none (Unicode 15, in whole blocks where that is near enough).
constexpr Range kWide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},   {0x23F0, 0x23F0},
    {0x23F3, 0x23F3},   {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267F, 0x267F},
    {0x2693, 0x2693},   {0x26A1, 0x26A1},   {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5},
    {0x26CE, 0x26CE},   {0x26D4, 0x26D4},   {0x26EA, 0x26EA},   {0x26F2, 0x26F3},   {0x26F5, 0x26F5},
    {0x26FA, 0x26FA},   {0x26FD, 0x26FD},   {0x2705, 0x2705},   {0x270A, 0x270B},   {0x2728, 0x2728},
    {0x274C, 0x274C},   {0x274E, 0x274E},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27B0, 0x27B0},   {0x27BF, 0x27BF},   {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},
    {0x2E80, 0x303E},   {0x3041, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
    {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18AFF},
    {0x1B000, 0x1B2FF}, {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A},
    {0x1F200, 0x1F320}, {0x1F32D, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F90C, 0x1F9FF}, {0x1FA70, 0x1FAFF},
    {0x20000, 0x3FFFD}};
constexpr Range kNarrowest[] = {{0xAD, 0xAD},     {0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},
                                {0x610, 0x61A},   {0x64B, 0x65F},   {0xE31, 0xE31},   {0xE34, 0xE3A},
                                {0xE47, 0xE4E},   {0x1160, 0x11FF}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
                                {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x206F}, {0x20D0, 0x20FF},
                                {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0000, 0xE0FFF}};

bool is_in(std::span<const Range> ranges, std::uint32_t c) {
  auto after = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return after != ranges.begin() && c <= (after - 1)->last;
}

// Columns a text takes on a screen. `text` is UTF-8.
std::size_t width_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    Character first = first_character(text);
    columns += is_in(kWide, first.code) ? 2 : is_in(kNarrowest, first.code) ? 0 : 1;
    text.remove_prefix(first.bytes);
  }
  return columns;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\n\r\v\f") == std::string_view::npos;
}

}  // namespace

Layout::Layout() : nodes_(1) {}

Doc Layout::add(Node node) {
  nodes_.push_back(node);
  return static_cast<Doc>(nodes_.size() - 1);
}

Doc Layout::text(std::string_view text) {
  return add({.kind = Kind::text, .columns = static_cast<std::uint32_t>(width_of(text)), .text = text});
}
Doc Layout::line() {
  return add({.kind = Kind::line});
}
Doc Layout::cut() {
  return add({.kind = Kind::cut});
}
Doc Layout::hard() {
  return add({.kind = Kind::hard});
}
Doc Layout::all(std::vector<Doc> parts) {
  Node node{.kind = Kind::all,
            .first = static_cast<std::uint32_t>(parts_.size()),
            .count = static_cast<std::uint32_t>(parts.size())};
  parts_.insert(parts_.end(), parts.begin(), parts.end());
  return add(node);
}
Doc Layout::nest(std::size_t columns, Doc inner) {
  return add({.kind = Kind::nest, .inner = inner, .columns = static_cast<std::uint32_t>(columns)});
}
Doc Layout::group(Doc inner) {
  return add({.kind = Kind::group, .inner = inner});
}

// Whether `doc` on one line, and behind it `rest` up to its next line break, ends before `width`.
bool Layout::fits(Doc doc, const std::vector<Place>& rest, std::size_t column, std::size_t width) const {
  std::vector<Place> open{{doc, 0, 0, Mode::flat}};
  std::size_t waiting = rest.size();
  while (true) {
    if (open.empty()) {
      if (waiting == 0) return true;
      open.push_back(rest[--waiting]);
      open.back().mode = Mode::broken;
    }
    Place& place = open.back();
    const Node& node = nodes_[place.doc];
    Mode mode = place.mode;
    switch (node.kind) {
      case Kind::all:
        if (place.next < node.count) {
          Doc part = parts_[node.first + place.next++];
          if (place.next == node.count) open.pop_back();
          open.push_back({part, 0, 0, mode});
        } else {
          open.pop_back();
        }
        continue;
      case Kind::nest:
      case Kind::group:
        place = {node.inner, 0, 0, mode};
        continue;
      case Kind::hard:
        return mode == Mode::broken;
      case Kind::line:
        if (mode == Mode::broken) return true;
        ++column;
        break;
      case Kind::cut:
        if (mode == Mode::broken) return true;
        break;
      case Kind::text:
        column += node.columns;
        break;
      case Kind::nothing:
        break;
    }
    open.pop_back();
    if (column > width) return false;
  }
}

std::string Layout::render(Doc doc, std::size_t width) const {
  std::string out;
  std::size_t line_start = 0;
  std::size_t column = 0;
  auto break_line = [&](std::size_t indent) {
    if (is_blank(std::string_view(out).substr(line_start))) {
      out.resize(line_start);
    } else {
      while (out.back() == ' ') out.pop_back();
      out += '\n';
    }
    line_start = out.size();
    out.append(indent, ' ');
    column = indent;
  };
  std::vector<Place> open{{doc, 0, 0, Mode::broken}};
  while (!open.empty()) {
    Place& place = open.back();
    const Node& node = nodes_[place.doc];
    Place inner{node.inner, 0, place.indent, place.mode};
    switch (node.kind) {
      case Kind::all:
        if (place.next < node.count) {
          inner.doc = parts_[node.first + place.next++];
          if (place.next == node.count) open.pop_back();
          open.push_back(inner);
        } else {
          open.pop_back();
        }
        continue;
      case Kind::nest:
        inner.indent += node.columns;
        place = inner;
        continue;
      case Kind::group:
        open.pop_back();
        if (inner.mode == Mode::broken && fits(inner.doc, open, column, width)) inner.mode = Mode::flat;
        open.push_back(inner);
        continue;
      case Kind::text:
        out += node.text;
        column += node.columns;
        break;
      case Kind::line:
      case Kind::cut:
        if (place.mode == Mode::broken) {
          break_line(place.indent);
        } else if (node.kind == Kind::line) {
          out += ' ';
          ++column;
        }
        break;
      case Kind::hard:
        break_line(place.indent);
        break;
      case Kind::nothing:
        break;
    }
    open.pop_back();
  }
  while (!out.empty() && is_blank(std::string_view(&out.back(), 1))) out.pop_back();
  out.erase(0, std::min(out.find_first_not_of(' '), out.size()));
  return out;
}

}  // namespace cedar::detail
