// An MCP server over Streamable HTTP (https://modelcontextprotocol.io/specification/2025-11-25/basic/transports).
//
// Answers come as JSON or as an event stream. The server's Mcp-Session-Id is kept and sent; when the server has
// forgotten it (404), the session is initialised again for the calls to come. Reads are then asked once more; a
// tools/call never is. Without a stream of its own from the server, a list of tools is asked for again after
// SessionOptions::listing_age, and when the server says within an answer that it has changed.
#pragma once

#include <memory>

#include "core/config.h"
#include "proxy/upstream/mcp/session.h"

namespace countersign::mcp {

class HttpSession final : public Session {
 public:
  // `door` leads to the upstream and belongs to the home worker; it, `home` and `log` outlive the session.
  static std::unique_ptr<HttpSession> create(net::Worker& home, const config::Upstream& upstream,
                                             adapters::HttpDoor& door, SessionOptions options, const Log& log);

 private:
  using Session::Session;
};

}  // namespace countersign::mcp
