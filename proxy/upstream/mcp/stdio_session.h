// An MCP server as a child process, spoken to over its standard streams
// (https://modelcontextprotocol.io/specification/2025-11-25/basic/transports, stdio).
//
// The child is started by the first call (or start()), initialised, its tools listed; when it ends it is started again,
// after a pause that doubles each time. Calls in flight then fail with upstream.broken: they may have run, and are not
// repeated. Calls that come while it starts wait for it, at most SessionOptions::handshake; while it pauses for long
// they fail at once. What it writes to stderr goes to our log, with the upstream's name.
#pragma once

#include <functional>
#include <memory>

#include "core/config.h"
#include "proxy/upstream/mcp/session.h"

namespace countersign::mcp {

class StdioCore;

class StdioSession final : public Session {
 public:
  // `upstream.command` is not empty. `home` and `log` outlive the session. The process must ignore SIGPIPE
  // (net::ignore_broken_pipes).
  static std::unique_ptr<StdioSession> create(net::Worker& home, const config::Upstream& upstream,
                                              SessionOptions options, const Log& log);
  // Kills the child's group if stop() has not ended it.
  ~StdioSession() override;

  // Any thread: starts the child before anybody asks.
  void start();
  // Ends the child: closes its input, waits, SIGTERM, waits, SIGKILL to its group; `done` is called on the home worker
  // once it has gone. Calls in flight fail. Any thread, once; the home worker must be running.
  void stop(std::function<void()> done);

 private:
  explicit StdioSession(std::shared_ptr<StdioCore> core);
  std::shared_ptr<StdioCore> core_;
};

}  // namespace countersign::mcp
