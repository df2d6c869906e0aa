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
#include "proxy/aws_sessions.h"
#include "proxy/github_tokens.h"
#include "proxy/net/async.h"
#include "proxy/sessions.h"
#include "proxy/upstream/client.h"

namespace countersign::proxy {

// What requests leave a worker with: its client, and the credentials of upstreams. All of it outlives the doors.
struct Leaving {
  net::Worker& worker;
  upstream::Client& client;
  const auth::Vault& vault;
  GithubTokens& tokens;
  AwsSessions& aws_sessions;
  const Clock& clock;
  http1::SpoolOptions spool;
};

// The one place where a request leaves for an HTTP upstream.
class PooledDoor final : public adapters::HttpDoor {
 public:
  // `origin` is null for an aws upstream without an address: each request goes to the endpoint it names.
  PooledDoor(std::string upstream, std::shared_ptr<const upstream::Origin> origin, const Leaving& leaving)
      : upstream_(std::move(upstream)), origin_(std::move(origin)), leaving_(leaving) {}
  Task<Result<std::unique_ptr<adapters::HttpReply>>> send(RequestHead head, adapters::BodySource* body) override;
  Task<Result<std::unique_ptr<adapters::HttpReply>>> send_signed(RequestHead head, adapters::BodySource* body,
                                                                 adapters::Departure way) override;
  [[nodiscard]] bool wants_fence() const override { return leaving_.aws_sessions.wants_policy(upstream_); }
  [[nodiscard]] bool shows_credential(std::string_view text) const override;

 private:
  using Sent = Result<std::unique_ptr<adapters::HttpReply>>;
  // With a credential in it.
  Task<Sent> transmit(std::shared_ptr<const upstream::Origin> origin, RequestHead head, adapters::BodySource* body,
                      TimeMs patience = 0);
  // Whether AWS has refused the keys that a request was signed with.
  static Task<bool> is_refused(adapters::HttpReply* reply);
  Result<std::shared_ptr<const upstream::Origin>> origin_of(const std::string& endpoint);
  // With a token of the upstream's App. One that was kept may have been revoked meanwhile: on 401 it is replaced, once.
  Task<Sent> send_as_app(std::shared_ptr<const auth::GithubApp> app, RequestHead head, adapters::BodySource* body);

  std::string upstream_;
  std::shared_ptr<const upstream::Origin> origin_;
  std::map<std::string, std::shared_ptr<const upstream::Origin>> endpoints_;  // by name, at most kMostEndpoints
  const Leaving& leaving_;
};

class WorkerDoors final : public adapters::Doors {
 public:
  // Origins as parse_origins made them. Everything outlives this.
  WorkerDoors(const std::map<std::string, std::shared_ptr<const upstream::Origin>, std::less<>>& origins,
              Leaving leaving, const McpSessions& sessions, net::ThreadPool& blocking);
  adapters::HttpDoor* http(std::string_view upstream) override;
  adapters::McpDoor* mcp(std::string_view upstream) override;
  Task<Status> run_blocking(std::move_only_function<Status()> work) override;

 private:
  const Leaving leaving_;
  std::map<std::string, PooledDoor, std::less<>> http_;
  const McpSessions& sessions_;
  net::ThreadPool& blocking_;
};

using Origins = std::map<std::string, std::shared_ptr<const upstream::Origin>, std::less<>>;
// Of every upstream that HTTP reaches; null for those of AWS without an address.
[[nodiscard]] Result<Origins> parse_origins(const config::Config& config);

}  // namespace countersign::proxy
