#include "cli/authorize_jsonl.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/json_slices.h"
#include "core/json.h"

namespace countersign::cli {
namespace {

const std::string kRequest =
    R"({"principal":{"type":"User","id":"a"},"action":{"type":"Action","id":"go"},"resource":{"type":"Doc","id":"d"})";

std::string line(std::string_view policies, std::string_view rest) {
  return R"({"policies":)" + Json(policies).dump() + "," + std::string(rest) + "}";
}
std::string with_requests(std::string_view more) {
  return R"("requests":[)" + kRequest + std::string(more) + "}]";
}

Json ask(std::string_view text) {
  std::string answer = authorize_line(text);
  EXPECT_EQ(answer.find('\n'), std::string::npos);
  return Json::parse(answer);
}
std::string error_of(std::string_view text) {
  return ask(text).value("error", "");
}

TEST(AuthorizeJsonl, DecidesWithReasonsAndErrorsInOrderOfThePolicies) {
  std::string policies;
  for (int i = 0; i < 12; ++i) policies += "permit(principal, action, resource);";
  policies += "permit(principal, action, resource) when { context.missing };";
  Json answer = ask(line(policies, with_requests("")));
  EXPECT_EQ(answer["valid"], true);
  EXPECT_EQ(answer["validation"], Json::array());
  const Json& response = answer["responses"].at(0);
  EXPECT_EQ(response["decision"], "allow");
  EXPECT_EQ(response["reason"].size(), 12U);
  EXPECT_EQ(response["reason"].at(2), "policy2");  // not "policy10"
  EXPECT_EQ(response["errors"], Json::array({"policy12"}));
  EXPECT_FALSE(response.contains("error"));
}

TEST(AuthorizeJsonl, IntegersKeepAllTheirDigits) {
  const std::string policy = "permit(principal, action, resource) when { context.n == 9223372036854775807 };";
  auto decide = [&](const std::string& number) {
    return ask(line(policy, with_requests(R"(,"context":{"n":)" + number + "}")))["responses"].at(0);
  };
  EXPECT_EQ(decide("9223372036854775807")["decision"], "allow");
  EXPECT_EQ(decide("9223372036854775806")["decision"], "deny");
  for (const char* beyond : {"9223372036854775808", "99999999999999999999999999", "1.5", "1e3"}) {
    Json refused = decide(beyond);
    EXPECT_EQ(refused["decision"], "deny") << beyond;
    EXPECT_FALSE(refused.value("error", "").empty()) << beyond;
    EXPECT_EQ(refused["reason"], Json::array());
    EXPECT_EQ(refused["errors"], Json::array());
  }
}

TEST(AuthorizeJsonl, PoliciesSchemaAndEntitiesAsTextOrAsJson) {
  const std::string set =
      R"({"staticPolicies":{"mine":"permit(principal, action, resource) when { resource.open };"},)"
      R"("templates":{"t":"forbid(principal == ?principal, action, resource);"},)"
      R"("templateLinks":[{"templateId":"t","newId":"link","values":{"?principal":{"type":"User","id":"a"}}}]})";
  const std::string entities = R"([{"uid":{"type":"Doc","id":"d"},"attrs":{"open":true},"parents":[]}])";
  const std::string schema =
      "entity User; entity Doc = { open: Bool }; action go appliesTo { principal: User, resource: Doc };";
  const std::string schema_json =
      R"({"":{"entityTypes":{"User":{},"Doc":{"shape":{"type":"Record","attributes":{"open":{"type":"Boolean"}}}}},)"
      R"("actions":{"go":{"appliesTo":{"principalTypes":["User"],"resourceTypes":["Doc"]}}}}})";
  for (const std::string& given : {schema_json, Json(schema_json).dump(), Json(schema).dump()}) {
    for (const std::string& listed : {entities, Json(entities).dump()}) {
      Json answer = ask(R"({"policies":)" + set + R"(,"schema":)" + given + R"(,"entities":)" + listed + "," +
                        with_requests("") + "}");
      EXPECT_EQ(answer["valid"], true) << answer.dump();
      EXPECT_EQ(answer["responses"].at(0)["reason"], Json::array({"link"}));
    }
  }
}

TEST(AuthorizeJsonl, ValidatesPoliciesAndRequestsOnlyWithASchema) {
  const std::string policy = "permit(principal, action, resource) when { context.nope };";
  const std::string schema =
      R"("schema":"entity User, Doc; action go appliesTo { principal: User, resource: Doc, context: { n: Long } };",)";
  Json answer = ask(line(policy, schema + with_requests(R"(,"context":{"n":"text"})")));
  EXPECT_EQ(answer["valid"], false);
  EXPECT_TRUE(answer["validation"].at(0).get<std::string>().starts_with("policy0:1:")) << answer.dump();
  EXPECT_FALSE(answer["responses"].at(0).value("error", "").empty());
  Json unchecked = ask(line(policy, schema + with_requests(R"(,"context":{"n":"text"},"validate":false)")));
  EXPECT_FALSE(unchecked["responses"].at(0).contains("error"));
  EXPECT_EQ(unchecked["responses"].at(0)["errors"], Json::array({"policy0"}));
  EXPECT_EQ(ask(line(policy, R"("schema":null,)" + with_requests("")))["valid"], true);
}

TEST(AuthorizeJsonl, SaysWhichPartOfALineIsWrong) {
  EXPECT_TRUE(error_of("nonsense").starts_with("line:"));
  EXPECT_TRUE(error_of("[]").starts_with("line:"));
  EXPECT_TRUE(error_of(R"({"policies":"","other":[1 2]})").starts_with("line:"));
  EXPECT_TRUE(error_of(R"({"policies":"","other":{]})").starts_with("line:"));
  EXPECT_TRUE(error_of(R"({"policies":"","policies":""})").starts_with("line:"));
  EXPECT_TRUE(error_of("{\"policies\":\"\xff\"}").starts_with("the line is not UTF-8"));
  EXPECT_TRUE(error_of("{}").find("policies") != std::string::npos);
  EXPECT_TRUE(error_of(R"({"policies":7})").starts_with("policies:"));
  EXPECT_TRUE(error_of(R"({"policies":"\ud800"})").starts_with("policies:"));
  EXPECT_TRUE(error_of(line("permit(", R"("requests":[])")).starts_with("policies:1:8:"));
  EXPECT_TRUE(error_of(line("", R"("schema":"entity")")).starts_with("schema:1:"));
  EXPECT_TRUE(error_of(line("", R"("schema":7)")).starts_with("schema:"));
  EXPECT_TRUE(error_of(line("", R"("entities":[1])")).starts_with("entities:"));
  EXPECT_TRUE(error_of(line("", R"("entities":{})")).starts_with("entities:"));
  EXPECT_TRUE(error_of(line("", R"("requests":{})")).starts_with("requests:"));
}

TEST(AuthorizeJsonl, ARequestThatCannotBeReadSpoilsOnlyItself) {
  Json answer =
      ask(line("permit(principal, action, resource);",
               R"("requests":[null,{},{"principal":1},)" + kRequest + R"(,"context":[]},)" + kRequest +
                   R"(,"validate":"yes"},)" + kRequest + R"(,"x":tru},)" + kRequest + R"(,"description":"x"}])"));
  ASSERT_EQ(answer["responses"].size(), 7U);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(answer["responses"].at(i)["decision"], "deny") << i;
    EXPECT_FALSE(answer["responses"].at(i).value("error", "").empty()) << i;
  }
  EXPECT_EQ(answer["responses"].at(6)["decision"], "allow");
}

TEST(AuthorizeJsonl, WhatIsNoEntityIsRefused) {
  for (std::string_view uid :
       {R"({})", R"({"type":"User"})", R"({"id":"a"})", R"({"type":1,"id":"a"})", R"({"type":"User","id":null})",
        R"({"__entity":{}})", R"({"__entity":1})", R"({"__entity":{"type":"User","id":"a"},"more":1})",
        R"({"__extn":{"fn":"ip","arg":"10.0.0.1"}})", R"({"type":"a b","id":"a"})"}) {
    for (std::string_view member : {"principal", "action", "resource"}) {
      std::string request = "{";
      for (std::string_view each : {"principal", "action", "resource"}) {
        request += (request.size() > 1 ? ",\"" : "\"") + std::string(each) +
                   "\":" + (each == member ? std::string(uid) : std::string(R"({"type":"Action","id":"a"})"));
      }
      Json answer = ask(line("permit(principal, action, resource);", R"("requests":[)" + request + "}]"));
      ASSERT_EQ(answer["responses"].size(), 1U) << uid;
      EXPECT_EQ(answer["responses"].at(0)["decision"], "deny") << uid;
      EXPECT_TRUE(answer["responses"].at(0).value("error", "").starts_with(member)) << uid << answer;
    }
  }
}

std::string nested(std::size_t depth) {
  return "permit(principal, action, resource) when { " + std::string(depth, '(') + "true" + std::string(depth, ')') +
         " };";
}

TEST(AuthorizeJsonl, DepthCostsAnErrorAndNothingElse) {
  EXPECT_EQ(ask(line(nested(150), with_requests("")))["responses"].at(0)["decision"], "allow");
  const std::size_t kDeep = 1'000'000;
  std::vector<std::string> hostile = {
      line(nested(kDeep), R"("requests":[])"),
      line("permit(principal, action, resource) when { " + std::string(kDeep, '!') + "true };", R"("requests":[])"),
      line("permit(principal, action, resource) when { " + std::string(kDeep, '[') + " };", R"("requests":[])"),
      R"({"policies":)" + std::string(kDeep, '[') + "}",
      R"({"policies":)" + std::string(kDeep, '{') + "}",
      std::string(kDeep, '['),
      line("", R"("entities":)" + std::string(kDeep, '[') + std::string(kDeep, ']')),
      line("", R"("schema":"type T = )" + std::string(kDeep / 4, 'S') + R"(;")"),
  };
  std::string sets;
  for (std::size_t i = 0; i < kDeep / 4; ++i) sets += "Set<";
  hostile.push_back(line("", R"("schema":"type T = )" + sets + R"(;")"));
  AuthorizeStream stream;
  for (const std::string& each : hostile) {
    Json answer = Json::parse(stream.feed(each + "\n"));
    EXPECT_FALSE(answer.value("error", "").empty()) << each.substr(0, 60);
  }
  Json request =
      ask(line("permit(principal, action, resource);",
               with_requests(R"(,"context":{"a":)" + std::string(kDeep, '[') + std::string(kDeep, ']') + "}")));
  EXPECT_FALSE(request["responses"].at(0).value("error", "").empty());
  EXPECT_EQ(Json::parse(stream.feed(line("", R"("requests":[])") + "\n"))["valid"], true);
}

TEST(AuthorizeJsonl, LinesComeInPiecesOfAnySize) {
  const std::string good = line("", R"("requests":[])");
  const std::string text = good + "\n\n  \r\n" + good + "\r\nbad\n" + good;
  const std::string whole = [&] {
    AuthorizeStream stream;
    std::string out = stream.feed(text);
    return out + stream.finish();
  }();
  EXPECT_EQ(std::count(whole.begin(), whole.end(), '\n'), 4);
  for (std::size_t size : {1U, 2U, 7U, 64U}) {
    AuthorizeStream stream;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size) out += stream.feed(std::string_view(text).substr(at, size));
    EXPECT_EQ(out + stream.finish(), whole) << size;
  }
}

TEST(AuthorizeJsonl, ALineOverTheLimitIsAnsweredOnceAndTheNextOneWorks) {
  AuthorizeStream stream(40);
  std::string out = stream.feed(std::string(25, 'x'));
  EXPECT_EQ(out, "");
  out = stream.feed(std::string(25, 'x'));
  EXPECT_NE(out.find("too long"), std::string::npos);
  EXPECT_EQ(stream.feed(std::string(100, 'x')), "");
  EXPECT_EQ(Json::parse(stream.feed("\n"
                                    R"({"policies":"","requests":[]})"
                                    "\n"))["valid"],
            true);
}

TEST(JsonSlices, AreTheVeryTexts) {
  auto members = json_members(R"( {"a" : [1, {"b":"]}"}] ,"\u0062":1.50,"c":"x\"," } )", 10);
  ASSERT_TRUE(members.has_value());
  EXPECT_EQ(json_find(*members, "a"), R"([1, {"b":"]}"}])");
  EXPECT_EQ(json_find(*members, "b"), "1.50");
  EXPECT_EQ(json_find(*members, "c"), R"("x\",")");
  EXPECT_EQ(json_find(*members, "d"), "");
  EXPECT_EQ(json_elements("[]", 0)->size(), 0U);
  EXPECT_EQ(json_elements("[1,2]", 1).error().code, "json.too_large");
  for (const char* bad : {"", "{", "[", "[1", "[1,]", "[,1]", "[1 2]", "[1] x", "[\"]", "[{]", "[\"\\"}) {
    EXPECT_FALSE(json_elements(bad, 10).has_value()) << bad;
  }
  for (const char* bad : {"{a:1}", R"({"a"})", R"({"a":})", R"({"a":1,})", R"({"a":1,"\u0061":2})", R"({1:1})"}) {
    EXPECT_FALSE(json_members(bad, 10).has_value()) << bad;
  }
}

// The example of the documentation: its first block is asked, its second is what must come back.
TEST(AuthorizeJsonl, DocumentationTellsTheTruth) {
  std::ifstream file(COUNTERSIGN_SOURCE_DIR "/docs/formats/authorize-jsonl.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> blocks;
  for (std::size_t at = 0; (at = page.find("```json\n", at)) != std::string::npos;) {
    at += 8;
    std::size_t end = page.find("\n```", at);
    blocks.push_back(page.substr(at, end - at));
    at = end;
  }
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(Json::parse(authorize_line(blocks[0])), Json::parse(blocks[1])) << authorize_line(blocks[0]);
}

}  // namespace
}  // namespace countersign::cli
