#include "policies/cedar/est.h"

#include <gtest/gtest.h>

#include "cases.h"
#include "core/json.h"
#include "policies/cedar/authorizer.h"
#include "policies/cedar/parser.h"
#include "policies/cedar/printer.h"
#include "random_policy.h"

namespace cedar {
namespace {

using countersign::Json;

ast::Policy parsed(const std::string& text) {
  auto policies = parse_policies(text);
  EXPECT_TRUE(policies.has_value()) << text << "\n" << policies.error().front().message;
  return policies ? std::move(policies->front()) : ast::Policy();
}

// The body of the only clause of a policy whose clause is `expression`.
Json body_of(const std::string& expression) {
  auto json = write_policy_json(parsed("permit(principal, action, resource) when { " + expression + " };"));
  EXPECT_TRUE(json.has_value());
  return Json::parse(*json)["conditions"][0]["body"];
}

std::string with_body(const std::string& body) {
  return R"({"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},)"
         R"("conditions":[{"kind":"when","body":)" +
         body + "}]}";
}

std::string problem(const Result<ast::Policy>& result) {
  return result ? "none" : result.error().code + " " + result.error().message;
}

std::string nested(std::string_view open, std::string_view middle, std::string_view close, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += open;
  out += middle;
  for (std::size_t i = 0; i < times; ++i) out += close;
  return out;
}

TEST(CedarEst, AcceptsAndRejectsWhatTheOfficialReaderDoes) {
  for (const auto& each : test::read_cases("policy_json.txt")) {
    auto policy = read_policy_json(each.input);
    EXPECT_EQ(policy.has_value(), each.expected == "accept") << "line " << each.line << ": " << each.input << "\n"
                                                             << problem(policy);
    if (!policy) EXPECT_EQ(policy.error().code, "cedar.est.invalid") << each.input;
  }
}

TEST(CedarEst, WritesWhatTheOfficialExportWrites) {
  for (
      auto [text, expected] : std::vector<std::pair<std::string, std::string>>{
          {"principal && action && resource",
           R"({"&&":{"left":{"&&":{"left":{"Var":"principal"},"right":{"Var":"action"}}},"right":{"Var":"resource"}}})"},
          {"1 + 2 - 3", R"({"-":{"left":{"+":{"left":{"Value":1},"right":{"Value":2}}},"right":{"Value":3}}})"},
          {"context has a.b", R"({"&&":{"left":{"has":{"left":{"Var":"context"},"attr":"a"}},)"
                              R"("right":{"has":{"left":{".":{"left":{"Var":"context"},"attr":"a"}},"attr":"b"}}}})"},
          {"context is A::B in C::\"x\"", R"({"is":{"left":{"Var":"context"},"entity_type":"A::B",)"
                                          R"("in":{"Value":{"__entity":{"type":"C","id":"x"}}}}})"},
          {"context like \"é*\\*\"",
           R"({"like":{"left":{"Var":"context"},"pattern":[{"Literal":"é"},"Wildcard",{"Literal":"*"}]}})"},
          {"context like \"a\\u{2a}\\x2A\"",
           R"({"like":{"left":{"Var":"context"},"pattern":[{"Literal":"a"},"Wildcard","Wildcard"]}})"},
          {"ip(\"::1\").isInRange(context.net)",
           R"({"isInRange":[{"ip":[{"Value":"::1"}]},{".":{"left":{"Var":"context"},"attr":"net"}}]})"},
          {"[1, -(2), !true, {\"a b\": []}]",
           R"({"Set":[{"Value":1},{"neg":{"arg":{"Value":2}}},{"!":{"arg":{"Value":true}}},{"Record":{"a b":{"Set":[]}}}]})"},
          {"if true then context.isEmpty() else principal.hasTag(\"t\")",
           R"({"if-then-else":{"if":{"Value":true},"then":{"isEmpty":{"arg":{"Var":"context"}}},)"
           R"("else":{"hasTag":{"left":{"Var":"principal"},"right":{"Value":"t"}}}}})"},
          {"-9223372036854775808", R"({"Value":-9223372036854775808})"}}) {
    EXPECT_EQ(body_of(text), Json::parse(expected)) << text;
  }
  auto json =
      write_policy_json(parsed("@a @b(\"\") @c(\"x\") forbid(principal is T in ?principal, action in "
                               "[Action::\"x\"], resource == ?resource);"));
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(Json::parse(*json),
            Json::parse(R"({"effect":"forbid","principal":{"op":"is","entity_type":"T","in":{"slot":"?principal"}},)"
                        R"("action":{"op":"in","entity":{"type":"Action","id":"x"}},)"
                        R"("resource":{"op":"==","slot":"?resource"},"conditions":[],)"
                        R"("annotations":{"a":null,"b":"","c":"x"}})"));
}

TEST(CedarEst, WhatIsWrittenReadsBack) {
  test::PolicyMaker make(31);
  for (int round = 0; round < 2000; ++round) {
    ast::Policy policy = make.policy(round % 6);
    auto json = write_policy_json(policy);
    ASSERT_TRUE(json.has_value());
    auto read = read_policy_json(*json);
    ASSERT_TRUE(read.has_value()) << *json << problem(read);
    auto again = write_policy_json(*read);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(Json::parse(*again), Json::parse(*json)) << print(policy);
    auto reparsed = parse_policies(print(*read));
    ASSERT_TRUE(reparsed.has_value()) << print(*read);
    EXPECT_TRUE(same_structure(*read, reparsed->front()));
  }
}

TEST(CedarEst, SaysWhereItIsWrong) {
  EXPECT_EQ(problem(read_policy_json(with_body(R"({"==":{"left":{"Value":1},"right":{"Value":1.5}}})"))),
            "cedar.est.invalid .conditions[0].body.==.right.Value: fractions are not allowed; write a decimal");
  EXPECT_EQ(problem(read_policy_json(with_body(R"({"Set":[{"Value":1},{"foo":[]}]})"))),
            "cedar.est.invalid .conditions[0].body.Set[1].foo: `foo` is neither an operator nor a function");
  EXPECT_EQ(problem(read_policy_json("{")).substr(0, 14), "json.malformed");
  EXPECT_EQ(problem(read_policy_json(with_body(R"({"Value":1,"Value":2})"))).substr(0, 18), "json.duplicate_key");
  EXPECT_EQ(problem(read_policy_json(with_body(R"({"Value":9223372036854775808})"))),
            "cedar.est.invalid .conditions[0].body.Value: this integer does not fit in 64 bits");
}

TEST(CedarEst, LongHasPathsThatTextCannotSpell) {
  auto policy = read_policy_json(with_body(R"({"has":{"left":{"Var":"context"},"attr":["a b","if","c"]}})"));
  ASSERT_TRUE(policy.has_value()) << problem(policy);
  EXPECT_EQ(print(policy->exprs, policy->clauses.front().body),
            "context has \"a b\" && context[\"a b\"] has \"if\" && context[\"a b\"][\"if\"] has c");
}

TEST(CedarEst, WholeSets) {
  constexpr std::string_view kSet =
      R"({"staticPolicies":{"a":{"effect":"permit","principal":{"op":"==","entity":{"type":"U","id":"x"}},)"
      R"("action":{"op":"All"},"resource":{"op":"All"},"conditions":[]},"b":"forbid(principal, action, resource) when { context.no };"},)"
      R"("templates":{"t":{"effect":"permit","principal":{"op":"in","slot":"?principal"},"action":{"op":"All"},)"
      R"("resource":{"op":"All"},"conditions":[],"annotations":{"why":"team"}}},)"
      R"("templateLinks":[{"templateId":"t","newId":"l","values":{"?principal":{"type":"U","id":"y"}}}]})";
  auto set = read_policy_set_json(kSet, "set.json");
  ASSERT_TRUE(set.has_value()) << set.error().message;
  EXPECT_EQ(set->size(), 3U);
  EXPECT_EQ(set->templates().size(), 1U);
  ASSERT_TRUE(set->find("l").has_value());
  const Policy& link = (*set)[*set->find("l")];
  EXPECT_EQ(link.annotation("why"), "team");
  EXPECT_EQ(link.text(), "@why(\"team\")\npermit(principal in ?principal, action, resource);");
  EXPECT_EQ(link.source().name(), "set.json");

  Entities none;
  EntityOverlay entities(none);
  Request request(EntityUid("U", "y"), EntityUid("Action", "go"), EntityUid("R", "r"),
                  RecordBuilder().set("no", Value::boolean(false)).build());
  EXPECT_EQ(respond(*set, authorize(*set, request, entities)).reason, (std::vector<std::string>{"l"}));

  auto json = write_policy_set_json(*set);
  ASSERT_TRUE(json.has_value());
  auto again = read_policy_set_json(*json, "again.json");
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*write_policy_set_json(*again), *json);
  EXPECT_EQ(
      Json::parse(*json)["templateLinks"],
      Json::parse(R"([{"templateId":"t","newId":"l","values":{"?principal":{"__entity":{"type":"U","id":"y"}}}}])"));
}

TEST(CedarEst, SetsAreRefusedForTheirParts) {
  auto code = [](std::string_view text) {
    auto set = read_policy_set_json(text, "x");
    return set ? "none" : set.error().code;
  };
  EXPECT_EQ(code("{}"), "none");
  EXPECT_EQ(code("[]"), "cedar.est.invalid");
  EXPECT_EQ(code(R"({"foo":{}})"), "cedar.est.invalid");
  EXPECT_EQ(code(R"({"staticPolicies":"permit(principal,action,resource);permit(principal,action,resource);"})"),
            "none");
  EXPECT_EQ(code(R"({"staticPolicies":"permit(principal == ?principal,action,resource);"})"), "cedar.est.invalid");
  EXPECT_EQ(code(R"({"staticPolicies":{"a":"permit(principal,action,resource);permit(principal,action,resource);"}})"),
            "cedar.est.invalid");
  EXPECT_EQ(code(R"({"staticPolicies":{"a":"permit"}})"), "cedar.est.invalid");
  EXPECT_EQ(code(R"({"templates":{"a":"permit(principal,action,resource);"}})"), "cedar.est.invalid");
  std::string set = R"("templates":{"t":"permit(principal == ?principal,action,resource);"},"templateLinks":)";
  auto linked = [&](const std::string& link) { return code("{" + set + "[" + link + "]}"); };
  EXPECT_EQ(linked(R"({"templateId":"t","newId":"l","values":{"?principal":{"type":"A","id":"a"}}})"), "none");
  EXPECT_EQ(linked(R"({"templateId":"t","newId":"l","values":{}})"), "cedar.link.missing_slot");
  EXPECT_EQ(linked(R"({"templateId":"u","newId":"l","values":{}})"), "cedar.link.unknown_template");
  EXPECT_EQ(linked(R"({"templateId":"t","newId":"t","values":{"?principal":{"type":"A","id":"a"}}})"),
            "cedar.policy_set.duplicate_id");
  EXPECT_EQ(linked(R"({"templateId":"t","newId":"l","values":{"?foo":{"type":"A","id":"a"}}})"), "cedar.est.invalid");
  EXPECT_EQ(linked(R"({"templateId":"t","newId":"l"})"), "cedar.est.invalid");
  EXPECT_EQ(code(R"({"staticPolicies":{"a":"permit(principal,action,resource);"},"templates":)"
                 R"({"a":"permit(principal == ?principal,action,resource);"}})"),
            "cedar.policy_set.duplicate_id");
}

TEST(CedarEst, HostileNestingIsAnError) {
  for (std::size_t depth : {std::size_t{150}, std::size_t{10'000}, std::size_t{50'000}}) {
    for (auto [open, middle, close] : {std::tuple{R"({"!":{"arg":)", R"({"Value":true})", "}}"},
                                       {R"({"Set":[)", R"({"Value":1})", "]}"},
                                       {R"({"Record":{"a":)", R"({"Value":1})", "}}"},
                                       {R"({"Value":[)", "1", "]}"},
                                       {R"({"==":{"left":)", R"({"Value":1})", R"(,"right":{"Value":1}}})"},
                                       {R"({".":{"left":)", R"({"Var":"context"})", R"(,"attr":"a"}})"},
                                       {R"({"ip":[)", R"({"Value":1})", "]}"}}) {
      bool value = std::string_view(open) == R"({"Value":[)";
      std::string body =
          value ? R"({"Value":)" + nested("[", middle, "]", depth) + "}" : nested(open, middle, close, depth);
      auto policy = read_policy_json(with_body(body));
      EXPECT_EQ(policy.has_value(), depth == 150) << open << depth;
      if (!policy) EXPECT_TRUE(policy.error().code == "cedar.est.too_large" || policy.error().code == "json.too_large");
    }
  }
}

TEST(CedarEst, ChainsAreAsLongAsTheyLike) {
  for (std::string op : {"&&", "||", "+", "-", "*"}) {
    std::size_t terms = op == "&&" || op == "+" ? 100'000 : 5'000;
    std::string text = "permit(principal, action, resource) when { 1";
    for (std::size_t i = 1; i < terms; ++i) text += " " + op + " 1";
    auto policies = parse_policies(text + " };");
    ASSERT_TRUE(policies.has_value()) << op;
    auto json = write_policy_json(policies->front());
    ASSERT_TRUE(json.has_value());
    auto read = read_policy_json(*json);
    ASSERT_TRUE(read.has_value()) << problem(read);
    EXPECT_EQ(read->exprs[read->clauses.front().body].operands.size(), terms);
    EXPECT_TRUE(same_structure(*read, policies->front()));
    EXPECT_EQ(print(*read).size(), text.size() + 3);
  }
}

TEST(CedarEst, WhatWouldExplodeIsRefused) {
  // Each `has` path doubles what stands left of it.
  std::string text = "context";
  for (int i = 0; i < 60; ++i) text = "(" + text + " has a.b)";
  auto json =
      write_policy_json(parsed("permit(principal, action, resource) when { " + text + " };"), {.bytes = 1U << 20});
  ASSERT_FALSE(json.has_value());
  EXPECT_EQ(json.error().code, "cedar.est.too_large");

  std::string body = R"({"Var":"context"})";
  for (int i = 0; i < 60; ++i) body = R"({"has":{"left":)" + body + R"(,"attr":["a b","c d"]}})";
  auto policy = read_policy_json(with_body(body), {.values = 50'000});
  ASSERT_FALSE(policy.has_value());
  EXPECT_EQ(policy.error().code, "cedar.est.too_large");

  EXPECT_EQ(problem(read_policy_json(with_body(R"({"Value":1})"), {.bytes = 20})).substr(0, 14), "json.too_large");
  auto many = read_policy_set_json(
      R"({"staticPolicies":["permit(principal,action,resource);","permit(principal,action,resource);"]})", "x",
      {.policies = 1});
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().code, "cedar.est.too_large");
}

}  // namespace
}  // namespace cedar
