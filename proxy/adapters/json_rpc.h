// JSON-RPC 2.0 as MCP uses it: reading one message strictly, and writing answers. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/json_reader.h"

namespace countersign::adapters {

// Codes of the specification, and ours, which lie outside the range it reserves (-32768 to -32000).
inline constexpr int kRpcParseError = -32700;
inline constexpr int kRpcInvalidRequest = -32600;
inline constexpr int kRpcMethodNotFound = -32601;
inline constexpr int kRpcInvalidParams = -32602;
inline constexpr int kRpcInternalError = -32603;
inline constexpr int kRpcDenied = -31001;
inline constexpr int kRpcPending = -31002;

enum class RpcKind : std::uint8_t { request, notification, response };

struct RpcMessage {
  JsonDocument document;
  RpcKind kind = RpcKind::request;
  std::string id;      // of a request or response: JSON, exactly as it was written; ids of 2^53 and more stay exact
  std::string method;  // of a request or notification
  JsonValue params;    // an object, or missing
  std::string params_text;  // as written; empty when missing
};

inline constexpr std::size_t kMaxRpcIdBytes = 256;

// One message. Refused: batches (rpc.batch), ids that are not strings or 64-bit integers, unknown members, params that
// are not an object (rpc.invalid), and whatever JsonDocument::parse refuses (json.*).
Result<RpcMessage> read_rpc(std::string_view text, const JsonReadLimits& limits = {});

// The id of a request that read_rpc refused or accepted, as far as one can be made out; "null" otherwise.
[[nodiscard]] std::string rpc_id_of(std::string_view text);

// {"id":…,"jsonrpc":"2.0", then the members of `answer`}. `answer` is {"result":…} or {"error":…} without id.
[[nodiscard]] std::string rpc_response(std::string_view id, std::string_view answer);
// {"error":{"code":…,"data":{"code":…},"message":…}}; `code` is the stable dotted one.
[[nodiscard]] std::string rpc_error(int rpc_code, std::string_view code, std::string_view message);
// {"result":…}
[[nodiscard]] std::string rpc_result(std::string_view result);
[[nodiscard]] std::string rpc_notification(std::string_view method, std::string_view params);

// A server-sent event with one JSON text (https://html.spec.whatwg.org/multipage/server-sent-events.html).
[[nodiscard]] std::string sse_message(std::string_view json);

}  // namespace countersign::adapters
