// Executor: runs an approved request's stored copy, once.
//
// approved ─▶ thaw ─▶ still fresh? ─▶ decide again ─▶ executing (durable) ─▶ intent (durable) ─▶ safety copy ─▶
// forward ─▶ outcome (durable) ─▶ done ─▶ attest
//
// Nothing is sent before `executing` and the intent are durable; whatever fails before that refuses the request or
// leaves it approved, whatever fails after it ends as failed (nothing was sent) or unknown (may have run).
// docs/decisions/0006 says what is checked again and why.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "proxy/parts.h"

namespace countersign::proxy {

class Executor {
 public:
  explicit Executor(Parts& parts) : parts_(parts) {}

  // Runs the request if it is approved; at any time for any id, from several places at once: one of them executes. On
  // `worker`. What cannot run just now (an upstream that restarts, a store that is busy) stays approved: call again
  // later. A call for one that is being run already ends at once: getting ready may take long (a large push is looked
  // into once more), and is not done twice at a time.
  Task<void> run(std::string id, net::Worker* worker);
  // Runs that have not ended. Any thread; waited for before upstreams are taken away.
  [[nodiscard]] std::size_t running() const;

 private:
  struct Prepared;
  Task<Result<Prepared>> prepare(const approvals::HeldRequest* request, net::Worker* worker);
  struct Executed;
  class Turn;
  Task<Executed> execute(const Prepared* prepared, const approvals::HeldRequest* request, net::Worker* worker);
  Task<void> refuse(const approvals::HeldRequest* request, const Error* why);

  Parts& parts_;
  mutable std::mutex mutex_;
  std::set<std::string> running_;  // ids
};

}  // namespace countersign::proxy
