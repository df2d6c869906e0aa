#include "policies/cedar/unescape.h"

#include <array>
#include <cstdint>
#include <utility>

namespace cedar {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& out, std::uint32_t c) {
  auto put = [&out](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
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
    std::size_t length = 2;
    while (at_ + length < body_.size() && (static_cast<unsigned char>(body_[at_ + length]) & 0xC0) == 0x80) ++length;
    problem(length, "the escape `" + std::string(body_.substr(at_, length)) + "` is not known");
  }

  std::vector<EscapeProblem> problems;

 private:
  void problem(std::size_t length, std::string message) {
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
    std::size_t close = body_.find('}', at_);
    if (at_ + 2 >= body_.size() || body_[at_ + 2] != '{' || close == std::string_view::npos) {
      return problem(2, "`\\u` is written `\\u{1F600}`");
    }
    std::size_t length = close + 1 - at_;
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
      reader.character(pieces.back());
    }
  }
  if (!reader.problems.empty()) return std::unexpected(std::move(reader.problems));
  return Pattern(std::move(pieces));
}

std::string quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\0':
        out += "\\0";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          auto byte = static_cast<unsigned char>(c);
          out += "\\x";
          out += kHex[byte >> 4];
          out += kHex[byte & 15];
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

}  // namespace cedar
