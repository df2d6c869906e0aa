// One MCP message on its way: forwarded to an upstream, or answered by the gateway itself. Belongs to the worker that
// serves it.
#pragma once

#include <string>
#include <vector>

#include "proxy/adapters/adapter.h"
#include "proxy/adapters/mcp_request.h"

namespace countersign::adapters {

// What the client said about how it wants to be answered.
struct McpClient {
  std::string id;              // JSON; empty for a stored request, whose answer is kept without id
  std::string progress_token;  // JSON; empty when the client gave none or reads no events
  Patience patience;
  std::string documentation;  // JSON: what `_meta` says under "countersign/documentation"; or empty
};

class McpConversation final : public Conversation {
 public:
  McpConversation(McpRequest request, McpClient client, BodyView body);

  [[nodiscard]] const Operation& operation() const override { return request_.operation; }
  [[nodiscard]] approvals::Frozen freeze() const override;
  [[nodiscard]] std::string documentation() const override { return client_.documentation; }
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override;
  [[nodiscard]] Patience patience() const override { return client_.patience; }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override;
  Task<Status> answer_held(ReplySink& sink, Pending pending) override;
  void tell_edit(std::string what) override { edit_ = std::move(what); }
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override;

 private:
  // Calls the upstream and passes its progress on to the client meanwhile.
  Task<Result<std::string>> call_relaying(McpDoor& door, ReplySink& sink);
  Task<Status> relay_progress(ReplySink& sink, std::string params);
  // The final answer, {"result":…} or {"error":…}: as an event where a stream has begun, else as JSON.
  Task<Status> respond(ReplySink& sink, std::string answer);
  // Begins the stream where it has not begun. Progress leaves at once; the result waits for its outcome record.
  enum class Event { progress, result };
  Task<Status> send_event(ReplySink& sink, std::string json, Event event);

  McpRequest request_;
  McpClient client_;
  std::string body_sha256_;
  std::uint64_t body_size_ = 0;
  double progress_ = 0;
  std::string edit_;
};

// What the gateway answers by itself: never forwarded, never held.
class McpGatewayConversation : public Conversation {
 public:
  [[nodiscard]] const Operation& operation() const override { return operation_; }
  [[nodiscard]] approvals::Frozen freeze() const override { return {}; }
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override;
  [[nodiscard]] Patience patience() const override { return {}; }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override;
  Task<Status> answer_held(ReplySink& sink, Pending pending) override;
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override;

 protected:
  McpGatewayConversation(Operation operation, std::string id) : operation_(std::move(operation)), id_(std::move(id)) {}
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  Operation operation_;
  std::string id_;
};

// Handshake, ping, notifications, refusals that HTTP has a status for.
class McpGatewayAnswer final : public McpGatewayConversation {
 public:
  struct Answer {
    int status = 200;
    std::string content_type;  // empty: no body
    std::string body;
    HeaderList headers;
  };
  McpGatewayAnswer(Operation operation, std::string id, Answer answer)
      : McpGatewayConversation(std::move(operation), std::move(id)), answer_(std::move(answer)) {}
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;

 private:
  Answer answer_;
};

// tools/list: the catalogue, without what this caller could not call.
class McpToolList final : public McpGatewayConversation {
 public:
  // `upstreams` outlives the conversation.
  McpToolList(Operation operation, std::string id, McpMount mount, const std::vector<McpUpstream>& upstreams)
      : McpGatewayConversation(std::move(operation), std::move(id)), mount_(mount), upstreams_(upstreams) {}
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;

 private:
  [[nodiscard]] std::string listing(Doors& doors, const Visible& visible) const;

  McpMount mount_;
  const std::vector<McpUpstream>& upstreams_;
};

// A refusal of a request with this id, as JSON-RPC error with HTTP status `status`.
Task<Status> send_rpc_refusal(ReplySink& sink, int status, std::string id, int rpc_code, Error error);

}  // namespace countersign::adapters
