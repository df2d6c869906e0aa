#include <gtest/gtest.h>

#include "cases.h"
#include "core/json.h"
#include "http_fixture.h"

namespace countersign::adapters::test {
namespace {

std::string shown(const Operation& operation) {
  std::string out;
  for (const Access& access : operation.accesses) {
    if (!out.empty()) out += ", ";
    out += std::string(effect_name(access.effect)) + " " + access.resource.name;
    EXPECT_EQ(access.resource.id, "web/" + access.resource.name);
    EXPECT_EQ(access.resource.type, "HttpEndpoint");
  }
  return out;
}

TEST_F(Http, NamesOperations) {
  for (const Case& entry : read_cases("http/operations.txt", Escapes::none)) {
    std::string request = entry.fields.at(0);
    std::size_t space = request.find(' ');
    auto conversation = ok(request.substr(0, space), request.substr(space + 1));
    EXPECT_EQ(conversation->operation().action, entry.fields.at(1)) << "operations.txt:" << entry.line;
    EXPECT_EQ(shown(conversation->operation()), entry.fields.at(2)) << "operations.txt:" << entry.line;
    EXPECT_EQ(conversation->operation().reach, Reach::upstream);
  }
}

TEST_F(Http, RefusesPathsThatCanBeReadTwice) {
  for (const Case& entry : read_cases("http/paths.txt", Escapes::bytes)) {
    std::string expected = entry.fields[0] == "refused" ? "http.ambiguous_path" : "ok";
    EXPECT_EQ(code("GET", entry.fields.at(1)), expected) << "paths.txt:" << entry.line;
  }
}

TEST_F(Http, RefusesOddMethods) {
  for (const char* method : {"delete", "Get", "GET ", "", "G\x01T", "1GET"})
    EXPECT_EQ(code(method, "/x"), "http.bad_method") << method;
  EXPECT_EQ(code("CONNECT", "/x"), "http.method_not_supported");
  EXPECT_EQ(code("TRACE", "/x"), "http.method_not_supported");
}

TEST_F(Http, RefusesEveryWayToAskForAnotherMethodOrPath) {
  for (const char* name : {"X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "X_HTTP_Method_Override"}) {
    EXPECT_EQ(code("POST", "/x", fields({{name, "DELETE"}})), "http.method_override") << name;
    EXPECT_EQ(code("GET", "/x", fields({{name, "GET"}})), "http.method_override") << name;
  }
  EXPECT_EQ(code("GET", "/x", fields({{"X-Original-URL", "/admin"}})), "http.path_override");
  EXPECT_EQ(code("GET", "/x", fields({{"X-Rewrite-Url", "/admin"}})), "http.path_override");
  for (const char* query : {"_method=DELETE", "a=1&_method=DELETE", "a=1;_method=DELETE", "%5fmethod=DELETE",
                            "_METHOD=x", "+_method=x", "_method[]=x", "_method"}) {
    EXPECT_EQ(code("POST", std::string("/x?") + query), "http.method_override") << query;
  }
  EXPECT_EQ(code("POST", "/x?a=_method"), "ok");
  HeaderList form = fields({{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}});
  EXPECT_EQ(code("POST", "/x", form, "a=1&_method=DELETE"), "http.method_override");
  EXPECT_EQ(code("POST", "/x", form, "a=1&b=_method"), "ok");
  HeaderList multipart = fields({{"Content-Type", "multipart/form-data; boundary=b"}});
  EXPECT_EQ(
      code("POST", "/x", multipart, "--b\r\nContent-Disposition: form-data; Name=\"_method\"\r\n\r\nDELETE\r\n--b--"),
      "http.method_override");
  HeaderList json = fields({{"Content-Type", "application/json"}});
  EXPECT_EQ(code("POST", "/x", json, R"({"_method":"DELETE"})"), "http.method_override");
  EXPECT_EQ(code("POST", "/x", json, R"({"\u005fmethod":"DELETE"})"), "http.method_override");
  EXPECT_EQ(code("POST", "/x", json, R"({"a":"_method"})"), "ok");
  EXPECT_EQ(code("PUT", "/x", json, R"({"_method":"DELETE"})"), "ok");
}

TEST_F(Http, AFormThatCannotBeLookedThroughIsOpaque) {
  HeaderList form = fields({{"Content-Type", "application/x-www-form-urlencoded"}});
  head_ = {"POST", "/web/x", form};
  BodyView large{.size = 5U << 20, .sha256 = std::string(64, 'a'), .in_memory = {}};
  Inbound inbound{&head_, "/x", large, "team"};
  auto conversation = adapter_->describe(inbound, doors_);
  ASSERT_TRUE(conversation);
  EXPECT_EQ((*conversation)->operation().effect(), Effect::execute);
  form.add("Content-Encoding", "gzip");
  EXPECT_EQ(ok("POST", "/x", form, "\x1f\x8b")->operation().effect(), Effect::execute);
}

TEST_F(Http, TheQueryIsReadStrictly) {
  EXPECT_EQ(ok("GET", "/x?b=2&a=1&b=3&c&d=")->operation().input,
            R"({"method":"GET","path":"/x","query":{"a":"1","b":["2","3"],"c":"","d":""}})");
  EXPECT_EQ(ok("GET", "/a%20b?q=%C3%A9+x")->operation().input,
            "{\"method\":\"GET\",\"path\":\"/a b\",\"query\":{\"q\":\"é x\"}}");
  for (const char* query : {"a=%", "a=%zz", "a=%ff", "a=\xc3\xa9", "a=b c"})
    EXPECT_EQ(code("GET", std::string("/x?") + query), "http.ambiguous_query") << query;
  std::string many = "/x?a";
  for (int i = 0; i < 600; ++i) many += "&a";
  EXPECT_EQ(code("GET", many), "http.too_many_parameters");
}

TEST_F(Http, MovingTouchesBothEnds) {
  auto move = ok("MOVE", "/production/a", fields({{"Destination", "http://gw:8700/web/staging/b"}}));
  EXPECT_EQ(shown(move->operation()), "destroy production/a, destroy staging/b");
  EXPECT_EQ(shown(ok("COPY", "/production/a", fields({{"Destination", "/web/staging/b%20c/"}}))->operation()),
            "read production/a, destroy staging/b c");
  for (const char* bad :
       {"http://other/web/b", "/other/b", "/webx/b", "web/b", "http://gw:8700/web/../x", "/web/a/%2e%2e/b", "/web//b",
        "/web/b?x", "http://gw:8700@evil/web/b", "http://gw:8700", "", "ftp://gw:8700/web/b"}) {
    EXPECT_EQ(code("MOVE", "/a", fields({{"Destination", bad}})), "http.bad_destination") << bad;
  }
  EXPECT_EQ(code("MOVE", "/a"), "http.bad_destination");
  EXPECT_EQ(code("COPY", "/a", fields({{"Destination", "/web/b"}, {"Destination", "/web/c"}})), "http.bad_destination");
  EXPECT_EQ(code("PUT", "/a", fields({{"Destination", "/web/b"}})), "http.bad_destination");
}

TEST_F(Http, WhatIsAtTheDestinationIsDestroyedUnlessOverwriteIsRefused) {
  auto accesses = [&](const char* method, std::initializer_list<std::pair<std::string_view, std::string_view>> more) {
    HeaderList headers = fields(more);
    headers.add("Destination", "/web/b");
    return shown(ok(method, "/a", headers)->operation());
  };
  EXPECT_EQ(accesses("COPY", {}), "read a, destroy b");
  EXPECT_EQ(accesses("COPY", {{"Overwrite", "T"}}), "read a, destroy b");
  EXPECT_EQ(accesses("COPY", {{"overwrite", "F"}}), "read a, write b");
  EXPECT_EQ(accesses("MOVE", {{"Overwrite", "F"}}), "destroy a, write b");
  EXPECT_EQ(accesses("COPY", {{"Overwrite", "F"}, {"Connection", "Overwrite"}}), "read a, destroy b")
      << "the field is not forwarded";
  for (const char* bad : {"f", "t", "", "F, T", "F;x", "false", "0"}) {
    EXPECT_EQ(code("COPY", "/a", fields({{"Destination", "/web/b"}, {"Overwrite", bad}})), "http.bad_overwrite") << bad;
  }
  for (const char* second : {"F", "T"}) {
    EXPECT_EQ(code("MOVE", "/a", fields({{"Destination", "/web/b"}, {"Overwrite", "F"}, {"overwrite", second}})),
              "http.bad_overwrite");
  }
  EXPECT_EQ(describe("COPY", "/a", fields({{"Destination", "/web/b"}, {"Overwrite", "x"}})).error().kind,
            ErrorKind::malformed);
  auto before = ok("COPY", "/a", fields({{"Destination", "/web/b"}, {"Overwrite", "F"}}));
  auto after = adapter_->thaw(before->freeze(), "", doors_);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(shown((*after)->operation()), "read a, write b");
}

TEST_F(Http, ForwardsTheBytesItJudgedAndNoCredential) {
  FakeHttpDoor& door = doors_.http_doors["web"];
  door.answers.push_back({{201, fields({{"Content-Length", "5"},
                                        {"ETag", "\"x\""},
                                        {"Set-Cookie", "s=1"},
                                        {"Connection", "X-Hop"},
                                        {"X-Hop", "1"},
                                        {"WWW-Authenticate", "Basic"},
                                        {"Location", "http://10.0.0.1:8080/api/orders/8"}})},
                          {"hel", "lo"},
                          {},
                          {}});
  auto put = ok("PUT", "/or%20ders/7?x=%41",
                fields({{"Authorization", "Bearer agent"},
                        {"Cookie", "a=b"},
                        {"X-Api-Key", "k"},
                        {"Connection", "close, X-Secret"},
                        {"X-Secret", "1"},
                        {"Transfer-Encoding", "chunked"},
                        {"X-Forwarded-For", "1.1.1.1"},
                        {"X_Api_Key", "k"},
                        {"Content-Type", "text/plain"},
                        {"If-Match", "\"1\""},
                        {"Prefer", "wait=5, return=minimal"},
                        {"Host", "gw:8700"}}),
                "body");
  TextBody body("body");
  FakeSink sink;
  Forwarded done = run(put->forward(doors_, &body, sink, nullptr));
  ASSERT_EQ(door.sent.size(), 1U);
  EXPECT_EQ(door.sent[0].head.target, "/or%20ders/7?x=%41");
  EXPECT_EQ(door.sent[0].body, "body");
  std::string names;
  for (const HeaderField& field : door.sent[0].head.headers.fields()) names += field.name + "=" + field.value + ";";
  EXPECT_EQ(names, "Content-Type=text/plain;If-Match=\"1\";Prefer=return=minimal;");
  EXPECT_EQ(done.outcome, "ok");
  EXPECT_EQ(done.status, 201);
  EXPECT_EQ(done.body_bytes, 5U);
  EXPECT_EQ(done.body_sha256, to_hex(sha256("hello")));
  EXPECT_EQ(sink.body, "hello");
  EXPECT_EQ(sink.length, 5U);
  EXPECT_TRUE(sink.finished);
  EXPECT_EQ(sink.header("ETag"), "\"x\"");
  EXPECT_EQ(sink.header("Location"), "/web/orders/8");
  for (const char* gone : {"Set-Cookie", "X-Hop", "WWW-Authenticate", "Connection", "Content-Length"})
    EXPECT_EQ(sink.head.headers.count(gone), 0U) << gone;
}

TEST_F(Http, DestinationIsForwardedBelowTheUpstreamsBase) {
  FakeHttpDoor& door = doors_.http_doors["web"];
  door.answers.push_back({{204, {}}, {}, {}, {}});
  FakeSink sink;
  run(ok("COPY", "/a", fields({{"Destination", "http://GW:8700/web/b%20c"}, {"Overwrite", "F"}}))
          ->forward(doors_, nullptr, sink, nullptr));
  EXPECT_EQ(door.sent.at(0).head.headers.get("Destination"), "/api/b%20c");
  EXPECT_EQ(sink.length, 0U);
}

TEST_F(Http, SaysWhatBecameOfAnOperation) {
  FakeHttpDoor& door = doors_.http_doors["web"];
  auto outcome = [&](FakeHttpDoor::Answer answer, int status) {
    door.answers.push_back(std::move(answer));
    FakeSink sink;
    Forwarded done = run(ok("PUT", "/x", {}, "b")->forward(doors_, nullptr, sink, nullptr));
    EXPECT_EQ(sink.head.status, status);
    return done.outcome;
  };
  auto refused = [](ErrorKind kind, const char* code) {
    return FakeHttpDoor::Answer{{}, {}, Error{kind, code, "m"}, {}};
  };
  EXPECT_EQ(outcome({{204, {}}, {}, {}, {}}, 204), "ok");
  EXPECT_EQ(outcome({{409, {}}, {"x"}, {}, {}}, 409), "client_error");
  EXPECT_EQ(outcome({{500, {}}, {}, {}, {}}, 500), "server_error");
  EXPECT_EQ(outcome(refused(ErrorKind::unavailable, "upstream.connect_failed"), 503), "not_forwarded");
  EXPECT_EQ(outcome(refused(ErrorKind::timed_out, "upstream.timeout"), 504), "timeout");
  EXPECT_EQ(outcome(refused(ErrorKind::unavailable, "upstream.broken"), 502), "unknown");
  EXPECT_EQ(outcome({{200, {}}, {"half"}, {}, Error{ErrorKind::unavailable, "upstream.broken", "m"}}, 200), "unknown");
  doors_.http_doors.clear();
  FakeSink sink;
  EXPECT_EQ(run(ok("PUT", "/x")->forward(doors_, nullptr, sink, nullptr)).outcome, "not_forwarded");
}

TEST_F(Http, AClientThatStopsReadingDoesNotHideTheOutcome) {
  doors_.http_doors["web"].answers.push_back({{200, {}}, {"a", "b"}, {}, {}});
  FakeSink sink;
  sink.fail_writes = true;
  Forwarded done = run(ok("PUT", "/x")->forward(doors_, nullptr, sink, nullptr));
  EXPECT_EQ(done.outcome, "ok");
  EXPECT_NE(done.detail.find("did not take"), std::string::npos);
}

TEST_F(Http, FreezingAndThawingKeepsTheOperation) {
  for (auto [method, rest, destination] : {std::tuple{"PUT", "/orders/7?x=1", ""},
                                           {"MOVE", "/a%20b/", "/web/c"},
                                           {"POST", "/orders/7/refund", ""},
                                           {"DELETE", "/x", ""}}) {
    HeaderList headers = fields({{"Content-Type", "text/plain"}, {"X-Custom", "é"}});
    if (*destination) headers.add("Destination", destination);
    auto before = ok(method, rest, headers, "body");
    approvals::Frozen frozen = before->freeze();
    auto after = adapter_->thaw(frozen, "body", doors_);
    ASSERT_TRUE(after) << after.error().message;
    const Operation& a = before->operation();
    const Operation& b = (*after)->operation();
    EXPECT_EQ(std::tie(a.protocol, a.upstream, a.action, a.summary, a.input),
              std::tie(b.protocol, b.upstream, b.action, b.summary, b.input));
    EXPECT_EQ(shown(a), shown(b));
    EXPECT_EQ((*after)->freeze().identity, frozen.identity);
    EXPECT_EQ((*after)->freeze().head, frozen.head);
    EXPECT_TRUE(canonical_json(parse_json(frozen.head).value()).value() == frozen.head);
    for (const char* name : {"web"}) {
      FakeHttpDoor& door = doors_.http_doors[name];
      door.sent.clear();
      door.answers = {{{204, {}}, {}, {}, {}}, {{204, {}}, {}, {}, {}}};
      FakeSink one;
      FakeSink two;
      TextBody body("body");
      run(before->forward(doors_, &body, one, nullptr));
      run((*after)->forward(doors_, &body, two, nullptr));
      EXPECT_EQ(door.sent[0].head.target, door.sent[1].head.target);
      EXPECT_EQ(door.sent[0].head.headers.get("Destination"), door.sent[1].head.headers.get("Destination"));
      EXPECT_EQ(door.sent[1].head.headers.get("X-Custom"), "é");
    }
  }
  approvals::Frozen damaged;
  damaged.head = "{}";
  EXPECT_EQ(adapter_->thaw(damaged, "", doors_).error().code, "request.malformed");
}

TEST_F(Http, EditingTheBodyIsAnotherRequest) {
  HeaderList headers = fields({{"Content-Type", "application/json"}});
  approvals::Frozen frozen = ok("PUT", "/orders/7", headers, R"({"price":3})")->freeze();
  auto edited = adapter_->edit(frozen, R"({"price":3})", R"({"body":"{\"price\":2}"})", doors_);
  ASSERT_TRUE(edited) << edited.error().message;
  EXPECT_EQ(edited->body, R"({"price":2})");
  approvals::Frozen now = edited->conversation->freeze();
  EXPECT_EQ(now.head, frozen.head);
  EXPECT_EQ(now.body_size, edited->body.size());
  EXPECT_EQ(now.body_sha256, to_hex(sha256(edited->body)));
  for (const char* change :
       {"", "{}", R"({"body":1})", R"({"body":"x","target":"/orders/8"})", R"({"arguments":{}})"}) {
    auto refused = adapter_->edit(frozen, "", change, doors_);
    ASSERT_FALSE(refused) << change;
    EXPECT_EQ(refused.error().code, "edit.malformed") << change;
  }
  headers.add("Content-Encoding", "gzip");
  approvals::Frozen encoded = ok("PUT", "/orders/7", headers, "x")->freeze();
  EXPECT_EQ(adapter_->edit(encoded, "x", R"({"body":"y"})", doors_).error().code, "approval.not_editable");
}

TEST_F(Http, IdentityIsEverythingButTheEnvelope) {
  auto identity = [&](const std::string& method, const std::string& rest, const HeaderList& headers) {
    return ok(method, rest, headers, "b")->freeze().identity;
  };
  HeaderList base = fields({{"Content-Type", "text/plain"}, {"User-Agent", "a"}});
  std::string first = identity("PUT", "/x?a=1", base);
  EXPECT_EQ(first, identity("PUT", "/x?a=1",
                            fields({{"content-type", "text/plain"},
                                    {"User-Agent", "b"},
                                    {"Traceparent", "00-1"},
                                    {"Date", "now"},
                                    {"Prefer", "wait=3"},
                                    {"Authorization", "Bearer z"}})));
  EXPECT_NE(first, identity("POST", "/x?a=1", base));
  EXPECT_NE(first, identity("PUT", "/x?a=2", base));
  EXPECT_NE(first, identity("PUT", "/x?%61=1", base));
  EXPECT_NE(first, identity("PUT", "/y?a=1", base));
  for (const char* name : {"If-Match", "Range", "Content-Encoding", "Idempotency-Key", "X-Anything", "Accept"}) {
    HeaderList more = base;
    more.add(name, "v");
    EXPECT_NE(first, identity("PUT", "/x?a=1", more)) << name;
  }
  EXPECT_NE(identity("PUT", "/x", fields({{"Prefer", "return=minimal"}})), identity("PUT", "/x", {}));
  EXPECT_EQ(ok("PUT", "/x", {}, "b")->freeze().retry_identity, approvals::RetryIdentity::identity_and_body);
  EXPECT_EQ(ok("PUT", "/x", {}, "b")->freeze().body_sha256, to_hex(sha256("b")));
}

TEST_F(Http, ValuesThatAreNotUtf8AreRefused) {
  EXPECT_EQ(code("GET", "/x", fields({{"X-A", "\xff"}})), "http.bad_header");
}

TEST_F(Http, HoldsAnswersWithWhereToAsk) {
  auto put = ok("PUT", "/x");
  FakeSink sink;
  Pending pending{"req_1", "http://admin/requests/req_1", "needs platform", 1'800'000'000'000, 7};
  ASSERT_TRUE(run(put->answer_held(sink, pending)));
  EXPECT_EQ(sink.head.status, 202);
  EXPECT_EQ(sink.header("Location"), "/.countersign/requests/req_1");
  EXPECT_EQ(sink.header("Retry-After"), "7");
  EXPECT_EQ(sink.header("Content-Type"), "application/problem+json");
  Json body = parse_json(sink.body).value();
  EXPECT_EQ(body["code"], "approval.pending");
  EXPECT_EQ(body["status"], 202);
  EXPECT_EQ(body["request"], "req_1");
  EXPECT_EQ(body["link"], pending.link);
  EXPECT_EQ(body["retry_after"], 7);
  EXPECT_EQ(body["expires"], format_time(pending.expires));
}

TEST_F(Http, PreferWaitIsBounded) {
  auto wait = [&](const char* value) { return ok("PUT", "/x", fields({{"Prefer", value}}))->patience().at_most; };
  EXPECT_EQ(wait("wait=30"), 30'000);
  EXPECT_EQ(wait("respond-async, wait=30"), 30'000);
  EXPECT_EQ(wait("wait=100000"), 600'000);
  EXPECT_EQ(wait("wait=99999999999999999999999"), 600'000);
  for (const char* none : {"wait", "wait=-1", "wait=x", "wait=5s", "return=minimal", "waiting=5"})
    EXPECT_EQ(wait(none), 0) << none;
  EXPECT_EQ(ok("PUT", "/x")->patience().at_most, 0);
}

TEST_F(Http, DeniesAndDelivers) {
  auto put = ok("PUT", "/x");
  FakeSink denied;
  ASSERT_TRUE(
      run(put->answer_denied(denied, {403, {ErrorKind::forbidden, "policy.floor", "never \"here\""}, "req_2"})));
  EXPECT_EQ(denied.head.status, 403);
  Json body = parse_json(denied.body).value();
  EXPECT_EQ(body["code"], "policy.floor");
  EXPECT_EQ(body["detail"], "never \"here\"");
  EXPECT_EQ(body["request"], "req_2");

  FakeSink delivered;
  ASSERT_TRUE(run(put->deliver(
      delivered, {201, encode_headers(fields({{"ETag", "\"1\""}, {"Content-Type", "a/b"}})), "done", false})));
  EXPECT_EQ(delivered.head.status, 201);
  EXPECT_EQ(delivered.body, "done");
  EXPECT_EQ(delivered.header("ETag"), "\"1\"");
  EXPECT_EQ(delivered.head.headers.count("Content-Type"), 1U);

  FakeSink truncated;
  ASSERT_TRUE(run(put->deliver(truncated, {200, "[]", "do", true})));
  EXPECT_EQ(truncated.head.status, 502);
  EXPECT_EQ(parse_json(truncated.body).value()["code"], "approval.reply_truncated");

  FakeSink damaged;
  ASSERT_TRUE(run(put->deliver(damaged, {200, "{", "x", false})));
  EXPECT_EQ(damaged.head.status, 500);
}

TEST_F(Http, ShowsApproversWhatIsStored) {
  auto put = ok("PUT", "/x", fields({{"Content-Type", "application/json"}}), R"({"b":1,"a":"\u202e"})");
  Preview json = adapter_->preview(put->freeze(), R"({"b":1,"a":"\u202e"})");
  EXPECT_EQ(json.sentence, "Replace /x on web with a = \"\\u{202E}\", b = 1 (JSON, 20 bytes).");
  ASSERT_EQ(json.parts.size(), 2U);
  EXPECT_NE(json.parts[0].text.find("PUT /x\n"), std::string::npos);
  EXPECT_EQ(json.parts[1].media_type, "application/json");
  EXPECT_EQ(json.parts[1].text.find("\u202e"), std::string::npos) << "an invisible character must be shown";
  EXPECT_NE(json.parts[1].text.find("\\u{202E}"), std::string::npos);

  const std::string exact = R"({"z":0.30000000000000000001, "a":[1.10,1E+2,true,{}, [] ,"\u0041\"x"],"e":{ }})";
  auto numbers = ok("PUT", "/x", fields({{"Content-Type", "application/json"}}), exact);
  EXPECT_EQ(adapter_->preview(numbers->freeze(), exact).parts.at(1).text,
            "{\n  \"z\": 0.30000000000000000001,\n  \"a\": [\n    1.10,\n    1E+2,\n    true,\n    {},\n"
            "    [],\n    \"A\\\"x\"\n  ],\n  \"e\": {}\n}");

  std::string binary("\x00\x01\xff", 3);
  auto upload = ok("PUT", "/x", {}, binary);
  Preview digest = adapter_->preview(upload->freeze(), binary);
  EXPECT_NE(digest.parts.at(1).text.find(to_hex(sha256(binary))), std::string::npos);

  std::string large(300'000, 'x');
  auto text = ok("PUT", "/x", {}, large);
  Preview cut = adapter_->preview(text->freeze(), large.substr(0, 256U << 10));
  EXPECT_LT(cut.parts.at(1).text.size(), 100'000U);
  EXPECT_NE(cut.parts.at(1).text.find("300000 bytes in all"), std::string::npos);
}

TEST(HttpAdapter, ConfigurationThatCannotBeMeantIsRefused) {
  config::Upstream upstream = web();
  upstream.operations = {{"GET", "/a", "", "harmless"}};
  EXPECT_EQ(HttpAdapter::create(upstream).error().code, "config.bad_effect");
  for (const char* path : {"a", "/a//b", "/{}", "/{a", "/a}", "/{a}{b}", "/../x", "/./x"}) {
    upstream.operations = {{"GET", path, "", std::nullopt}};
    EXPECT_EQ(HttpAdapter::create(upstream).error().code, "config.bad_path") << path;
  }
  upstream.operations.clear();
  upstream.openapi = "/nonexistent/openapi.yaml";
  EXPECT_FALSE(HttpAdapter::create(upstream));
}

}  // namespace
}  // namespace countersign::adapters::test
