#include "policies/input.h"

#include <gtest/gtest.h>

#include "policies/cedar/schema/schema.h"

namespace countersign::policies {
namespace {

// The record type written as Cedar schema text.
cedar::TypePtr type_of(const std::string& record) {
  auto schema = cedar::Schema::parse("entity Probe = { it: " + record + " };");
  EXPECT_TRUE(schema) << record;
  return schema ? schema->entity_type("Probe")->attributes->find("it")->type : cedar::Type::record({});
}

// `{"a": json}` where a has the type, as Cedar text; or the code of the error.
std::string read(const std::string& type, const std::string& json) {
  Result<TypedInput> input = input_value("{\"a\":" + json + "}", *type_of("{ a?: " + type + " }"));
  if (!input) return input.error().code;
  const cedar::Value* found = input->value.find("a");
  EXPECT_EQ(found && found->has_unknown(), !input->misfits.empty()) << json;
  return found ? (found->has_unknown() ? "unknown" : found->to_text()) : "absent";
}

TEST(Input, OneValueHasOneForm) {
  for (const char* spelling : {"7", "7.0", "7e0", "0.7e1", "70e-1", "7.000"}) {
    EXPECT_EQ(read("Long", spelling), "7") << spelling;
    EXPECT_EQ(read("decimal", spelling), "decimal(\"7.0\")") << spelling;
  }
  EXPECT_EQ(read("decimal", "\"7\""), "decimal(\"7.0\")");
  EXPECT_EQ(read("decimal", "\"7.00\""), "decimal(\"7.0\")");
  EXPECT_EQ(read("Long", "-0.0"), "0");
  EXPECT_EQ(read("decimal", "1.25"), "decimal(\"1.25\")");
  EXPECT_EQ(read("decimal", "125e-2"), "decimal(\"1.25\")");
  EXPECT_EQ(read("decimal", "-0.0001"), "decimal(\"-0.0001\")");
  EXPECT_EQ(read("Long", "-9223372036854775808"), "-9223372036854775808");
}

TEST(Input, WhatDoesNotFitItsTypeIsUnknownNotAbsent) {
  for (const char* json :
       {"\"7\"", "7.5", "1e300", "9223372036854775808", "18446744073709551615", "9.3e18", "true", "[7]", "{}", "\"\""})
    EXPECT_EQ(read("Long", json), "unknown") << json;
  for (const char* json : {"0.00001", "1e300", "-1e300", "922337203685477.58079", "1e-320", "\"1e3\"", "\"\"",
                           "\" 1.0\"", "\"0x10\"", "\"1.00001\"", "true", "[1.5]"})
    EXPECT_EQ(read("decimal", json), "unknown") << json;
  for (const char* json : {"7", "true", "[\"x\"]", "{\"x\":1}"}) EXPECT_EQ(read("String", json), "unknown") << json;
  for (const char* json : {"\"true\"", "1", "0", "[]"}) EXPECT_EQ(read("Bool", json), "unknown") << json;
  for (const char* json : {"\"localhost\"", "\"10.0.0.1/33\"", "\"010.0.0.1\"", "167772161"})
    EXPECT_EQ(read("ipaddr", json), "unknown") << json;
  for (const char* json : {"\"2024-02-30\"", "\"now\"", "1700000000000"})
    EXPECT_EQ(read("datetime", json), "unknown") << json;
  for (const char* json : {"\"1 hour\"", "\"PT1H\"", "3600"}) EXPECT_EQ(read("duration", json), "unknown") << json;
  for (const char* json : {"[1]", "\"x\"", "7"}) EXPECT_EQ(read("{ x?: Long }", json), "unknown") << json;
}

// A forbid on more than 4 must not see 4 where an upstream with exact decimals sees more.
TEST(Input, NumbersWithMoreDigitsThanWereReadAreUnknown) {
  for (const char* json :
       {"4.0000000000000000001", "9007199254740993.0", "9007199254740993e0", "0.90071992547409930e16"})
    EXPECT_EQ(read("Long", json), "unknown") << json;
  EXPECT_EQ(read("decimal", "4.0000000000000000001"), "unknown");
  EXPECT_EQ(read("Long", "4.0000000000000"), "4");
  EXPECT_EQ(read("Long", "9007199254740993"), "9007199254740993");  // integers are exact
  EXPECT_EQ(read("decimal", "\"922337203685477.5807\""), "decimal(\"922337203685477.5807\")");
  // Digits in text and in names are none, and what has its 15 digits is read beside them.
  EXPECT_EQ(read("{ x?: Long }", R"({"4.0000000000000000001":"\\\"4.0000000000000000001","x":7.0})"), "{\"x\": 7}");
}

TEST(Input, TextIsReadAsWhatIsDeclared) {
  EXPECT_EQ(read("ipaddr", "\"10.0.0.1\""), "ip(\"10.0.0.1\")");
  EXPECT_EQ(read("datetime", "\"2024-02-29\""), read("datetime", "\"2024-02-29T00:00:00Z\""));
  EXPECT_EQ(read("duration", "\"1h30m\""), read("duration", "\"90m\""));
  EXPECT_EQ(read("String", "\"a\\u0000b\""), "\"a\\0b\"");
}

TEST(Input, SetsRecordsAndNulls) {
  EXPECT_EQ(read("Set<Long>", "[2,1,1.0,null]"), read("Set<Long>", "[1,2]"));
  EXPECT_EQ(read("Set<Long>", "[]"), "[]");
  EXPECT_EQ(read("Set<Long>", "1"), "[1]") << "one is the set of it";
  EXPECT_EQ(read("Set<Long>", "[1,\"2\"]"), "unknown");
  EXPECT_EQ(read("Set<Long>", "\"2\""), "unknown");
  EXPECT_EQ(read("{ x?: Long, y?: String }", "{\"x\":1,\"z\":[9]}"), "{\"x\": 1}") << "z is not declared";
  EXPECT_EQ(read("{ x?: Long }", "{\"x\":null}"), "{}");
  EXPECT_EQ(read("{ x?: { y?: Long } }", "{\"x\":{\"y\":\"no\"}}"), "unknown");
  EXPECT_EQ(read("Long", "null"), "absent");
  EXPECT_EQ(read("String", "{\"__entity\":{\"type\":\"User\",\"id\":\"x\"}}"), "unknown")
      << "parameters make no entities";
}

TEST(Input, MisfitsSayWhereAndWhat) {
  auto misfits = [](const std::string& type, std::string_view json) {
    Result<TypedInput> input = input_value(json, *type_of(type));
    return input ? input->misfits : std::vector<std::string>{input.error().code};
  };
  EXPECT_EQ(
      misfits("{ tool: String, arguments: { n?: Long } }", R"({"arguments":{"n":"x"}})"),
      (std::vector<std::string>{"context.input.arguments.n is text, not Long", "context.input.tool is not known"}));
  EXPECT_EQ(misfits("{ tool: String }", ""), (std::vector<std::string>{"context.input.tool is not known"}));
  EXPECT_TRUE(misfits("{}", "").empty());
  std::string many = "{\"s\":[";
  for (int i = 0; i < 1000; ++i) many += (i > 0 ? ",\"x" : "\"x") + std::to_string(i) + "\"";
  EXPECT_EQ(misfits("{ s?: Set<Long> }", many + "]}").size(), 20U);
}

TEST(Input, BadTextIsAnErrorNotAnEmptyRecord) {
  auto code = [](std::string_view json) {
    Result<TypedInput> input = input_value(json, *type_of("{}"));
    return input ? "fine" : input.error().code;
  };
  EXPECT_EQ(code(R"({"a":1,"a":2})"), "json.duplicate_key");
  EXPECT_EQ(code(R"({"a":{"b":1,"\u0062":2}})"), "json.duplicate_key") << "also where nothing is declared";
  EXPECT_EQ(code("{"), "json.malformed");
  EXPECT_EQ(code("[]"), "input.malformed");
  EXPECT_EQ(code("null"), "input.malformed");
  EXPECT_EQ(code("{\"a\":\"\xff\"}"), "json.malformed");
  EXPECT_EQ(code("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"), "json.too_deep");
  std::string many = "{\"a\":[0";
  for (int i = 0; i < 30'000; ++i) many += ",0";
  EXPECT_EQ(code(many + "]}"), "json.too_large");
}

}  // namespace
}  // namespace countersign::policies
