#include "policies/cedar/format.h"

#include <algorithm>
#include <utility>

#include "policies/cedar/layout.h"
#include "policies/cedar/lexer.h"
#include "policies/cedar/token_cursor.h"

namespace cedar {
namespace {

using detail::Doc;
using detail::Layout;

// A token and the comments beside it: `before` on lines of their own, `behind` on its line.
struct Word {
  TokenKind kind = TokenKind::end;
  std::string_view text;
  std::vector<std::string_view> before;
  std::string_view behind;
};

std::string_view trimmed(std::string_view comment) {
  while (!comment.empty() && (static_cast<unsigned char>(comment.back()) <= ' ')) comment.remove_suffix(1);
  return comment;
}

// Whether no line ends between `word` and the comment behind it in the same text.
bool same_line(const Word& word, std::string_view comment) {
  return std::find(word.text.data() + word.text.size(), comment.data(), '\n') == comment.data();
}

std::vector<Word> words_of(std::string_view text, const Limits& limits) {
  std::vector<Diagnostic> problems;
  std::vector<Span> comments;
  std::vector<Token> tokens = lex(text, limits.tokens, problems, &comments);
  std::vector<Word> words;
  words.reserve(tokens.size());
  std::size_t next = 0;
  for (const Token& token : tokens) {
    Word word{.kind = token.kind, .text = text.substr(token.span.offset, token.span.length)};
    if (token.kind == TokenKind::integer)
      word.text.remove_prefix(std::min(word.text.find_first_not_of('0'), word.text.size() - 1));
    for (; next < comments.size() && comments[next].offset < token.span.offset; ++next) {
      std::string_view comment = trimmed(text.substr(comments[next].offset, comments[next].length));
      if (word.before.empty() && !words.empty() && words.back().behind.empty() && same_line(words.back(), comment)) {
        words.back().behind = comment;
      } else {
        word.before.push_back(comment);
      }
    }
    words.push_back(std::move(word));
  }
  return words;
}

// Reads the words of policies that are known to parse and says how they may be laid out; one function a level of the
// grammar, as in the parser.
class Formatter {
 public:
  Formatter(std::vector<Word> words, const FormatOptions& options)
      : words_(std::move(words)), width_(options.line_width), indent_(options.indent_width) {}

  std::string run() {
    std::string out;
    while (peek().kind != TokenKind::end) {
      if (!out.empty()) out += "\n\n";
      layout_ = Layout();
      out += layout_.render(policy(), width_);
    }
    out += '\n';
    for (std::string_view comment : peek().before) {
      out += comment;
      out += '\n';
    }
    return out;
  }

 private:
  const Word& peek(std::size_t ahead = 0) const { return words_[std::min(at_ + ahead, words_.size() - 1)]; }
  bool at(TokenKind kind) const { return peek().kind == kind; }
  bool at_word(std::string_view word) const { return at(TokenKind::identifier) && peek().text == word; }

  Doc all(std::vector<Doc> parts) { return layout_.all(std::move(parts)); }
  Doc space() { return layout_.text(" "); }

  // Comments before the word at hand, each on its line; taken away from the word.
  Doc before() {
    std::vector<std::string_view> comments = std::exchange(words_[at_].before, {});
    if (comments.empty()) return layout_.nothing();
    std::vector<Doc> parts{layout_.hard()};
    for (std::string_view comment : comments) {
      parts.push_back(layout_.text(comment));
      parts.push_back(layout_.hard());
    }
    return all(std::move(parts));
  }

  // The word at hand with its comments. `next`: what follows when no comment does.
  Doc word(Doc next) {
    Doc comments = before();
    const Word& taken = words_[at_++];
    Doc text = layout_.text(taken.text);
    after_comment_ = !taken.behind.empty();
    if (taken.behind.empty()) return all({comments, text, next});
    return all({comments, text, space(), layout_.text(taken.behind), layout_.hard()});
  }
  Doc word() { return word(layout_.nothing()); }

  // When the word before ends with a comment, the next line begins out here and not as far in as that word stands.
  Doc after_comment() { return after_comment_ ? layout_.hard() : layout_.nothing(); }

  // Leaves out the word at hand; its comments go to the one behind it.
  void skip() {
    Word left_out = std::move(words_[at_++]);
    if (!left_out.behind.empty()) left_out.before.push_back(left_out.behind);
    std::vector<std::string_view>& before = words_[at_].before;
    before.insert(before.begin(), left_out.before.begin(), left_out.before.end());
  }

  Doc policy() {
    std::vector<Doc> parts;
    while (at(TokenKind::at)) parts.push_back(annotation());
    Doc comments = before();
    Doc effect = word();
    parts.push_back(all({comments, layout_.group(all({effect, layout_.line(), word()}))}));
    parts.push_back(heads());
    bool bare = peek(1).kind == TokenKind::semicolon;
    parts.push_back(word(bare ? layout_.nothing() : layout_.hard()));
    for (bool first = true; !at(TokenKind::semicolon);) {
      if (!std::exchange(first, false)) parts.push_back(layout_.hard());
      parts.push_back(clause());
    }
    parts.push_back(word());
    return all(std::move(parts));
  }

  Doc annotation() {
    std::vector<Doc> parts{word()};
    bool has_value = peek(1).kind == TokenKind::left_paren;
    parts.push_back(word(has_value ? layout_.nothing() : layout_.hard()));
    if (has_value) {
      parts.push_back(word());
      parts.push_back(word());
      parts.push_back(word(layout_.hard()));
    }
    return all(std::move(parts));
  }

  // The three heads, on one line when nothing is asked of them.
  Doc heads() {
    bool plain = true;
    for (std::size_t i = at_, open = 0; words_[i].kind != TokenKind::right_paren || open > 0; ++i) {
      if (words_[i].kind == TokenKind::left_paren) ++open;
      if (words_[i].kind == TokenKind::right_paren) --open;
      if (words_[i].kind != TokenKind::comma && words_[i].kind != TokenKind::identifier) plain = false;
      if (words_[i].kind == TokenKind::identifier && words_[i].text == "is") plain = false;
    }
    std::vector<Doc> parts;
    for (int i = 0; i < 3; ++i) {
      parts.push_back(head());
      parts.push_back(after_comment());
      if (i < 2) parts.push_back(word(plain ? space() : layout_.hard()));
    }
    Doc end = after_comment();
    if (at(TokenKind::comma)) skip();
    Doc inner = all(std::move(parts));
    if (plain) return all({layout_.group(layout_.nest(indent_, inner)), end});
    return all({layout_.nest(indent_, all({layout_.hard(), inner})), layout_.hard()});
  }

  Doc head() {
    Doc comments = before();
    Doc variable = word();
    if (at_word("is")) {
      Doc is = layout_.group(all({layout_.line(), word()}));
      Doc type = all({layout_.line(), name()});
      variable = all({variable, layout_.group(layout_.nest(indent_, all({is, type})))});
    }
    if (at(TokenKind::comma) || at(TokenKind::right_paren)) return all({comments, variable});
    Doc operation = layout_.group(all({variable, layout_.line(), word()}));
    Doc entity = layout_.nest(indent_, all({layout_.line(), sum()}));
    return all({comments, layout_.group(all({operation, entity}))});
  }

  Doc clause() {
    Doc comments = before();
    Doc kind = word();
    Doc open_comments = before();
    Doc open = word();
    Doc body_comments = before();
    Doc body = layout_.group(expression());
    Doc inside = layout_.nest(indent_, all({layout_.line(), body_comments, body}));
    Doc braces = layout_.group(all({open, inside, layout_.line(), word()}));
    return all({comments, layout_.group(all({kind, layout_.line(), open_comments, braces}))});
  }

  Doc expression() {
    if (!at_word("if") || peek(1).kind == TokenKind::double_colon) return chain(TokenKind::or_or);
    std::vector<Doc> parts;
    for (int i = 0; i < 3; ++i) {
      if (i > 0) parts.push_back(layout_.line());
      parts.push_back(word());
      parts.push_back(layout_.nest(indent_, all({layout_.line(), expression()})));
    }
    return layout_.group(all(std::move(parts)));
  }

  // `a || b || c`, `a && b && c`: one operand a line, operators behind.
  Doc chain(TokenKind separator) {
    auto operand = [&] { return separator == TokenKind::or_or ? chain(TokenKind::and_and) : relation(); };
    std::vector<Doc> parts{operand()};
    while (at(separator)) {
      parts.push_back(after_comment());
      parts.push_back(space());
      parts.push_back(word(layout_.line()));
      parts.push_back(operand());
    }
    return all(std::move(parts));
  }

  bool at_relation() const {
    switch (peek().kind) {
      case TokenKind::equal_equal:
      case TokenKind::not_equal:
      case TokenKind::less:
      case TokenKind::less_equal:
      case TokenKind::greater:
      case TokenKind::greater_equal:
        return true;
      default:
        return at_word("in");
    }
  }

  Doc relation() {
    Doc left = sum();
    if (at_relation()) {
      Doc end = after_comment();
      Doc operation = word();
      return all({left, end, space(), operation, space(), sum()});
    }
    if (at_word("has") || at_word("like")) {
      Doc operation = word();
      Doc right = layout_.nest(indent_, sum());
      return layout_.group(all({left, layout_.line(), operation, layout_.line(), right}));
    }
    if (!at_word("is")) return left;
    Doc end = after_comment();
    Doc operation = word();
    std::vector<Doc> parts{left, end, space(), operation, space(), layout_.nest(indent_, name())};
    if (at_word("in")) {
      parts.push_back(layout_.line());
      parts.push_back(word());
      parts.push_back(space());
      parts.push_back(layout_.nest(indent_, sum()));
    }
    return layout_.group(all(std::move(parts)));
  }

  Doc sum() {
    std::vector<Doc> parts{product()};
    while (at(TokenKind::plus) || at(TokenKind::minus)) {
      parts.push_back(after_comment());
      parts.push_back(space());
      parts.push_back(word());
      parts.push_back(layout_.line());
      parts.push_back(product());
    }
    return parts.size() == 1 ? parts.front() : layout_.group(all(std::move(parts)));
  }

  Doc product() {
    std::vector<Doc> parts{unary()};
    while (at(TokenKind::star)) {
      parts.push_back(after_comment());
      parts.push_back(space());
      parts.push_back(word());
      parts.push_back(layout_.line());
      parts.push_back(unary());
    }
    return parts.size() == 1 ? parts.front() : layout_.group(all(std::move(parts)));
  }

  Doc unary() {
    std::vector<Doc> parts;
    while (at(TokenKind::bang) || at(TokenKind::minus)) parts.push_back(word());
    parts.push_back(member());
    return all(std::move(parts));
  }

  Doc member() {
    Doc target = primary();
    std::vector<Doc> accesses;
    while (at(TokenKind::dot) || at(TokenKind::left_bracket) || at(TokenKind::left_paren)) {
      if (!accesses.empty()) accesses.push_back(layout_.cut());
      accesses.push_back(access());
    }
    return layout_.group(all({target, layout_.nest(indent_, all(std::move(accesses)))}));
  }

  Doc access() {
    if (at(TokenKind::dot)) {
      Doc dot = word();
      return all({dot, word()});
    }
    if (at(TokenKind::left_bracket)) {
      Doc open = word();
      Doc index = expression();
      return all({open, index, word()});
    }
    Doc comments = before();
    Doc open = word();
    if (at(TokenKind::right_paren)) return all({comments, open, word()});
    Doc inner = all({open, layout_.cut(), list(TokenKind::right_paren)});
    return all({comments, layout_.nest(indent_, inner), layout_.cut(), word()});
  }

  // `a, b, c` up to `close`, which stays.
  Doc list(TokenKind close) {
    std::vector<Doc> parts;
    while (!at(close)) {
      parts.push_back(element());
      if (!at(TokenKind::comma)) break;
      if (peek(1).kind == close) {
        skip();
        break;
      }
      parts.push_back(after_comment());
      parts.push_back(word());
      parts.push_back(layout_.line());
    }
    return all(std::move(parts));
  }

  // An expression, or `key: value` in a record.
  Doc element() {
    Doc first = expression();
    if (!at(TokenKind::colon)) return first;
    Doc colon = word();
    return all({first, colon, space(), expression()});
  }

  Doc primary() {
    TokenKind kind = peek().kind;
    if (kind == TokenKind::left_paren) {
      Doc open = word();
      Doc inner = layout_.nest(1, expression());
      Doc end = after_comment();
      return layout_.group(all({open, inner, end, word()}));
    }
    if (kind == TokenKind::left_bracket) {
      Doc open = word();
      Doc inner = layout_.nest(1, list(TokenKind::right_bracket));
      Doc end = after_comment();
      return all({open, inner, end, word()});
    }
    if (kind == TokenKind::left_brace) {
      Doc open = word();
      if (at(TokenKind::right_brace)) return all({open, word()});
      Doc inner = layout_.nest(indent_, all({layout_.line(), list(TokenKind::right_brace)}));
      return all({open, layout_.group(all({inner, layout_.line()})), word()});
    }
    return name();
  }

  // `principal`, `A::B`, `A::B::"id"`, a literal, a slot.
  Doc name() {
    std::vector<Doc> parts{word()};
    while (at(TokenKind::double_colon)) {
      parts.push_back(word());
      parts.push_back(word());
    }
    return all(std::move(parts));
  }

  std::vector<Word> words_;
  std::size_t at_ = 0;
  std::size_t width_;
  std::size_t indent_;
  bool after_comment_ = false;  // the last word laid out ends with one
  Layout layout_;
};

}  // namespace

std::expected<std::string, Diagnostics> format_policies(std::string_view text, const FormatOptions& options,
                                                        const Limits& limits) {
  auto parsed = parse_policies(text, limits);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  FormatOptions bounded{std::clamp<std::size_t>(options.line_width, 1, 1000),
                        std::min<std::size_t>(options.indent_width, 100)};
  return Formatter(words_of(text, limits), bounded).run();
}

}  // namespace cedar
