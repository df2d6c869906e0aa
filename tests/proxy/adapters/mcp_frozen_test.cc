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
  EXPECT_EQ(preview.sentence, "Call write_file on files: content 19 characters, mode 7, path production/x.");
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

TEST_F(Mcp, SaysWhatACallDoes) {
  doors_.mcp_doors["files"].add_tool(
      R"({"name":"send","inputSchema":{"properties":{},"required":["to","path",7,"to","subject"]}})", "send", true,
      false, true);
  auto say = [&](const std::string& tool, const std::string& arguments, std::string_view environment = "production") {
    auto conversation = ok(call(tool, arguments));
    return single_->sentence(conversation->freeze(), "", environment);
  };
  EXPECT_EQ(say("write_file", R"({"path":"production/config.json","content":")" + std::string(1204, 'x') + "\"}"),
            "Call write_file on files (production): content \"" + std::string(30, 'x') + "\"…\"" +
                std::string(20, 'x') + "\" (1,204 characters), path production/config.json.");
  EXPECT_EQ(say("write_file", R"({"path":"x","content":"two\nlines"})"),
            "Call write_file on files (production): content 9 characters, path x.");
  EXPECT_EQ(say("send", R"({"body":"hello","subject":"menu","path":"a/b","to":"all","urgent":true})"),
            "Call send on files (production): to all, path a/b, subject menu, body hello, urgent true.")
      << "first what the tool's author requires, in the author's order";
  EXPECT_EQ(say("mystery", "{}", ""), "Call mystery on files.");
  EXPECT_EQ(
      say("mystery", R"({"list":["a",2,null],"more":[1,2,3,4],"nested":{"a":{"b":1}},"token":"s3cret"})"),
      "Call mystery on files (production): list [a, 2, null], more 4 items, nested 1 member, token 6 characters.");
  EXPECT_EQ(say("mystery", R"({"a, path production/x":"y"})"),
            R"(Call mystery on files (production): "a, path production/x" y.)");
  // What was stored decides, not what the tool looks like today.
  auto conversation = ok(call("send", R"({"path":"a/b","to":"all"})"));
  const approvals::Frozen frozen = conversation->freeze();
  EXPECT_EQ(frozen.shown, R"({"required":["to","path","to","subject"]})");
  doors_.mcp_doors["files"].listed = nullptr;
  EXPECT_EQ(single_->sentence(frozen, "", ""), "Call send on files: to all, path a/b.");

  auto read = ok(R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"notes://today"}})");
  EXPECT_EQ(single_->sentence(read->freeze(), "", "staging"), "Read the resource notes://today on files (staging).");
}

}  // namespace
}  // namespace countersign::adapters::test
