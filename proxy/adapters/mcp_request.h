// An MCP request that goes to an upstream, named and ready to be frozen or forwarded. No I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/adapters/doors.h"
#include "proxy/adapters/json_rpc.h"
#include "proxy/adapters/mcp_upstream.h"

namespace countersign::adapters {

enum class McpMount : std::uint8_t {
  single,     // /NAME/mcp: one upstream under its own names
  aggregate,  // /mcp: the tools of all, named NAME__tool
};
[[nodiscard]] std::string_view mount_name(McpMount mount);

struct McpRequest {
  Operation operation;
  McpMount mount = McpMount::single;
  std::string method;
  std::string tool;           // of tools/call: the upstream's own name
  std::string params;         // what the upstream gets: as written, but for _meta (left out) and the tool's prefix
  std::string canonical;      // canonical JSON of those params
  std::string preconditions;  // of tools/call: digest of the tool's definition
  std::string required;       // of tools/call: McpTool::required
};

// Methods that are decided and forwarded: tools/call, resources/list, resources/templates/list, resources/read,
// prompts/list, prompts/get, completion/complete. Over the aggregate: tools/call.
[[nodiscard]] bool is_forwarded_method(std::string_view method, McpMount mount);

// Names a request. `_meta` is the envelope: it is neither judged nor bound by an approval, so it is not passed on.
//
// Errors: mcp.method_not_found, mcp.bad_params (also any member of params the method does not have), mcp.unknown_tool,
// mcp.not_listed (the upstream has not listed its tools yet), and those of McpUpstream.
Result<McpRequest> read_mcp_request(const std::vector<McpUpstream>& upstreams, McpMount mount,
                                    const RpcMessage& message, Doors& doors);

// What an identical retry repeats, canonical JSON: {"method":…,"params":…}.
[[nodiscard]] std::string mcp_identity(const McpRequest& request);

}  // namespace countersign::adapters
