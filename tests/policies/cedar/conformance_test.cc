#include "policies/cedar/conformance.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "cases.h"
#include "core/json.h"

namespace cedar {
namespace {

using countersign::Json;
using test::Case;
using test::read_cases;

Schema make_schema(const std::string& text) {
  auto schema = Schema::parse(text);
  if (!schema) ADD_FAILURE() << schema.error().front().to_text();
  return schema ? std::move(*schema) : std::move(*Schema::parse(""));
}

Schema table_schema() {
  std::ifstream in(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/cases/cedar/conformance.cedarschema");
  return make_schema(std::string(std::istreambuf_iterator<char>(in), {}));
}

EntityUid uid(const Json& json) {
  return EntityUid(json["type"].get<std::string>(), json["id"].get<std::string>());
}

template <class T>
std::string verdict(const Result<T>& result) {
  return result ? "ok" : result.error().message;
}

TEST(CedarConformance, Entities) {
  Schema schema = table_schema();
  for (const Case& each : read_cases("entities_schema.txt")) {
    auto entities = parse_entities_json(each.input, schema);
    std::string said = verdict(entities);
    if (entities) {
      if (auto stored = Entities::make(std::move(*entities)); !stored) said = stored.error().message;
    }
    EXPECT_EQ(said, each.expected) << each.line << ": " << each.input;
  }
}

TEST(CedarConformance, Contexts) {
  Schema schema = table_schema();
  for (const Case& each : read_cases("contexts_schema.txt")) {
    Json line = Json::parse(each.input);
    EXPECT_EQ(verdict(parse_context_json(line[1].dump(), schema, uid(line[0]))), each.expected) << each.line;
  }
}

TEST(CedarConformance, Requests) {
  Schema schema = table_schema();
  for (const Case& each : read_cases("requests_schema.txt")) {
    Json line = Json::parse(each.input);
    auto context = read_context_json(line.size() > 3 ? line[3].dump() : "{}", schema, uid(line[1]));
    std::string said = verdict(context);
    if (context) said = verdict(validate_request(schema, Request(uid(line[0]), uid(line[1]), uid(line[2]), *context)));
    EXPECT_EQ(said, each.expected) << each.line << ": " << each.input;
  }
}

TEST(CedarConformance, TheSchemaDecidesWhatJsonMeans) {
  Schema schema = make_schema(R"(
    entity A = { e: A, i: ipaddr, r: { "type": String, id: String }, s: Set<decimal>, l: Long, p: { __entity: { type: String, id: String } } };
    action v; action w in v;)");
  auto entities = parse_entities_json(R"([{"uid": {"type": "A", "id": "a"}, "parents": [], "attrs": {
      "e": {"type": "A", "id": "b"}, "i": "10.0.0.0/8", "r": {"type": "A", "id": "b"}, "s": ["1.5", {"fn": "decimal", "arg": "2.0"}],
      "l": {"__extn": {"fn": "toSeconds", "arg": {"__extn": {"fn": "duration", "arg": "2s"}}}},
      "p": {"__entity": {"type": "A", "id": "b"}}}}])",
                                      schema);
  ASSERT_TRUE(entities.has_value()) << entities.error().message;
  ASSERT_EQ(entities->size(), 3U);  // and the two actions
  const Value& attributes = entities->front().attributes;
  EXPECT_EQ(attributes.find("e")->to_text(), "A::\"b\"");
  EXPECT_EQ(attributes.find("i")->to_text(), "ip(\"10.0.0.0/8\")");
  EXPECT_TRUE(attributes.find("r")->is(ValueKind::record));
  EXPECT_TRUE(attributes.find("p")->is(ValueKind::record));
  EXPECT_TRUE(attributes.find("p")->find("__entity")->is(ValueKind::record));
  EXPECT_TRUE(attributes.find("s")->contains(Value::decimal({20'000})));
  EXPECT_EQ(attributes.find("l")->as_integer(), 2);
  EXPECT_EQ(entities->at(2).uid.to_text(), "Action::\"w\"");
  EXPECT_EQ(entities->at(2).parents.at(0).to_text(), "Action::\"v\"");
}

TEST(CedarConformance, ReadingAContextDoesNotCheckValues) {
  Schema schema =
      make_schema("entity A; action v appliesTo { principal: A, resource: A, context: { n: Long, i?: ipaddr } };");
  EntityUid view("Action", "v");
  EXPECT_EQ(read_context_json(R"({"n": "x"})", schema, view)->to_text(), R"({"n": "x"})");
  EXPECT_EQ(parse_context_json(R"({"n": "x"})", schema, view).error().message,
            "context.n: expected `Long`, found a string");
  EXPECT_EQ(read_context_json(R"({"n": 1, "i": "x"})", schema, view).error().code, "cedar.json.invalid");
  EXPECT_EQ(read_context_json("{}", schema, EntityUid("Action", "q")).error().code, "cedar.request.invalid");
  EXPECT_EQ(read_context_json(R"({"n": 1, "n": 1})", schema, view).error().code, "json.duplicate_key");
}

TEST(CedarConformance, UnknownValuesFitAsFarAsTheyAreKnown) {
  Schema schema = make_schema(
      "entity A; entity B; action v appliesTo { principal: A, resource: [A, B], context: { n: Long, o?: A } };");
  auto ask = [&](Value principal, Value context) {
    return verdict(
        validate_request(schema, Request(std::move(principal), EntityUid("Action", "v"),
                                         Value::unknown("resource", Presence::present, "B"), std::move(context))));
  };
  Value number = RecordBuilder().set("n", Value::unknown("context.n")).build();
  EXPECT_EQ(ask(Value::unknown("principal"), Value::unknown("context")), "ok");
  EXPECT_EQ(ask(Value::unknown("principal", Presence::present, "A"), number), "ok");
  EXPECT_EQ(ask(Value::unknown("principal", Presence::present, "B"), number),
            "`Action::\"v\"` does not apply to a principal of type `B`, only to `A`");
  Value wrong = RecordBuilder()
                    .set("n", Value::integer(1))
                    .set("o", Value::unknown("context.o", Presence::maybe_absent, "B"))
                    .build();
  EXPECT_EQ(ask(Value::unknown("principal"), wrong), "context.o: expected `A`, found an entity of type `B`");
}

TEST(CedarConformance, ActionsMayBeGivenWithAllTheirGroupsOrTheirOwn) {
  Schema schema = make_schema("action a in b; action b in c; action c;");
  EntityUid a("Action", "a");
  EntityUid b("Action", "b");
  EntityUid c("Action", "c");
  EXPECT_TRUE(validate_entity(schema, {.uid = a, .parents = {b}}).has_value());
  EXPECT_TRUE(validate_entity(schema, {.uid = a, .parents = {b, c}}).has_value());
  EXPECT_FALSE(validate_entity(schema, {.uid = a, .parents = {c}}).has_value());
  EXPECT_FALSE(validate_entity(schema, {.uid = a}).has_value());
  EXPECT_FALSE(validate_entity(schema, {.uid = c, .parents = {EntityUid("Action", "x")}}).has_value());
  EXPECT_FALSE(validate_entity(schema, {.uid = c, .attributes = RecordBuilder().set("x", Value::boolean(true)).build()})
                   .has_value());
  EXPECT_FALSE(validate_entity(schema, {.uid = EntityUid("X::Action", "a")}).has_value());
  for (const Entity& each : schema.action_entities()) EXPECT_TRUE(validate_entity(schema, each).has_value());
}

TEST(CedarConformance, ValuesAreCheckedWithTheirPlace) {
  Schema schema = make_schema("entity E enum [\"a\"]; entity A = { x: Set<{ e?: E }> };");
  const Type& type = *schema.entity_type("A")->attributes;
  auto value = [](std::string_view id) {
    Value inner = RecordBuilder().set("e", Value::entity(EntityUid("E", id))).build();
    return RecordBuilder().set("x", Value::set({inner})).build();
  };
  EXPECT_TRUE(validate_value(schema, value("a"), type, "config").has_value());
  auto bad = validate_value(schema, value("b"), type, "config");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, "cedar.value.invalid");
  EXPECT_EQ(bad.error().message, "config.x[…].e: `E::\"b\"` does not exist: the ids of `E` are `a`");
  EXPECT_EQ(validate_value(schema, Value::integer(1), type, "config").error().message,
            "config: expected `{ x: Set<{ e?: E }> }`, found an integer");
}

}  // namespace
}  // namespace cedar
