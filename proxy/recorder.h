// Recorder: what the pipeline knows, as audit records, and waiting for them to be durable.
//
// A change waits for its intent before anything is sent, and for its outcome before its answer is. A read's records are
// queued: they are durable a moment later, and nothing passes at all once the log has failed.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "approvals/request.h"
#include "audit/refusals.h"
#include "auth/caller.h"
#include "core/http_head.h"
#include "core/metrics.h"
#include "core/task.h"
#include "policies/decision.h"
#include "proxy/adapters/adapter.h"
#include "scopes/operation.h"

namespace countersign::proxy {

// One request on its way, as its records name it.
struct Trail {
  std::string operation;  // UUIDv7, shared by intent and outcome
  std::string peer;
  std::string announced = {};  // which plan announced it, and as what; on the record
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

class Recorder {
 public:
  // All of them outlive the recorder. Counts what it records: countersign_operations_total, _outcomes_total,
  // _refused_total.
  Recorder(audit::Log& log, audit::Refusals& refusals, Metrics& metrics);

  // Waits until the record is durable.
  Task<Status> write(const audit::Entry* entry);
  // The same, and says where in the log it is.
  Task<Result<audit::Receipt>> write_at(const audit::Entry* entry);
  // Leaves it to the log to write it soon; an error when the log does not take records any more.
  Status queue(const audit::Entry& entry);
  // Never became an operation: malformed, unauthenticated, unknown path. Queued. `chain` is what the presented token
  // proved to be, or empty: then it is nobody we know, and recorded at a bounded rate.
  void refused(const Trail& trail, const std::vector<std::string>& chain, const RequestHead& head, const Error& error);

  [[nodiscard]] audit::Log& log() { return log_; }

 private:
  void count(const audit::Entry& entry);

  audit::Log& log_;
  audit::Refusals& refusals_;
  std::map<std::string, Counter*, std::less<>> decisions_;  // by name of the decision
  std::map<std::string, Counter*, std::less<>> outcomes_;   // by name of the outcome
  Counter& refused_;
};

// Pure: the intent of an operation, and the outcome that follows an intent.
[[nodiscard]] audit::Entry intent_entry(const Trail& trail, const auth::Caller& caller, const Operation& operation,
                                        const policies::Decision& decision, const BodyView& body,
                                        std::string_view environment);
[[nodiscard]] audit::Entry intent_entry(const Trail& trail, const approvals::HeldRequest& request,
                                        const policies::Decision& decision);
[[nodiscard]] audit::Entry outcome_entry(const Trail& trail, const audit::Entry& intent,
                                         const adapters::Forwarded& forwarded);

}  // namespace countersign::proxy
