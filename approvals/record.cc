#include "approvals/record.h"

namespace countersign::approvals {

void name_request(audit::Entry& entry, const HeldRequest& request) {
  entry.request = request.id;
  entry.fingerprint = request.fingerprint;
  entry.agent = request.requester.agent;
  entry.owner = request.requester.owner;
  entry.upstream = request.frozen.upstream;
  entry.effect = request.effect;
  entry.resources = request.resources;
  entry.environment = request.environment;
}

}  // namespace countersign::approvals
