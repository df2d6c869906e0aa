// The fixture of the mcp adapter's tests: an upstream with configured tools, and fakes around it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "core/json.h"
#include "core/json_reader.h"
#include "fakes.h"
#include "proxy/adapters/mcp_adapter.h"
#include "proxy/adapters/mcp_answers.h"

namespace countersign::adapters::test {

inline config::Upstream files() {
  config::Upstream upstream;
  upstream.name = "files";
  upstream.protocol = "mcp";
  upstream.command = {"server"};
  upstream.directory = "/srv/data";
  upstream.tools = {{"write_file", "write", {{"/path", std::nullopt}}, "File"},
                    {"move_file", std::nullopt, {{"/source", "destroy"}, {"/destination", "write"}}, "File"},
                    {"read_many", std::nullopt, {{"/paths", std::nullopt}}, "File"},
                    {"find", "read", {{"/path", std::nullopt}}, "File"},
                    {"put_nested", "write", {{"/target/keys~1on~0disk", std::nullopt}}, "File"},
                    {"*", std::nullopt, {{"/path", std::nullopt}}, "File"}};
  return upstream;
}

class Mcp : public ::testing::Test {
 protected:
  Mcp() : single_(std::move(McpAdapter::single(files(), {.version = "1"}).value())) {
    config::Upstream notes;
    notes.name = "notes";
    notes.protocol = "mcp";
    config::Upstream web;
    web.name = "web";
    web.protocol = "http";
    aggregate_ = std::move(McpAdapter::aggregate({files(), web, notes}, {.version = "1"}).value());
    FakeMcpDoor& door = doors_.mcp_doors["files"];
    door.add_tool(R"({"name":"write_file"})", "write_file", true, false, true);
    door.add_tool(R"({"name":"move_file"})", "move_file", true, false, true);
    door.add_tool(R"({"name":"read_many"})", "read_many", true, true, false);
    door.add_tool(R"({"name":"find"})", "find", false, false, true);
    door.add_tool(R"({"name":"read_file"})", "read_file", true, true, true);
    door.add_tool(R"({"name":"touch"})", "touch", true, false, false);
    door.add_tool(R"({"name":"mystery"})", "mystery", false, false, true);
    door.add_tool(R"({"name":"liar"})", "liar", false, true, true);
    doors_.mcp_doors["notes"].add_tool(R"({"name":"add"})", "add", false, false, true);
    head_ = {"POST", "/files/mcp", {}};
    head_.headers.add("Host", "gw:8700");
    head_.headers.add("Content-Type", "application/json");
    head_.headers.add("Accept", "application/json, text/event-stream");
  }

  Result<std::unique_ptr<Conversation>> describe(const std::string& body, McpMount mount = McpMount::single) {
    body_ = body;
    Inbound inbound{&head_, "/mcp", view_of(body_), "team"};
    return (mount == McpMount::single ? single_ : aggregate_)->describe(inbound, doors_);
  }
  std::unique_ptr<Conversation> ok(const std::string& body, McpMount mount = McpMount::single) {
    auto conversation = describe(body, mount);
    if (!conversation) throw std::runtime_error(conversation.error().code + ": " + conversation.error().message);
    return std::move(*conversation);
  }
  std::string code(const std::string& body, McpMount mount = McpMount::single) {
    auto conversation = describe(body, mount);
    return conversation ? "ok" : conversation.error().code;
  }
  static std::string call(const std::string& tool, const std::string& arguments, const std::string& id = "1",
                          const std::string& meta = "") {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool +
           "\",\"arguments\":" + arguments + (meta.empty() ? "" : ",\"_meta\":" + meta) + "}}";
  }
  Json answer_of(Conversation& conversation, Visible visible = nullptr) {
    FakeSink sink;
    forwarded_ = run(conversation.forward(doors_, nullptr, sink, std::move(visible)));
    status_ = sink.head.status;
    return sink.body.empty() ? Json() : parse_json(sink.body).value();
  }

  std::unique_ptr<McpAdapter> single_;
  std::unique_ptr<McpAdapter> aggregate_;
  FakeDoors doors_;
  RequestHead head_;
  std::string body_;
  Forwarded forwarded_;
  int status_ = 0;
};

inline std::string shown(const Operation& operation) {
  std::string out;
  for (const Access& access : operation.accesses) {
    if (!out.empty()) out += ", ";
    out += std::string(effect_name(access.effect)) + " " + access.resource.type + "::" + access.resource.id;
  }
  return out;
}

}  // namespace countersign::adapters::test
