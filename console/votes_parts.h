// What votes on one request, on a batch and on a burst have in common. For votes.cc and bursts.cc only.
#pragma once

#include <optional>
#include <string>

#include "approvals/queue.h"
#include "approvals/statement.h"
#include "audit/entry.h"
#include "console/api.h"

namespace countersign::console {

// What a vote means for one request, and how long it takes to read what it would do.
struct AdminApi::Stated {
  approvals::StatedRequest request;
  TimeMs reading = 0;
};

struct AdminApi::Intent {
  approvals::Choice choice = approvals::Choice::deny;
  std::string reason;
  std::string for_whom;
  std::string grant;
  TimeMs viewed_ms = -1;
  std::string signature;                          // as it is stored; empty when unsigned
  TimeMs key_enrolled = 0;                        // of the passkey that made it
  std::optional<approvals::Statement> statement;  // that was signed
};

// A vote on one request that nothing speaks against: what is recorded, and what is given to the queue then.
struct AdminApi::Prepared {
  audit::Entry entry;
  approvals::Ballot ballot;
};

}  // namespace countersign::console
