#include "proxy/attest.h"

#include <algorithm>
#include <ranges>

namespace countersign::proxy {
namespace {

using approvals::HeldRequest;
using approvals::Progress;
using approvals::Vote;

// The vote with which `person` counts in `rule`: their latest approval of it.
const Vote* counting_vote(const HeldRequest& request, const std::string& rule, const std::string& person) {
  for (const Vote& vote : request.votes | std::views::reverse) {
    if (vote.approves && vote.rule == rule && vote.by == person) return &vote;
  }
  return nullptr;
}

std::vector<audit::AttestedApproval> approvals_of(const HeldRequest& request, std::span<const Progress> progress) {
  std::vector<audit::AttestedApproval> out;
  for (const Progress& rule : progress) {
    for (const std::string& person : rule.counted) {
      const Vote* vote = counting_vote(request, rule.rule, person);
      if (vote != nullptr) out.push_back({vote->rule, vote->stage, vote->by, vote->level, vote->at});
    }
  }
  return out;
}

}  // namespace

Result<std::optional<audit::Attestation>> attestation_of(const HeldRequest& request, std::span<const Progress> progress,
                                                         LandedPush landed) {
  if (!approvals::all_satisfied(progress)) {
    return fail(ErrorKind::invalid, "attestation.not_approved",
                "the approvals of " + request.id + " do not suffice by today's rules");
  }
  std::size_t commits = 0;
  for (const audit::AttestedRef& ref : landed.refs) commits += ref.commits.size();
  if (commits == 0) return std::nullopt;
  if (commits > audit::kMaxAttestedCommits) {
    return fail(ErrorKind::too_large, "attestation.too_large",
                "the push added " + std::to_string(commits) + " commits, more than one attestation may name");
  }
  audit::Attestation out;
  out.request = request.id;
  out.agent = request.requester.agent;
  out.owner = request.requester.owner;
  out.delegates = request.requester.delegates;
  out.upstream = request.frozen.upstream;
  out.repository = std::move(landed.repository);
  out.refs = std::move(landed.refs);
  out.approvals = approvals_of(request, progress);
  out.policy_digest = request.policy_digest;
  out.fingerprint = request.fingerprint;
  out.body_sha256 = request.frozen.body_sha256;
  out.log = {std::move(landed.origin), std::move(landed.operation), landed.outcome.seq, to_hex(landed.outcome.leaf)};
  out.executed_at = landed.executed_at;
  return out;
}

}  // namespace countersign::proxy
