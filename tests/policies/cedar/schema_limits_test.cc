// Schemas made to hurt: every one must be answered, with little memory and without deep recursion.
#include <gtest/gtest.h>

#include "policies/cedar/schema/print.h"
#include "policies/cedar/schema/schema.h"

namespace cedar {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string first_message(const std::expected<Schema, Schema::Problems>& schema) {
  return schema ? "" : schema.error().front().diagnostic.message;
}

TEST(CedarSchemaLimits, DeeplyWrittenTypes) {
  EXPECT_TRUE(Schema::parse("type A = " + repeated("Set<", 64) + "Long" + repeated(">", 64) + ";").has_value());
  EXPECT_EQ(first_message(Schema::parse("type A = " + repeated("Set<", 65) + "Long" + repeated(">", 65) + ";")),
            "types are nested too deeply: at most 64 levels are allowed");
  for (std::string_view open : {"Set<", "{a:", "{\"a\"?: Set<{b: "}) {
    EXPECT_FALSE(Schema::parse("type A = " + repeated(open, 10'000)).has_value());
    EXPECT_FALSE(Schema::parse("entity A = {a: " + repeated(open, 10'000)).has_value());
  }
  for (std::string_view open : {"[", "{\"a\":", R"({"type":"Set","element":)"}) {
    EXPECT_FALSE(
        Schema::parse(R"({"": {"entityTypes": {}, "actions": {}, "commonTypes": {"A": )" + repeated(open, 10'000))
            .has_value());
  }
  std::string set = R"({"type":"Set","element":)";
  EXPECT_TRUE(Schema::parse(R"({"": {"entityTypes": {}, "actions": {}, "commonTypes": {"A": )" + repeated(set, 64) +
                            R"({"type":"Long"})" + repeated("}", 64) + "}}}")
                  .has_value());
}

TEST(CedarSchemaLimits, DeepThroughCommonTypes) {
  auto chain = [](int length, std::string_view before, std::string_view after) {
    std::string text = "type T0 = Long;";
    for (int i = 1; i < length; ++i) {
      text += "type T" + std::to_string(i) + " = " + std::string(before) + "T" + std::to_string(i - 1) +
              std::string(after) + ";";
    }
    return text + "entity A = { a: T" + std::to_string(length - 1) + " };";
  };
  // Names for names add no depth, and are not followed by recursion.
  auto names = Schema::parse(chain(10'000, "", ""));
  ASSERT_TRUE(names.has_value());
  EXPECT_EQ(names->entity_type("A")->attributes->to_text(), "{ a: Long }");
  EXPECT_EQ(first_message(Schema::parse(chain(10'000, "Set<", ">"))),
            "this type is nested too deeply once common types are replaced by what they stand for: at most 64 levels "
            "are allowed");
  std::string circle;
  for (int i = 0; i < 10'000; ++i)
    circle += "type T" + std::to_string(i) + " = T" + std::to_string((i + 1) % 10'000) + ";";
  EXPECT_TRUE(first_message(Schema::parse(circle)).ends_with("contains itself"));
}

// 2^60 leaves when written out.
std::string doubling(int levels) {
  std::string text = "type T0 = { x: Long };";
  for (int i = 1; i < levels; ++i) {
    std::string below = "T" + std::to_string(i - 1);
    text += "type T" + std::to_string(i) + " = { x: " + below + ", y: " + below + " };";
  }
  return text + "entity A = { a: T" + std::to_string(levels - 1) + " };";
}

TEST(CedarSchemaLimits, SharedTypesAreNotWrittenOut) {
  auto one = Schema::parse(doubling(60));
  auto other = Schema::parse(doubling(60));
  ASSERT_TRUE(one.has_value() && other.has_value());
  const Type& left = *one->entity_type("A")->attributes;
  const Type& right = *other->entity_type("A")->attributes;
  EXPECT_TRUE(left == right);
  EXPECT_FALSE(left == *Schema::parse(doubling(59))->entity_type("A")->attributes);
  std::string text = left.to_text();
  EXPECT_LT(text.size(), 500U);
  EXPECT_TRUE(text.ends_with("…"));
  EXPECT_TRUE(schema_to_json(doubling(60)).has_value());
}

TEST(CedarSchemaLimits, ManyRelations) {
  std::string types = "entity ";
  std::string list;
  for (int i = 0; i < 3'000; ++i) {
    types += (i == 0 ? "E" : ", E") + std::to_string(i);
    list += (i == 0 ? "E" : ", E") + std::to_string(i);
  }
  std::string crowd = types + " in [" + list + "];";
  EXPECT_TRUE(first_message(Schema::parse(crowd)).starts_with("this schema has too many relations"));
  std::string actions = types + ";action \"0\"";
  for (int i = 1; i < 3'000; ++i) actions += ", \"" + std::to_string(i) + "\"";
  actions += " appliesTo { principal: [" + list + "], resource: E0 };";
  EXPECT_TRUE(first_message(Schema::parse(actions)).starts_with("this schema has too many relations"));
  std::string chain = "action a0;";
  for (int i = 1; i < 5'000; ++i) chain += "action a" + std::to_string(i) + " in a" + std::to_string(i - 1) + ";";
  EXPECT_TRUE(first_message(Schema::parse(chain)).starts_with("this schema has too many relations"));
  EXPECT_FALSE(Schema::parse(types + " enum [" + repeated("\"a\", ", 10'000) + "\"b\"];").has_value());
}

TEST(CedarSchemaLimits, SizesAndCounts) {
  EXPECT_EQ(first_message(Schema::parse(std::string(101, ' '), {.bytes = 100})),
            "this text is too large: at most 100 bytes are allowed");
  EXPECT_EQ(first_message(Schema::parse("{" + std::string(100, ' ') + "}", {.bytes = 100})),
            "this text is too large: at most 100 bytes are allowed");
  EXPECT_EQ(first_message(Schema::parse("entity A; entity B, C;", {.declarations = 2})),
            "too many declarations: at most 2 are allowed");
  EXPECT_EQ(first_message(Schema::parse(R"({"": {"entityTypes": {"A": {}, "B": {}}, "actions": {"c": {}}}})",
                                        {.declarations = 2})),
            "too many declarations: at most 2 are allowed");
  EXPECT_EQ(Schema::parse(repeated("entity 1;", 1'000), {.diagnostics = 7}).error().size(), 7U);
  EXPECT_EQ(Schema::parse(repeated("entity A;", 1'000), {.diagnostics = 7}).error().size(), 7U);
  EXPECT_EQ(first_message(Schema::parse("entity \xFF;")), "this text is not UTF-8");
  EXPECT_EQ(first_message(Schema::parse("{\"\xFF\": 1}")), "this text is not UTF-8");
  EXPECT_FALSE(Schema::parse("{" + repeated("\"a\": [0, 0, 0], ", 200'000)).has_value());
}

TEST(CedarSchemaLimits, TranslationsAreBounded) {
  // Each name of one declaration is written out in JSON with all its attributes.
  std::string text = "entity A0";
  for (int i = 1; i < 2'000; ++i) text += ", A" + std::to_string(i);
  text += " = { a0: Long";
  for (int i = 1; i < 500; ++i) text += ", a" + std::to_string(i) + ": Long";
  text += " };";
  ASSERT_TRUE(Schema::parse(text).has_value());
  auto json = schema_to_json(text, {.bytes = 100'000});
  ASSERT_FALSE(json.has_value());
  EXPECT_EQ(json.error().front().diagnostic.message, "this schema is too long in JSON");
}

}  // namespace
}  // namespace cedar
