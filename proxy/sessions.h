// The sessions with MCP upstreams: one each, shared by all workers and all agents.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/config.h"
#include "core/log.h"
#include "proxy/adapters/doors.h"
#include "proxy/net/worker.h"

namespace countersign::proxy {

using McpSessions = std::map<std::string, std::unique_ptr<adapters::McpDoor>, std::less<>>;

// One for every upstream of protocol mcp, living on `home`. `doors` are those of `home`: an upstream with a url is
// reached through its HTTP door. Everything given outlives the sessions. Nothing is started yet: the first call does
// that.
[[nodiscard]] McpSessions open_mcp_sessions(const config::Config& config, net::Worker& home, adapters::Doors& doors,
                                            const Log& log);

// Starts the children, so that the first agent does not wait for them.
void start(McpSessions& sessions);

// Ends every child properly and returns when they have gone. While the workers still run; not from a worker.
void stop(McpSessions& sessions);

}  // namespace countersign::proxy
