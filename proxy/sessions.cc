#include "proxy/sessions.h"

#include <latch>

#include "proxy/upstream/mcp/http_session.h"
#include "proxy/upstream/mcp/stdio_session.h"

namespace countersign::proxy {

McpSessions open_mcp_sessions(const config::Config& config, net::Worker& home, adapters::Doors& doors, const Log& log) {
  mcp::SessionOptions options;
  options.version = COUNTERSIGN_VERSION;
  McpSessions sessions;
  for (const config::Upstream& upstream : config.upstreams) {
    if (upstream.protocol != "mcp") continue;
    if (upstream.command.empty()) {
      sessions[upstream.name] = mcp::HttpSession::create(home, upstream, *doors.http(upstream.name), options, log);
    } else {
      sessions[upstream.name] = mcp::StdioSession::create(home, upstream, options, log);
    }
  }
  return sessions;
}

void start(McpSessions& sessions) {
  for (auto& [name, session] : sessions) {
    if (auto* child = dynamic_cast<mcp::StdioSession*>(session.get())) child->start();
  }
}

void stop(McpSessions& sessions) {
  for (auto& [name, session] : sessions) {
    auto* child = dynamic_cast<mcp::StdioSession*>(session.get());
    if (!child) continue;
    auto gone = std::make_shared<std::latch>(1);
    child->stop([gone] { gone->count_down(); });
    gone->wait();
  }
}

}  // namespace countersign::proxy
