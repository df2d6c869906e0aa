// Two bytes of width and indentation, then policy text. What parses is laid out: the same policies, the same comments,
// and nothing left to change the second time.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "policies/cedar/format.h"
#include "policies/cedar/lexer.h"
#include "policies/cedar/printer.h"

namespace {

// Aborts, so that the fuzzer keeps the input.
void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string_view> comments_of(std::string_view text) {
  std::vector<cedar::Diagnostic> problems;
  std::vector<cedar::Span> places;
  cedar::lex(text, 1'000'000, problems, &places);
  std::vector<std::string_view> out;
  for (cedar::Span place : places) {
    std::string_view comment = text.substr(place.offset, place.length);
    while (!comment.empty() && static_cast<unsigned char>(comment.back()) <= ' ') comment.remove_suffix(1);
    out.push_back(comment);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  cedar::FormatOptions options{.line_width = data[0], .indent_width = data[1] % 9U};
  std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  cedar::Limits limits{.bytes = 1U << 16};
  auto policies = cedar::parse_policies(text, limits);
  auto once = cedar::format_policies(text, options, limits);
  require(policies.has_value() == once.has_value());
  if (!policies) return 0;
  auto again = cedar::parse_policies(*once);
  require(again.has_value() && again->size() == policies->size());
  for (std::size_t i = 0; i < policies->size(); ++i) {
    require(cedar::same_structure((*policies)[i], (*again)[i]));
    auto reprinted = cedar::parse_policies(cedar::print((*policies)[i]));
    require(reprinted.has_value() && cedar::same_structure(reprinted->front(), (*policies)[i]));
  }
  require(comments_of(text) == comments_of(*once));
  auto twice = cedar::format_policies(*once, options);
  require(twice.has_value() && *twice == *once);
  return 0;
}
