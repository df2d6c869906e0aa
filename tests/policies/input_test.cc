#include "policies/input.h"

#include <gtest/gtest.h>

namespace countersign::policies {
namespace {

std::string text_of(std::string_view json) {
  Result<cedar::Value> value = input_value(json);
  return value ? value->to_text() : value.error().code;
}

TEST(Input, OneValueHasOneForm) {
  for (std::string_view spelling : {"7", "7.0", "7e0", "0.7e1", "70e-1", "7.000"})
    EXPECT_EQ(text_of("{\"a\":" + std::string(spelling) + "}"), text_of(R"({"a":7})")) << spelling;
  EXPECT_EQ(input_value(R"({"a":7.0})")->find("a")->as_integer(), 7);
  EXPECT_EQ(input_value(R"({"a":-0.0})")->find("a")->as_integer(), 0);
  EXPECT_EQ(input_value(R"({"a":1.25})")->find("a")->as_decimal().ten_thousandths, 12'500);
  EXPECT_EQ(input_value(R"({"a":-0.0001})")->find("a")->as_decimal().ten_thousandths, -1);
  EXPECT_EQ(input_value(R"({"a":125e-2})")->find("a")->as_decimal().ten_thousandths, 12'500);
  EXPECT_EQ(input_value(R"({"a":-9223372036854775808})")->find("a")->as_integer(),
            std::numeric_limits<std::int64_t>::min());
}

TEST(Input, NumbersCedarCannotHoldAreUnknownNotAbsent) {
  for (std::string_view number : {"0.00001", "1e300", "-1e300", "9223372036854775808", "18446744073709551615", "9.3e18",
                                  "922337203685477.58079", "1e-320"}) {
    Result<cedar::Value> value = input_value("{\"a\":" + std::string(number) + "}");
    ASSERT_TRUE(value) << number;
    ASSERT_TRUE(value->find("a")) << number;
    EXPECT_TRUE(value->find("a")->is(cedar::ValueKind::unknown)) << number;
  }
}

TEST(Input, ContainersNullsAndStrings) {
  Result<cedar::Value> value = input_value(
      R"({"list":[1,1,2,null],"none":null,"deep":{"x":[{"y":true}]},"text":"a\u0000b","__entity":{"type":"User","id":"x"}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->find("list")->elements().size(), 2U);
  EXPECT_EQ(value->find("none"), nullptr);
  EXPECT_EQ(value->find("text")->as_string(), std::string_view("a\0b", 3));
  EXPECT_TRUE(value->find("__entity")->is(cedar::ValueKind::record)) << "parameters make no entities";
  EXPECT_TRUE(input_value("").value().fields().empty());
  EXPECT_TRUE(input_value("{}").value().fields().empty());
}

TEST(Input, BadTextIsAnErrorNotAnEmptyRecord) {
  EXPECT_EQ(text_of(R"({"a":1,"a":2})"), "json.duplicate_key");
  EXPECT_EQ(text_of(R"({"a":{"b":1,"\u0062":2}})"), "json.duplicate_key");
  EXPECT_EQ(text_of("{"), "json.malformed");
  EXPECT_EQ(text_of("[]"), "input.malformed");
  EXPECT_EQ(text_of("null"), "input.malformed");
  EXPECT_EQ(text_of("{\"a\":\"\xff\"}"), "json.malformed");
  EXPECT_EQ(text_of("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"), "json.too_deep");
  std::string many = "{\"a\":[0";
  for (int i = 0; i < 30'000; ++i) many += ",0";
  EXPECT_EQ(text_of(many + "]}"), "json.too_large");
}

}  // namespace
}  // namespace countersign::policies
