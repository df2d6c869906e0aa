#include "policies/cedar/schema/json_tree.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "policies/cedar/unescape.h"
#include "policies/cedar/utf8.h"

namespace cedar {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const JsonTreeLimits& limits) : text_(text), limits_(limits) {}

  std::expected<JsonNode, Diagnostic> run() {
    JsonNode out;
    bool good = value(out, 0);
    skip_space();
    if (good && at_ < text_.size()) fail(at_, "expected the end of the text");
    if (problem_) return std::unexpected(std::move(*problem_));
    return out;
  }

 private:
  bool fail(std::size_t at, std::string message) {
    std::size_t length = at < text_.size() ? 1 : 0;
    problem_ =
        Diagnostic{{static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(length)}, {}, std::move(message), ""};
    return false;
  }

  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool accept(char c) {
    skip_space();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  Span since(std::size_t start) const {
    return {static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(at_ - start)};
  }

  bool value(JsonNode& out, std::size_t depth) {
    skip_space();
    std::size_t start = at_;
    if (++values_ > limits_.values) return fail(start, "this JSON has too many values");
    bool container = peek() == '{' || peek() == '[';
    if (container && depth >= limits_.depth) return fail(start, "this JSON is nested too deeply");
    bool good = false;
    if (peek() == '{') {
      good = object(out, depth);
    } else if (peek() == '[') {
      good = array(out, depth);
    } else if (peek() == '"') {
      out.kind = JsonKind::string;
      good = string(out.text);
    } else {
      good = word(out) || number(out) || fail(start, "expected a JSON value");
    }
    out.span = since(start);
    return good;
  }

  bool object(JsonNode& out, std::size_t depth) {
    out.kind = JsonKind::object;
    ++at_;
    if (accept('}')) return true;
    std::set<std::string> keys;
    do {
      skip_space();
      std::size_t start = at_;
      JsonMember member;
      if (peek() != '"') return fail(at_, "expected a key in quotes");
      if (!string(member.key)) return false;
      member.key_span = since(start);
      if (!keys.insert(member.key).second) return fail(start, "the key " + quote(member.key) + " is given twice");
      if (!accept(':')) return fail(at_, "expected `:`");
      if (!value(member.value, depth + 1)) return false;
      out.members.push_back(std::move(member));
    } while (accept(','));
    return accept('}') || fail(at_, "expected `,` or `}`");
  }

  bool array(JsonNode& out, std::size_t depth) {
    out.kind = JsonKind::array;
    ++at_;
    if (accept(']')) return true;
    do {
      if (!value(out.elements.emplace_back(), depth + 1)) return false;
    } while (accept(','));
    return accept(']') || fail(at_, "expected `,` or `]`");
  }

  bool word(JsonNode& out) {
    struct Word {
      std::string_view text;
      JsonKind kind;
      bool truth;
    };
    for (const Word& each : {Word{"null", JsonKind::null, false}, Word{"true", JsonKind::boolean, true},
                             Word{"false", JsonKind::boolean, false}}) {
      if (!text_.substr(at_).starts_with(each.text)) continue;
      at_ += each.text.size();
      out.kind = each.kind;
      out.truth = each.truth;
      return true;
    }
    return false;
  }

  std::size_t digits() {
    std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - start;
  }

  bool number(JsonNode& out) {
    out.kind = JsonKind::number;
    if (peek() == '-') ++at_;
    bool zero = peek() == '0';
    std::size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (peek() == '.') {
      ++at_;
      if (digits() == 0) return false;
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (digits() == 0) return false;
    }
    return true;
  }

  bool string(std::string& out) {
    std::size_t start = at_++;
    while (true) {
      if (at_ >= text_.size()) return fail(start, "this string has no closing `\"`");
      char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return fail(at_, "a control character in a string must be escaped");
      if (c == '"') break;
      if (c == '\\') {
        if (!escape(out)) return false;
        continue;
      }
      out += c;
      ++at_;
    }
    ++at_;
    return true;
  }

  bool escape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    std::size_t start = at_++;
    if (peek() == 'u') {
      ++at_;
      std::optional<std::uint32_t> unit = hex4();
      if (unit && *unit >= 0xD800 && *unit < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
        at_ += 2;
        std::optional<std::uint32_t> low = hex4();
        bool pair = low && *low >= 0xDC00 && *low < 0xE000;
        unit = pair ? std::optional(0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00)) : std::nullopt;
      }
      if (!unit || (*unit >= 0xD800 && *unit < 0xE000)) return fail(start, "this escape is no Unicode character");
      append_utf8(out, *unit);
      return true;
    }
    std::size_t letter = at_ < text_.size() ? kLetters.find(peek()) : std::string_view::npos;
    if (letter == std::string_view::npos) return fail(start, "JSON has no such escape");
    out += kMeanings[letter];
    ++at_;
    return true;
  }

  std::optional<std::uint32_t> hex4() {
    std::uint32_t out = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
      std::size_t digit = at_ < text_.size() ? kDigits.find(peek()) : std::string_view::npos;
      if (digit == std::string_view::npos) return std::nullopt;
      out = out * 16 + static_cast<std::uint32_t>(digit < 16 ? digit : digit - 6);
    }
    return out;
  }

  std::string_view text_;
  JsonTreeLimits limits_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
  std::optional<Diagnostic> problem_;
};

}  // namespace

std::string_view describe(JsonKind kind) {
  constexpr std::array<std::string_view, 6> kNames = {"`null`",   "a boolean", "a number",
                                                      "a string", "an array",  "an object"};
  return kNames[static_cast<std::size_t>(kind)];
}

const JsonMember* JsonNode::find(std::string_view key) const {
  auto found = std::ranges::find(members, key, &JsonMember::key);
  return found == members.end() ? nullptr : &*found;
}

std::expected<JsonNode, Diagnostic> parse_json_tree(std::string_view text, const JsonTreeLimits& limits) {
  return Parser(text, limits).run();
}

}  // namespace cedar
