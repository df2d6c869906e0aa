// From an approved push that has landed to its attestation. Pure functions, any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "approvals/request.h"
#include "approvals/rules.h"
#include "audit/attestation.h"
#include "audit/log.h"
#include "core/result.h"

namespace countersign::proxy {

// What became of an approved push at its upstream.
struct LandedPush {
  std::string repository;                // below the upstream: "team/app"
  std::vector<audit::AttestedRef> refs;  // those the upstream took, each with all commits it gained (`old..new`)
  std::string origin;                    // audit::Log::origin()
  std::string operation;                 // of its intent and outcome
  audit::Receipt outcome;                // where the outcome record is: Recorder::write_at
  TimeMs executed_at = 0;
};

// The attestation of `request`, whose approvals are the votes that count in `progress` (approvals::progress_of, taken
// when it was executed). nullopt when there is nothing to attest: the push added no commit to any ref (deletions, a
// branch put back). Errors: attestation.not_approved (a rule is not satisfied, or there is none),
// attestation.too_large.
Result<std::optional<audit::Attestation>> attestation_of(const approvals::HeldRequest& request,
                                                         std::span<const approvals::Progress> progress,
                                                         LandedPush landed);

}  // namespace countersign::proxy
