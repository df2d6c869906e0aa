// Evidence: the signed attestation of an approved operation that has landed, kept in the state database and left beside
// what it is about (docs/git-attestations.md). Nothing waits for it but the agent that waits for its result; what fails
// is recorded, and publishing is tried again later.
#pragma once

#include <string>

#include "proxy/parts.h"

namespace countersign::proxy {

// Where the log has what became of an executed request.
struct RecordedRun {
  std::string operation;
  audit::Receipt outcome;
};

// Signs and keeps what there is to attest; does nothing when there is nothing. After forward() and its durable outcome.
Task<void> attest(Parts* parts, const approvals::HeldRequest* request, const adapters::Conversation* conversation,
                  const RecordedRun* run);

// Leaves a kept attestation with its upstream; does nothing when there is none, or it has been done. May run twice at
// once. On `worker`.
Task<void> publish_evidence(Parts* parts, std::string request, net::Worker* worker);

}  // namespace countersign::proxy
