#include "policies/cedar/token_cursor.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "policies/cedar/unescape.h"
#include "policies/cedar/utf8.h"

namespace cedar::detail {

TokenCursor::TokenCursor(std::string_view text, const Limits& limits)
    : text_(text), limits_(limits), tokens_(lex(text, limits.tokens, problems_)) {}

std::optional<Token> TokenCursor::expect(TokenKind kind, std::string_view help) {
  if (at(kind)) return next();
  bool punctuation = kind != TokenKind::identifier && kind != TokenKind::string && kind != TokenKind::integer;
  expected(punctuation ? "`" + std::string(describe(kind)) + "`" : std::string(describe(kind)), help);
  return std::nullopt;
}

void TokenCursor::problem(Span span, std::string message, std::string_view help) {
  if (problems_.size() < limits_.diagnostics) problems_.push_back({span, {}, std::move(message), std::string(help)});
}

void TokenCursor::expected(std::string_view what, std::string_view help) {
  constexpr std::size_t kShown = 40;
  std::string found(describe(TokenKind::end));
  if (!at_end()) {
    std::string_view token = text_of(peek());
    found = token.size() <= kShown ? "`" + std::string(token) + "`" : std::string(describe(peek().kind));
  }
  problem(peek().span, "expected " + std::string(what) + ", found " + found, help);
}

std::optional<Token> TokenCursor::name(std::string_view what) {
  if (!at(TokenKind::identifier)) {
    expected(what);
    return std::nullopt;
  }
  Token token = next();
  if (is_reserved_word(text_of(token))) {
    problem(token.span, "`" + std::string(text_of(token)) + "` is a reserved word and cannot be used as a name");
  }
  return token;
}

std::string TokenCursor::string_value(const Token& token) {
  auto value = unescape_string(text_of(token).substr(1, token.span.length - 2));
  if (value) return std::move(*value);
  for (EscapeProblem& found : value.error()) {
    problem({token.span.offset + 1 + found.span.offset, found.span.length}, std::move(found.message));
  }
  return {};
}

std::optional<Pattern> TokenCursor::pattern_value(const Token& token) {
  auto value = unescape_pattern(text_of(token).substr(1, token.span.length - 2));
  if (value) return std::move(*value);
  for (EscapeProblem& found : value.error()) {
    problem({token.span.offset + 1 + found.span.offset, found.span.length}, std::move(found.message));
  }
  return std::nullopt;
}

void TokenCursor::recover() {
  while (!at_end() && !at(TokenKind::semicolon)) next();
  next();
}

Diagnostics TokenCursor::take_diagnostics() {
  LineMap lines(text_);
  std::ranges::sort(problems_, {}, [](const Diagnostic& each) { return std::tie(each.span.offset, each.message); });
  if (problems_.size() > limits_.diagnostics) problems_.resize(std::max<std::size_t>(limits_.diagnostics, 1));
  for (Diagnostic& each : problems_) each.position = lines.locate(each.span);
  return std::exchange(problems_, {});
}

std::optional<Diagnostic> check_text(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes) {
    return Diagnostic{
        {}, {}, "this text is too large: at most " + std::to_string(limits.bytes) + " bytes are allowed", ""};
  }
  if (!is_utf8(text)) return Diagnostic{{}, {}, "this text is not UTF-8", ""};
  return std::nullopt;
}

}  // namespace cedar::detail
