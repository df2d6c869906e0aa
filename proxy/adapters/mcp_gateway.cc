// The conversations that the gateway answers by itself (mcp_conversation.h).
#include "core/json_writer.h"
#include "core/sha256.h"
#include "proxy/adapters/mcp_answers.h"
#include "proxy/adapters/mcp_conversation.h"
#include "proxy/adapters/outcome.h"

namespace countersign::adapters {
namespace {

// Operations of Reach::gateway are never held; should a pipeline think otherwise, the client hears a refusal.
Task<Status> never_held(ReplySink& sink, std::string id) {
  Error error{ErrorKind::internal, "mcp.not_holdable", "this message cannot be held"};
  co_return co_await send_rpc_refusal(sink, 500, std::move(id), kRpcInternalError, std::move(error));
}

Task<Status> refuse_gateway_message(ReplySink& sink, std::string id, Denial denial) {
  if (id.empty()) id = "null";
  co_return co_await send_rpc_refusal(sink, denial.status, std::move(id), kRpcDenied, std::move(denial.error));
}

}  // namespace

Task<Forwarded> McpGatewayAnswer::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(doors);
  static_cast<void>(body);
  static_cast<void>(visible);
  Forwarded done{.outcome = outcome_of_status(answer_.status), .status = answer_.status};
  if (!answer_.body.empty()) done.body_sha256 = to_hex(sha256(answer_.body));
  done.body_bytes = answer_.body.size();
  Status sent = co_await send(sink, answer_.status, std::move(answer_.content_type), std::move(answer_.body),
                              std::move(answer_.headers));
  if (!sent) done.detail = "the agent did not take the answer: " + sent.error().message;
  co_return done;
}

Task<Status> McpGatewayConversation::answer_denied(ReplySink& sink, Denial denial) {
  co_return co_await refuse_gateway_message(sink, id_, std::move(denial));
}
Task<Status> McpGatewayConversation::heartbeat(ReplySink& sink, Pending pending) {
  static_cast<void>(sink);
  static_cast<void>(pending);
  co_return Status();
}
Task<Status> McpGatewayConversation::answer_held(ReplySink& sink, Pending pending) {
  static_cast<void>(pending);
  co_return co_await never_held(sink, id_);
}
Task<Status> McpGatewayConversation::deliver(ReplySink& sink, approvals::StoredReply reply) {
  static_cast<void>(reply);
  co_return co_await never_held(sink, id_);
}

std::string McpToolList::listing(Doors& doors, const Visible& visible) const {
  std::string out = "{\"tools\":[";
  bool first = true;
  for (const McpUpstream& upstream : upstreams_) {
    McpDoor* door = doors.mcp(upstream.name());
    std::shared_ptr<const McpCatalogue> catalogue = door ? door->last_catalogue() : nullptr;
    if (!catalogue) continue;
    for (const McpTool& tool : catalogue->tools) {
      if (!visible || !visible(upstream.list_tool(tool))) continue;
      std::string name = mount_ == McpMount::aggregate ? upstream.name() + "__" + tool.name : tool.name;
      Result<std::string> listed = listed_tool(tool.definition, name);
      if (!listed) continue;
      if (!first) out += ',';
      first = false;
      out += *listed;
    }
  }
  return out + "]}";
}

Task<Forwarded> McpToolList::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(body);
  std::string json = rpc_response(id(), rpc_result(listing(doors, visible)));
  Forwarded done{.outcome = "ok", .status = 200, .body_sha256 = to_hex(sha256(json)), .body_bytes = json.size()};
  HeaderList none;
  Status sent = co_await send(sink, 200, "application/json", std::move(json), std::move(none));
  if (!sent) done.detail = "the agent did not take the answer: " + sent.error().message;
  co_return done;
}

}  // namespace countersign::adapters
