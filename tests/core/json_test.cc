#include "core/json.h"

#include <gtest/gtest.h>

#include <bit>

namespace countersign {
namespace {

std::string code_of(std::string_view text, const JsonLimits& limits = {}) {
  Result<Json> parsed = parse_json(text, limits);
  return parsed ? "" : parsed.error().code;
}

TEST(ParseJson, ReadsJson) {
  Json value = parse_json(R"({"a":[1,-2,3.5,true,null,"x"],"b":{}})").value();
  EXPECT_EQ(value["a"][1], -2);
  EXPECT_TRUE(value["b"].is_object());
  EXPECT_EQ(parse_json("18446744073709551615").value(), 18446744073709551615ULL);
  EXPECT_EQ(parse_json("-9223372036854775808").value(), std::numeric_limits<std::int64_t>::min());
}

TEST(ParseJson, RefusesWhatIsNotStrict) {
  for (std::string_view bad :
       {"",   " ",   "{",       "[1,]", "{\"a\":1,}", "{a:1}",     "'a'",         "01",       "+1",  ".5",
        "1.", "nul", "// c\n1", "1 2",  "\"\x01\"",   "\"\\x41\"", "\"\\ud800\"", "\"\xff\"", "NaN", "1e999"}) {
    EXPECT_EQ(code_of(bad), "json.malformed") << bad;
  }
}

TEST(ParseJson, DuplicateKeysAreRefusedAtAnyDepthAndSpelling) {
  EXPECT_EQ(code_of(R"({"a":1,"a":1})"), "json.duplicate_key");
  EXPECT_EQ(code_of(R"([{"x":{"a":1,"b":2,"a":3}}])"), "json.duplicate_key");
  EXPECT_EQ(code_of(R"({"a":1,"\u0061":2})"), "json.duplicate_key");
  EXPECT_EQ(code_of(R"([{"a":1},{"a":1}])"), "");
}

TEST(ParseJson, IntegersPast64BitsAreRefusedNotRounded) {
  EXPECT_EQ(code_of("18446744073709551616"), "json.number_range");
  EXPECT_EQ(code_of("-9223372036854775809"), "json.number_range");
}

TEST(ParseJson, Limits) {
  EXPECT_EQ(code_of("[[[]]]", {.depth = 3}), "");
  EXPECT_EQ(code_of("[[[[]]]]", {.depth = 3}), "json.too_deep");
  EXPECT_EQ(code_of("[1,2]", {.values = 3}), "");
  EXPECT_EQ(code_of("[1,2,3]", {.values = 3}), "json.too_large");
  EXPECT_EQ(code_of("\"1234\"", {.bytes = 5}), "json.too_large");
  EXPECT_EQ(code_of(std::string(100'000, '[')), "json.too_deep");
}

// RFC 8785 appendix B: IEEE-754 bits and the one spelling of each.
TEST(CanonicalJson, NumbersOfRfc8785) {
  const std::pair<std::uint64_t, std::string_view> vectors[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (auto [bits, text] : vectors) EXPECT_EQ(canonical_json(Json(std::bit_cast<double>(bits))).value(), text);
}

// RFC 8785 sections 3.2.2 and 3.2.3.
TEST(CanonicalJson, ExamplesOfRfc8785) {
  Json sample = parse_json(R"({"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
    "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]})")
                    .value();
  EXPECT_EQ(canonical_json(sample).value(),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  Json keys = parse_json(R"({"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
    "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"})")
                  .value();
  EXPECT_EQ(canonical_json(keys).value(),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\","
            "\"\u00f6\":\"Latin Small Letter O With Diaeresis\",\"\u20ac\":\"Euro Sign\","
            "\"\U0001F600\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");
}

TEST(CanonicalJson, IsAFixedPointAndRefusesBadUtf8) {
  std::string once = canonical_json(parse_json(R"({"b":[1.0,2],"a":{"z":"\t","y":-0.0}})").value()).value();
  EXPECT_EQ(canonical_json(parse_json(once).value()).value(), once);
  EXPECT_EQ(canonical_json(Json("\xff")).error().code, "json.not_utf8");
}

TEST(JsonLookups, TypesThatDoNotFitGiveTheFallback) {
  Json value = parse_json(R"({"s":"x","n":7})").value();
  EXPECT_EQ(string_or(value, "s", "-"), "x");
  EXPECT_EQ(string_or(value, "n", "-"), "-");
  EXPECT_EQ(integer_or(value, "n", 0), 7);
  EXPECT_EQ(integer_or(value, "s", 3), 3);
  EXPECT_EQ(find_member(Json::array(), "s"), nullptr);
}

}  // namespace
}  // namespace countersign
