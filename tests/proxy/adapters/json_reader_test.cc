#include "core/json_reader.h"

#include <gtest/gtest.h>

#include "core/json.h"

namespace countersign {
namespace {

std::string code_of(std::string_view text, const JsonReadLimits& limits = {}) {
  auto document = JsonDocument::parse(text, limits);
  return document ? "ok" : document.error().code;
}

TEST(JsonReader, RefusesWhatTwoReadersCouldReadDifferently) {
  EXPECT_EQ(code_of(R"({"a":1,"a":2})"), "json.duplicate_key");
  EXPECT_EQ(code_of(R"({"x":[{"a":1,"b":2,"a":2}]})"), "json.duplicate_key");
  EXPECT_EQ(code_of(R"({"a":1,"\u0061":2})"), "json.duplicate_key");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(code_of(many + R"("k7":1})"), "json.duplicate_key");
  EXPECT_EQ(code_of(many + R"("k100":1})"), "ok");
  EXPECT_EQ(code_of("\xEF\xBB\xBF{}"), "json.malformed");
  EXPECT_EQ(code_of("\"\xC0\xAF\""), "json.malformed");
  EXPECT_EQ(code_of(R"("\ud800")"), "json.malformed");
  EXPECT_EQ(code_of(R"("\udc00")"), "json.malformed");
  EXPECT_EQ(code_of(R"({"\udc00":1})"), "json.malformed");
  EXPECT_EQ(code_of(R"("\ud83d\ude00")"), "ok");
}

TEST(JsonReader, RefusesWhatIsNotJson) {
  for (std::string_view text : {"", " ", "{", "[1,]", "{\"a\":1,}", "nul", "{'a':1}", "{} {}", "[1] 2", "01", "+1",
                                ".5", "\"a\nb\"", "NaN", "[1,,2]", "{\"a\"}", "/**/1"}) {
    EXPECT_NE(code_of(text), "ok") << text;
  }
}

TEST(JsonReader, KeepsLimits) {
  EXPECT_EQ(code_of("[1,2,3]", {.bytes = 6}), "json.too_large");
  EXPECT_EQ(code_of("[1,2,3]", {.values = 3}), "json.too_large");
  EXPECT_EQ(code_of("[[[]]]", {.depth = 2}), "json.too_deep");
  EXPECT_EQ(code_of("[[[]]]", {.depth = 3}), "ok");
  EXPECT_EQ(code_of(std::string(100'000, '[') + std::string(100'000, ']')), "json.too_deep");
  EXPECT_NE(code_of(std::string(100'000, '[')), "ok");
}

TEST(JsonReader, IntegersAreExactOrRefused) {
  auto document = JsonDocument::parse("[9007199254740993,-9223372036854775808,18446744073709551615]");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().at("/0").integer(), 9007199254740993);
  EXPECT_EQ(document->root().at("/1").integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(document->root().at("/2").integer(), std::nullopt);
  EXPECT_EQ(document->root().canonical(), "[9007199254740993,-9223372036854775808,18446744073709551615]");
  EXPECT_NE(code_of("18446744073709551616"), "ok");
  for (const char* text : {"1e999", "1e20", "-1e19", "-9223372036854775809", "100000000000000000000.0"}) {
    EXPECT_EQ(code_of(text), "json.number_range") << text;
  }
  EXPECT_EQ(code_of("[1e19,1e21,-1e21,1e-300]"), "ok");
}

TEST(JsonReader, FindsMembersAndPointers) {
  auto document = JsonDocument::parse(R"({"a/b":{"~":[10,{"c":"x\u0000y"}]},"":true,"n":null})");
  ASSERT_TRUE(document);
  JsonValue root = document->root();
  EXPECT_EQ(root.at("/a~1b/~0/0").integer(), 10);
  EXPECT_EQ(root.at("/a~1b/~0/1/c").string(), std::string_view("x\0y", 3));
  EXPECT_EQ(root.at("/").boolean(), true);
  EXPECT_TRUE(root.at("").is_object());
  EXPECT_TRUE(root.at("/n"));
  for (std::string_view pointer :
       {"a", "/a~2b", "/a~1b/~0/00", "/a~1b/~0/-", "/a~1b/~0/2", "/a~1b/~0/ 0", "/x", "/n/x"}) {
    EXPECT_FALSE(root.at(pointer)) << pointer;
  }
  EXPECT_FALSE(JsonValue().member("a"));
  EXPECT_FALSE(JsonValue().string());
}

TEST(JsonReader, HandsOnTheSourceOfAMember) {
  std::string text = R"( { "a" : [1, "]}" ] , "b\u0062":{"x" : 1.0e0 },"c": -5 ,"d":"q\"," } )";
  auto document = JsonDocument::parse(text);
  ASSERT_TRUE(document);
  EXPECT_EQ(json_member_source(document->root(), text, "a"), R"([1, "]}" ])");
  EXPECT_EQ(json_member_source(document->root(), text, "bb"), R"({"x" : 1.0e0 })");
  EXPECT_EQ(json_member_source(document->root(), text, "c"), "-5");
  EXPECT_EQ(json_member_source(document->root(), text, "d"), R"("q\",")");
  EXPECT_EQ(json_member_source(document->root(), text, "e"), "");
  EXPECT_EQ(json_slices("[1,[2,3],{\"a\":4}]").size(), 3U);
  EXPECT_TRUE(json_slices("[]").empty());
}

// The hot and the cold door must agree, since one writes what the other reads.
TEST(JsonReader, CanonicalFormIsTheColdDoorsForm) {
  for (std::string_view text : {R"({"b":1,"a":[true,false,null],"c":{"z":"é","y":"\u20ac\ud83d\ude00"}})", "[]", "{}",
                                "-0", "0.0", "-0.0", "1.0", "1e21", "1e19", "1e-7", "123456789012.5",
                                "[4.5,2e-3,333333333.33333329,1E30]", R"(["\u0000\u001f\"\\\/\b\f\n\r\t\u007f"])",
                                R"({"\ud83d\ude00":1,"\ue000":2,"z":3})", "9007199254740993", "-1", R"("plain")"}) {
    auto hot = JsonDocument::parse(text);
    auto cold = parse_json(text);
    ASSERT_TRUE(hot && cold) << text;
    EXPECT_EQ(hot->root().canonical(), canonical_json(*cold).value()) << text;
  }
}

}  // namespace
}  // namespace countersign
