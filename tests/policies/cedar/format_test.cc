#include "policies/cedar/format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "cases.h"
#include "core/json.h"
#include "policies/cedar/lexer.h"
#include "policies/cedar/printer.h"
#include "random_policy.h"

namespace cedar {
namespace {

std::string formatted(std::string_view text, const FormatOptions& options = {}) {
  auto out = format_policies(text, options);
  return out ? *out : "does not parse: " + out.error().front().message;
}

// All comments of a text without the blanks behind them, sorted.
std::vector<std::string> comments_of(std::string_view text) {
  std::vector<Diagnostic> problems;
  std::vector<Span> places;
  lex(text, 10'000'000, problems, &places);
  std::vector<std::string> out;
  for (Span place : places) {
    std::string comment(text.substr(place.offset, place.length));
    while (!comment.empty() && static_cast<unsigned char>(comment.back()) <= ' ') comment.pop_back();
    out.push_back(std::move(comment));
  }
  std::ranges::sort(out);
  return out;
}

void expect_sound(const std::string& text, const FormatOptions& options) {
  auto once = format_policies(text, options);
  ASSERT_TRUE(once.has_value()) << text << "\n" << once.error().front().message;
  auto before = parse_policies(text);
  auto after = parse_policies(*once);
  ASSERT_TRUE(before.has_value());
  ASSERT_TRUE(after.has_value()) << text << "\n" << *once << "\n" << after.error().front().message;
  ASSERT_EQ(before->size(), after->size());
  for (std::size_t i = 0; i < before->size(); ++i) {
    EXPECT_TRUE(same_structure((*before)[i], (*after)[i])) << text << "\n" << *once;
  }
  EXPECT_EQ(comments_of(text), comments_of(*once)) << text << "\n" << *once;
  EXPECT_EQ(formatted(*once, options), *once) << text;
}

TEST(CedarFormat, IsWhatTheOfficialFormatterWrites) {
  std::ifstream in(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/cases/cedar/format_official.jsonl");
  std::string line;
  int count = 0;
  for (; std::getline(in, line); ++count) {
    auto json = countersign::Json::parse(line);
    FormatOptions options{json["width"].get<std::size_t>(), json["indent"].get<std::size_t>()};
    auto text = json["text"].get<std::string>();
    EXPECT_EQ(formatted(text, options), json["formatted"].get<std::string>()) << text;
    expect_sound(text, options);
  }
  EXPECT_GT(count, 400);
}

TEST(CedarFormat, PoliciesWithCommentsAnywhereStaySound) {
  test::PolicyMaker make(99);
  for (int round = 0; round < 1200; ++round) {
    std::string text;
    for (std::size_t i = make.below(3) + 1; i > 0; --i) text += print(make.policy(round % 5)) + "\n";
    std::string commented = make.with_comments(text, 1 + make.below(12));
    expect_sound(commented, {.line_width = 20 + 20 * make.below(5), .indent_width = make.below(5)});
  }
}

TEST(CedarFormat, CommentsBesideWhatIsLeftOutAreKept) {
  EXPECT_EQ(
      formatted("permit(principal, action in [Action::\"a\", // why\n], resource, // end\n) // x\n;"),
      "permit (\n  principal,\n  action in\n    [Action::\"a\"\n    // why\n    ],\n  resource\n// end\n) // x\n;\n");
  for (const char* text :
       {"permit(principal,action,resource // a\n, // b\n // c\n) when { [1, // d\n] == {a: 1 // e\n , // f\n // g\n} "
        "};",
        "permit(principal,action,resource)when{ip(1 // a\n,// b\n) // c\n};", "//a\n//b\n\n//c",
        "// a\r// b\rpermit(principal,action,resource);// c\r// d\n", "permit(principal,action,resource)//\n;//",
        "@a//1\n(//2\n\"x\"//3\n)//4\npermit//5\n(principal//6\n is//7\n A//8\n ::B//9\n in//10\n ?principal//11\n,"
        "action//12\n in//13\n [//14\n Action//15\n ::\"x\"//16\n ,//17\n ]//18\n,//19\nresource//20\n,//21\n)//22\n"
        "when//23\n{//24\n!//25\n!//26\n(1)//27\n.//28\n a//29\n[\"b\"]//30\n.contains//31\n(//32\n1//33\n)//34\n"
        "has//35\n a//36\n.//37\n b//38\n}//39\n;//40"}) {
    expect_sound(text, {});
  }
  expect_sound(
      "permit(principal,action,resource)when{if//1\n true//2\n then//3\n {a//4\n ://5\n 1,//6\n}//7\n else//8\n "
      "[//9\n]//10\n};",
      {});
}

TEST(CedarFormat, SmallThings) {
  EXPECT_EQ(formatted(""), "\n");
  EXPECT_EQ(formatted("// only"), "\n// only\n");
  EXPECT_EQ(formatted("permit(principal,action,resource)when{007==-00};"),
            "permit (principal, action, resource)\nwhen { 7 == -0 };\n");
  EXPECT_EQ(formatted("permit(principal,action,resource);permit(principal,action,resource);"),
            "permit (principal, action, resource);\n\npermit (principal, action, resource);\n");
  EXPECT_EQ(formatted("permit(principal,action);"), "does not parse: expected `,`, found `)`");
  EXPECT_EQ(formatted("permit(principal,action,resource)when{\"a\n\n  \nb\"==[]};"),
            "permit (principal, action, resource)\nwhen { \"a\n\n  \nb\" == [] };\n");
}

TEST(CedarFormat, OptionsAreBounded) {
  std::string text = "permit(principal,action,resource)when{context.a && context.b};";
  EXPECT_EQ(formatted(text, {.line_width = 0}), formatted(text, {.line_width = 1}));
  EXPECT_EQ(formatted(text, {.line_width = 1'000'000}), formatted(text, {.line_width = 1000}));
  EXPECT_EQ(formatted(text, {.line_width = 10, .indent_width = 1'000'000}),
            formatted(text, {.line_width = 10, .indent_width = 100}));
}

}  // namespace
}  // namespace cedar
