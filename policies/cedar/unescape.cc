#include "policies/cedar/unescape.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include "policies/cedar/utf8.h"

namespace cedar {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Reads one literal body. `Sink` takes ordinary text and, for patterns, stars.
class Reader {
 public:
  explicit Reader(std::string_view body) : body_(body) {}

  bool done() const { return at_ >= body_.size(); }
  char peek() const { return body_[at_]; }
  bool next_is(std::string_view text) const { return body_.substr(at_).starts_with(text); }
  void skip(std::size_t count) { at_ += count; }

  // One character, plain or escaped, appended to `out`.
  void character(std::string& out) {
    char c = body_[at_];
    if (c == '\r') {
      problem(1, "a raw carriage return is not allowed in a string; write `\\r`");
      return;
    }
    if (c != '\\') {
      out += c;
      ++at_;
      return;
    }
    if (at_ + 1 >= body_.size()) return problem(1, "this backslash escapes nothing");
    switch (body_[at_ + 1]) {
      case '"':
        return simple(out, '"');
      case '\\':
        return simple(out, '\\');
      case '\'':
        return simple(out, '\'');
      case 'n':
        return simple(out, '\n');
      case 'r':
        return simple(out, '\r');
      case 't':
        return simple(out, '\t');
      case '0':
        return simple(out, '\0');
      case 'x':
        return byte(out);
      case 'u':
        return code_point(out);
      default:
        break;
    }
    std::size_t length = 1 + first_character(body_.substr(at_ + 1)).bytes;
    problem(length, "the escape `" + std::string(body_.substr(at_, length)) + "` is not known");
  }

  std::vector<EscapeProblem> problems;

 private:
  void problem(std::size_t length, std::string message) {
    constexpr std::size_t kMost = 1'000;
    if (problems.size() < kMost)
      problems.push_back({{static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(length)}, std::move(message)});
    at_ += length;
  }
  void simple(std::string& out, char c) {
    out += c;
    at_ += 2;
  }
  void byte(std::string& out) {
    int high = at_ + 2 < body_.size() ? hex_digit(body_[at_ + 2]) : -1;
    int low = at_ + 3 < body_.size() ? hex_digit(body_[at_ + 3]) : -1;
    if (high < 0 || low < 0) return problem(2, "`\\x` takes exactly two hexadecimal digits");
    if (high > 7) return problem(4, "`\\x` reaches only to `\\x7F`; write `\\u{..}`");
    out += static_cast<char>(high * 16 + low);
    at_ += 4;
  }
  void code_point(std::string& out) {
    if (close_ <= at_) close_ = body_.find('}', at_);
    if (at_ + 2 >= body_.size() || body_[at_ + 2] != '{' || close_ == std::string_view::npos) {
      return problem(2, "`\\u` is written `\\u{1F600}`");
    }
    std::size_t length = close_ + 1 - at_;
    std::string_view digits = body_.substr(at_ + 3, length - 4);
    std::uint32_t value = 0;
    int count = 0;
    for (char c : digits) {
      if (c == '_' && count > 0) continue;
      int digit = hex_digit(c);
      if (digit < 0 || ++count > 6) return problem(length, "`\\u{..}` takes one to six hexadecimal digits");
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    if (count == 0) return problem(length, "`\\u{..}` takes one to six hexadecimal digits");
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
      return problem(length, "`" + std::string(body_.substr(at_, length)) + "` is no Unicode character");
    }
    append_utf8(out, value);
    at_ += length;
  }

  std::string_view body_;
  std::size_t at_ = 0;
  std::size_t close_ = 0;  // the first `}` behind where one was sought last: sought again only beyond it
};

}  // namespace

std::expected<std::string, std::vector<EscapeProblem>> unescape_string(std::string_view body) {
  Reader reader(body);
  std::string out;
  out.reserve(body.size());
  while (!reader.done()) reader.character(out);
  if (!reader.problems.empty()) return std::unexpected(std::move(reader.problems));
  return out;
}

std::expected<Pattern, std::vector<EscapeProblem>> unescape_pattern(std::string_view body) {
  Reader reader(body);
  std::vector<std::string> pieces(1);
  while (!reader.done()) {
    if (reader.peek() == '*') {
      pieces.emplace_back();
      reader.skip(1);
    } else if (reader.next_is("\\*")) {
      pieces.back() += '*';
      reader.skip(2);
    } else {
      std::size_t before = pieces.back().size();
      reader.character(pieces.back());
      // An escape that spells a star, such as `\u{2a}`, is a star: the official engine looks at the character.
      if (std::string_view(pieces.back()).substr(before) == "*") {
        pieces.back().pop_back();
        pieces.emplace_back();
      }
    }
  }
  if (!reader.problems.empty()) return std::unexpected(std::move(reader.problems));
  return Pattern(std::move(pieces));
}

namespace {

void append_hex(std::string& out, char32_t code) {
  std::array<char, 8> digits{};
  auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<std::uint32_t>(code), 16);
  out += "\\u{";
  out.append(digits.data(), end);
  out += '}';
}

}  // namespace

std::string quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    auto [c, length] = first_character(text);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text.front();
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == 0) {
      out += "\\0";
    } else if (is_hidden(c)) {
      append_hex(out, c);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out + "\"";
}

}  // namespace cedar
