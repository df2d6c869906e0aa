// Untrusted text, widths, tables, times.
#include "cli/text.h"

#include <gtest/gtest.h>

#include "cli/diagnostics.h"

namespace countersign::cli {
namespace {

TEST(TextTest, NothingATerminalActsOnPasses) {
  EXPECT_EQ(one_line("\x1b[2J\x1b]0;title\x07"), "\\x1b[2J\\x1b]0;title\\x07");
  EXPECT_EQ(one_line("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(one_line("\x7f"), "\\x7f");
  EXPECT_EQ(one_line("\xc2\x9b"), "\\x9b");  // CSI as one C1 character
  EXPECT_EQ(one_line("\xe2\x80\xae"
                     "gpj.exe"),
            "\\u202egpj.exe");  // right-to-left override
  EXPECT_EQ(one_line("a\xe2\x80\x8b"
                     "b"),
            "a\\u200bb");                                  // zero width space
  EXPECT_EQ(one_line("\xf3\xa0\x81\x81"), "\\U000e0041");  // an invisible tag letter
  EXPECT_EQ(one_line("\xe2\x80\xa8"), "\\u2028");
  EXPECT_EQ(one_line(std::string("\0", 1)), "\\x00");
}

TEST(TextTest, BytesThatAreNotUtf8AreShownAsSuch) {
  EXPECT_EQ(one_line("\xff"), "\\xff");
  EXPECT_EQ(one_line("\xc3"), "\\xc3");
  EXPECT_EQ(one_line("\xc0\x9b"), "\\xc0\\x9b");           // overlong
  EXPECT_EQ(one_line("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(one_line("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(TextTest, OrdinaryTextPasses) {
  EXPECT_EQ(one_line("Grüße, 世界 – fine"), "Grüße, 世界 – fine");
  EXPECT_EQ(many_lines("a\n\tb\r\n"), "a\n    b\\r\n");
}

TEST(TextTest, ColumnsAndCutting) {
  EXPECT_EQ(columns("abc"), 3U);
  EXPECT_EQ(columns("世界"), 4U);
  EXPECT_EQ(columns("e\xcc\x81"), 1U);
  EXPECT_EQ(cut("abcdef", 6), "abcdef");
  EXPECT_EQ(cut("abcdef", 4), "abc…");
  EXPECT_EQ(cut("世界世界", 5), "世界…");
  EXPECT_EQ(cut("abc", 0), "");
}

TEST(TextTest, Times) {
  EXPECT_EQ(relative_time(1000, 1000), "now");
  EXPECT_EQ(relative_time(90'000, 0), "in 90 s");
  EXPECT_EQ(relative_time(0, 58 * 60'000), "58 min ago");
  EXPECT_EQ(relative_time(3 * 3'600'000, 0), "in 3 h");
  EXPECT_EQ(relative_time(0, 5 * 86'400'000LL), "5 d ago");
  EXPECT_EQ(absolute_time(1'795'253'400'000), "2026-11-21 09:30:00");
}

TEST(TextTest, ATableFitsTheTerminal) {
  Table table({{"ID", 4}, {"WHAT", 8}, {"WHY", 8}});
  table.add({"1", std::string(100, 'a'), std::string(60, 'b')});
  table.add({"2", "short", ""});
  std::string text = table.render(Terminal(Terminal::Colours::off, 60));
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find('\n', begin);
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    EXPECT_LE(columns(line), 60U) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
    begin = end + 1;
  }
  EXPECT_EQ(text.find("\x1b"), std::string::npos);
}

TEST(TextTest, ColoursOnlyWhenTheyAreOn) {
  EXPECT_EQ(Terminal(Terminal::Colours::off, 80).styled(Style::red, "x"), "x");
  EXPECT_EQ(Terminal(Terminal::Colours::on, 80).styled(Style::red, "x"), "\x1b[31mx\x1b[0m");
}

TEST(DiagnosticsTest, AProblemWithoutItsFileIsStillPrinted) {
  EXPECT_EQ(render_problems({{"/nowhere/a.cedar", 3, 5, "expected `;`", Severity::error}}),
            "/nowhere/a.cedar:3:5: expected `;`\n");
  EXPECT_EQ(render_problems({{"a", 0, 0, "odd\x1b[2J", Severity::warning}}), "a: warning: odd\\x1b[2J\n");
}

}  // namespace
}  // namespace countersign::cli
