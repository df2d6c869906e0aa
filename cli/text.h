// Text for terminals: untrusted text made harmless, tables that fit the screen, times that people read.
//
// Everything that came from an agent, an upstream or a policy file passes through `one_line` or `many_lines` before it
// is printed: an escape sequence in a file name must not be able to repaint what an approver reads. Pure functions, any
// thread, but for Terminal, which belongs to one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"

namespace countersign::cli {

// The text with everything a terminal could act on written as an escape people can see: control characters (C0, DEL,
// C1), bidirectional and invisible formatting characters, bytes that are not UTF-8. "\x1b[2J" becomes `\x1b[2J` in
// ordinary characters. Line breaks and tabs are escaped too.
[[nodiscard]] std::string one_line(std::string_view untrusted);
// The same, but line feeds stay and a tab becomes four spaces.
[[nodiscard]] std::string many_lines(std::string_view untrusted);

// Columns the text takes on a terminal: East Asian wide characters and emoji count two, combining marks none.
[[nodiscard]] std::size_t columns(std::string_view text);
// At most `width` columns, the last one "…" when something was cut.
[[nodiscard]] std::string cut(std::string_view text, std::size_t width);
// Every line of `text` behind `indent` spaces, each ended by a line feed.
[[nodiscard]] std::string indented(std::string_view text, std::size_t indent);

// "in 58 min", "3 h ago", "now"; the larger unit only.
[[nodiscard]] std::string relative_time(TimeMs at, TimeMs now);
// "58 min", "3 h", "2 d".
[[nodiscard]] std::string short_span(TimeMs span);
// "2026-11-21 09:30:00" in UTC.
[[nodiscard]] std::string absolute_time(TimeMs at);

enum class Style { plain, bold, dim, red, green, yellow };

// What is known of the output: colours only on a terminal, and never with NO_COLOR set (https://no-color.org).
class Terminal {
 public:
  enum class Colours { off, on };
  Terminal(Colours colours, std::size_t width) : colours_(colours), width_(width) {}
  // For standard output: its window width, or COLUMNS, or 120.
  [[nodiscard]] static Terminal standard_output();

  [[nodiscard]] std::string styled(Style style, std::string_view text) const;
  [[nodiscard]] std::size_t width() const { return width_; }

 private:
  Colours colours_;
  std::size_t width_;
};

// Columns side by side under their headings. The caller passes harmless text (`one_line`).
class Table {
 public:
  struct Column {
    std::string heading;
    std::size_t least = 4;  // columns below which it is not shrunk
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One text a column. `style` colours the whole row's text in the column `styled_column`.
  void add(std::vector<std::string> cells, Style style = Style::plain, std::size_t styled_column = 0);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  // Shrinks the widest columns until a row fits the terminal; ends in a line feed.
  [[nodiscard]] std::string render(const Terminal& terminal) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    Style style;
    std::size_t styled_column;
  };
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace countersign::cli
