// Internal to the parser: the tokens of one text, where we are, and what was wrong so far.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/cedar/lexer.h"
#include "policies/cedar/parser.h"

namespace cedar::detail {

class TokenCursor {
 public:
  // Lexes `text`, which must be within `limits.bytes` and UTF-8.
  TokenCursor(std::string_view text, const Limits& limits);

  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool at(TokenKind kind) const { return peek().kind == kind; }
  bool at_word(std::string_view word) const { return at(TokenKind::identifier) && text_of(peek()) == word; }
  bool at_end() const { return at(TokenKind::end); }
  Token next() {
    Token token = peek();
    if (!at_end()) ++at_;
    return token;
  }
  bool accept(TokenKind kind) {
    if (!at(kind)) return false;
    next();
    return true;
  }
  // The token, or nullopt and "expected `kind`, found …".
  std::optional<Token> expect(TokenKind kind, std::string_view help = {});
  Span last_span() const { return at_ == 0 ? peek().span : tokens_[at_ - 1].span; }
  std::string_view text_of(const Token& token) const { return text_.substr(token.span.offset, token.span.length); }

  void problem(Span span, std::string message, std::string_view help = {});
  void expected(std::string_view what, std::string_view help = {});  // … , found <the current token>

  // Identifier that may be used as a name; complains about reserved words but still returns them.
  std::optional<Token> name(std::string_view what);
  // The text of a string token, or "" with its bad escapes reported.
  std::string string_value(const Token& token);
  std::optional<Pattern> pattern_value(const Token& token);

  // Skips to behind the next `;`.
  void recover();
  const Limits& limits() const { return limits_; }
  // Everything reported so far, in order of position, with lines and columns.
  Diagnostics take_diagnostics();
  bool has_problems() const { return !problems_.empty(); }

 private:
  std::string_view text_;
  Limits limits_;
  Diagnostics problems_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

// A diagnostic when `text` may not be lexed at all: too long, or not UTF-8.
std::optional<Diagnostic> check_text(std::string_view text, const Limits& limits);

// Reads one expression at the cursor into `exprs`; nullopt after a syntax error (reported).
std::optional<ast::ExprId> parse_expression_at(TokenCursor& cursor, std::vector<ast::Expr>& exprs);

// Reads `A::B::"id"`. nullopt after a syntax error (reported).
std::optional<ast::EntityLiteral> parse_entity_literal(TokenCursor& cursor);
// Reads `A::B` (a type name). nullopt after a syntax error (reported).
std::optional<std::string> parse_type_name(TokenCursor& cursor);

}  // namespace cedar::detail
