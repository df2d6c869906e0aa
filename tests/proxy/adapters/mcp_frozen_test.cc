#include "mcp_fixture.h"

namespace countersign::adapters::test {
namespace {

TEST_F(Mcp, FreezingAndThawingKeepsTheOperation) {
  for (McpMount mount : {McpMount::single, McpMount::aggregate}) {
    std::string body = call(mount == McpMount::single ? "move_file" : "files__move_file",
                            R"({"source":"a","destination":"b","n":1e3})", "7", R"({"progressToken":1})");
    auto before = ok(body, mount);
    approvals::Frozen frozen = before->freeze();
    EXPECT_EQ(frozen.retry_identity, approvals::RetryIdentity::identity);
    for (const auto* adapter : {&single_, &aggregate_}) {
      auto after = (*adapter)->thaw(frozen, body, doors_);
      ASSERT_TRUE(after) << after.error().message;
      const Operation& a = before->operation();
      const Operation& b = (*after)->operation();
      EXPECT_EQ(std::tie(a.protocol, a.upstream, a.action, a.summary, a.input),
                std::tie(b.protocol, b.upstream, b.action, b.summary, b.input));
      EXPECT_EQ(shown(a), shown(b));
      FakeSink sink;
      run((*after)->forward(doors_, nullptr, sink, nullptr));
      EXPECT_EQ(sink.body, R"({"result":{"content":[]}})") << "stored without an id";
      EXPECT_EQ(doors_.mcp_doors["files"].calls.back().params,
                R"({"name":"move_file","arguments":{"source":"a","destination":"b","n":1e3}})");
    }
  }
}

TEST_F(Mcp, ThawingFailsWhenTheToolHasChanged) {
  std::string body = call("write_file", R"({"path":"a"})");
  approvals::Frozen frozen = ok(body)->freeze();
  EXPECT_EQ(single_->thaw(frozen, call("write_file", R"({"path":"b"})"), doors_).error().code, "request.malformed");
  EXPECT_EQ(single_->thaw(frozen, "", doors_).error().code, "request.malformed");
  approvals::Frozen elsewhere = frozen;
  elsewhere.upstream = "gone";
  EXPECT_FALSE(single_->thaw(elsewhere, body, doors_));
  FakeMcpDoor& door = doors_.mcp_doors["files"];
  door.listed = nullptr;
  door.add_tool(R"({"name":"write_file","description":"now sends mail"})", "write_file", true, false, true);
  EXPECT_EQ(single_->thaw(frozen, body, doors_).error().code, "request.stale");
  door.listed = nullptr;
  door.add_tool(R"({"name":"other"})", "other", true, false, true);
  EXPECT_EQ(single_->thaw(frozen, body, doors_).error().code, "request.stale");
}

TEST_F(Mcp, EditingAToolCallIsAnotherRequestWithTheSameTool) {
  std::string body = call("write_file", R"({"path":"production/a","content":"x"})");
  approvals::Frozen frozen = ok(body)->freeze();
  auto edited = single_->edit(frozen, body, R"({"arguments":{"path":"production/a","content":"y"}})", doors_);
  ASSERT_TRUE(edited) << edited.error().message;
  approvals::Frozen now = edited->conversation->freeze();
  EXPECT_NE(now.identity, frozen.identity);
  EXPECT_NE(now.body_sha256, frozen.body_sha256);
  EXPECT_EQ(now.preconditions, frozen.preconditions);
  auto thawed = single_->thaw(now, edited->body, doors_);
  ASSERT_TRUE(thawed) << "what was stored is what runs: " << thawed.error().message;
  EXPECT_FALSE(single_->thaw(now, body, doors_)) << "the original body is not the edited request's";
  FakeSink sink;
  run((*thawed)->forward(doors_, nullptr, sink, nullptr));
  EXPECT_EQ(parse_json(doors_.mcp_doors["files"].calls.back().params)->at("arguments").at("content"), "y");
}

TEST_F(Mcp, OnlyTheArgumentsOfAToolCallAreEdited) {
  std::string body = call("write_file", R"({"path":"a"})");
  approvals::Frozen frozen = ok(body)->freeze();
  for (const char* change : {"", "[]", "{}", R"({"arguments":[]})", R"({"arguments":{},"name":"delete"})",
                             R"({"name":"delete"})", R"({"arguments":{"a":1,"a":2}})"}) {
    auto edited = single_->edit(frozen, body, change, doors_);
    ASSERT_FALSE(edited) << change;
    EXPECT_EQ(edited.error().code, "edit.malformed") << change;
  }
}

TEST_F(Mcp, IdentityIsEveryByteOfTheArgumentsAndNoEnvelope) {
  auto identity = [&](const std::string& body, McpMount mount = McpMount::single) {
    return ok(body, mount)->freeze().identity;
  };
  std::string first = identity(call("write_file", R"({"path":"a","content":"hello"})"));
  EXPECT_EQ(first, identity(call("write_file", R"({"content":"hello", "path":"\u0061"})", "\"other\"",
                                 R"({"progressToken":9,"trace":"x"})")));
  EXPECT_EQ(first, identity(call("files__write_file", R"({"path":"a","content":"hello"})"), McpMount::aggregate));
  std::string content = "hello";
  for (std::size_t i = 0; i < content.size(); ++i) {
    std::string changed = content;
    changed[i] = 'X';
    EXPECT_NE(first, identity(call("write_file", R"({"path":"a","content":")" + changed + "\"}")));
  }
  for (const char* other : {R"({"path":"b","content":"hello"})", R"({"path":"./a","content":"hello"})",
                            R"({"path":"a","content":"hello","x":null})", R"({"path":"a","content":["hello"]})"}) {
    EXPECT_NE(first, identity(call("write_file", other))) << other;
  }
  EXPECT_NE(first, identity(call("touch", R"({"path":"a","content":"hello"})")));
}

TEST_F(Mcp, ShowsApproversTheArguments) {
  std::string text = "line one\nline two \\u202e";
  auto conversation =
      ok(call("write_file", R"({"path":"production/x","content":"line one\nline two \u202e","mode":7})"));
  Preview preview = single_->preview(conversation->freeze(), "");
  EXPECT_EQ(preview.sentence, "Call write_file on files.");
  ASSERT_EQ(preview.parts.size(), 2U);
  EXPECT_EQ(preview.parts[0].media_type, "application/json");
  EXPECT_NE(preview.parts[0].text.find("production/x"), std::string::npos);
  EXPECT_EQ(preview.parts[1].title, "/content");
  EXPECT_EQ(preview.parts[1].media_type, "text/plain");
  EXPECT_EQ(preview.parts[1].text, "line one\nline two \\u{202E}");
  approvals::Frozen damaged;
  damaged.head = "x";
  EXPECT_FALSE(single_->preview(damaged, "").sentence.empty());
}

}  // namespace
}  // namespace countersign::adapters::test
