// Executor: runs an approved request's stored copy, once.
//
// approved ─▶ thaw ─▶ still fresh? ─▶ decide again ─▶ executing (durable) ─▶ intent (durable) ─▶ safety copy ─▶
// forward ─▶ outcome (durable) ─▶ done ─▶ attest
//
// Nothing is sent before `executing` and the intent are durable; whatever fails before that refuses the request or
// leaves it approved, whatever fails after it ends as failed (nothing was sent) or unknown (may have run).
// docs/decisions/0006 says what is checked again and why.
#pragma once

#include <atomic>
#include <string>

#include "proxy/parts.h"

namespace countersign::proxy {

class Executor {
 public:
  explicit Executor(Parts& parts) : parts_(parts) {}

  // Runs the request if it is approved; at any time for any id, from several places at once: one of them executes. On
  // `worker`. What cannot run just now (an upstream that restarts, a store that is busy) stays approved: call again
  // later.
  Task<void> run(std::string id, net::Worker* worker);
  // Runs that have not ended. Any thread; waited for before upstreams are taken away.
  [[nodiscard]] int running() const { return running_.load(); }

 private:
  struct Prepared;
  Task<Result<Prepared>> prepare(const approvals::HeldRequest* request, net::Worker* worker);
  struct Executed;
  Task<Executed> execute(const Prepared* prepared, const approvals::HeldRequest* request, net::Worker* worker);
  Task<void> refuse(const approvals::HeldRequest* request, const Error* why);

  Parts& parts_;
  std::atomic<int> running_ = 0;
};

}  // namespace countersign::proxy
