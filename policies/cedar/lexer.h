// Cedar's tokens: identifiers, integers, strings, punctuation. Whitespace is Unicode White_Space; `//` comments end at
// \n or \r.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "policies/cedar/source.h"

namespace cedar {

enum class TokenKind : std::uint8_t {
  identifier,  // reserved words too: the parser knows where they are allowed
  integer,     // digits only, value not checked here
  string,      // with its quotes, escapes not yet checked
  slot,        // `?principal`, `?resource`, `?anything`
  at,          // @
  question,    // ? alone: schemas have it, policies do not
  left_paren,
  right_paren,
  left_bracket,
  right_bracket,
  left_brace,
  right_brace,
  comma,
  semicolon,
  colon,
  double_colon,
  dot,
  equal,
  equal_equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  and_and,
  or_or,
  bang,
  plus,
  minus,
  star,
  slash,
  percent,
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  Span span;
};

// How the token is named in messages: "`;`", "an identifier", …
std::string_view describe(TokenKind kind);

// Splits `text` (UTF-8) into at most `max_tokens` tokens followed by one `end` token. What is not a token is reported
// in `problems` (positions not filled in) and skipped; an unclosed string ends the text, and so does the thousandth
// problem.
// With `comments` the places of all `//` comments are kept there, in order.
std::vector<Token> lex(std::string_view text, std::size_t max_tokens, std::vector<Diagnostic>& problems,
                       std::vector<Span>* comments = nullptr);

}  // namespace cedar
