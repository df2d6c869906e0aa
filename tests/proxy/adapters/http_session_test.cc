#include "proxy/upstream/mcp/http_session.h"

#include <gtest/gtest.h>

#include "core/json.h"
#include "fakes.h"
#include "loop.h"
#include "proxy/upstream/mcp/sse_reader.h"

namespace countersign::mcp::test {
namespace {

using adapters::test::FakeHttpDoor;
using CatalogueResult = Result<std::shared_ptr<const adapters::McpCatalogue>>;
using CallResult = Result<std::string>;

HeaderList fields(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
  HeaderList out;
  for (auto [name, value] : list) out.add(name, value);
  return out;
}

// A server of Streamable HTTP in a function; touched on the home worker only while calls run.
class Http : public ::testing::Test {
 protected:
  Http() {
    door_.respond = [this](const FakeHttpDoor::Sent& sent) { return respond(sent); };
    options_.listing_age = 3'600'000;
    options_.version = "1";
    config::Upstream upstream;
    upstream.name = "remote";
    upstream.url = "http://host/mcp";
    session_ = HttpSession::create(loops_.home(), upstream, door_, options_, log_);
  }

  FakeHttpDoor::Answer respond(const FakeHttpDoor::Sent& sent) {
    Json message = parse_json(sent.body).value();
    std::string method = message.value("method", "");
    methods.push_back(method.empty() ? "(reply)" : method);
    if (method == "initialize") {
      sessions += 1;
      HeaderList headers =
          fields({{"Content-Type", "application/json"}, {"Mcp-Session-Id", "s" + std::to_string(sessions)}});
      return {
          {200, headers},
          {R"({"jsonrpc":"2.0","id":)" + message["id"].dump() +
           R"(,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"r","version":"1"}}})"},
          {},
          {}};
    }
    if (!message.contains("id") || method.empty()) return {{202, {}}, {}, {}, {}};
    if (sent.head.headers.get("Mcp-Session-Id") != "s" + std::to_string(sessions) || forget > 0) {
      if (forget > 0) --forget;
      return {{404, {}}, {}, {}, {}};
    }
    if (method == "tools/list")
      return json(message, R"({"tools":[{"name":"t","annotations":{"destructiveHint":false}}]})");
    return script(message);
  }
  static FakeHttpDoor::Answer json(const Json& message, const std::string& result) {
    return {{200, fields({{"Content-Type", "application/json; charset=utf-8"}})},
            {R"({"jsonrpc":"2.0",)", R"("id":)" + message["id"].dump() + R"(,"result":)" + result + "}"},
            {},
            {}};
  }
  static FakeHttpDoor::Answer events(std::vector<std::string> pieces) {
    return {{200, fields({{"Content-Type", "text/event-stream"}})}, std::move(pieces), {}, {}};
  }
  CallResult call(const std::string& method, std::function<void(std::string)> on_progress = nullptr) {
    return loops_.run<CallResult>(loops_.other(),
                                  [&] { return session_->call(method, R"({"name":"t"})", on_progress); });
  }
  static std::string code(const CallResult& result) { return result ? "ok" : result.error().code; }
  std::size_t count(const std::string& method) const {
    return static_cast<std::size_t>(std::ranges::count(methods, method));
  }

  SessionOptions options_;
  Log log_{LogLevel::off};
  FakeHttpDoor door_;
  std::function<FakeHttpDoor::Answer(const Json&)> script = [](const Json& message) {
    return json(message, R"({"content":[ ]})");
  };
  std::vector<std::string> methods;
  int sessions = 0;
  int forget = 0;
  Loops loops_;
  std::unique_ptr<HttpSession> session_;
};

TEST_F(Http, OpensASessionAndListsTools) {
  auto listed = loops_.run<CatalogueResult>(loops_.other(), [&] { return session_->catalogue(); });
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_EQ((*listed)->tools.size(), 1U);
  EXPECT_FALSE((*listed)->tools[0].destructive);
  EXPECT_EQ(methods, (std::vector<std::string>{"initialize", "notifications/initialized", "tools/list"}));
  const RequestHead& head = door_.sent.at(2).head;
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.headers.get("Mcp-Session-Id"), "s1");
  EXPECT_EQ(head.headers.get("MCP-Protocol-Version"), "2025-06-18");
  EXPECT_EQ(head.headers.get("Accept"), "application/json, text/event-stream");
  EXPECT_EQ(*call("tools/call"), R"({"result":{"content":[ ]}})");
  EXPECT_EQ(sessions, 1);
}

TEST_F(Http, ReadsEventStreamsPieceByPiece) {
  script = [](const Json& message) {
    std::string id = message["id"].dump();
    std::string stream =
        ": hello\r\n\r\nid: 1\ndata:\n\nevent: message\ndata: "
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":" +
        id +
        ",\"progress\":1}}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"sampling/createMessage\"}\n\ndata: "
        "{\"jsonrpc\":\"2.0\",\"id\":424242,\"result\":{}}\n\n"
        "data: not a message\n\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"id\":" +
        id + ",\"result\":{\"ok\":1}}\n\n";
    std::vector<std::string> pieces;
    for (char c : stream) pieces.emplace_back(1, c);
    return events(std::move(pieces));
  };
  std::vector<std::string> steps;
  auto answer = call("tools/call", [&](std::string text) { steps.push_back(std::move(text)); });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, R"({"result":{"ok":1}})");
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(code(call("prompts/list")), "ok");
  auto refused =
      std::ranges::find_if(door_.sent, [](const auto& sent) { return sent.body.find("\"q\"") != std::string::npos; });
  ASSERT_NE(refused, door_.sent.end());
  EXPECT_NE(refused->body.find("-32601"), std::string::npos);
}

TEST_F(Http, ALostSessionIsOpenedAgainButACallIsNotRepeated) {
  EXPECT_EQ(code(call("tools/call")), "ok");
  forget = 1;
  EXPECT_EQ(code(call("tools/call")), "upstream.broken");
  EXPECT_EQ(count("tools/call"), 2U);
  EXPECT_EQ(code(call("tools/call")), "ok");
  EXPECT_EQ(sessions, 2);
  forget = 1;
  EXPECT_EQ(code(call("resources/read")), "ok") << "a read is asked once more";
  EXPECT_EQ(count("resources/read"), 2U);
  EXPECT_EQ(sessions, 3);
}

TEST_F(Http, AnswersThatAreNoneAreSaidSo) {
  auto with = [&](std::function<FakeHttpDoor::Answer(const Json&)> answer) {
    script = std::move(answer);
    return code(call("tools/call"));
  };
  EXPECT_EQ(with([](const Json&) { return FakeHttpDoor::Answer{{500, {}}, {"x"}, {}, {}}; }), "upstream.bad_response");
  EXPECT_EQ(with([](const Json&) {
              return FakeHttpDoor::Answer{{200, fields({{"Content-Type", "text/html"}})}, {"x"}, {}, {}};
            }),
            "upstream.bad_response");
  EXPECT_EQ(with([](const Json&) {
              return FakeHttpDoor::Answer{{200, fields({{"Content-Type", "application/json"}})}, {"{"}, {}, {}};
            }),
            "upstream.bad_response");
  EXPECT_EQ(with([](const Json&) {
              return FakeHttpDoor::Answer{{200, fields({{"Content-Type", "application/json"}})},
                                          {R"({"jsonrpc":"2.0","id":9999,"result":{}})"},
                                          {},
                                          {}};
            }),
            "upstream.bad_response");
  EXPECT_EQ(with([](const Json&) { return events({"data: {}\n\n"}); }), "upstream.broken");
  EXPECT_EQ(with([](const Json&) {
              return FakeHttpDoor::Answer{{}, {}, Error{ErrorKind::timed_out, "upstream.timeout", "late"}, {}};
            }),
            "upstream.timeout");
  EXPECT_EQ(with([](const Json&) {
              return FakeHttpDoor::Answer{{}, {}, Error{ErrorKind::unavailable, "upstream.busy", "full"}, {}};
            }),
            "upstream.busy");
  EXPECT_EQ(with([](const Json& message) { return json(message, "{}"); }), "ok");
  EXPECT_EQ(count("tools/call"), 8U) << "each was sent once";
}

TEST_F(Http, AHandshakeThatFailsMeansThatNothingWasSent) {
  door_.respond = [](const FakeHttpDoor::Sent&) { return FakeHttpDoor::Answer{{503, {}}, {}, {}, {}}; };
  auto answer = call("tools/call");
  ASSERT_FALSE(answer);
  EXPECT_TRUE(adapters::nothing_was_sent(answer.error())) << answer.error().code;
}

TEST(SseReader, LimitsEvents) {
  SseReader reader(16);
  std::vector<std::string> data;
  auto keep = [&](std::string_view text) { data.emplace_back(text); };
  EXPECT_TRUE(
      reader.feed("\xEF\xBB\xBF"
                  "data:a\rdata: b\r\n\r\ndata\n\nignored: x\n\n",
                  keep));
  EXPECT_EQ(data, (std::vector<std::string>{"a\nb", ""}));
  EXPECT_FALSE(reader.feed("data: " + std::string(20, 'x'), keep));
}

}  // namespace
}  // namespace countersign::mcp::test
