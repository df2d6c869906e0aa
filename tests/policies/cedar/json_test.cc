#include "policies/cedar/json.h"

#include <gtest/gtest.h>

namespace cedar {
namespace {

TEST(CedarJson, ReadsValues) {
  struct Row {
    const char* json;
    const char* text;
  };
  for (const Row& row :
       {Row{"true", "true"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775807", "9223372036854775807"},
        {R"("a\u00e9")", "\"aé\""},
        {"[2, 1, 2, []]", "[1, 2, []]"},
        {R"({"b": {"c": 1}, "a": [true]})", R"({"a": [true], "b": {"c": 1}})"},
        {R"({"__entity": {"type": "A::B", "id": "x\n"}})", R"(A::B::"x\n")"},
        {R"({"type": "A", "id": "x"})", R"({"id": "x", "type": "A"})"},
        {R"({"__extn": {"fn": "ip", "arg": "10.0.0.0/8"}})", R"(ip("10.0.0.0/8"))"},
        {R"({"__extn": {"fn": "decimal", "args": ["1.50"]}})", R"(decimal("1.5"))"},
        {R"({"__extn": {"fn": "offset", "args": [{"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
                             {"__extn": {"fn": "duration", "arg": "1s"}}]}})",
         R"(datetime("1970-01-01T00:00:01.000Z"))"},
        // Escapes with company, or with a body that is none, are records; what stands beside a
        // body's own members is ignored.
        {R"({"__entity": {"type": "A", "id": "x"}, "b": 1})", R"({"__entity": {"id": "x", "type": "A"}, "b": 1})"},
        {R"({"__entity": {"type": "A", "id": 1}})", R"({"__entity": {"id": 1, "type": "A"}})"},
        {R"({"__entity": "A::\"x\""})", R"({"__entity": "A::\"x\""})"},
        {R"({"__entity": ["A", "x"]})", R"({"__entity": ["A", "x"]})"},
        {R"({"__entity": {"type": "A", "id": "x", "z": 1}})", R"(A::"x")"},
        {R"({"__extn": {"fn": "ip"}})", R"({"__extn": {"fn": "ip"}})"},
        {R"({"__extn": {"fn": "ip", "args": "x"}})", R"({"__extn": {"args": "x", "fn": "ip"}})"},
        {R"({"__extn": {"fn": "ip", "arg": "::1", "args": []}})", R"(ip("0:0:0:0:0:0:0:1"))"},
        {R"({"__expr": "1", "b": 2})", R"({"__expr": "1", "b": 2})"},
        {R"({"__expr": 1})", R"({"__expr": 1})"},
        {"{}", "{}"}}) {
    auto value = parse_value_json(row.json);
    ASSERT_TRUE(value.has_value()) << row.json << ": " << value.error().message;
    EXPECT_EQ(value->to_text(), row.text);
  }
}

TEST(CedarJson, RefusesValues) {
  struct Row {
    const char* json;
    const char* code;
    const char* message;
  };
  for (const Row& row :
       {Row{"null", "cedar.json.invalid", "value: `null` is not allowed"},
        {R"({"a": [1, {"b": null}]})", "cedar.json.invalid", "value.a[1].b: `null` is not allowed"},
        {"1.0", "cedar.json.invalid", "value: fractions are not allowed; write a decimal"},
        {"1e3", "cedar.json.invalid", "value: fractions are not allowed; write a decimal"},
        {"9223372036854775808", "cedar.json.invalid", "value: this integer is out of range"},
        {"-9223372036854775809", "json.number_range", "an integer does not fit in 64 bits"},
        {R"({"a": 1, "a": 1})", "json.duplicate_key", "an object has the same key twice"},
        {R"({"__entity": {"type": "A :: B", "id": "x"}})", "cedar.json.invalid",
         "value: `A :: B` is not an entity type name"},
        {R"({"__entity": {"type": "", "id": "x"}})", "cedar.json.invalid", "value: `` is not an entity type name"},
        {R"({"__expr": "1"})", "cedar.json.invalid", "value: `__expr` is no longer supported"},
        {R"({"__extn": {"fn": "nope", "arg": "1"}})", "cedar.json.invalid", "value: `nope` is not a function"},
        {R"({"__extn": {"fn": "unknown", "arg": "x"}})", "cedar.json.invalid", "value: `unknown` is not a function"},
        {R"({"a": {"__expr": "1"}})", "cedar.json.invalid", "value.a: `__expr` is no longer supported"},
        {R"({"__extn": {"fn": "ip", "arg": 1}})", "cedar.json.invalid",
         "value: `ip`: expected a string, got an integer"},
        {R"({"__extn": {"fn": "ip", "args": []}})", "cedar.json.invalid", "value: `ip` takes 1 argument, got 0"},
        {R"({"a": {"__extn": {"fn": "decimal", "arg": "x"}}})", "cedar.json.invalid",
         "value.a: `decimal`: cannot read \"x\": a decimal is written like `12.34`, with digits on both sides of the "
         "point"}}) {
    auto value = parse_value_json(row.json);
    ASSERT_FALSE(value.has_value()) << row.json;
    EXPECT_EQ(value.error().code, row.code) << row.json;
    EXPECT_EQ(value.error().message, row.message) << row.json;
  }
}

TEST(CedarJson, ContextsAreRecords) {
  EXPECT_TRUE(parse_context_json(R"({"a": {"__entity": {"type": "A", "id": "x"}}})").has_value());
  for (const char* bad : {"[]", "1", R"({"__entity": {"type": "A", "id": "x"}})", "", "{"}) {
    EXPECT_FALSE(parse_context_json(bad).has_value()) << bad;
  }
}

TEST(CedarJson, LimitsHold) {
  std::string deep = std::string(65, '[') + std::string(65, ']');
  EXPECT_EQ(parse_value_json(deep).error().code, "json.too_deep");
  std::string hostile(1'000'000, '[');
  EXPECT_EQ(parse_value_json(hostile).error().code, "json.too_deep");
  EXPECT_EQ(parse_value_json("[1, 2, 3]", {.values = 3}).error().code, "json.too_large");
  EXPECT_EQ(parse_value_json("[1, 2, 3]", {.bytes = 3}).error().code, "json.too_large");
}

TEST(CedarJson, ReadsEntities) {
  auto entities =
      parse_entities_json(R"([{"uid": {"type": "A", "id": "x"}, "parents": [{"__entity": {"type": "B", "id": "y"}}],
      "attrs": {"n": 1}, "tags": {"t": "v"}}, {"uid": {"__entity": {"type": "B", "id": "y"}}, "parents": [], "attrs": {}}])");
  ASSERT_TRUE(entities.has_value());
  ASSERT_EQ(entities->size(), 2U);
  EXPECT_EQ(entities->at(0).uid.to_text(), "A::\"x\"");
  EXPECT_EQ(entities->at(0).parents.at(0).to_text(), "B::\"y\"");
  EXPECT_EQ(entities->at(0).attributes.to_text(), "{\"n\": 1}");
  EXPECT_EQ(entities->at(0).tags.to_text(), "{\"t\": \"v\"}");
}

TEST(CedarJson, EqualEntitiesMayBeGivenTwice) {
  auto entities = parse_entities_json(R"([
      {"uid": {"type": "A", "id": "x", "more": 1}, "attrs": {"a": [1, 2]}, "parents": [{"type": "B", "id": "y"}], "more": 1},
      {"uid": {"__entity": {"type": "A", "id": "x"}, "more": 1}, "attrs": {"a": [2, 1, 1]},
       "parents": [{"type": "B", "id": "y"}, {"type": "B", "id": "y"}], "tags": {}}])");
  ASSERT_TRUE(entities.has_value()) << entities.error().message;
  EXPECT_EQ(entities->size(), 1U);
  auto different = parse_entities_json(R"([{"uid": {"type": "A", "id": "x"}, "attrs": {}, "parents": []},
      {"uid": {"type": "A", "id": "x"}, "attrs": {"a": 1}, "parents": []}])");
  ASSERT_TRUE(different.has_value());
  EXPECT_EQ(Entities::make(std::move(*different)).error().code, "entity.duplicate");
}

TEST(CedarJson, RefusesEntities) {
  struct Row {
    const char* json;
    const char* message;
  };
  const char* kShape = "expected an entity: {\"type\": …, \"id\": …}";
  for (const Row& row :
       {Row{"{}", "entities: expected an array"},
        {"[1]", "[0]: expected an object with `uid`, `attrs` and `parents`"},
        {R"([{"attrs": {}, "parents": []}])", "[0]: the member `uid` is missing"},
        {R"([{"uid": {"type": "A", "id": "x"}, "parents": []}])", "[0]: the member `attrs` is missing"},
        {R"([{"uid": {"type": "A", "id": "x"}, "attrs": {}}])", "[0]: the member `parents` is missing"},
        {R"([{"uid": {"type": "A", "id": "x"}, "attrs": {}, "parents": {}}])", "[0]: `parents` must be an array"},
        {R"([{"uid": {"type": "A", "id": "x"}, "attrs": [], "parents": []}])", "[0].attrs: expected an object"},
        {R"([{"uid": {"type": "Action", "id": "x"}, "attrs": {}, "parents": [{"type": "A", "id": "y"}]}])",
         "[0]: the parents of an action must be actions, and `A::\"y\"` is none"},
        {R"([{"uid": {"type": "A", "id": "x"}, "attrs": {}, "parents": [], "tags": null}])",
         "[0].tags: expected an object"},
        {R"([{"uid": {"type": "A", "id": "x"}, "attrs": {"a": [null]}, "parents": []}])",
         "[0].attrs.a[0]: `null` is not allowed"}}) {
    auto entities = parse_entities_json(row.json);
    ASSERT_FALSE(entities.has_value()) << row.json;
    EXPECT_EQ(entities.error().message, row.message);
  }
  EXPECT_EQ(parse_entities_json(R"([{"uid": "A::x", "attrs": {}, "parents": []}])").error().message,
            std::string("[0].uid: ") + kShape);
}

}  // namespace
}  // namespace cedar
