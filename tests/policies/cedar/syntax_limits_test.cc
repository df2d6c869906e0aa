// What hostile texts cost: a clear error or an answer, for whatever nests, repeats or is long.
#include <gtest/gtest.h>

#include "policies/cedar/est.h"
#include "policies/cedar/format.h"
#include "policies/cedar/lexer.h"
#include "policies/cedar/parser.h"
#include "policies/cedar/printer.h"

namespace cedar {
namespace {

std::string repeated(std::string_view piece, std::size_t times) {
  std::string out;
  out.reserve(piece.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += piece;
  return out;
}

std::string policy_with(const std::string& condition) {
  return "permit(principal, action, resource) when { " + condition + " };";
}

// Through the parser, and when it parses through everything behind it.
bool survives(const std::string& text) {
  auto policies = parse_policies(text);
  auto formatted = format_policies(text);
  EXPECT_EQ(policies.has_value(), formatted.has_value());
  if (!policies) {
    EXPECT_FALSE(policies.error().empty());
    EXPECT_FALSE(policies.error().front().message.empty());
    return false;
  }
  auto again = parse_policies(*formatted);
  EXPECT_TRUE(again.has_value() && again->size() == policies->size());
  for (const ast::Policy& policy : *policies) {
    auto reprinted = parse_policies(print(policy));
    EXPECT_TRUE(reprinted.has_value() && same_structure(reprinted->front(), policy));
    auto json = write_policy_json(policy);
    if (json) {
      EXPECT_TRUE(read_policy_json(*json).has_value());
    } else {
      EXPECT_EQ(json.error().code, "cedar.est.too_large");
    }
  }
  return true;
}

TEST(CedarSyntaxLimits, NestingEndsInAnErrorNotACrash) {
  for (std::size_t depth : {std::size_t{150}, std::size_t{10'000}, std::size_t{1'000'000}}) {
    for (auto [open, middle, close] : {std::tuple{"(", "1", ")"},
                                       {"[", "1", "]"},
                                       {"{a:", "1", "}"},
                                       {"if true then 1 else ", "1", ""},
                                       {"if ", "true", " then 1 else 1"},
                                       {"-(", "1", ")"},
                                       {"ip(", "1", ")"},
                                       {"", "context", "[\"a\"]"}}) {
      if (depth > 10'000 && std::string_view(open) != "(" && std::string_view(open) != "[") continue;
      EXPECT_EQ(survives(policy_with(repeated(open, depth) + middle + repeated(close, depth))), depth == 150)
          << open << depth;
    }
    EXPECT_FALSE(survives(policy_with(repeated("!", depth) + "true")));
    EXPECT_FALSE(survives(policy_with(repeated("-", depth) + "1")));
    EXPECT_EQ(survives("permit(principal == " + repeated("(", depth) + "A::\"x\"" + repeated(")", depth) +
                       ", action, resource);"),
              depth == 150);
    EXPECT_EQ(
        survives("permit(principal, action in " + repeated("(", depth) + "[]" + repeated(")", depth) + ", resource);"),
        depth == 150);
  }
}

TEST(CedarSyntaxLimits, ChainsOfAHundredThousandTermsAreAnswered) {
  for (const char* op : {" + ", " && "})
    EXPECT_TRUE(survives(policy_with("1" + repeated(op + std::string("1"), 100'000))));
  EXPECT_TRUE(survives(policy_with("[" + repeated("1,", 30'000) + "]")));
  EXPECT_TRUE(survives(policy_with("1" + repeated(" || true && false", 10'000))));
}

TEST(CedarSyntaxLimits, LongThings) {
  EXPECT_TRUE(survives(policy_with("context has a" + repeated(".a", 150))));
  EXPECT_FALSE(survives(policy_with("context has a" + repeated(".a", 1'000))));
  EXPECT_FALSE(survives(policy_with("context has a" + repeated(".a", 400'000))));
  EXPECT_TRUE(survives("permit(principal is A" + repeated("::A", 30'000) + ", action, resource);"));
  std::string annotations;
  for (int i = 0; i < 20'000; ++i) annotations += "@a" + std::to_string(i) + "(\"\") ";
  EXPECT_TRUE(survives(annotations + "permit(principal, action, resource);"));
  EXPECT_FALSE(survives(repeated("@a ", 50'000) + "permit(principal, action, resource);"));
  EXPECT_TRUE(survives("permit(principal, action, resource) when { \"" + repeated("x", 1'000'000) + "\" == 1 };"));
  EXPECT_TRUE(survives("permit(principal, action in [" + repeated("Action::\"x\",", 20'000) + "], resource);"));
  EXPECT_TRUE(survives("permit(principal, action, resource)" + repeated("unless { false }", 10'000) + ";"));
}

TEST(CedarSyntaxLimits, WhatIsWrongAMillionTimesIsSaidAFewTimes) {
  for (const std::string& text : {repeated("#", 4'000'000), repeated("\xC3\xA4", 2'000'000),
                                  policy_with("\"" + repeated("\\q", 1'900'000) + "\" == 1"),
                                  policy_with("\"" + repeated("\\u{", 1'300'000) + "\" == 1"),
                                  policy_with("\"\" like \"" + repeated("\\u", 1'900'000) + "\"")}) {
    auto policies = parse_policies(text);
    ASSERT_FALSE(policies.has_value());
    EXPECT_EQ(policies.error().size(), Limits().diagnostics);
    std::vector<Diagnostic> problems;
    lex(text, Limits().tokens, problems);
    EXPECT_LE(problems.size(), 1'000U);
    EXPECT_FALSE(format_policies(text).has_value());
  }
}

TEST(CedarSyntaxLimits, ManyComments) {
  for (const char* comment : {"//\n", "// a\r// b\n", "\n//c\n", "//x\r"}) {
    std::string text = "permit(principal, action, resource) when { " + repeated(comment, 30'000) + "true, };";
    EXPECT_FALSE(format_policies(text).has_value());
    auto formatted =
        format_policies("permit(principal, action, resource) when { " + repeated(comment, 30'000) + "true };");
    ASSERT_TRUE(formatted.has_value());
    EXPECT_EQ(format_policies(*formatted).value(), *formatted);
  }
}

}  // namespace
}  // namespace cedar
