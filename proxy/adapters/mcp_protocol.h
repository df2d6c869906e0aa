// What depends on the revision of MCP, in one place: versions 2025-03-26, 2025-06-18 and 2025-11-25, the Streamable
// HTTP transport without sessions (https://modelcontextprotocol.io/specification/2025-11-25/basic/transports).
//
// The gateway keeps nothing between two POSTs: it issues no Mcp-Session-Id, so that no restart of it ever breaks a
// client, and answers GET and DELETE with 405 as the specification allows. Pure functions, any thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http_head.h"
#include "core/json_reader.h"

namespace countersign::adapters {

inline constexpr std::array<std::string_view, 3> kMcpVersions = {"2025-11-25", "2025-06-18", "2025-03-26"};
inline constexpr std::string_view kLatestMcpVersion = kMcpVersions[0];

[[nodiscard]] bool is_supported_mcp_version(std::string_view version);

// Why a POST's head is not one of an MCP client. `status` is what HTTP says; statuses 405, 406 and 415 have no kind of
// error of their own.
struct McpHeadProblem {
  int status = 400;
  Error error;
};
// Codes: mcp.method (405), mcp.origin (403: a page from elsewhere, DNS rebinding), mcp.version, mcp.content_type (415),
// mcp.accept (406).
[[nodiscard]] std::optional<McpHeadProblem> check_mcp_head(const RequestHead& head);

// Whether the client reads server-sent events.
[[nodiscard]] bool accepts_events(const RequestHead& head);

// The names in a tool's inputSchema.required, as a canonical JSON array: what a call cannot do without, in the order of
// its author. At most 32 names of at most 128 bytes; empty where there are none.
[[nodiscard]] std::string required_arguments(JsonValue tool);

// The result of `initialize`. `capabilities` are those of the upstream (canonical JSON), of which what the gateway
// passes on is announced: tools, resources, prompts, completions and logging, without listChanged and subscribe.
struct McpIdentity {
  std::string name;     // serverInfo.name
  std::string version;  // serverInfo.version
  std::string instructions;
};
[[nodiscard]] std::string initialize_result(JsonValue params, const McpIdentity& identity,
                                            const std::vector<std::string>& capabilities);

}  // namespace countersign::adapters
