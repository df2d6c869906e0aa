// The mcp adapter: Model Context Protocol servers behind the proxy, over Streamable HTTP to agents.
//
// /NAME/mcp is one upstream under its own names: tools, resources, prompts, completions. /mcp is the aggregate: the
// tools of all MCP upstreams, named NAME__tool (resources and prompts have no names that could carry a prefix
// everywhere, so they are at their upstream's own endpoint).
//
// Gateway-answered: initialize, ping, notifications, logging/setLevel, tools/list. Decided and forwarded: tools/call
// (on the tool and its arguments) and the readers of mcp_request.h. Anything else: -32601. One message a POST of at
// most `body_in_memory` bytes, since a call must be read as a whole to be named.
//
// Held calls: with a progress token, the stream is held open with progress messages; otherwise the answer is a pending
// result at once, and the identical retry collects the result. The operation of a gateway-answered message on the
// aggregate has an empty `upstream`: any caller whose scope names one of upstream_names() may have it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/config.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/mcp_request.h"

namespace countersign::adapters {

struct McpOptions {
  TimeMs hold_stream = 300'000;  // config::Limits::hold_stream
  TimeMs heartbeat = 10'000;     // between two progress messages of a held call
  std::string version;           // of the product, for serverInfo
};

// Immutable after construction: describe, thaw and preview may be called from any thread.
class McpAdapter final : public Adapter {
 public:
  // One upstream at /NAME/mcp. Error: config.bad_effect.
  static Result<std::unique_ptr<McpAdapter>> single(const config::Upstream& upstream, McpOptions options);
  // The MCP upstreams among `upstreams`, at /mcp.
  static Result<std::unique_ptr<McpAdapter>> aggregate(const std::vector<config::Upstream>& upstreams,
                                                       McpOptions options);

  // Fails when the single upstream cannot be reached; an aggregate does without those that cannot.
  Task<Status> prepare(Doors& doors) override;
  Result<std::unique_ptr<Conversation>> describe(const Inbound& inbound, Doors& doors) const override;
  Result<std::unique_ptr<Conversation>> thaw(const approvals::Frozen& frozen, std::string_view body,
                                             Doors& doors) const override;
  Result<Edited> edit(const approvals::Frozen& frozen, std::string_view body, std::string_view change,
                      Doors& doors) const override;
  [[nodiscard]] std::string sentence(const approvals::Frozen& frozen, std::string_view body,
                                     std::string_view environment) const override;
  [[nodiscard]] Preview preview(const approvals::Frozen& frozen, std::string_view body) const override;
  Task<Status> refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const override;

  [[nodiscard]] std::vector<std::string> upstream_names() const;

 private:
  enum class Identity : std::uint8_t { must_match, may_differ };
  Result<std::unique_ptr<Conversation>> thaw_message(const approvals::Frozen& frozen, const BodyView& body,
                                                     Doors& doors, Identity as_approved) const;
  McpAdapter(McpMount mount, std::vector<McpUpstream> upstreams, McpOptions options)
      : mount_(mount), upstreams_(std::move(upstreams)), options_(std::move(options)) {}

  [[nodiscard]] Operation gateway_operation(std::string_view action) const;
  [[nodiscard]] std::unique_ptr<Conversation> gateway_result(const RpcMessage& message, std::string_view result) const;
  [[nodiscard]] Result<std::unique_ptr<Conversation>> describe_message(const Inbound& inbound, RpcMessage message,
                                                                       Doors& doors) const;
  [[nodiscard]] std::string initialize(const RpcMessage& message, Doors& doors) const;

  McpMount mount_;
  std::vector<McpUpstream> upstreams_;
  McpOptions options_;
};

}  // namespace countersign::adapters
