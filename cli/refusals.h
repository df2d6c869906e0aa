// Requests that no handler saw (malformed heads, failed handshakes, connections over the cap), as audit records.
#pragma once

#include "audit/refusals.h"
#include "auth/attempts.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"
#include "proxy/http1/server.h"

namespace countersign::cli {

class Refusals final : public http1::Observer {
 public:
  Refusals(audit::Refusals& audit, const Clock& clock, const Log& log) : audit_(audit), clock_(clock), log_(log) {}

  void on_refused(const http1::Refusal& refusal) override {
    audit::Entry entry;
    entry.phase = audit::Phase::refused;
    entry.operation = new_uuid(clock_.now());
    entry.peer = refusal.peer.address;
    entry.decision = audit::Decision::deny;
    entry.code = refusal.error.code;
    entry.reason = refusal.error.message;
    entry.status = refusal.status;
    entry.detail = refusal.request_line;
    audit_.append(std::move(entry), auth::network_of(refusal.peer.address));
  }
  void on_fault(const net::Peer& peer, std::string_view what) override {
    log_.error("a request was not answered", {{"peer", peer.address}, {"what", what}});
  }

 private:
  audit::Refusals& audit_;
  const Clock& clock_;
  const Log& log_;
};

}  // namespace countersign::cli
