#include "core/yaml.h"

#include <gtest/gtest.h>

namespace countersign::yaml {
namespace {

// The messages of a text that does not parse.
std::string refused(std::string_view text, const Limits& limits = {}) {
  Problems problems;
  std::optional<Node> root = parse("f", text, problems, limits);
  EXPECT_FALSE(root.has_value()) << text;
  EXPECT_TRUE(has_errors(problems)) << text;
  return format_problems(problems);
}

Node parsed(std::string_view text) {
  Problems problems;
  std::optional<Node> root = parse("f", text, problems);
  EXPECT_TRUE(root.has_value()) << format_problems(problems);
  return root ? *root : Node{};
}

TEST(ParseYaml, KeepsPositionsOfKeysAndValues) {
  Node root = parsed("a: 1\nb:\n  - x\n  - {c: \"d\"}\n");
  ASSERT_EQ(root.members.size(), 2U);
  EXPECT_EQ(root.members[1].line, 2);
  EXPECT_EQ(root.members[1].column, 1);
  const Node& list = root.members[1].value;
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_EQ(list.items[0].line, 3);
  EXPECT_EQ(list.items[0].column, 5);
  EXPECT_EQ(list.items[1].find("c")->text, "d");
  EXPECT_TRUE(list.items[1].find("c")->quoted);
  EXPECT_EQ(list.items[1].find("none"), nullptr);
}

TEST(ParseYaml, EmptyDocumentsAreNull) {
  for (std::string_view text : {"", "\n", "# only a comment\n", "~", "null"})
    EXPECT_EQ(parsed(text).kind, Node::Kind::null) << text;
}

TEST(ParseYaml, DuplicateKeysAreRefusedAllOfThem) {
  EXPECT_EQ(refused("a: 1\nb: 2\na: 3\nb: 4\n"), "f:3: duplicate key `a`\nf:4: duplicate key `b`\n");
  EXPECT_EQ(refused("x: {a: 1, 'a': 2}\n"), "f:1: duplicate key `a`\n");
}

TEST(ParseYaml, AnchorsAliasesTagsAndComplexKeysAreRefused) {
  EXPECT_EQ(refused("a: &x 1\nb: *x\n"), "f:1: anchors are not allowed here\n");
  EXPECT_EQ(refused("a: &x [1]\n"), "f:1: anchors are not allowed here\n");
  refused("a: *x\n");
  EXPECT_EQ(refused("a: !!binary aGk=\n"), "f:1: tags are not allowed here\n");
  EXPECT_EQ(refused("a: !thing {b: 1}\n"), "f:1: tags are not allowed here\n");
  EXPECT_EQ(refused("[a]: 1\n"), "f:1: a key must be a word\n");
  EXPECT_EQ(refused("? {a: b}\n: 1\n"), "f:1: a key must be a word\n");
}

TEST(ParseYaml, AliasBombsCostNothing) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    std::string previous(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [*" + previous + ",*" + previous + ",*" + previous + "]\n";
  }
  EXPECT_EQ(refused(bomb), "f:1: anchors are not allowed here\n");
}

TEST(ParseYaml, Limits) {
  EXPECT_EQ(refused(std::string(200'000, '['), {}), "f:1: nested deeper than 32 levels\n");
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_EQ(refused(dashes), "f:1: nested deeper than 32 levels\n");
  std::string braces;
  for (int i = 0; i < 50'000; ++i) braces += "{a: ";
  EXPECT_EQ(refused(braces), "f:1: nested deeper than 32 levels\n");
  EXPECT_EQ(refused("[1,2,3]", {.nodes = 3}), "f:1: more than 3 values\n");
  EXPECT_EQ(refused("[1,2,3]", {.bytes = 6}), "f: the file has more than 6 bytes\n");
}

TEST(ParseYaml, SyntaxErrorsHaveALine) {
  EXPECT_EQ(refused("a: 1\nb: [1, 2\nc: 3\n").substr(0, 2), "f:");
  EXPECT_NE(refused("a: 1\n\tb: 2\n").find("f:"), std::string::npos);
  EXPECT_EQ(refused("a: 1\n---\nb: 2\n"), "f:3: more than one document\n");
  EXPECT_EQ(refused(std::string_view("a: \0b\n", 6)), "f: the file has control characters\n");
  EXPECT_EQ(refused("\xEF\xBB\xBF# \u00fc\u20ac\r\n\u20ac: '\u20ac'\r\na: \"un\\\"closed\nb: 'x'\n"),
            "f:3: the quote is never closed\n");
  EXPECT_EQ(refused("a: 'it''s\nb: c\n"), "f:1: the quote is never closed\n");
  EXPECT_EQ(parsed("a: 'it''s'\nb: \"\\\"\"\nc: |\n  \"x\n").members.size(), 3U);
  refused("}");
}

TEST(Scalars, IntegersAndBooleansAreStrict) {
  auto integer = [](std::string_view text) { return as_integer(parsed(text)); };
  EXPECT_EQ(integer("42"), 42);
  EXPECT_EQ(integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (std::string_view bad : {"'42'", "4.0", "0x10", "1e3", "+1", "1_000", "9223372036854775808", "x", "[1]", "~"})
    EXPECT_EQ(integer(bad), std::nullopt) << bad;
  EXPECT_EQ(as_boolean(parsed("true")), true);
  EXPECT_EQ(as_boolean(parsed("false")), false);
  for (std::string_view bad : {"yes", "on", "1", "True", "'true'", "[]"})
    EXPECT_EQ(as_boolean(parsed(bad)), std::nullopt) << bad;
}

TEST(Scalars, ByteSizes) {
  EXPECT_EQ(parse_byte_size("65536"), 65536U);
  EXPECT_EQ(parse_byte_size("64KiB"), 65536U);
  EXPECT_EQ(parse_byte_size("2GiB"), 2ULL << 30);
  for (std::string_view bad : {"", "KiB", "1kb", "1KB", "-1", "1 MiB", "1.5MiB", "99999999999GiB"})
    EXPECT_EQ(parse_byte_size(bad), std::nullopt) << bad;
}

TEST(MapTest, CollectsEveryProblemAndNamesTheNearestKey) {
  Node root = parsed("nmae: x\nport: '80'\nflag: yes\nwait: 5x\nsize: 2MiB\nwords: [a, [b]]\nlist: {a: 1}\nzzz: 1\n");
  Problems problems;
  Map map("f", root, "the thing", problems);
  std::string name = "before";
  std::int64_t port = 1;
  bool flag = false;
  TimeMs wait = 7;
  std::uint64_t size = 0;
  std::vector<std::string> words = {"before"};
  EXPECT_FALSE(map.require("name"));
  EXPECT_EQ(map.string("name", name), nullptr);
  EXPECT_EQ(map.integer("port", port, 1, 65535), nullptr);
  EXPECT_EQ(map.boolean("flag", flag), nullptr);
  EXPECT_EQ(map.duration("wait", wait), nullptr);
  EXPECT_EQ(map.byte_size("size", size, 0, 1U << 20), nullptr);
  EXPECT_EQ(map.strings("words", words), nullptr);
  EXPECT_EQ(map.list("list"), nullptr);
  map.finish();
  EXPECT_EQ(format_problems(problems),
            "f:1: the thing needs `name`\n"
            "f:2: `port` must be a whole number from 1 to 65535, not text in quotes\n"
            "f:3: `flag` must be true or false, not `yes`\n"
            "f:4: `wait` must be a duration like 30s, 15m, 4h or 7d, not `5x`\n"
            "f:5: `size` must be from 0 to 1048576 bytes, not `2MiB`\n"
            "f:6: `words` must be a list of text, not a list\n"
            "f:7: `list` must be a list, not a map\n"
            "f:1: unknown key `nmae` in the thing; did you mean `name`?\n"
            "f:8: unknown key `zzz` in the thing\n");
  EXPECT_EQ(name, "before");
  EXPECT_EQ(port, 1);
  EXPECT_EQ(wait, 7);
  EXPECT_EQ(words, std::vector<std::string>{"before"});
}

TEST(MapTest, SomethingElseThanAMapIsReportedOnce) {
  Node root = parsed("[1]");
  Problems problems;
  Map map("f", root, "the thing", problems);
  map.require("name");
  map.finish();
  EXPECT_EQ(format_problems(problems), "f:1: the thing must be a map, not a list\n");
}

}  // namespace
}  // namespace countersign::yaml
