// Gateway: the whole program, wired. Every object is made here, in the order in which each needs the ones before it,
// and torn down in the opposite order; there are no singletons to look for.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "approvals/notify/courier.h"
#include "approvals/plans.h"
#include "approvals/queue.h"
#include "approvals/ruleset.h"
#include "approvals/waiters.h"
#include "audit/attestation_store.h"
#include "audit/log.h"
#include "audit/refusals.h"
#include "auth/authenticator.h"
#include "auth/frozen_agents.h"
#include "auth/oidc.h"
#include "auth/people.h"
#include "auth/registry.h"
#include "auth/sigv4_replays.h"
#include "auth/vault.h"
#include "cli/policy_follow.h"
#include "cli/refusals.h"
#include "console/api.h"
#include "console/policy_desk.h"
#include "core/config.h"
#include "core/log.h"
#include "core/metrics.h"
#include "proxy/doors.h"
#include "proxy/executor.h"
#include "proxy/http1/server.h"
#include "proxy/pipeline.h"

namespace countersign::cli {

class Gateway {
 public:
  // Opens the state, loads keys, policies and upstreams, recovers from a crash, and listens. When it returns, requests
  // are served.
  static Result<std::unique_ptr<Gateway>> start(config::Config config, const Log& log);
  // Drains: stops accepting, lets requests end up to limits.drain, then cancels them.
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Policies, entities, approval rules and upstream secrets. Any thread; what does not load leaves what runs.
  void reload(std::string_view why);
  [[nodiscard]] std::uint16_t agents_port() const { return agents_->port(); }
  [[nodiscard]] std::uint16_t admin_port() const { return admin_->port(); }

 private:
  struct Folders {
    std::filesystem::path state, spool, requests, audit, keys;
  };

  Gateway(config::Config config, const Log& log) : config_(std::move(config)), log_(log) {}
  Status open_state();
  Status open_people();
  Status open_upstreams();
  Status open_queue();
  Status open_notifications();  // cli/gateway_notify.cc
  Status listen();
  console::Services services();
  Result<approvals::HeldRequest> edit(console::Edit wish);
  adapters::GitReviewSources held_pushes();
  void on_change(const approvals::Change& change);
  void run_approved(const approvals::HeldRequest& request);
  void break_glass(const std::string& request);
  void recall_histories();
  void on_freeze(const std::string& agent, const std::string& why);
  void record_grant(const approvals::Grant& grant, const approvals::HeldRequest& request);
  void run_what_waits();
  void publish_what_waits();
  approvals::RulesetStore::Reloaded load_policies(std::string_view why);
  // The same, and the desk hears of it.
  approvals::RulesetStore::Reloaded reload_policies(std::string_view why);
  [[nodiscard]] std::vector<console::UpstreamStatus> upstream_status() const;
  void keep_house(std::stop_token stop);
  void record(std::string_view code, std::string detail);  // what the program itself did, phase admin

  const config::Config config_;
  const Log& log_;
  SystemClock clock_;
  Folders folders_;
  Metrics metrics_;
  std::unique_ptr<net::Workers> workers_;

  std::unique_ptr<auth::Keyring> keyring_;
  std::unique_ptr<auth::Revocations> revocations_;
  std::unique_ptr<auth::FrozenAgents> frozen_;
  std::unique_ptr<auth::Registry> registry_;
  std::unique_ptr<auth::Vault> vault_;
  std::unique_ptr<auth::Authenticator> authenticator_;
  auth::SigV4Replays replays_{auth::SigV4Limits()};
  std::unique_ptr<approvals::RulesetStore> rulesets_;
  std::unique_ptr<policies::Journal> journal_;
  proxy::Histories histories_;
  approvals::Budgets budgets_;
  std::unique_ptr<console::PolicyDesk> policy_desk_;
  std::unique_ptr<PolicyFollow> policy_follow_;  // null: policies come from a folder
  std::unique_ptr<auth::People> people_;
  std::unique_ptr<auth::Oidc> oidc_;  // null: no identity provider is configured
  std::unique_ptr<audit::Log> audit_;
  std::unique_ptr<audit::Refusals> counted_refusals_;
  std::unique_ptr<proxy::Recorder> recorder_;
  approvals::Waiters waiters_;
  std::unique_ptr<audit::Attester> attester_;
  std::unique_ptr<audit::AttestationStore> attestations_;
  std::unique_ptr<approvals::Queue> queue_;
  std::unique_ptr<approvals::Emergencies> emergencies_;
  std::unique_ptr<approvals::Plans> plans_;

  proxy::Origins origins_;
  std::unique_ptr<upstream::Clients> clients_;
  std::unique_ptr<proxy::GithubTokens> github_tokens_;
  std::unique_ptr<proxy::AwsSessions> aws_sessions_;
  proxy::McpSessions sessions_;
  std::vector<std::unique_ptr<proxy::WorkerDoors>> doors_;
  proxy::Mounts mounts_;
  std::unique_ptr<net::ThreadPool> blocking_;      // of the request path
  std::unique_ptr<net::ThreadPool> adapter_pool_;  // for what adapters do with files and commands
  std::unique_ptr<net::ThreadPool> admin_pool_;

  std::unique_ptr<proxy::Parts> parts_;
  std::unique_ptr<proxy::Pipeline> pipeline_;
  std::unique_ptr<proxy::Executor> executor_;
  std::unique_ptr<console::AdminApi> api_;
  std::unique_ptr<console::Endpoint> api_tcp_;
  std::unique_ptr<console::Endpoint> api_socket_;
  std::unique_ptr<Refusals> refusals_;
  std::unique_ptr<http1::Server> agents_;
  std::unique_ptr<http1::Server> admin_;
  std::unique_ptr<http1::Server> socket_;
  std::unique_ptr<approvals::notify::Courier> courier_;  // null: nobody is told
  bool running_ = false;                                 // the workers' loops
  std::jthread housekeeper_;
};

}  // namespace countersign::cli
