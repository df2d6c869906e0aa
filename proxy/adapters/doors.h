// The doors through which adapters reach upstreams. Implemented in proxy/ over real sockets and child processes;
// credentials are injected behind them, so an adapter never holds one.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/http_head.h"
#include "core/task.h"

namespace countersign::adapters {

// A request body that can be read from the start as often as needed.
class BodySource {
 public:
  virtual ~BodySource() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  virtual void rewind() = 0;
  // The next piece, valid until the next call; empty at the end.
  virtual Result<ByteView> next() = 0;
  // The file that holds all of it, for as long as the source lives; nullopt: it is in memory.
  [[nodiscard]] virtual std::optional<std::filesystem::path> file() const { return std::nullopt; }
};

// One HTTP answer while it arrives.
class HttpReply {
 public:
  virtual ~HttpReply() = default;
  [[nodiscard]] virtual const ResponseHead& head() const = 0;
  // The next piece of the body, valid until the next call; empty at the end.
  virtual Task<Result<ByteView>> read() = 0;
};

// Errors tell whether the upstream may have acted. With these nothing was sent, or not to its end; with every other
// code (upstream.timeout, upstream.broken, upstream.cancelled, upstream.bad_response) it may have acted.
[[nodiscard]] inline bool nothing_was_sent(const Error& error) {
  for (std::string_view code :
       {"upstream.connect_failed", "upstream.busy", "upstream.resolve_failed", "upstream.tls_failed",
        "upstream.connect_timeout", "upstream.not_sent", "upstream.bad_request"}) {
    if (error.code == code) return true;
  }
  // Without its credential no request leaves; without its end it is none.
  return error.code.starts_with("vault.") || error.code == "aws.credential_unavailable" ||
         error.code == "body.incomplete" || error.code == "sigv4.payload_mismatch" || error.code == "token.expired" ||
         error.code == "token.revoked" || error.code == "agent.frozen";
}

// What a request was, or is to be, signed for (auth/sigv4_request.h).
struct SignedFor {
  std::string service;  // signing name: "s3"
  std::string region;
};

// Whose operation a request to an upstream is, and under which id the audit log has it. Empty: the gateway's own.
struct Sender {
  std::string agent;
  std::string operation;
};

// How a request leaves for an upstream that takes signatures.
struct Departure {
  SignedFor sign_for;
  std::string endpoint;     // AWS's own host for it, where the upstream has no address of its own
  std::string body_sha256;  // hex, of the empty body too
  enum class Keys : std::uint8_t { upstream, tags };
  Keys keys = Keys::upstream;  // tags: those for looking tags up, where there are any (config::AwsTags::credential)
  TimeMs patience = 0;         // for the answer's head, and between two pieces of its body; 0: as for any request
  Sender sender = {};          // told to the upstream, where it can be told
  std::string fence = {};      // policy of the session it is sent with, where the door wants one (wants_fence)
};

class HttpDoor {
 public:
  virtual ~HttpDoor() = default;
  // `head.target` is relative to the upstream's base; `body` may be nullptr. Host, framing and credentials are the
  // door's business.
  virtual Task<Result<std::unique_ptr<HttpReply>>> send(RequestHead head, BodySource* body) = 0;
  // The same, signed with the upstream's AWS credentials. `head` carries no signature.
  virtual Task<Result<std::unique_ptr<HttpReply>>> send_signed(RequestHead head, BodySource* body, Departure way) {
    static_cast<void>(head);
    static_cast<void>(body);
    static_cast<void>(way);
    co_return fail(ErrorKind::internal, "upstream.not_sent", "this upstream takes no signatures");
  }
  // Whether what is signed is sent with a session of its own (proxy/adapters/aws_fence.h): nothing leaves without one.
  [[nodiscard]] virtual bool wants_fence() const { return false; }
  // Whether `text` shows the credential that the door puts into requests: a server may have sent it back.
  [[nodiscard]] virtual bool shows_credential(std::string_view text) const {
    static_cast<void>(text);
    return false;
  }
};

// What an MCP server says about itself and its tools, as last listed. Immutable.
struct McpTool {
  std::string name;
  std::string definition;     // canonical JSON of the whole tool object as the upstream sent it
  std::string digest;         // hex SHA-256 of `definition`
  bool read_only = false;     // annotations.readOnlyHint === true
  bool destructive = true;    // annotations.destructiveHint !== false; true when there are no annotations
  bool annotated = false;     // annotations present
  std::string required = {};  // canonical JSON: inputSchema.required (mcp_protocol.h, required_arguments), or empty
};
struct McpCatalogue {
  std::string server_info;  // canonical JSON
  std::string instructions;
  std::string capabilities;  // canonical JSON
  std::vector<McpTool> tools;
  [[nodiscard]] const McpTool* find(std::string_view name) const;
};

// A session with one MCP upstream (stdio child or Streamable HTTP), shared by all agents; JSON-RPC ids are its own.
class McpDoor {
 public:
  virtual ~McpDoor() = default;
  // Connects, initialises and lists tools where that has not happened yet (or the list has changed).
  virtual Task<Result<std::shared_ptr<const McpCatalogue>>> catalogue() = 0;
  // The catalogue as last listed; nullptr before the first.
  [[nodiscard]] virtual std::shared_ptr<const McpCatalogue> last_catalogue() const = 0;
  // Sends one request and waits for its answer: the JSON text of {"result":…} or {"error":…} without id. `on_progress`
  // receives the params of each progress notification for this call, and may be empty.
  virtual Task<Result<std::string>> call(std::string method, std::string params,
                                         std::function<void(std::string)> on_progress) = 0;
};

// The doors of one worker.
class Doors {
 public:
  virtual ~Doors() = default;
  virtual HttpDoor* http(std::string_view upstream) = 0;  // nullptr when there is none of that name
  virtual McpDoor* mcp(std::string_view upstream) = 0;
  // Runs work that blocks (files, git's own commands) on a thread of its own and comes back to the worker.
  virtual Task<Status> run_blocking(std::move_only_function<Status()> work) = 0;
};

//   auto read = [path]() -> Result<Row> { return load(path); };
//   auto row = co_await blocking<Row>(&doors, std::move(read));
template <class T>
[[nodiscard]] Task<Result<T>> blocking(Doors* doors, std::move_only_function<Result<T>()> work) {
  std::optional<Result<T>> out;
  auto run = [&out, work = std::move(work)]() mutable -> Status {
    out.emplace(work());
    return {};
  };
  Status ran = co_await doors->run_blocking(std::move(run));
  if (!ran) co_return fail(ran.error());
  co_return std::move(*out);
}

}  // namespace countersign::adapters
