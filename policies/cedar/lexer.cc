#include "policies/cedar/lexer.h"

#include <array>
#include <string>
#include <utility>

#include "policies/cedar/utf8.h"

namespace cedar {
namespace {

bool starts_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Bytes of the whitespace character at the front of `rest`, 0 when there is none.
std::size_t whitespace(std::string_view rest) {
  char c = rest.front();
  if (c == ' ' || (c >= '\t' && c <= '\r')) return 1;
  if (static_cast<unsigned char>(c) < 0x80) return 0;
  constexpr std::array<std::string_view, 19> kWide = {
      "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
      "\u2007", "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};
  for (std::string_view space : kWide) {
    if (rest.starts_with(space)) return space.size();
  }
  return 0;
}

struct Punctuation {
  std::string_view text;
  TokenKind kind;
};

// Longer spellings before their prefixes.
constexpr std::array kPunctuation = {
    Punctuation{"::", TokenKind::double_colon},  Punctuation{"==", TokenKind::equal_equal},
    Punctuation{"!=", TokenKind::not_equal},     Punctuation{"<=", TokenKind::less_equal},
    Punctuation{">=", TokenKind::greater_equal}, Punctuation{"&&", TokenKind::and_and},
    Punctuation{"||", TokenKind::or_or},         Punctuation{"@", TokenKind::at},
    Punctuation{"(", TokenKind::left_paren},     Punctuation{")", TokenKind::right_paren},
    Punctuation{"[", TokenKind::left_bracket},   Punctuation{"]", TokenKind::right_bracket},
    Punctuation{"{", TokenKind::left_brace},     Punctuation{"}", TokenKind::right_brace},
    Punctuation{",", TokenKind::comma},          Punctuation{";", TokenKind::semicolon},
    Punctuation{":", TokenKind::colon},          Punctuation{".", TokenKind::dot},
    Punctuation{"=", TokenKind::equal},          Punctuation{"<", TokenKind::less},
    Punctuation{">", TokenKind::greater},        Punctuation{"!", TokenKind::bang},
    Punctuation{"+", TokenKind::plus},           Punctuation{"-", TokenKind::minus},
    Punctuation{"*", TokenKind::star},           Punctuation{"/", TokenKind::slash},
    Punctuation{"%", TokenKind::percent},        Punctuation{"?", TokenKind::question}};

// Bytes of the string literal at the front of `rest`; 0 when its closing quote is missing. A backslash takes the next
// character with it, unless that is a newline, which ends no escape.
std::size_t string_literal(std::string_view rest) {
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') return i + 1;
    if (rest[i] == '\\') {
      ++i;
      if (i < rest.size() && rest[i] == '\n') return 0;
    }
  }
  return 0;
}

std::size_t identifier(std::string_view rest) {
  std::size_t i = 0;
  while (i < rest.size() && (starts_identifier(rest[i]) || is_digit(rest[i]))) ++i;
  return i;
}

constexpr std::size_t kMostProblems = 1'000;

}  // namespace

std::string_view describe(TokenKind kind) {
  switch (kind) {
    case TokenKind::identifier:
      return "an identifier";
    case TokenKind::integer:
      return "an integer";
    case TokenKind::string:
      return "a string";
    case TokenKind::slot:
      return "a template slot";
    case TokenKind::end:
      return "the end of the text";
    default:
      break;
  }
  for (const Punctuation& entry : kPunctuation) {
    if (entry.kind == kind) return entry.text;
  }
  return "a token";
}

std::vector<Token> lex(std::string_view text, std::size_t max_tokens, std::vector<Diagnostic>& problems,
                       std::vector<Span>* comments) {
  std::vector<Token> tokens;
  std::size_t at = 0;
  auto problem = [&](std::size_t length, std::string message, std::string help) {
    Span span{static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(length)};
    problems.push_back({span, {}, std::move(message), std::move(help)});
  };
  while (at < text.size() && problems.size() < kMostProblems) {
    std::string_view rest = text.substr(at);
    if (std::size_t length = whitespace(rest); length > 0) {
      at += length;
      continue;
    }
    if (rest.starts_with("//")) {
      std::size_t length = std::min(rest.find_first_of("\n\r"), rest.size());
      if (comments != nullptr)
        comments->push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(length)});
      at += length;
      continue;
    }
    if (tokens.size() >= max_tokens) {
      problem(0, "too many tokens: at most " + std::to_string(max_tokens) + " are allowed", "");
      break;
    }
    TokenKind kind = TokenKind::end;
    std::size_t length = 0;
    if (starts_identifier(rest.front())) {
      kind = TokenKind::identifier;
      length = identifier(rest);
    } else if (is_digit(rest.front())) {
      kind = TokenKind::integer;
      while (length < rest.size() && is_digit(rest[length])) ++length;
    } else if (rest.front() == '"') {
      kind = TokenKind::string;
      length = string_literal(rest);
      if (length == 0) {
        problem(1, "this string has no closing `\"`",
                "a string may contain line breaks, but no backslash at the end of a line");
        break;
      }
    } else if (rest.front() == '?' && rest.size() > 1 && starts_identifier(rest[1])) {
      kind = TokenKind::slot;
      length = 1 + identifier(rest.substr(1));
    } else {
      for (const Punctuation& entry : kPunctuation) {
        if (!rest.starts_with(entry.text)) continue;
        kind = entry.kind;
        length = entry.text.size();
        break;
      }
    }
    if (length == 0) {
      length = first_character(rest).bytes;
      problem(length, "unexpected character `" + std::string(rest.substr(0, length)) + "`", "");
    } else {
      tokens.push_back({kind, {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(length)}});
    }
    at += length;
  }
  tokens.push_back({TokenKind::end, {static_cast<std::uint32_t>(text.size()), 0}});
  return tokens;
}

}  // namespace cedar
