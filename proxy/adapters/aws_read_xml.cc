// XML bodies of S3, Route 53, CloudFront and S3 Control. A reader of its own: what these services are sent needs a
// tenth of XML, and the rest (document types, entities, CDATA, prefixes) is where two readers come to disagree.
#include <cstdint>

#include "core/json_reader.h"
#include "proxy/adapters/aws_value.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorKind::malformed, "aws.malformed", "the body is not accepted as XML: " + std::string(why));
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

void append_utf8(std::uint32_t code, std::string& out) {
  auto put = [&](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 63));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 63));
    put(0x80 | (code & 63));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 63));
    put(0x80 | (code >> 6 & 63));
    put(0x80 | (code & 63));
  }
}

// XML 1.0 section 2.2.
bool is_character(std::uint32_t code) {
  if (code < 0x20) return code == 9 || code == 10 || code == 13;
  return code <= 0xD7FF || (code >= 0xE000 && code <= 0xFFFD) || (code >= 0x10000 && code <= 0x10FFFF);
}

class Reader {
 public:
  Reader(std::string_view text, AwsTree& tree) : text_(text), tree_(tree) {}

  Status read() {
    if (text_.empty()) return {};
    if (!is_utf8(text_)) return refuse("it is not UTF-8");
    if (text_.starts_with("\xEF\xBB\xBF")) return refuse("a byte order mark");
    if (Status begun = declaration(); !begun) return begun;
    skip_space();
    if (Status read = element(tree_.root(), 0); !read) return read;
    skip_space();
    return at_ == text_.size() ? Status() : refuse("something follows the outermost element");
  }

 private:
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  Status declaration() {
    if (!text_.starts_with("<?xml ")) return {};
    std::size_t end = text_.find("?>");
    if (end == std::string_view::npos) return refuse("a declaration without end");
    std::string_view all = text_.substr(0, end);
    std::size_t encoding = all.find("encoding");
    if (encoding != std::string_view::npos && all.find("UTF-8", encoding) == std::string_view::npos &&
        all.find("utf-8", encoding) == std::string_view::npos)
      return refuse("an encoding other than UTF-8");
    at_ = end + 2;
    return {};
  }

  std::string_view name() {
    std::size_t begin = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // Character data up to `stop`, with references resolved.
  Result<std::string> characters(char stop) {
    std::string out;
    while (at_ < text_.size() && text_[at_] != stop) {
      char c = text_[at_];
      if (c == '<') return refuse("a < where none may stand");
      if (static_cast<unsigned char>(c) < 0x20 && !is_space(c)) return refuse("a control character");
      if (c != '&') {
        out += c;
        ++at_;
        continue;
      }
      if (Status added = reference(out); !added) return fail(added.error());
    }
    return out;
  }

  Status reference(std::string& out) {
    constexpr std::pair<std::string_view, char> kNamed[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (auto [spelling, character] : kNamed) {
      if (!take(spelling)) continue;
      out += character;
      return {};
    }
    if (!take("&#")) return refuse("an entity it does not define");
    std::uint32_t base = take("x") ? 16 : 10;
    std::uint32_t code = 0;
    std::size_t digits = 0;
    for (; at_ < text_.size() && text_[at_] != ';'; ++at_, ++digits) {
      char c = text_[at_];
      std::uint32_t digit = c >= '0' && c <= '9'   ? static_cast<std::uint32_t>(c - '0')
                            : c >= 'a' && c <= 'f' ? static_cast<std::uint32_t>(c - 'a' + 10)
                            : c >= 'A' && c <= 'F' ? static_cast<std::uint32_t>(c - 'A' + 10)
                                                   : 16U;
      if (digit >= base || digits > 7) return refuse("a character reference that cannot be read");
      code = code * base + digit;
    }
    if (digits == 0 || !take(";") || !is_character(code)) return refuse("a character reference that cannot be read");
    append_utf8(code, out);
    return {};
  }

  Status attributes(AwsNode& into) {
    for (;;) {
      bool apart = at_ < text_.size() && is_space(text_[at_]);
      skip_space();
      if (at_ >= text_.size() || text_[at_] == '>' || text_[at_] == '/') return {};
      if (!apart) return refuse("attributes that are not apart");
      std::size_t begin = at_;
      std::string_view first = name();
      bool prefixed = take(":");
      if (prefixed && name().empty()) return refuse("an attribute without a name");
      std::string_view full = text_.substr(begin, at_ - begin);
      if (first.empty()) return refuse("an attribute without a name");
      if (!take("=\"") && !take("='")) return refuse("an attribute without a value");
      char quote = text_[at_ - 1];
      const std::size_t opened = at_;
      Result<std::string> value = characters(quote);
      if (!value) return fail(value.error());
      if (at_ >= text_.size()) return refuse("it ends early");
      ++at_;
      if (first == "xmlns") continue;
      if (into.member(full)) return refuse("an attribute appears twice");
      AwsNode& attribute = tree_.add_string(into, tree_.keep(full), tree_.keep(*value));
      attribute.end = static_cast<std::uint32_t>(at_ - 1);
      attribute.begin = static_cast<std::uint32_t>(opened);
    }
  }

  // An element that begins at at_. `into` gets its key and what it holds.
  Status element(AwsNode& into, std::size_t depth) {
    if (depth > kAwsDepth) return refuse("it is nested too deeply");
    if (Status taken = tree_.takes_more(); !taken) return taken;
    if (!take("<")) return refuse("no element where one must stand");
    std::string_view tag = name();
    if (tag.empty()) return refuse("an element without a name, or something other than an element");
    into.key = tree_.keep(tag);
    into.kind = AwsKind::object;
    if (Status read = attributes(into); !read) return read;
    if (take("/>")) return close(into, {});
    if (!take(">")) return refuse("a tag that is not closed, or a name with a prefix");
    into.begin = static_cast<std::uint32_t>(at_);
    std::string text;
    for (;;) {
      Result<std::string> more = data();
      if (!more) return fail(more.error());
      text += *more;
      if (at_ >= text_.size()) return refuse("it ends early");
      into.end = static_cast<std::uint32_t>(at_);
      if (take("</")) break;
      if (Status read = element(tree_.add(into, {}, AwsKind::null), depth + 1); !read) return read;
    }
    if (name() != tag) return refuse("an element is closed by another name");
    skip_space();
    if (!take(">")) return refuse("a tag that is not closed");
    return close(into, text);
  }

  // Character data between tags: up to the next '<'.
  Result<std::string> data() {
    std::string out;
    while (at_ < text_.size() && text_[at_] != '<') {
      if (text_[at_] == '&') {
        if (Status added = reference(out); !added) return fail(added.error());
        continue;
      }
      if (static_cast<unsigned char>(text_[at_]) < 0x20 && !is_space(text_[at_])) return refuse("a control character");
      out += text_[at_++];
    }
    return out;
  }

  // Text makes a string; elements make an object and leave room for white space only.
  Status close(AwsNode& into, std::string_view text) {
    bool blank = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    if (into.first) return blank ? Status() : refuse("text beside elements");
    into.kind = AwsKind::string;
    into.text = tree_.keep(text);
    return {};
  }

  std::string_view text_;
  AwsTree& tree_;
  std::size_t at_ = 0;
};

}  // namespace

Status read_aws_xml(std::string_view text, AwsTree& tree) {
  if (Status taken = tree.takes(text); !taken) return taken;
  return Reader(text, tree).read();
}

}  // namespace countersign::adapters
