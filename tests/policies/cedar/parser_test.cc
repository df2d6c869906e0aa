#include "policies/cedar/parser.h"

#include <gtest/gtest.h>

#include "cases.h"
#include "policies/cedar/policy_set.h"

namespace cedar {
namespace {

std::string repeated(std::string_view piece, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += piece;
  return out;
}

std::string first_problem(const Diagnostics& all) {
  const Diagnostic& first = all.front();
  return std::to_string(first.position.line) + ":" + std::to_string(first.position.column) + " " + first.message;
}

TEST(CedarParser, AcceptsPolicies) {
  for (const auto& each : test::read_cases("accept_policies.txt")) {
    auto parsed = parse_policies(each.input);
    EXPECT_TRUE(parsed.has_value()) << "line " << each.line << ": " << each.input << "\n"
                                    << first_problem(parsed.error());
  }
}

TEST(CedarParser, RejectsPolicies) {
  for (const auto& each : test::read_cases("reject_policies.txt")) {
    auto parsed = parse_policies(each.input);
    ASSERT_FALSE(parsed.has_value()) << "line " << each.line << ": " << each.input;
    EXPECT_EQ(first_problem(parsed.error()), each.expected) << "line " << each.line << ": " << each.input;
  }
}

TEST(CedarParser, AcceptsExpressions) {
  for (const auto& each : test::read_cases("accept_expressions.txt")) {
    auto parsed = parse_expression(each.input);
    EXPECT_TRUE(parsed.has_value()) << "line " << each.line << ": " << each.input << "\n"
                                    << first_problem(parsed.error());
  }
}

TEST(CedarParser, RejectsExpressions) {
  for (const auto& each : test::read_cases("reject_expressions.txt")) {
    auto parsed = parse_expression(each.input);
    ASSERT_FALSE(parsed.has_value()) << "line " << each.line << ": " << each.input;
    EXPECT_EQ(first_problem(parsed.error()), each.expected) << "line " << each.line << ": " << each.input;
  }
}

TEST(CedarParser, KeepsEverythingOfAPolicy) {
  auto parsed = parse_policies(
      "// first\n@id(\"a\\n\") @quiet\nforbid (principal is A::B in C::\"c\", action in [Action::\"x\", "
      "N::Action::\"y\",],\n"
      "  resource == R::\"é\")\nwhen { 1 < 2 } unless { context.é == 1 };");
  ASSERT_FALSE(parsed.has_value());  // é is no identifier character
  EXPECT_EQ(first_problem(parsed.error()), "5:33 unexpected character `é`");

  parsed = parse_policies(
      "// first\n@id(\"a\\n\") @quiet\nforbid (principal is A::B in C::\"c\", action in [Action::\"x\", "
      "N::Action::\"y\",],\n"
      "  resource == R::\"é\")\nwhen { 1 < 2 } unless { context.e == 1 };");
  ASSERT_TRUE(parsed.has_value());
  const ast::Policy& policy = parsed->front();
  EXPECT_EQ(policy.effect, ast::Effect::forbid);
  ASSERT_EQ(policy.annotations.size(), 2U);
  EXPECT_EQ(policy.annotations[0].key, "id");
  EXPECT_EQ(policy.annotations[0].value, "a\n");
  EXPECT_EQ(policy.annotations[1].value, "");
  EXPECT_EQ(policy.principal.kind, ast::ScopeKind::is_in);
  EXPECT_EQ(policy.principal.type, "A::B");
  EXPECT_EQ(policy.principal.entities.front().id, "c");
  EXPECT_EQ(policy.action.kind, ast::ScopeKind::in_list);
  EXPECT_EQ(policy.action.entities.at(1).type, "N::Action");
  EXPECT_EQ(policy.resource.kind, ast::ScopeKind::equal);
  EXPECT_EQ(policy.resource.entities.front().id, "é");
  ASSERT_EQ(policy.clauses.size(), 2U);
  EXPECT_EQ(policy.clauses[0].kind, ast::ClauseKind::when);
  EXPECT_EQ(policy.clauses[1].kind, ast::ClauseKind::unless);
  EXPECT_EQ(policy.span.offset, 9U);
}

TEST(CedarParser, EveryNodeKnowsItsPlace) {
  std::string text = "1 + principal.a.contains(\"x\") && -5 < (2)";
  auto parsed = parse_expression(text);
  ASSERT_TRUE(parsed.has_value());
  std::vector<std::string> places;
  for (const ast::Expr& expr : parsed->exprs) places.push_back(text.substr(expr.span.offset, expr.span.length));
  EXPECT_EQ(places, (std::vector<std::string>{"1", "principal", "principal.a", "\"x\"", "principal.a.contains(\"x\")",
                                              "1 + principal.a.contains(\"x\")", "-5", "2", "-5 < (2)", text}));
}

TEST(CedarParser, ReportsAllErrorsAndGoesOnBehindSemicolons) {
  auto parsed = parse_policies(
      "permit(principal, action);\n"
      "forbid(principal, action, resource) when { foo.bar && principal.baz() };\n"
      "permit(principal, action, resource);\n"
      "allow(principal, action, resource);\n"
      "permit(principal, action, resource) when { \"\\q\" == 1 }");
  ASSERT_FALSE(parsed.has_value());
  std::vector<std::string> all;
  for (const Diagnostic& each : parsed.error()) {
    all.push_back(std::to_string(each.position.line) + ":" + std::to_string(each.position.column) + " " + each.message);
  }
  EXPECT_EQ(all, (std::vector<std::string>{
                     "1:25 expected `,`, found `)`", "2:44 there is no variable `foo`", "2:65 `baz` is not a method",
                     "4:1 expected `permit` or `forbid`, found `allow`", "5:45 the escape `\\q` is not known",
                     "5:55 expected `when`, `unless` or `;`, found the end of the text"}));
}

TEST(CedarParser, RendersAsCompilersDo) {
  auto set = PolicySet::parse({{"team.cedar", "permit(principal, action, resource)\n\twhen { é = 1 };"}});
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().front().to_text(),
            "team.cedar:2:9: unexpected character `é`\n"
            "  \twhen { é = 1 };\n"
            "  \t       ^\n");
  set = PolicySet::parse({{"team.cedar", "permit(principal, action, resource) when { 1 = 1 };"}});
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().front().to_text(),
            "team.cedar:1:46: `=` is not an operator\n"
            "  permit(principal, action, resource) when { 1 = 1 };\n"
            "                                               ^\n"
            "  help: compare with `==`\n");
}

TEST(CedarParser, RenderedLinesHoldNothingThatMovesWhatIsRead) {
  Source source("policies.cedar", "permit (principal, action, resource) when { \"\xE2\x80\xAE\x1B[2J\tä\" 1 };");
  auto parsed = parse_policies(source.text());
  ASSERT_FALSE(parsed);
  std::string text = render(parsed.error().front(), source);
  EXPECT_NE(text.find("\"\xEF\xBF\xBD\xEF\xBF\xBD[2J\tä\" 1"), std::string::npos) << text;
}

TEST(CedarParser, PlacesOnALongLineAreCountedInCharacters) {
  std::string text = "// ";
  for (int i = 0; i < 3000; ++i) text += "ä€x";
  text += "\n";
  for (int i = 0; i < 3000; ++i) text += "é€";
  LineMap lines(text);
  std::uint32_t second = static_cast<std::uint32_t>(text.find('\n')) + 1;
  EXPECT_EQ(lines.locate({second, 2}), (Position{2, 1, 1}));
  EXPECT_EQ(lines.locate({second + 5 * 2999, 5}), (Position{2, 5999, 2}));
  EXPECT_EQ(lines.locate({3 + 6 * 2000, 6}), (Position{1, 6004, 3}));
  EXPECT_EQ(lines.locate({static_cast<std::uint32_t>(text.size()) + 9, 1}), (Position{2, 6001, 0}));
}

TEST(CedarParser, DeepNestingIsAnErrorNotACrash) {
  for (std::size_t depth : {std::size_t{150}, std::size_t{201}, std::size_t{100'000}}) {
    for (auto [open, middle, close] : {std::tuple{"(", "1", ")"},
                                       {"[", "1", "]"},
                                       {"{a:", "1", "}"},
                                       {"if ", "true", " then 1 else 1"},
                                       {"if true then 1 else ", "1", ""},
                                       {"ip(", "1", ")"},
                                       {"1.a(", "1", ")"},
                                       {"", "context", ".a"},
                                       {"", "context", "[\"a\"]"},
                                       {"", "context", ".getTag(\"a\")"},
                                       {"-(", "1", ")"},
                                       {"1 == (", "1", ")"}}) {
      auto parsed = parse_expression(repeated(open, depth) + middle + repeated(close, depth));
      bool unknown_method = std::string_view(open) == "1.a(";
      EXPECT_EQ(parsed.has_value(), depth == 150 && !unknown_method) << open << depth;
      if (!parsed && !unknown_method) {
        EXPECT_EQ(parsed.error().front().message, "expression is nested too deeply: at most 200 levels are allowed")
            << open;
      }
    }
  }
}

TEST(CedarParser, LongChainsAreFlat) {
  for (std::string_view op : {" && ", " || ", " + ", " - ", " * "}) {
    std::string text = "1" + repeated(std::string(op) + "1", 20'000);
    auto parsed = parse_expression(text);
    ASSERT_TRUE(parsed.has_value()) << op;
    EXPECT_EQ(parsed->exprs.back().operands.size(), 20'001U);
    EXPECT_EQ(parsed->exprs.back().height, 2);
  }
}

TEST(CedarParser, LimitsHold) {
  std::string policy = "permit(principal, action, resource);";
  EXPECT_EQ(first_problem(parse_policies(policy, {.bytes = 10}).error()),
            "1:1 this text is too large: at most 10 bytes are allowed");
  EXPECT_EQ(first_problem(parse_policies(policy + policy, {.policies = 1}).error()),
            "1:37 too many policies: at most 1 are allowed in one text");
  EXPECT_TRUE(parse_policies(policy, {.policies = 1}).has_value());
  EXPECT_EQ(first_problem(parse_policies(policy, {.tokens = 8}).error()),
            "1:36 too many tokens: at most 8 are allowed");
  EXPECT_TRUE(parse_policies(policy, {.tokens = 9}).has_value());
  EXPECT_EQ(parse_policies(repeated("x;", 1000), {.diagnostics = 7}).error().size(), 7U);
  EXPECT_EQ(parse_policies(repeated("#", 1000), {.diagnostics = 7}).error().size(), 7U);
  EXPECT_EQ(first_problem(parse_policies("permit\xFF").error()), "1:1 this text is not UTF-8");
  EXPECT_EQ(first_problem(parse_policies("\xED\xA0\x80").error()), "1:1 this text is not UTF-8");
}

TEST(CedarParser, EntityUids) {
  auto uid = parse_entity_uid("A :: B // c\n::\"x\\u{1F600}\"");
  ASSERT_TRUE(uid.has_value());
  EXPECT_EQ(*uid, EntityUid("A::B", "x😀"));
  EXPECT_EQ(uid->to_text(), "A::B::\"x😀\"");
  for (const char* bad : {"", "A", "A::", "A::B", "\"x\"", "A::\"x\" y", "if::\"x\"", "A::\"x", "A::{a: 1}"}) {
    EXPECT_FALSE(parse_entity_uid(bad).has_value()) << bad;
  }
}

TEST(CedarParser, TypeNames) {
  for (const char* good : {"A", "_a9", "A::B::C", "permit"}) EXPECT_TRUE(is_entity_type_name(good)) << good;
  for (const char* bad : {"", "A::", "::A", "A: :B", "A ::B", "9a", "if", "A::in", "__cedar", "__cedar::A", "é"}) {
    EXPECT_FALSE(is_entity_type_name(bad)) << bad;
  }
}

}  // namespace
}  // namespace cedar
