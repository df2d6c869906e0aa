#include <gtest/gtest.h>

#include "core/json.h"
#include "http_fixture.h"
#include "scopes/openapi.h"

namespace countersign::adapters::test {
namespace {

std::string sentence_of(const HttpAdapter& adapter, Conversation& conversation, std::string_view body,
                        std::string_view environment = "production") {
  return adapter.sentence(conversation.freeze(), body, environment);
}

TEST_F(Http, SaysWhatARequestDoes) {
  auto say = [&](const std::string& method, const std::string& target, const std::string& type = "",
                 const std::string& body = "") {
    auto request = ok(method, target, type.empty() ? fields({}) : fields({{"Content-Type", type}}), body);
    return sentence_of(*adapter_, *request, body);
  };
  const std::string json = "application/json";
  EXPECT_EQ(say("DELETE", "/orders/7"), "Delete /orders/7 on web (production).");
  EXPECT_EQ(say("DELETE", "/orders?force=true&id=3&id=4"),
            "Delete /orders on web (production), query force = \"true\", id = [\"3\", \"4\"].");
  EXPECT_EQ(say("POST", "/orders", json, R"({"price":3,"currency":"EUR","lines":[{"n":1}],"note":null,"rush":true})"),
            "Send to /orders on web (production) with currency = EUR, lines = 1 item, note = null, price = 3, rush = "
            "true (JSON, 70 bytes).");
  EXPECT_EQ(say("PATCH", "/x", json, R"(["3",3])"),
            "Change /x on web (production) with a list of 2 items (JSON, 7 bytes).");
  EXPECT_EQ(say("PUT", "/x", json, R"({"price":"3","ok":"true","at":"2026-11-21","l":["a","b"]})"),
            "Replace /x on web (production) with at = 2026-11-21, l = [a, b], ok = \"true\", price = \"3\" (JSON, 57 "
            "bytes).");
  EXPECT_EQ(say("PUT", "/x", json, R"({"a":1,"a":2})"), "Replace /x on web (production) with a body (JSON, 13 bytes).");
  EXPECT_EQ(say("PUT", "/x", "text/plain", "hello"),
            "Replace /x on web (production) with a body (text/plain, 5 bytes).");
  EXPECT_EQ(say("POST", "/x", "application/x-www-form-urlencoded", "a=1&b=two%20words"),
            "Send to /x on web (production) with a = \"1\", b = \"two words\" (a form, 17 bytes).");
  EXPECT_EQ(say("PUT", "/x", json, R"({"password":"hunter2","API-Token":"abc","pin":12})"),
            "Replace /x on web (production) with API-Token = 3 characters, password = 7 characters, pin = 12 (JSON, 49 "
            "bytes).");
  auto both = ok("DELETE", "/x");
  EXPECT_EQ(adapter_->sentence(both->freeze(), "", "production,staging"), "Delete /x on web (production, staging).");
  EXPECT_EQ(say("FROBNICATE", "/x"), "Do FROBNICATE on /x on web (production).");
  EXPECT_EQ(say("PUT", "/a%20b", "", "x"), "Replace \"/a b\" on web (production) with a body (1 byte).");
}

TEST_F(Http, SaysWhatARequestDoesInBoundsWhateverItHolds) {
  auto put = ok("PUT", "/x", fields({{"Content-Type", "application/json"}}), "{}");
  approvals::Frozen frozen = put->freeze();
  auto say = [&](const Json& body, std::string_view environment = "production") {
    const std::string text = body.dump();
    frozen.body_size = text.size();
    return adapter_->sentence(frozen, text, environment);
  };
  // A value cannot pass for a piece of the sentence.
  EXPECT_EQ(say({{"a", "1, b = 2 (JSON, 3 bytes)."}}),
            R"(Replace /x on web (production) with a = "1, b = 2 (JSON, 3 bytes)." (JSON, 33 bytes).)");
  EXPECT_EQ(say({{"a = 1, b", 2}}), R"(Replace /x on web (production) with "a = 1, b" = 2 (JSON, 14 bytes).)");
  EXPECT_EQ(say({{"a", R"("x")"}}), R"(Replace /x on web (production) with a = "\"x\"" (JSON, 13 bytes).)");
  EXPECT_EQ(say({{"a", "x\u202e\u200by\x1b"}}),
            R"(Replace /x on web (production) with a = "x\u{202E}\u{200B}y\u{001B}" (JSON, 22 bytes).)");
  EXPECT_EQ(say({{"a", "\u05d0"}}), R"(Replace /x on web (production) with a = "\u{05D0}" (JSON, 10 bytes).)");
  EXPECT_EQ(say({{"a", "one\ntwo"}}), "Replace /x on web (production) with a = 7 characters (JSON, 16 bytes).");
  EXPECT_EQ(say({{"a", std::string(100, 'x')}}), "Replace /x on web (production) with a = \"" + std::string(30, 'x') +
                                                     "\"…\"" + std::string(20, 'x') +
                                                     "\" (100 characters) (JSON, 108 bytes).");
  // What is left out is counted.
  Json many = Json::object();
  for (int at = 0; at < 1200; ++at) many["member" + std::to_string(at)] = std::string(30, 'v');
  const std::string counted = say(many);
  EXPECT_TRUE(counted.ends_with(" and 1,197 more (JSON, 54,091 bytes).")) << counted;
  for (const std::string& piece :
       {std::string(300, 'k'), std::string(300, '"'), std::string("\u202e\u202e\u202e\u05d0"), std::string(5000, '\n'),
        std::string("…\u200d…")}) {
    Json hostile = Json::object();
    for (int at = 0; at < 5; ++at) hostile[std::to_string(at) + piece] = piece;
    const std::string sentence = say(hostile, piece);
    EXPECT_LE(sentence.size(), 280U) << sentence;
    EXPECT_FALSE(sentence.contains("\u202e") || sentence.contains("\u05d0") || sentence.contains('\n')) << sentence;
    EXPECT_TRUE(sentence.ends_with(" bytes).")) << sentence;
    EXPECT_EQ(sentence, say(hostile, piece)) << "votes are bound to it";
  }
  // Without the whole body: kind and size.
  frozen.body_size = 1204;
  EXPECT_EQ(adapter_->sentence(frozen, "{", ""), "Replace /x on web with a body (JSON, 1,204 bytes).");
  frozen.head = "x";
  EXPECT_TRUE(adapter_->sentence(frozen, "", "").empty());
}

constexpr std::string_view kOpenApiYaml = R"(openapi: 3.0.3
info: { title: shop, version: "1" }
paths:
  /pets/{id}:
    get: { operationId: showPet, responses: { "200": { description: ok } } }
    delete: { operationId: deletePet }
    parameters: []
  /pets/mine:
    get: { operationId: showMine }
  /pets/{id}/photo.{format}:
    put: { operationId: putPhoto }
  /tokens:
    post: { operationId: createToken, x-countersign-effect: mint, summary: "Make a token \"for\" somebody" }
)";

TEST(OpenApi, NamesOperationsAfterTheOperatorsRules) {
  std::string file = ::testing::TempDir() + "countersign-openapi.yaml";
  {
    std::ofstream(file) << kOpenApiYaml;
  }
  config::Upstream upstream = web();
  upstream.openapi = file;
  upstream.operations.push_back({"DELETE", "/pets/{id}", "retire", "administer"});
  auto operations = HttpOperations::load(upstream);
  ASSERT_TRUE(operations) << operations.error().message;
  auto found = [&](std::string_view method, std::string_view name) {
    HttpOperation operation = operations->find(method, name);
    return operation.action + " " + std::string(effect_name(operation.effect));
  };
  EXPECT_EQ(found("GET", "pets/7"), "http:showPet read");
  EXPECT_EQ(found("GET", "pets/mine"), "http:showMine read") << "literal before templated";
  EXPECT_EQ(found("PUT", "pets/7/photo.png"), "http:putPhoto write");
  EXPECT_EQ(found("POST", "tokens"), "http:createToken mint");
  EXPECT_EQ(found("DELETE", "pets/7"), "http:retire administer");
  EXPECT_EQ(found("PUT", "pets/7"), "http:PUT write");
  EXPECT_EQ(found("DELETE", "pets/mine"), "http:retire administer");
  EXPECT_EQ(found("GET", "pets/7/x"), "http:GET read");
}

TEST_F(Http, SaysWhatTheOperationIsCalled) {
  const std::string file = ::testing::TempDir() + "countersign-openapi-called.yaml";
  std::ofstream(file) << kOpenApiYaml;
  config::Upstream upstream = web();
  upstream.openapi = file;
  adapter_ = HttpAdapter::create(upstream).value();
  auto post = ok("POST", "/tokens", {}, "");
  const approvals::Frozen frozen = post->freeze();
  const std::string expected = R"(Send to /tokens on web (staging) as createToken ("Make a token \"for\" somebody").)";
  EXPECT_EQ(adapter_->sentence(frozen, "", "staging"), expected);
  adapter_ = HttpAdapter::create(web()).value();
  EXPECT_EQ(adapter_->sentence(frozen, "", "staging"), expected) << "as it was called when the request was made";
  EXPECT_EQ(ok("GET", "/pets/7", {}, "")->freeze().shown, "");
}

TEST(OpenApi, ReadsJsonAndRefusesWhatItCannotFollow) {
  auto json = parse_openapi(R"({"openapi":"3.1.0","paths":{"/a":{"get":{"operationId":"x"},"post":{}},"x-y":1}})");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->size(), 2U);
  auto code = [](std::string_view text) {
    auto read = parse_openapi(text);
    return read ? "ok" : read.error().code;
  };
  EXPECT_EQ(code(R"({"swagger":"2.0","paths":{}})"), "openapi.malformed");
  EXPECT_EQ(code(R"({"openapi":"3.0.0"})"), "openapi.malformed");
  EXPECT_EQ(code(R"({"openapi":"3.0.0","paths":{"/a":{"$ref":"x"}}})"), "openapi.malformed");
  EXPECT_EQ(code(R"({"openapi":"3.0.0","paths":{"/a":{"get":{"x-countersign-effect":"harmless"}}}})"),
            "openapi.bad_effect");
  EXPECT_EQ(code(R"({"openapi":"3.0.0","paths":{},"paths":{}})"), "json.duplicate_key");
  EXPECT_EQ(code("openapi: 3.0.0\npaths: &a\n  /x: *a\n"), "openapi.malformed");
  EXPECT_EQ(code("::::"), "openapi.malformed");
}

}  // namespace
}  // namespace countersign::adapters::test
