#include "cli/text.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <numeric>

#include "core/visible.h"

namespace countersign::cli {
namespace {

void append_escape(std::string& out, char32_t c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += c < 0x100 ? "\\x" : c < 0x10000 ? "\\u" : "\\U";
  for (int shift = c < 0x100 ? 4 : c < 0x10000 ? 12 : 28; shift >= 0; shift -= 4) out += kDigits[(c >> shift) & 0xFU];
}

enum class Breaks { escaped, kept };

std::string harmless(std::string_view text, Breaks breaks) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    TextCharacter point = front_character(text);
    if (!point.is_utf8) {
      append_escape(out, static_cast<unsigned char>(text[0]));
    } else if (point.code == '\n') {
      out += breaks == Breaks::kept ? "\n" : "\\n";
    } else if (point.code == '\t') {
      out += breaks == Breaks::kept ? "    " : "\\t";
    } else if (point.code == '\r') {
      out += "\\r";
    } else if (hides(point.code)) {
      append_escape(out, point.code);
    } else {
      out.append(text.substr(0, point.bytes));
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

std::size_t width_of(char32_t c) {
  if ((c >= 0x300 && c <= 0x36F) || (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x20D0 && c <= 0x20FF)) return 0;
  bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
              (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
              (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

std::string_view style_code(Style style) {
  switch (style) {
    case Style::plain:
      return "";
    case Style::bold:
      return "\x1b[1m";
    case Style::dim:
      return "\x1b[2m";
    case Style::red:
      return "\x1b[31m";
    case Style::green:
      return "\x1b[32m";
    case Style::yellow:
      return "\x1b[33m";
  }
  return "";
}

}  // namespace

std::string one_line(std::string_view untrusted) {
  return harmless(untrusted, Breaks::escaped);
}

std::string many_lines(std::string_view untrusted) {
  return harmless(untrusted, Breaks::kept);
}

std::size_t columns(std::string_view text) {
  std::size_t sum = 0;
  while (!text.empty()) {
    TextCharacter point = front_character(text);
    sum += point.is_utf8 ? width_of(point.code) : 1;
    text.remove_prefix(point.bytes);
  }
  return sum;
}

std::string cut(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  std::string out;
  std::size_t used = 0;
  while (!text.empty() && width > 0) {
    TextCharacter point = front_character(text);
    std::size_t next = point.is_utf8 ? width_of(point.code) : 1;
    if (used + next > width - 1) break;
    used += next;
    out.append(text.substr(0, point.bytes));
    text.remove_prefix(point.bytes);
  }
  return width == 0 ? out : out + "…";
}

std::string indented(std::string_view text, std::size_t indent) {
  std::string out;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    out.append(indent, ' ').append(text.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

std::string short_span(TimeMs span) {
  TimeMs seconds = (span < 0 ? -span : span) / 1000;
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < 2 * 86'400) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86'400) + " d";
}

std::string relative_time(TimeMs at, TimeMs now) {
  TimeMs span = at - now;
  if (span > -1000 && span < 1000) return "now";
  return span > 0 ? "in " + short_span(span) : short_span(span) + " ago";
}

std::string absolute_time(TimeMs at) {
  std::string text = format_time(at);
  return text.substr(0, 10) + " " + text.substr(11, 8);
}

Terminal Terminal::standard_output() {
  constexpr std::size_t kDefaultWidth = 120;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  bool terminal = ::isatty(STDOUT_FILENO) == 1;
  bool dumb = term != nullptr && std::string_view(term) == "dumb";
  bool colours = terminal && !dumb && (no_color == nullptr || *no_color == '\0');
  std::size_t width = 0;
  winsize window{};
  if (terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0) width = window.ws_col;
  if (const char* text = std::getenv("COLUMNS"); width == 0 && text != nullptr) {
    std::string_view digits(text);
    std::from_chars(digits.data(), digits.data() + digits.size(), width);
  }
  if (width < 40 || width > 1000) width = kDefaultWidth;
  return {colours ? Colours::on : Colours::off, width};
}

std::string Terminal::styled(Style style, std::string_view text) const {
  if (colours_ == Colours::off || style == Style::plain) return std::string(text);
  return std::string(style_code(style)).append(text).append("\x1b[0m");
}

void Table::add(std::vector<std::string> cells, Style style, std::size_t styled_column) {
  cells.resize(columns_.size());
  rows_.push_back({std::move(cells), style, styled_column});
}

std::string Table::render(const Terminal& terminal) const {
  constexpr std::size_t kGap = 2;
  std::vector<std::size_t> widths;
  for (std::size_t at = 0; at < columns_.size(); ++at) {
    std::size_t widest = columns(columns_[at].heading);
    for (const Row& row : rows_) widest = std::max(widest, columns(row.cells[at]));
    widths.push_back(widest);
  }
  auto total = [&] { return std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1)); };
  while (total() > terminal.width()) {
    std::size_t victim = widths.size();
    for (std::size_t at = 0; at < widths.size(); ++at) {
      bool shrinkable = widths[at] > std::max(columns_[at].least, columns(columns_[at].heading));
      if (shrinkable && (victim == widths.size() || widths[at] > widths[victim])) victim = at;
    }
    if (victim == widths.size()) break;
    --widths[victim];
  }
  auto line = [&](auto text_of, auto styled) {
    std::string out;
    std::size_t owed = 0;  // blanks are written only before further text, so that no line ends in them
    for (std::size_t at = 0; at < columns_.size(); ++at) {
      std::string text = cut(text_of(at), widths[at]);
      if (!text.empty()) out.append(owed, ' ').append(styled(at, text));
      owed = (text.empty() ? owed : 0) + widths[at] - columns(text) + kGap;
    }
    return out + "\n";
  };
  std::string out = line([&](std::size_t at) { return columns_[at].heading; },
                         [&](std::size_t, const std::string& text) { return terminal.styled(Style::dim, text); });
  for (const Row& row : rows_) {
    out += line([&](std::size_t at) { return row.cells[at]; },
                [&](std::size_t at, const std::string& text) {
                  return at == row.styled_column ? terminal.styled(row.style, text) : text;
                });
  }
  return out;
}

}  // namespace countersign::cli
