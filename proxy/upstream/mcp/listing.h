// What both kinds of session say to an MCP server and read from it: handshake, list of tools, messages. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/json_reader.h"
#include "core/result.h"
#include "proxy/adapters/doors.h"

namespace countersign::mcp {

inline constexpr std::size_t kMaxPages = 64;
inline constexpr std::size_t kMaxTools = 4096;
inline constexpr std::size_t kMaxListingBytes = 8U << 20;
// Answers of upstreams may be large and deep; they are handed on, not judged.
inline constexpr JsonReadLimits kAnswerLimits{.bytes = 16U << 20, .depth = 512, .values = 4'000'000};

// {"id":…,"jsonrpc":"2.0","method":…,"params":…}; `progress_token` 0: none is asked for.
[[nodiscard]] std::string request_text(std::int64_t id, std::string_view method, std::string_view params,
                                       std::int64_t progress_token);
[[nodiscard]] std::string cancelled_text(std::int64_t id, std::string_view reason);
inline constexpr std::string_view kInitializedText = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";

[[nodiscard]] std::string initialize_params(std::string_view version_of_product);
[[nodiscard]] std::string list_params(std::string_view cursor);

// One message of a server.
struct ServerMessage {
  enum class Kind { answer, request, notification };
  Kind kind = Kind::notification;
  std::int64_t id = 0;      // answer: ours
  std::string request_id;   // request: the server's, JSON as written
  std::string method;       // request, notification
  std::string params;       // as written; empty when missing
  std::int64_t token = 0;   // of notifications/progress: ours, 0 when it is not
  std::string answer_text;  // answer: {"result":…} or {"error":…}, as written
};
// Error: upstream.bad_response.
Result<ServerMessage> read_server_message(std::string_view text);

// What we say to a server that asks us something: {} to ping, "not offered" to all else (no sampling, elicitation,
// roots).
[[nodiscard]] std::string reply_to_server(const ServerMessage& request);

// Collects a catalogue page by page.
class Listing {
 public:
  // `answer` to initialize. Errors: upstream.bad_response (malformed, an error, or a version we do not speak).
  Status initialized(std::string_view answer);
  [[nodiscard]] const std::string& version() const { return version_; }
  [[nodiscard]] bool has_tools() const { return has_tools_; }
  // `answer` to tools/list: the next cursor, or nullopt after the last page. Tools without a name, and tools that
  // appear twice, make the list unusable: upstream.bad_response.
  Result<std::optional<std::string>> page(std::string_view answer);
  [[nodiscard]] std::shared_ptr<const adapters::McpCatalogue> finish();
  // Forgets the tools, keeps what the handshake said.
  void restart();

 private:
  adapters::McpCatalogue catalogue_;
  std::string version_;
  bool has_tools_ = false;
  std::size_t pages_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace countersign::mcp
