// Schemas in JSON, and from one syntax to the other. What is accepted and refused: tests/cases/cedar/schema_*.txt.
#include <gtest/gtest.h>

#include "cases.h"
#include "core/json.h"
#include "policies/cedar/schema/print.h"
#include "policies/cedar/schema/schema.h"

namespace cedar {
namespace {

using countersign::Json;

// Everything a schema says, for comparison.
std::string contents(const Schema& schema) {
  std::string out;
  auto list = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names) out += name + ",";
    out += ";";
  };
  for (const auto& [name, info] : schema.entity_types()) {
    out += name + info.attributes->to_text() + (info.tags ? info.tags->to_text() : "-");
    list(info.parents);
    list(info.ancestors);
    list(info.ids);
  }
  for (const ActionInfo& action : schema.actions()) {
    out += action.uid.to_text();
    for (const EntityUid& group : action.ancestors) out += group.to_text();
    if (action.principals.empty() || action.resources.empty()) continue;
    list(action.principals);
    list(action.resources);
    out += action.context->to_text();
  }
  return out;
}

TEST(CedarSchemaJson, SaysWhereItIsWrong) {
  auto schema = Schema::parse(
      {{"s.json", "{\"N\": {\n  \"entityTypes\": {\"A\": {\"memberOfTypes\": [\"B\"]}},\n  \"actions\": {}\n}}"}});
  ASSERT_FALSE(schema.has_value());
  EXPECT_EQ(schema.error().front().to_text(),
            "s.json:2:43: there is no entity type `B`\n"
            "    \"entityTypes\": {\"A\": {\"memberOfTypes\": [\"B\"]}},\n"
            "                                            ^^^\n"
            "  help: did you mean `A`?\n");
  struct Row {
    const char* json;
    const char* text;
  };
  for (const Row& row :
       {Row{"{", "1:2 expected a key in quotes"}, Row{"{\"a\": 1,}", "1:9 expected a key in quotes"},
        Row{"{\"a\": {}, \"a\": {}}", "1:11 the key \"a\" is given twice"},
        Row{R"({"\u0061": {}, "a": {}})", "1:16 the key \"a\" is given twice"},
        Row{R"({"\ud800": {}})", "1:3 this escape is no Unicode character"},
        Row{R"({"a\q": {}})", "1:4 JSON has no such escape"}, Row{"{\"a\": 01}", "1:7 expected a JSON value"},
        Row{"{\"a\": tru}", "1:7 expected a JSON value"},
        Row{"{\"a\nb\": 1}", "1:4 a control character in a string must be escaped"},
        Row{"{\"a: 1}", "1:2 this string has no closing `\"`"}, Row{"{} x", "1:4 expected the end of the text"},
        Row{"{\"a\": 1}", "1:7 expected an object, found a number"}}) {
    auto bad = Schema::parse(row.json);
    ASSERT_FALSE(bad.has_value()) << row.json;
    const Diagnostic& first = bad.error().front().diagnostic;
    EXPECT_EQ(std::to_string(first.position.line) + ":" + std::to_string(first.position.column) + " " + first.message,
              row.text);
  }
}

TEST(CedarSchemaJson, TranslatesToJson) {
  auto json = schema_to_json(R"(
    @x entity A enum ["a", "a"];
    @y("z") type B = { @q a?: Set<A>, "b c": __cedar::Long };
    @n namespace X {
      entity Q, R in [A, A] tags Long;
      action a in b;
      action b appliesTo { principal: A, resource: [A, A] };
      action e in [X::Action::"b"] appliesTo { principal: A, resource: A, context: B } attributes {};
    })");
  ASSERT_TRUE(json.has_value());
  Json expected = Json::parse(R"({
    "": {
      "commonTypes": {"B": {"type": "Record", "annotations": {"y": "z"}, "attributes": {
        "a": {"type": "Set", "element": {"type": "EntityOrCommon", "name": "A"}, "annotations": {"q": ""}, "required": false},
        "b c": {"type": "EntityOrCommon", "name": "__cedar::Long"}}}},
      "entityTypes": {"A": {"enum": ["a", "a"], "annotations": {"x": ""}}},
      "actions": {}},
    "X": {
      "annotations": {"n": ""},
      "entityTypes": {
        "Q": {"memberOfTypes": ["A", "A"], "tags": {"type": "EntityOrCommon", "name": "Long"}},
        "R": {"memberOfTypes": ["A", "A"], "tags": {"type": "EntityOrCommon", "name": "Long"}}},
      "actions": {
        "a": {"appliesTo": {"principalTypes": [], "resourceTypes": []}, "memberOf": [{"id": "b"}]},
        "b": {"appliesTo": {"principalTypes": ["A"], "resourceTypes": ["A", "A"]}},
        "e": {"appliesTo": {"principalTypes": ["A"], "resourceTypes": ["A"], "context": {"type": "B"}},
              "memberOf": [{"id": "b", "type": "X::Action"}]}}}})");
  EXPECT_EQ(Json::parse(*json), expected) << *json;
}

TEST(CedarSchemaJson, TranslatesToCedar) {
  auto cedar = schema_to_cedar(R"({"N": {"annotations": {"doc": null, "more": "x\ny"},
    "commonTypes": {"R": {"type": "Record", "attributes": {"ip": {"type": "Extension", "name": "ipaddr"},
      "if": {"type": "Boolean", "required": false, "annotations": {"a": ""}}}}},
    "entityTypes": {"Z": {"memberOfTypes": ["Z"], "tags": {"type": "Set", "element": {"type": "Long"}}}, "E": {"enum": ["a\n"]}, "Long": {}},
    "actions": {"g \"": {"appliesTo": {"principalTypes": ["Z"], "resourceTypes": []}},
      "v": {"memberOf": [{"id": "g \"", "type": "N::Action"}],
            "appliesTo": {"principalTypes": ["Z"], "resourceTypes": ["Z", "E"], "context": {"type": "R"}}}}}})");
  ASSERT_TRUE(cedar.has_value()) << cedar.error().front().to_text();
  EXPECT_EQ(*cedar, R"(@doc
@more("x\ny")
namespace N {
  type R = {
    ip: ipaddr,
    @a
    "if"?: Bool,
  };
  entity Z in Z tags Set<__cedar::Long>;
  entity E enum ["a\n"];
  entity Long;
  action "g \"";
  action v in [N::Action::"g \""] appliesTo {
    principal: Z,
    resource: [Z, E],
    context: R
  };
}
)");
}

TEST(CedarSchemaJson, RefusesWhatCedarCannotSay) {
  auto shape = schema_to_cedar(
      R"({"": {"commonTypes": {"R": {"type": "Record", "attributes": {}}}, "entityTypes": {"A": {"shape": {"type": "R"}}}, "actions": {}}})");
  ASSERT_FALSE(shape.has_value());
  EXPECT_EQ(shape.error().front().diagnostic.message,
            "Cedar's syntax cannot say that a shape is the type `R`: it has to be written out as a record");
  auto hidden = schema_to_cedar(
      R"({"": {"commonTypes": {"R": {"type": "Entity", "name": "R"}}, "entityTypes": {"R": {}}, "actions": {}}})");
  ASSERT_FALSE(hidden.has_value());
  EXPECT_EQ(hidden.error().front().diagnostic.message, "Cedar's syntax cannot name the entity type `R` here");
  EXPECT_FALSE(schema_to_cedar("entity A = { a: B };").has_value());
  EXPECT_FALSE(schema_to_json("entity A = { a: B };").has_value());
}

TEST(CedarSchemaJson, TranslationsMeanTheSame) {
  std::size_t compared = 0;
  for (const test::Case& each : test::read_cases("schema_accept.txt")) {
    auto schema = Schema::parse(each.input);
    ASSERT_TRUE(schema.has_value()) << each.input;
    auto json = schema_to_json(each.input);
    ASSERT_TRUE(json.has_value()) << each.input;
    auto from_json = Schema::parse(*json);
    ASSERT_TRUE(from_json.has_value()) << *json << from_json.error().front().to_text();
    EXPECT_EQ(contents(*from_json), contents(*schema)) << *json;
    auto cedar = schema_to_cedar(*json);
    if (!cedar) continue;
    auto from_cedar = Schema::parse(*cedar);
    ASSERT_TRUE(from_cedar.has_value()) << *cedar << from_cedar.error().front().to_text();
    EXPECT_EQ(contents(*from_cedar), contents(*schema)) << *cedar;
    EXPECT_EQ(schema_to_cedar(*cedar).value(), *cedar);
    ++compared;
  }
  EXPECT_GT(compared, 80U);
}

}  // namespace
}  // namespace cedar
