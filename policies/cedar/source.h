// Where a piece of policy text stands, and what is said about it.
//
// A Source is one named text (usually a file). Everything parsed from it carries a Span of byte offsets; line and
// column are worked out only when a person wants to read them. Pure values, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cedar {

// Bytes [offset, offset + length) of a Source's text.
struct Span {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;

  std::uint32_t end() const { return offset + length; }
  friend bool operator==(const Span&, const Span&) = default;
};

// From the first byte of `first` to the last byte of `last`.
inline Span join(Span first, Span last) {
  return {first.offset, last.end() - first.offset};
}

// For people: both start at 1; columns and length count Unicode code points, as editors do.
struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::uint32_t length = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

// Finds lines in a text. Does not own the text, which must outlive it.
class LineMap {
 public:
  explicit LineMap(std::string_view text);
  Position locate(Span span) const;
  std::string_view line(std::uint32_t number) const;  // without its line end; empty past the last line

 private:
  std::uint32_t points_before(std::uint32_t offset) const;

  std::string_view text_;
  std::vector<std::uint32_t> starts_;
  std::vector<std::uint32_t> points_;  // code points before each block: a place on a line of megabytes is near one
};

// One named policy text. Immovable in practice (held by shared_ptr<const Source>), so that views into it stay valid.
class Source {
 public:
  Source(std::string name, std::string text);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }
  Position locate(Span span) const { return lines_.locate(span); }
  std::string_view line(std::uint32_t number) const { return lines_.line(number); }

 private:
  std::string name_;
  std::string text_;
  LineMap lines_;
};

// One complaint about a text: lower case, names in backticks, says what was expected.
struct Diagnostic {
  Span span;
  Position position;
  std::string message;
  std::string help;  // empty when there is nothing more to say
};

// As compilers print it: `name:line:column: message`, the line, a caret under the place, `help: …`. Ends with a
// newline.
std::string render(const Diagnostic& diagnostic, const Source& source);

}  // namespace cedar
