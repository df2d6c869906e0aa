// What the gateway says in place of a tool: pending, denied, and the schema that lets clients accept both.
//
// A tool result carries the gateway's answer as text for the model and as structuredContent.countersign for programs:
//   {"status":"pending_approval","request","link","expires","retry_after_seconds","reason"}
//   {"status":"denied","code","reason","request"?}
//   {"status":"done","code":"approval.reply_truncated","reason"}
// Clients check structuredContent against the tool's outputSchema, so listed tools get a widened one. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "proxy/adapters/adapter.h"

namespace countersign::adapters {

// Results of tools/call, JSON.
[[nodiscard]] std::string tool_pending_result(std::string_view tool, const Pending& pending);
// A stored answer, {"result":{"content":[…]…}}, with one text more in front; as it is where it is no tool's result.
[[nodiscard]] std::string with_note(const std::string& answer, std::string_view note);
[[nodiscard]] std::string tool_denied_result(const Denial& denial);
[[nodiscard]] std::string tool_truncated_result();

// A tool's definition as agents see it: named `name`, and with an outputSchema that also admits the gateway's answers,
// {"type":"object","anyOf":[original, …]}. A schema with references inside ($ref and its kin would point elsewhere
// from within anyOf) is left out, which MCP allows. Error: mcp.bad_tool when `definition` is no tool.
Result<std::string> listed_tool(std::string_view definition, std::string_view name);

}  // namespace countersign::adapters
