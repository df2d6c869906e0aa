#include "policies/cedar/printer.h"

#include <gtest/gtest.h>

#include "cases.h"
#include "policies/cedar/parser.h"
#include "random_policy.h"

namespace cedar {
namespace {

std::string reprinted(std::string_view text) {
  auto parsed = parse_expression(text);
  if (!parsed) return "does not parse: " + parsed.error().front().message;
  return print(parsed->exprs, parsed->root);
}

TEST(CedarPrinter, WritesParenthesesOnlyWhereTheyAreNeeded) {
  for (auto [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"((1))", "1"},
           {"(1+2)-(3*4)", "(1 + 2) - 3 * 4"},
           {"1-(2-3)", "1 - (2 - 3)"},
           {"(1+2)*3", "(1 + 2) * 3"},
           {"(true&&false)&&true", "(true && false) && true"},
           {"true&&false||(true||false)", "true && false || (true || false)"},
           {"(1==2)==(3<4)", "(1 == 2) == (3 < 4)"},
           {"if (if true then true else false) then 1 else if true then 2 else 3",
            "if if true then true else false then 1 else if true then 2 else 3"},
           {"(if true then 1 else 2)+3", "(if true then 1 else 2) + 3"},
           {"-(1)", "-(1)"},
           {"-1", "-1"},
           {"--1", "-(-1)"},
           {"-context.a", "-context.a"},
           {"(-context).a", "(-context).a"},
           {"(-1).a", "(-1).a"},
           {"!(!(!(!(!true))))", "!!!!(!true)"},
           {"!(-1)", "!(-1)"},
           {"-(!true)", "-(!true)"},
           {"1 - -2", "1 - -2"},
           {"!(true&&false)", "!(true && false)"},
           {"(context).a[\"b\"][\"c d\"][\"if\"]", "context.a.b[\"c d\"][\"if\"]"},
           {"(context has a.b) == (context has \"a\")", "(context has a.b) == (context has a)"},
           {"context has \"in\"", "context has \"in\""},
           {"(1+2) is A::B in (context.x)", "1 + 2 is A::B in context.x"},
           {"\"x\" like \"*\\*\\\"*\"", "\"x\" like \"*\\*\\\"*\""},
           {"{\"a\":1,\"b c\":{},in2:[]}", "{a: 1, \"b c\": {}, in2: []}"},
           {"(ip(\"::1\")).isInRange((ip(\"::\")))", "ip(\"::1\").isInRange(ip(\"::\"))"},
           {"[[1,2,],(3),]", "[[1, 2], 3]"},
           {"A::B::\"\\u{202e}x\\0\"", "A::B::\"\\u{202e}x\\0\""},
           {"(context.a).containsAny((context.b))", "context.a.containsAny(context.b)"}}) {
    EXPECT_EQ(reprinted(text), expected) << text;
  }
}

TEST(CedarPrinter, PoliciesReadBackAsTheyWere) {
  test::PolicyMaker make(20260801);
  for (int round = 0; round < 4000; ++round) {
    ast::Policy policy = make.policy(round % 6);
    std::string text = print(policy);
    auto parsed = parse_policies(text);
    ASSERT_TRUE(parsed.has_value()) << text << "\n" << parsed.error().front().message;
    ASSERT_EQ(parsed->size(), 1U);
    ASSERT_TRUE(same_structure(policy, parsed->front())) << text << "\n" << print(parsed->front());
    EXPECT_EQ(print(parsed->front()), text);
  }
}

TEST(CedarPrinter, PlacesAreThoseOfTheParser) {
  test::PolicyMaker make(7);
  for (int round = 0; round < 300; ++round) {
    ast::Policy policy = make.policy(3);
    std::string text = "// first\n";
    print_placed(policy, text);
    auto parsed = parse_policies(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    const ast::Policy& read = parsed->front();
    EXPECT_EQ(policy.span, read.span);
    EXPECT_EQ(policy.principal.span, read.principal.span);
    EXPECT_EQ(policy.principal.slot_span, read.principal.slot_span);
    for (std::size_t i = 0; i < read.action.entities.size(); ++i) {
      EXPECT_EQ(policy.action.entities[i].span, read.action.entities[i].span);
    }
    for (std::size_t i = 0; i < read.clauses.size(); ++i) {
      EXPECT_EQ(policy.clauses[i].span, read.clauses[i].span);
      EXPECT_EQ(policy.exprs[policy.clauses[i].body].span, read.exprs[read.clauses[i].body].span) << text;
    }
    for (std::size_t i = 0; i < read.annotations.size(); ++i) {
      EXPECT_EQ(policy.annotations[i].span, read.annotations[i].span);
    }
  }
}

TEST(CedarPrinter, EverythingThatParsesCanBePrinted) {
  for (const auto& each : test::read_cases("accept_expressions.txt")) {
    auto parsed = parse_expression(each.input);
    ASSERT_TRUE(parsed.has_value());
    std::string text = print(parsed->exprs, parsed->root);
    auto again = parse_expression(text);
    ASSERT_TRUE(again.has_value()) << each.input << "\n" << text;
    EXPECT_TRUE(same_structure(parsed->exprs, parsed->root, again->exprs, again->root)) << text;
  }
}

TEST(CedarPrinter, StructureIsComparedToTheLastWord) {
  auto parse = [](std::string_view text) { return parse_policies(text)->front(); };
  ast::Policy base = parse("@a permit(principal == A::\"x\", action, resource) when { context.a == 1 };");
  EXPECT_TRUE(same_structure(
      base, parse("@a  permit ( principal==A::\"x\",action,resource,) when {(context[\"a\"]) == (1)};")));
  for (const char* other : {"@a(\"\") permit(principal == A::\"x\", action, resource) when { context.a == 1 };",
                            "@a forbid(principal == A::\"x\", action, resource) when { context.a == 1 };",
                            "@a permit(principal in A::\"x\", action, resource) when { context.a == 1 };",
                            "@a permit(principal == ?principal, action, resource) when { context.a == 1 };",
                            "@a permit(principal == A::\"y\", action, resource) when { context.a == 1 };",
                            "@a permit(principal == A::\"x\", action, resource) unless { context.a == 1 };",
                            "@a permit(principal == A::\"x\", action, resource) when { context.a != 1 };",
                            "@a permit(principal == A::\"x\", action, resource) when { context.b == 1 };",
                            "@a permit(principal == A::\"x\", action, resource);"}) {
    EXPECT_FALSE(same_structure(base, parse(other))) << other;
  }
}

}  // namespace
}  // namespace cedar
