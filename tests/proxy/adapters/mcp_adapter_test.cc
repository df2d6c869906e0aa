#include "mcp_fixture.h"

namespace countersign::adapters::test {
namespace {

TEST_F(Mcp, CallsAreNamedByToolAndArguments) {
  auto accesses = [&](const std::string& tool, const std::string& arguments) {
    return shown(ok(call(tool, arguments))->operation());
  };
  EXPECT_EQ(accesses("write_file", R"({"path":"production/x","content":"c"})"), "write File::files/production/x");
  EXPECT_EQ(accesses("write_file", R"({"path":"/srv/data/production/x"})"), "write File::files/production/x");
  EXPECT_EQ(accesses("write_file", R"({"path":"./production/x/"})"), "write File::files/production/x");
  EXPECT_EQ(accesses("move_file", R"({"source":"production/a","destination":"staging/b"})"),
            "destroy File::files/production/a, write File::files/staging/b");
  EXPECT_EQ(accesses("read_many", R"({"paths":["a","b/c"]})"), "read File::files/a, read File::files/b/c");
  EXPECT_EQ(accesses("read_file", R"({"path":"a"})"), "read File::files/a");
  EXPECT_EQ(accesses("touch", R"({"path":"a"})"), "write File::files/a");
  EXPECT_EQ(accesses("mystery", R"({"path":"a"})"), "destroy File::files/a") << "no annotation";
  EXPECT_EQ(accesses("liar", R"({"path":"a"})"), "destroy File::files/a") << "read_only without annotations is nothing";
  EXPECT_EQ(accesses("mystery", R"({"target":"a"})"), "destroy Tool::files/mystery") << "nothing is named";
  EXPECT_EQ(accesses("find", R"({"pattern":"x"})"), "read File::files/")
      << "a read that names nothing reads everything";
  Operation operation = ok(call("write_file", R"({"path":"production/config.json","content":"c"})"))->operation();
  EXPECT_EQ(operation.summary, "call write_file on files (path production/config.json)");
  EXPECT_EQ(operation.action, "mcp:call_tool");
  EXPECT_EQ(operation.protocol, "mcp");
  EXPECT_EQ(operation.input, R"({"arguments":{"content":"c","path":"production/config.json"},"tool":"write_file"})");
}

TEST_F(Mcp, ArgumentsWithASecondSpellingOfAPointerAreRefused) {
  doors_.mcp_doors["files"].add_tool(R"({"name":"put_nested"})", "put_nested", true, false, true);
  auto refused = [&](const std::string& tool, const std::string& arguments) {
    EXPECT_EQ(code(call(tool, arguments)), "mcp.ambiguous_resource") << tool << " " << arguments;
  };
  refused("write_file", R"({"path":"staging/x","Path":"production/y"})");
  refused("write_file", R"({"PATH":"production/y","path":"staging/x"})");
  refused("write_file", R"({"path":"staging/x","p\u0041th":"production/y"})");
  refused("write_file", R"({"path":"staging/x","Path":"staging/x"})");
  refused("write_file", R"({"path":"staging/x","Path":null})");
  refused("write_file", R"({"Path":"production/y"})");
  refused("find", R"({"Path":"production/y"})");
  refused("mystery", R"({"patH":"production/y"})");
  refused("move_file", R"({"source":"a","destination":"staging/b","Destination":"production/b"})");
  refused("read_many", R"({"paths":["a"],"Paths":["b"]})");
  refused("read_many", R"({"paths":["a"],"path\u017f":["b"]})");
  refused("put_nested", R"({"target":{"keys/on~disk":"a","Keys/on~disk":"b"}})");
  refused("put_nested", R"({"target":{"keys/on~disk":"a"},"Target":{"keys/on~disk":"b"}})");
  refused("put_nested", R"({"target":{"keys/on~disk":"a","\u212aeys/on~disk":"b"}})");
  auto accesses = [&](const std::string& tool, const std::string& arguments) {
    return shown(ok(call(tool, arguments))->operation());
  };
  EXPECT_EQ(accesses("put_nested", R"({"target":{"keys/on~disk":"a"}})"), "write File::files/a");
  EXPECT_EQ(accesses("put_nested", R"({"target":{"keys/on~disk":"a","Target":1},"other":{"Keys/on~disk":"b"}})"),
            "write File::files/a");
  EXPECT_EQ(accesses("write_file", R"({"path":"a","paths":"b","Content":{"Path":"c"},"pat":1,"":2})"),
            "write File::files/a");
}

TEST_F(Mcp, CallsThatDoNotSayWhatTheyTouchAreRefused) {
  EXPECT_EQ(code(call("write_file", "{}")), "mcp.resource_missing");
  EXPECT_EQ(code(call("write_file", R"({"path":7})")), "mcp.resource_missing");
  EXPECT_EQ(code(call("write_file", R"({"path":null})")), "mcp.resource_missing");
  EXPECT_EQ(code(call("write_file", R"({"path":["a",7]})")), "mcp.resource_missing");
  EXPECT_EQ(code(call("write_file", R"({"path":[]})")), "mcp.resource_missing");
  EXPECT_EQ(code(call("write_file", R"({"path":{"a":"b"}})")), "mcp.resource_missing");
  EXPECT_EQ(code(call("move_file", R"({"source":"a"})")), "mcp.resource_missing");
  EXPECT_EQ(code(call("read_file", R"({"path":7})")), "mcp.resource_missing");
  EXPECT_EQ(code(call("write_file", R"({"path":"staging/../production/x"})")), "mcp.ambiguous_resource");
  EXPECT_EQ(code(call("read_many", R"({"paths":["a","../b"]})")), "mcp.ambiguous_resource");
  std::string many = "[\"a\"";
  for (int i = 0; i < 300; ++i) many += ",\"a\"";
  EXPECT_EQ(code(call("read_many", "{\"paths\":" + many + "]}")), "mcp.too_many_resources");
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{}}})"), "mcp.bad_params");
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find","arguments":[]}})"),
            "mcp.bad_params");
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find","task":{"ttl":1}}})"),
            "mcp.bad_params");
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})"), "mcp.bad_params");
  EXPECT_EQ(code(call("nothing", "{}")), "mcp.unknown_tool");
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find"}})"), "ok")
      << "arguments are optional";
}

TEST_F(Mcp, WithoutACatalogueNothingIsJudged) {
  doors_.mcp_doors["files"].listed = nullptr;
  EXPECT_EQ(code(call("write_file", R"({"path":"a"})")), "mcp.not_listed");
  EXPECT_FALSE(run(single_->prepare(doors_)));
  EXPECT_TRUE(run(aggregate_->prepare(doors_))) << "the aggregate does without an upstream that is down";
}

TEST_F(Mcp, OtherReadersAreNamed) {
  auto named = [&](const std::string& method, const std::string& params) {
    Operation operation =
        ok(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":)" + params + "}")->operation();
    return operation.action + " " + shown(operation);
  };
  EXPECT_EQ(named("resources/list", "{}"), "mcp:list_resources read McpResource::files/");
  EXPECT_EQ(named("resources/templates/list", R"({"cursor":"x"})"),
            "mcp:list_resource_templates read McpResource::files/");
  EXPECT_EQ(named("resources/read", R"({"uri":"file:///srv/data/production/x"})"),
            "mcp:read_resource read McpResource::files/production/x");
  EXPECT_EQ(named("prompts/list", "{}"), "mcp:list_prompts read McpPrompt::files/");
  EXPECT_EQ(named("prompts/get", R"({"name":"p","arguments":{"a":"b"}})"), "mcp:get_prompt read McpPrompt::files/p");
  EXPECT_EQ(
      named("completion/complete", R"({"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"b"}})"),
      "mcp:complete read McpPrompt::files/p");
  auto refused = [&](const std::string& method, const std::string& params, McpMount mount = McpMount::single) {
    return code(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":)" + params + "}", mount);
  };
  EXPECT_EQ(refused("resources/read", R"({"uri":"file:///etc/passwd"})"), "mcp.ambiguous_resource");
  EXPECT_EQ(refused("resources/read", "{}"), "mcp.bad_params");
  EXPECT_EQ(refused("resources/subscribe", R"({"uri":"a:b"})"), "mcp.method_not_found");
  EXPECT_EQ(refused("sampling/createMessage", "{}"), "mcp.method_not_found");
  EXPECT_EQ(refused("tools/list", R"({"cursor":"x"})"), "mcp.bad_cursor");
  EXPECT_EQ(refused("resources/list", "{}", McpMount::aggregate), "mcp.method_not_found");
}

TEST_F(Mcp, TheAggregateTakesThePrefixOff) {
  auto conversation = ok(call("files__write_file", R"({"path":"a"})"), McpMount::aggregate);
  EXPECT_EQ(conversation->operation().upstream, "files");
  EXPECT_EQ(shown(conversation->operation()), "write File::files/a");
  answer_of(*conversation);
  EXPECT_EQ(doors_.mcp_doors["files"].calls.at(0).params, R"({"name":"write_file","arguments":{"path":"a"}})");
  for (const char* name :
       {"write_file", "web__x", "other__write_file", "files_write_file", "__write_file", "files__"}) {
    EXPECT_EQ(code(call(name, R"({"path":"a"})"), McpMount::aggregate), "mcp.unknown_tool") << name;
  }
  EXPECT_EQ(code(call("files__write_file", R"({"path":"a"})")), "mcp.unknown_tool")
      << "no prefix at the upstream's own endpoint";
}

TEST_F(Mcp, ArgumentsAreForwardedAsWrittenWithoutTheEnvelope) {
  auto conversation = ok(
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"x":1},"arguments":{"path":"a","n":1.0,"big":12345678901234567890} , "n\u0061me":"write_file"}})");
  answer_of(*conversation);
  const FakeMcpDoor::Call& sent = doors_.mcp_doors["files"].calls.at(0);
  EXPECT_EQ(sent.method, "tools/call");
  EXPECT_EQ(sent.params, R"({"arguments":{"path":"a","n":1.0,"big":12345678901234567890},"name":"write_file"})");
  EXPECT_FALSE(sent.wants_progress);
}

TEST_F(Mcp, AnswersCarryTheIdExactly) {
  for (const char* id : {"1", "9007199254740993", "18446744073709551615", "-3", R"("a\"b\u0041")", R"("")"}) {
    FakeSink sink;
    doors_.mcp_doors["files"].answer = R"({"result":{"content":[ ],"x":1.50}})";
    Forwarded done = run(ok(call("write_file", R"({"path":"a"})", id))->forward(doors_, nullptr, sink, nullptr));
    EXPECT_EQ(sink.body, std::string("{\"id\":") + id + R"(,"jsonrpc":"2.0","result":{"content":[ ],"x":1.50}})");
    EXPECT_EQ(sink.header("Content-Type"), "application/json");
    EXPECT_EQ(done.outcome, "ok");
    EXPECT_EQ(done.body_sha256, to_hex(sha256(R"({"result":{"content":[ ],"x":1.50}})")));
  }
}

TEST_F(Mcp, OutcomesSayWhatIsKnown) {
  FakeMcpDoor& door = doors_.mcp_doors["files"];
  auto outcome = [&] {
    answer_of(*ok(call("write_file", R"({"path":"a"})")));
    return forwarded_.outcome;
  };
  door.answer = R"({"result":{"isError":true,"content":[]}})";
  EXPECT_EQ(outcome(), "client_error");
  door.answer = R"({"error":{"code":-32602,"message":"no"}})";
  EXPECT_EQ(outcome(), "client_error");
  door.answer = R"({"error":{"code":-32603,"message":"no"}})";
  EXPECT_EQ(outcome(), "server_error");
  door.error = Error{ErrorKind::unavailable, "upstream.connect_failed", "down"};
  EXPECT_EQ(outcome(), "not_forwarded");
  door.error = Error{ErrorKind::unavailable, "upstream.broken", "ended"};
  EXPECT_EQ(outcome(), "unknown");
  door.error = Error{ErrorKind::timed_out, "upstream.timeout", "late"};
  Json answer = answer_of(*ok(call("write_file", R"({"path":"a"})")));
  EXPECT_EQ(forwarded_.outcome, "timeout");
  EXPECT_EQ(answer["error"]["code"], -32603);
  EXPECT_EQ(answer["error"]["data"]["code"], "upstream.timeout");
  EXPECT_NE(answer["error"]["message"].get<std::string>().find("may have taken effect"), std::string::npos);
}

TEST_F(Mcp, ProgressIsRelayedWithTheClientsToken) {
  FakeMcpDoor& door = doors_.mcp_doors["files"];
  door.progress = {R"({"progressToken":99,"progress":1,"total":3,"message":"one"})",
                   R"({"progressToken":99,"progress":1})", R"({"progressToken":99,"progress":0.5})", "garbage",
                   R"({"progressToken":99,"progress":2.5})"};
  FakeSink sink;
  auto conversation = ok(call("write_file", R"({"path":"a"})", "5", R"({"progressToken":"tok"})"));
  Forwarded done = run(conversation->forward(doors_, nullptr, sink, nullptr));
  EXPECT_EQ(done.outcome, "ok");
  EXPECT_EQ(sink.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(sink.body,
            "event: message\ndata: "
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
            "progress\",\"params\":{\"message\":\"one\",\"progress\":1,\"progressToken\":\"tok\",\"total\":3}}\n\n"
            "event: message\ndata: "
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
            "progress\",\"params\":{\"progress\":2.5,\"progressToken\":\"tok\"}}\n\n"
            "event: message\ndata: {\"id\":5,\"jsonrpc\":\"2.0\",\"result\":{\"content\":[]}}\n\n");
  EXPECT_EQ(sink.ahead.find("\"result\""), std::string::npos) << "the result waits for its outcome record";
  EXPECT_NE(sink.ahead.find("notifications/progress"), std::string::npos);
  EXPECT_TRUE(sink.finished);

  door.progress.clear();
  FakeSink quiet;
  run(ok(call("write_file", R"({"path":"a"})", "5", R"({"progressToken":7})"))
          ->forward(doors_, nullptr, quiet, nullptr));
  EXPECT_EQ(quiet.header("Content-Type"), "application/json") << "a call without progress is answered plainly";
}

TEST_F(Mcp, HeldCallsWithATokenStreamProgressAndThenTheAnswer) {
  auto conversation = ok(call("write_file", R"({"path":"a"})", "5", R"({"progressToken":7})"));
  EXPECT_EQ(conversation->patience().at_most, 300'000);
  EXPECT_EQ(conversation->patience().heartbeat, 10'000);
  FakeSink sink;
  Pending pending{"req_1", "http://l", "two \"eyes\"", 0, 5};
  ASSERT_TRUE(run(conversation->heartbeat(sink, pending)));
  ASSERT_TRUE(run(conversation->heartbeat(sink, pending)));
  ASSERT_TRUE(run(conversation->deliver(sink, {200, "[]", R"({"result":{"content":[]}})", false})));
  std::size_t first = sink.body.find("\"progress\":1,\"progressToken\":7");
  std::size_t second = sink.body.find("\"progress\":2,\"progressToken\":7");
  EXPECT_NE(first, std::string::npos);
  EXPECT_LT(first, second);
  EXPECT_LT(second, sink.body.find(R"(data: {"id":5,"jsonrpc":"2.0","result":{"content":[]}})"));
  EXPECT_TRUE(sink.finished);
  EXPECT_EQ(ok(call("write_file", R"({"path":"a"})"))->patience().at_most, 0);
  EXPECT_EQ(code(call("write_file", R"({"path":"a"})", "1", R"({"progressToken":1.5})")), "mcp.bad_params");
  EXPECT_EQ(code(call("write_file", R"({"path":"a"})", "1", R"({"progressToken":[1]})")), "mcp.bad_params");
  EXPECT_EQ(code(call("write_file", R"({"path":"a"})", "1", "7")), "mcp.bad_params");
}

TEST_F(Mcp, PendingAndDeniedAreToolResults) {
  auto conversation = ok(call("write_file", R"({"path":"a"})", "\"i\""));
  FakeSink held;
  ASSERT_TRUE(
      run(conversation->answer_held(held, {"req_1", "http://l/req_1", "production needs two", 1'800'000'000'000, 5})));
  Json pending = parse_json(held.body).value();
  EXPECT_EQ(held.head.status, 200);
  EXPECT_EQ(pending["id"], "i");
  EXPECT_EQ(pending["result"]["isError"], false);
  Json expected = {{"status", "pending_approval"}, {"request", "req_1"},
                   {"link", "http://l/req_1"},     {"reason", "production needs two"},
                   {"retry_after_seconds", 5},     {"expires", format_time(1'800'000'000'000)}};
  EXPECT_EQ(pending["result"]["structuredContent"]["countersign"], expected);
  std::string text = pending["result"]["content"][0]["text"];
  for (const char* part : {"req_1", "http://l/req_1", "production needs two", "exactly the same call"})
    EXPECT_NE(text.find(part), std::string::npos) << part;

  FakeSink refused;
  ASSERT_TRUE(run(conversation->answer_denied(refused, {403, {ErrorKind::forbidden, "policy.floor", "never"}, ""})));
  Json denied = parse_json(refused.body).value();
  EXPECT_EQ(denied["result"]["isError"], true);
  EXPECT_EQ(denied["result"]["structuredContent"]["countersign"],
            (Json{{"status", "denied"}, {"code", "policy.floor"}, {"reason", "never"}}));

  auto read = ok(R"({"jsonrpc":"2.0","id":2,"method":"resources/read","params":{"uri":"a:b"}})");
  FakeSink rpc;
  ASSERT_TRUE(run(read->answer_denied(rpc, {403, {ErrorKind::forbidden, "policy.floor", "never"}, ""})));
  Json error = parse_json(rpc.body).value()["error"];
  EXPECT_TRUE(error["code"] < -32768 || error["code"] > -32000) << "outside of the reserved range";
  EXPECT_EQ(error["data"]["code"], "policy.floor");

  FakeSink truncated;
  ASSERT_TRUE(run(conversation->deliver(truncated, {200, "[]", "{\"resu", true})));
  EXPECT_EQ(parse_json(truncated.body).value()["result"]["structuredContent"]["countersign"]["code"],
            "approval.reply_truncated");
}

TEST_F(Mcp, ListsShowWhatTheCallerCouldCall) {
  auto names = [&](McpMount mount, Visible visible) {
    Json answer = answer_of(*ok(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})", mount), std::move(visible));
    std::string out;
    for (const Json& tool : answer["result"]["tools"]) out += tool["name"].get<std::string>() + " ";
    return out;
  };
  Visible all = [](const Operation&) { return true; };
  Visible readers = [](const Operation& operation) { return operation.effect() == Effect::read; };
  Visible notes = [](const Operation& operation) { return operation.upstream == "notes"; };
  EXPECT_EQ(names(McpMount::single, all), "write_file move_file read_many find read_file touch mystery liar ");
  EXPECT_EQ(names(McpMount::single, readers), "read_many find read_file ");
  EXPECT_EQ(names(McpMount::aggregate, notes), "notes__add ");
  EXPECT_EQ(names(McpMount::single, nullptr), "") << "who cannot ask sees nothing";
  Operation seen;
  names(McpMount::single, [&](const Operation& operation) {
    if (operation.input.find("move_file") != std::string::npos) seen = operation;
    return true;
  });
  EXPECT_EQ(shown(seen), "destroy File::files/, write File::files/");
  EXPECT_EQ(seen.reach, Reach::upstream);
}

TEST_F(Mcp, OutputSchemasAdmitTheGatewaysAnswers) {
  auto schema = [](const char* definition) { return parse_json(listed_tool(definition, "x").value()).value(); };
  Json widened = schema(
      R"({"name":"t","outputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","required":["a"]}})");
  EXPECT_EQ(widened["name"], "x");
  EXPECT_EQ(widened["outputSchema"]["type"], "object");
  EXPECT_EQ(widened["outputSchema"]["$schema"], "http://json-schema.org/draft-07/schema#");
  ASSERT_EQ(widened["outputSchema"]["anyOf"].size(), 2U);
  EXPECT_EQ(widened["outputSchema"]["anyOf"][0], (Json{{"type", "object"}, {"required", {"a"}}}));
  EXPECT_FALSE(schema(R"({"name":"t"})").contains("outputSchema"));
  EXPECT_FALSE(schema(R"({"name":"t","outputSchema":{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}}}})")
                   .contains("outputSchema"));
  EXPECT_FALSE(schema(R"({"name":"t","outputSchema":{"$id":"u","type":"object"}})").contains("outputSchema"));
  EXPECT_FALSE(schema(R"({"name":"t","execution":{"taskSupport":"required"}})")["execution"].contains("taskSupport"));
  EXPECT_EQ(
      schema(R"({"name":"t","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"_meta":{"k":1}})")
          ["annotations"]["readOnlyHint"],
      true);
  EXPECT_FALSE(listed_tool("[]", "x"));
}

TEST_F(Mcp, TheGatewayAnswersTheHandshake) {
  doors_.mcp_doors["files"].listed = std::make_shared<const McpCatalogue>(McpCatalogue{
      "{}", "be kind", R"({"tools":{"listChanged":true},"resources":{"subscribe":true},"experimental":{}})", {}});
  auto hello = ok(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}})");
  EXPECT_EQ(hello->operation().reach, Reach::gateway);
  EXPECT_EQ(hello->operation().upstream, "files");
  Json result = answer_of(*hello)["result"];
  EXPECT_EQ(result["protocolVersion"], "2025-06-18");
  EXPECT_EQ(result["capabilities"], (Json{{"tools", Json::object()}, {"resources", Json::object()}}));
  EXPECT_EQ(result["serverInfo"]["name"], "countersign/files");
  EXPECT_EQ(result["instructions"].get<std::string>().find("be kind"), 0U);
  Json unknown = answer_of(
      *ok(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2099-01-01"}})"))["result"];
  EXPECT_EQ(unknown["protocolVersion"], "2025-11-25");
  auto all = ok(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})", McpMount::aggregate);
  EXPECT_EQ(all->operation().upstream, "") << "any caller of any of its upstreams";
  EXPECT_EQ(answer_of(*all)["result"]["capabilities"], (Json{{"tools", Json::object()}}));
  EXPECT_EQ(answer_of(*ok(R"({"jsonrpc":"2.0","id":"p","method":"ping"})")),
            (Json{{"jsonrpc", "2.0"}, {"id", "p"}, {"result", Json::object()}}));
  EXPECT_EQ(
      answer_of(*ok(R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}})"))["result"],
      Json::object());
  for (const char* silent : {R"({"jsonrpc":"2.0","method":"notifications/initialized"})",
                             R"({"jsonrpc":"2.0","method":"anything"})", R"({"jsonrpc":"2.0","id":1,"result":{}})"}) {
    EXPECT_TRUE(answer_of(*ok(silent)).is_null());
    EXPECT_EQ(status_, 202);
  }
  EXPECT_TRUE(doors_.mcp_doors["files"].calls.empty()) << "nothing of this reaches the upstream";
}

TEST_F(Mcp, HeadsAreChecked) {
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  RequestHead good = head_;
  auto with = [&](std::string_view name, std::string_view value) {
    head_ = good;
    head_.headers.set(name, value);
    auto conversation = describe(ping);
    if (!conversation) return conversation.error().code;
    Json answer = answer_of(**conversation);
    return status_ == 200 ? std::string("ok")
                          : answer["error"]["data"]["code"].get<std::string>() + " " + std::to_string(status_);
  };
  for (const char* origin :
       {"http://localhost:3000", "https://127.0.0.1", "http://[::1]:1", "http://gw:9999", "HTTP://GW"})
    EXPECT_EQ(with("Origin", origin), "ok") << origin;
  for (const char* origin : {"http://evil.example", "null", "", "http://gw.evil.example", "http://localhost.evil",
                             "http://localhost@evil", "file://", "http://127.0.0.1.evil/"})
    EXPECT_EQ(with("Origin", origin), "mcp.origin") << origin;
  for (const char* version : {"2025-11-25", "2025-06-18", "2025-03-26"})
    EXPECT_EQ(with("MCP-Protocol-Version", version), "ok");
  for (const char* version : {"2024-11-05", "2026-07-28", "", "x"})
    EXPECT_EQ(with("MCP-Protocol-Version", version), "mcp.version") << version;
  EXPECT_EQ(with("Accept", "application/json"), "mcp.accept 406");
  EXPECT_EQ(with("Accept", "text/event-stream"), "mcp.accept 406");
  EXPECT_EQ(with("Accept", "application/json;q=0, text/event-stream"), "mcp.accept 406");
  EXPECT_EQ(with("Accept", "*/*"), "ok");
  EXPECT_EQ(with("Accept", "text/event-stream;q=0.5 , application/json; q=1"), "ok");
  EXPECT_EQ(with("Content-Type", "text/plain"), "mcp.content_type 415");
  EXPECT_EQ(with("Content-Type", "application/json; charset=utf-8"), "ok");
  EXPECT_EQ(with("Content-Encoding", "gzip"), "mcp.content_type 415");
  EXPECT_EQ(with("Mcp-Session-Id", "whatever"), "ok") << "there are no sessions to be wrong about";
  for (const char* method : {"GET", "DELETE", "PUT"}) {
    head_ = good;
    head_.method = method;
    FakeSink sink;
    auto conversation = ok("");
    EXPECT_EQ(conversation->operation().reach, Reach::gateway);
    run(conversation->forward(doors_, nullptr, sink, nullptr));
    EXPECT_EQ(sink.head.status, 405);
    EXPECT_EQ(sink.header("Allow"), "POST");
  }
  head_ = good;
  Inbound spooled{&head_, "/mcp", {.size = 5U << 20, .sha256 = "", .in_memory = {}}, "team"};
  EXPECT_EQ(single_->describe(spooled, doors_).error().code, "mcp.too_large");
}

TEST_F(Mcp, ThereIsOneEndpoint) {
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  for (const char* rest : {"/", "/mcp/", "/mcp2", "/x/mcp", "/MCP"}) {
    auto conversation = single_->describe({&head_, rest, view_of(ping), "team"}, doors_);
    ASSERT_FALSE(conversation) << rest;
    EXPECT_EQ(conversation.error().code, "mcp.no_endpoint") << rest;
  }
  EXPECT_TRUE(single_->describe({&head_, "/mcp?x=1", view_of(ping), "team"}, doors_));
}

TEST_F(Mcp, RefusalsSpeakJsonRpc) {
  auto refused = [&](const std::string& body, int status = 400) {
    auto conversation = describe(body);
    EXPECT_FALSE(conversation);
    FakeSink sink;
    Inbound inbound;
    inbound.body.in_memory = body;
    EXPECT_TRUE(run(single_->refuse(sink, {status, conversation.error(), ""}, inbound)));
    status_ = sink.head.status;
    return parse_json(sink.body).value();
  };
  Json unknown = refused(call("nothing", "{}", "9007199254740993"), 404);
  EXPECT_EQ(status_, 200);
  EXPECT_EQ(unknown["error"]["code"], -32602);
  EXPECT_EQ(unknown["id"], 9007199254740993);
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","id":3,"method":"no/such"})", 501)["error"]["code"], -32601);
  EXPECT_EQ(status_, 200);
  Json garbage = refused("{");
  EXPECT_EQ(status_, 400);
  EXPECT_EQ(garbage["error"]["code"], -32700);
  EXPECT_TRUE(garbage["id"].is_null());
  EXPECT_EQ(refused("[]")["error"]["code"], -32600);
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}})")["error"]["code"],
            -32602);
  Json ambiguous = refused(call("write_file", R"({"path":"a/../b"})"));
  EXPECT_EQ(status_, 200);
  EXPECT_EQ(ambiguous["result"]["isError"], true) << "the model is told, so that it can ask properly";
  EXPECT_EQ(ambiguous["result"]["structuredContent"]["countersign"]["code"], "mcp.ambiguous_resource");
  FakeSink sink;
  EXPECT_TRUE(
      run(single_->refuse(sink, {401, {ErrorKind::unauthenticated, "token.missing", "no token"}, ""}, Inbound{})));
  EXPECT_EQ(sink.head.status, 401);
}

}  // namespace
}  // namespace countersign::adapters::test
