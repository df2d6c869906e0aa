// What the admin API works with: references to the program's parts, and functions for what lives in proxy/. Everything
// outlives the AdminApi. Every function may be called from any pool thread, many at a time, and may block.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "approvals/emergencies.h"
#include "approvals/plans.h"
#include "approvals/queue.h"
#include "approvals/ruleset.h"
#include "audit/attestation_store.h"
#include "audit/log.h"
#include "audit/refusals.h"
#include "auth/authenticator.h"
#include "auth/frozen_agents.h"
#include "auth/keyring.h"
#include "auth/oidc.h"
#include "auth/people.h"
#include "auth/registry.h"
#include "auth/revocation.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/metrics.h"
#include "proxy/net/async.h"

namespace countersign::console {

class PolicyDesk;

// What a held request would do, as its protocol's adapter shows it.
struct PreviewPart {
  std::string title;
  std::string media_type;
  std::string text;
};
struct Preview {
  std::string sentence;
  std::vector<PreviewPart> parts;
};

struct UpstreamStatus {
  std::string name;
  std::string health;  // "up", "down", "idle" (not used yet)
  std::string detail;  // one sentence, no secret; may be empty
};

// A held request as an approver would rather have it.
struct Edit {
  std::string request;
  std::string change;  // JSON, as the request's protocol defines it (proxy/adapters/adapter.h, Adapter::edit)
  std::string reason;
  std::string fingerprint;  // of the request as the editor saw it
  approvals::Approver editor;
};

struct Services {
  const config::Config& config;
  const Clock& clock;
  const auth::Authenticator& authenticator;
  const auth::Keyring& keyring;
  auth::Registry& registry;
  auth::Revocations& revocations;
  auth::FrozenAgents& frozen;
  auth::People& people;
  approvals::Queue& queue;
  approvals::Emergencies& emergencies;
  approvals::RulesetStore& rulesets;
  audit::Log& log;
  audit::Refusals& refusals;  // where those go whom nobody knows
  Metrics& metrics;
  net::ThreadPool& pool;
  audit::AttestationStore* attestations = nullptr;  // null: none are kept
  approvals::Plans* plans = nullptr;                // null: there are none
  PolicyDesk* policy_desk = nullptr;                // null: policies are not edited here
  auth::Oidc* oidc = nullptr;                       // null: no identity provider is configured

  // rulesets.reload(), and whatever else the program does when its policies change.
  std::function<approvals::RulesetStore::Reloaded()> reload;
  // Reads the stored body; an error is shown to the approver in place of the preview.
  std::function<Result<Preview>(const approvals::HeldRequest&)> preview;
  // What it would do, in one sentence, for lists: without its body. Empty: HeldRequest::summary says it.
  std::function<std::string(const approvals::HeldRequest&)> sentence = {};
  // Puts the edited request in the place of the one it was made from, and returns it.
  std::function<Result<approvals::HeldRequest>(Edit)> edit;
  std::function<std::vector<UpstreamStatus>()> upstreams;
  // Whether requests can be served: the first thing that is not as it should be.
  std::function<Status()> ready;
};

}  // namespace countersign::console
