// Parts: everything the way of a request needs. Made by the gateway (cli/gateway.h); all of it outlives the servers.
#pragma once

#include <atomic>
#include <functional>

#include "approvals/budgets.h"
#include "approvals/emergencies.h"
#include "approvals/plans.h"
#include "approvals/queue.h"
#include "approvals/ruleset.h"
#include "approvals/waiters.h"
#include "audit/attestation_store.h"
#include "auth/authenticator.h"
#include "auth/frozen_agents.h"
#include "auth/registry.h"
#include "auth/sigv4_replays.h"
#include "core/clock.h"
#include "core/config.h"
#include "policies/decide.h"
#include "policies/journal.h"
#include "proxy/histories.h"
#include "proxy/mounts.h"
#include "proxy/net/async.h"
#include "proxy/net/worker.h"
#include "proxy/recorder.h"
#include "proxy/sinks.h"

namespace countersign::proxy {

struct Parts {
  const config::Config& config;
  std::string public_url;  // of the admin listener, without a final slash
  const Clock& clock;
  const auth::Authenticator& authenticator;
  auth::FrozenAgents& frozen;
  auth::SigV4Replays& replays;
  const auth::Registry& registry;
  const approvals::RulesetStore& rulesets;
  policies::Journal& journal;
  Histories& histories;
  approvals::Budgets& budgets;
  const Mounts& mounts;
  approvals::Queue& queue;
  approvals::Emergencies& emergencies;
  approvals::Plans& plans;
  approvals::Waiters& waiters;
  Recorder& recorder;
  const audit::Attester& attester;
  audit::AttestationStore& attestations;
  net::ThreadPool& blocking;  // for the store: SQLite waits for the disk
  http1::SpoolOptions spool;
  std::filesystem::path held_bodies;                    // folder of the queue: a body is frozen there
  std::function<adapters::Doors&(net::Worker&)> doors;  // of that worker
  std::atomic<std::size_t> passing = 0;                 // requests whose bodies pass while they arrive
  // A budget has frozen an agent. Any thread; may be empty.
  std::function<void(const std::string& agent, const std::string& why)> on_freeze;
};

}  // namespace countersign::proxy
