#include "proxy/adapters/json_rpc.h"

#include <gtest/gtest.h>

#include "cases.h"

namespace countersign::adapters::test {
namespace {

TEST(JsonRpc, TakesWellFormedMessagesOnly) {
  for (const Case& entry : read_cases("mcp/messages.txt", Escapes::bytes)) {
    Result<RpcMessage> message = read_rpc(entry.fields.at(1));
    std::string shown = message ? "ok" : message.error().code;
    if (message) {
      shown += message->kind == RpcKind::request    ? " request"
               : message->kind == RpcKind::response ? " response"
                                                    : " notification";
      shown +=
          " " + (message->id.empty() ? "-" : message->id) + " " + (message->method.empty() ? "-" : message->method);
    }
    EXPECT_EQ(shown, entry.fields[0]) << "messages.txt:" << entry.line;
  }
}

TEST(JsonRpc, IdsComeBackAsTheyWere) {
  EXPECT_EQ(rpc_id_of(R"({"id":9007199254740993})"), "9007199254740993");
  EXPECT_EQ(rpc_id_of(R"({"id":"x\u0041"})"), R"("x\u0041")");
  EXPECT_EQ(rpc_id_of(R"({"id":1.5})"), "null");
  EXPECT_EQ(rpc_id_of(R"({"id":1,"id":2})"), "null");
  EXPECT_EQ(rpc_id_of("garbage"), "null");
  EXPECT_EQ(rpc_id_of("{\"id\":\"" + std::string(1000, 'x') + "\"}"), "null");
  EXPECT_EQ(rpc_response("7", R"({"result":{"a":1}})"), R"({"id":7,"jsonrpc":"2.0","result":{"a":1}})");
}

TEST(JsonRpc, EventsSplitLinesSoThatNothingIsInjected) {
  EXPECT_EQ(sse_message("{\n\"a\":1}"), "event: message\ndata: {\ndata: \"a\":1}\n\n");
  EXPECT_EQ(sse_message("{}"), "event: message\ndata: {}\n\n");
}

}  // namespace
}  // namespace countersign::adapters::test
