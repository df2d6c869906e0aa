#include "proxy/recorder.h"

#include "approvals/record.h"
#include "auth/attempts.h"
#include "proxy/answers.h"
#include "proxy/net/async.h"

namespace countersign::proxy {
namespace {

audit::Decision decision_of(policies::Verdict verdict) {
  switch (verdict) {
    case policies::Verdict::allow:
      return audit::Decision::allow;
    case policies::Verdict::hold:
      return audit::Decision::hold;
    case policies::Verdict::deny:
      return audit::Decision::deny;
  }
  return audit::Decision::deny;
}

constexpr auto kOutcomes = {audit::Outcome::ok,           audit::Outcome::client_error, audit::Outcome::server_error,
                            audit::Outcome::timeout,      audit::Outcome::cancelled,    audit::Outcome::unknown,
                            audit::Outcome::not_forwarded};

audit::Outcome outcome_of(std::string_view name) {
  for (auto outcome : kOutcomes) {
    if (audit::name_of(outcome) == name) return outcome;
  }
  return audit::Outcome::unknown;
}

void decided(audit::Entry& entry, const policies::Decision& decision) {
  entry.decision = decision_of(decision.verdict);
  entry.code = decision.code;
  entry.reason = decision.reason;
  entry.policies = decision.policies;
  entry.shadow = decision.shadow;
  entry.policy_digest = decision.policy_digest;
}

std::string in_plan(const Trail& trail) {
  return trail.announced.empty() ? "" : "; " + trail.announced;
}

}  // namespace

audit::Entry intent_entry(const Trail& trail, const auth::Caller& caller, const Operation& operation,
                          const policies::Decision& decision, const BodyView& body, std::string_view environment) {
  audit::Entry entry;
  entry.phase = audit::Phase::intent;
  entry.operation = trail.operation;
  entry.peer = trail.peer;
  entry.agent = caller.agent;
  entry.owner = caller.owner;
  entry.chain = caller.chain;
  entry.upstream = operation.upstream;
  entry.protocol = operation.protocol;
  entry.action = operation.action;
  entry.effect = effect_name(operation.effect());
  entry.resources = resources_of(operation);
  entry.environment = environment;
  entry.detail = operation.summary + in_plan(trail);
  if (body.size > 0) {
    entry.input_sha256 = body.sha256;
    entry.input_bytes = static_cast<std::int64_t>(body.size);
  }
  decided(entry, decision);
  return entry;
}

audit::Entry intent_entry(const Trail& trail, const approvals::HeldRequest& request,
                          const policies::Decision& decision) {
  audit::Entry entry;
  entry.phase = audit::Phase::intent;
  approvals::name_request(entry, request);
  entry.operation = trail.operation;
  entry.chain = request.requester.chain;
  entry.protocol = request.frozen.protocol;
  entry.action = request.action;
  entry.detail = request.summary + in_plan(trail);
  if (request.frozen.body_size > 0) {
    entry.input_sha256 = request.frozen.body_sha256;
    entry.input_bytes = static_cast<std::int64_t>(request.frozen.body_size);
  }
  decided(entry, decision);
  return entry;
}

audit::Entry outcome_entry(const Trail& trail, const audit::Entry& intent, const adapters::Forwarded& forwarded) {
  audit::Entry entry;
  entry.phase = audit::Phase::outcome;
  entry.operation = intent.operation;
  entry.request = intent.request;
  entry.agent = intent.agent;
  entry.owner = intent.owner;
  entry.upstream = intent.upstream;
  entry.action = intent.action;
  entry.effect = intent.effect;
  entry.outcome = outcome_of(forwarded.outcome);
  entry.status = forwarded.status;
  entry.output_sha256 = forwarded.body_sha256;
  if (!forwarded.body_sha256.empty()) entry.output_bytes = static_cast<std::int64_t>(forwarded.body_bytes);
  entry.latency_us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - trail.started).count();
  entry.detail = forwarded.detail;
  return entry;
}

Recorder::Recorder(audit::Log& log, audit::Refusals& refusals, Metrics& metrics)
    : log_(log),
      refusals_(refusals),
      refused_(metrics.counter("countersign_refused_total", "Requests refused before they were an operation.")) {
  for (auto decision : {audit::Decision::allow, audit::Decision::hold, audit::Decision::deny}) {
    std::string name(audit::name_of(decision));
    decisions_[name] = &metrics.counter("countersign_operations_total", "Operations by what was decided about them.",
                                        {{"decision", name}});
  }
  for (auto outcome : kOutcomes) {
    std::string name(audit::name_of(outcome));
    outcomes_[name] = &metrics.counter("countersign_outcomes_total", "Forwarded operations by what became of them.",
                                       {{"outcome", name}});
  }
}

void Recorder::count(const audit::Entry& entry) {
  const auto& counters = entry.phase == audit::Phase::outcome ? outcomes_ : decisions_;
  const auto name =
      entry.phase == audit::Phase::outcome ? audit::name_of(entry.outcome) : audit::name_of(entry.decision);
  if (auto found = counters.find(name); found != counters.end()) found->second->add();
}

Task<Result<audit::Receipt>> Recorder::write_at(const audit::Entry* entry) {
  count(*entry);
  auto start = [this, entry](net::Done<audit::Receipt> done) { log_.append(*entry, std::move(done)); };
  co_return co_await net::await_callback<audit::Receipt>(std::move(start));
}

Task<Status> Recorder::write(const audit::Entry* entry) {
  auto receipt = co_await write_at(entry);
  if (!receipt) co_return fail(receipt.error());
  co_return Status();
}

Status Recorder::queue(const audit::Entry& entry) {
  if (Status healthy = log_.health(); !healthy) return healthy;
  count(entry);
  log_.append(entry);
  return {};
}

void Recorder::refused(const Trail& trail, const std::vector<std::string>& chain, const RequestHead& head,
                       const Error& error) {
  audit::Entry entry;
  refused_.add();
  entry.phase = audit::Phase::refused;
  entry.operation = trail.operation;
  entry.peer = trail.peer;
  entry.chain = chain;
  entry.decision = audit::Decision::deny;
  entry.code = error.code;
  entry.reason = error.message;
  entry.detail = head.method + " " + std::string(head.path());  // without the query: people put secrets there
  if (chain.empty()) {
    refusals_.append(std::move(entry), auth::network_of(trail.peer));
  } else {
    log_.append(std::move(entry));
  }
}

}  // namespace countersign::proxy
