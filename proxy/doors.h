// The doors of one worker (proxy/adapters/doors.h) over the real things: pooled HTTP connections with the upstream's
// credential put in, and the sessions with MCP upstreams, which all workers share.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auth/vault.h"
#include "core/config.h"
#include "proxy/adapters/doors.h"
#include "proxy/net/async.h"
#include "proxy/sessions.h"
#include "proxy/upstream/client.h"

namespace countersign::proxy {

// The one place where a request leaves for an HTTP upstream.
class PooledDoor final : public adapters::HttpDoor {
 public:
  PooledDoor(std::string upstream, std::shared_ptr<const upstream::Origin> origin, upstream::Client& client,
             const auth::Vault& vault, http1::SpoolOptions spool)
      : upstream_(std::move(upstream)),
        origin_(std::move(origin)),
        client_(client),
        vault_(vault),
        spool_(std::move(spool)) {}
  Task<Result<std::unique_ptr<adapters::HttpReply>>> send(RequestHead head, adapters::BodySource* body) override;
  [[nodiscard]] bool shows_credential(std::string_view text) const override;

 private:
  std::string upstream_;
  std::shared_ptr<const upstream::Origin> origin_;
  upstream::Client& client_;
  const auth::Vault& vault_;
  http1::SpoolOptions spool_;
};

class WorkerDoors final : public adapters::Doors {
 public:
  // Origins as parse_origins made them. Everything outlives this.
  WorkerDoors(const std::map<std::string, std::shared_ptr<const upstream::Origin>, std::less<>>& origins,
              upstream::Client& client, const auth::Vault& vault, const McpSessions& sessions,
              const http1::SpoolOptions& spool, net::ThreadPool& blocking);
  adapters::HttpDoor* http(std::string_view upstream) override;
  adapters::McpDoor* mcp(std::string_view upstream) override;
  Task<Status> run_blocking(std::move_only_function<Status()> work) override;

 private:
  std::map<std::string, PooledDoor, std::less<>> http_;
  const McpSessions& sessions_;
  net::ThreadPool& blocking_;
};

using Origins = std::map<std::string, std::shared_ptr<const upstream::Origin>, std::less<>>;
// Of every upstream with a url.
[[nodiscard]] Result<Origins> parse_origins(const config::Config& config);

}  // namespace countersign::proxy
