// The answers of the gateway, judged by the official npm client.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/json.h"
#include "fakes.h"
#include "loop.h"
#include "proxy/adapters/mcp_adapter.h"
#include "proxy/upstream/mcp/stdio_session.h"

namespace countersign::mcp::test {
namespace {

using adapters::test::FakeSink;
using adapters::test::run;
using adapters::test::view_of;
using CatalogueResult = Result<std::shared_ptr<const adapters::McpCatalogue>>;
using CallResult = Result<std::string>;

Json answered(const FakeSink& sink) {
  return parse_json(sink.body).value()["result"];
}

TEST(SdkCheck, TheOfficialClientTakesEveryAnswerOfTheGateway) {
  const std::filesystem::path root(COUNTERSIGN_SOURCE_DIR);
  const std::filesystem::path modules = root / "tests/e2e/node_modules";
  if (!std::filesystem::exists(modules / "@modelcontextprotocol/sdk")) {
    GTEST_SKIP() << "tests/e2e/node_modules is missing: run scripts/setup";
  }
  const std::filesystem::path folder = fresh_folder();
  std::filesystem::create_directories(folder / "data");
  config::Upstream upstream;
  upstream.name = "files";
  upstream.protocol = "mcp";
  upstream.command = {modules / ".bin/node", modules / ".bin/mcp-server-filesystem", "."};
  upstream.directory = folder / "data";

  // The real server's own tools and results.
  Loops loops;
  Log log(LogLevel::off);
  adapters::test::FakeDoors doors;
  adapters::test::FakeMcpDoor& door = doors.mcp_doors["files"];
  CallResult written;
  {
    auto session = StdioSession::create(loops.home(), upstream, {.version = "1"}, log);
    CatalogueResult listed = loops.run<CatalogueResult>(loops.other(), [&] { return session->catalogue(); });
    ASSERT_TRUE(listed) << listed.error().message;
    door.listed = *listed;
    written = loops.run<CallResult>(loops.other(), [&] {
      return session->call("tools/call", R"({"name":"write_file","arguments":{"path":"x","content":"y"}})", nullptr);
    });
    ASSERT_TRUE(written) << written.error().message;
    std::promise<void> gone;
    session->stop([&] { gone.set_value(); });
    gone.get_future().get();
  }
  door.answer = *written;

  auto adapter = adapters::McpAdapter::single(upstream, {.version = "1"}).value();
  RequestHead head{"POST", "/files/mcp", {}};
  head.headers.add("Content-Type", "application/json");
  head.headers.add("Accept", "application/json, text/event-stream");
  auto conversation = [&](const std::string& body) {
    return adapter->describe({&head, "/mcp", view_of(body), "team"}, doors).value();
  };
  auto forwarded = [&](const std::string& body) {
    FakeSink sink;
    run(conversation(body)->forward(doors, nullptr, sink, [](const Operation&) { return true; }));
    return answered(sink);
  };
  const std::string call =
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_file","arguments":{"path":"x","content":"y"}}})";
  FakeSink pending;
  ASSERT_TRUE(run(conversation(call)->answer_held(pending, {"req_1", "http://l", "why", 1, 5})));
  FakeSink denied;
  ASSERT_TRUE(
      run(conversation(call)->answer_denied(denied, {403, {ErrorKind::forbidden, "policy.floor", "never"}, "req_1"})));
  FakeSink truncated;
  ASSERT_TRUE(run(conversation(call)->deliver(truncated, {200, "[]", "", true})));

  Json script;
  script["initialize"] = forwarded(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}})");
  script["tools"] = forwarded(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  script["results"] = Json::array();
  for (const Json& result : {forwarded(call), answered(pending), answered(denied), answered(truncated)}) {
    script["results"].push_back({{"tool", "write_file"}, {"result", result}});
  }
  for (const Json& tool : script["tools"]["tools"]) ASSERT_TRUE(tool.contains("outputSchema")) << tool["name"];
  {
    std::ofstream(folder / "script.json") << script.dump();
  }
  const std::string command = "'" + (modules / ".bin/node").string() + "' '" +
                              (root / "tests/proxy/adapters/sdk_check.mjs").string() + "' '" +
                              (root / "tests/e2e").string() + "' < '" + (folder / "script.json").string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace countersign::mcp::test
