#include "cli/coverage.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "audit/dsse.h"

namespace countersign::cli {
namespace {

using audit::Attestation;
using audit::AttestedApproval;

// One commit of one attestation.
struct Mention {
  std::size_t attestation = 0;
  std::string_view ref;
};
using Mentions = std::unordered_map<std::string_view, std::vector<Mention>>;

Mentions index_of(const std::vector<JudgedAttestation>& attestations) {
  Mentions out;
  for (std::size_t i = 0; i < attestations.size(); ++i) {
    if (!attestations[i].attestation) continue;
    for (const audit::AttestedRef& ref : attestations[i].attestation->refs) {
      for (const std::string& commit : ref.commits) out[commit].push_back({i, ref.ref});
    }
  }
  return out;
}

std::int64_t rank_of_level(std::string_view name) {
  auto level = policies::level_from_name(name);
  return level ? policies::rank_of(*level) : 0;
}

std::size_t people_of(const Attestation& attestation) {
  std::set<std::string_view> people;
  for (const AttestedApproval& approval : attestation.approvals) people.insert(approval.by);
  return people.size();
}

const AttestedApproval& most_senior(const Attestation& attestation) {
  return *std::ranges::max_element(attestation.approvals, {},
                                   [](const AttestedApproval& a) { return rank_of_level(a.level); });
}

// How far an attestation comes towards covering, and what stops it. The further, the more telling the reason.
struct Shortfall {
  int step = 0;
  std::string reason;  // empty: it covers
};

Shortfall shortfall_of(const Attestation& attestation, std::string_view ref, const CoverageDemand& demand) {
  const std::string of = attestation.request + " approved it ";
  if (!demand.upstream.empty() && attestation.upstream != demand.upstream)
    return {1, of + "for the upstream " + attestation.upstream + ", not for " + demand.upstream};
  if (!demand.repository.empty() && attestation.repository != demand.repository)
    return {2, of + "for the repository " + attestation.repository + ", not for " + demand.repository};
  if (!demand.ref.empty() && ref != demand.ref) return {3, of + "for " + std::string(ref) + ", not for " + demand.ref};
  if (people_of(attestation) < demand.approvals) {
    return {4, of + "with " + std::to_string(people_of(attestation)) + " of " + std::to_string(demand.approvals) +
                   " approvals that are demanded"};
  }
  if (demand.level && rank_of_level(most_senior(attestation).level) < policies::rank_of(*demand.level)) {
    return {5, of + "by nobody of level " + std::string(policies::level_name(*demand.level)) +
                   " or above: " + most_senior(attestation).by + " is " + most_senior(attestation).level};
  }
  return {6, {}};
}

void judge(JudgedCommit& judged, const std::vector<JudgedAttestation>& attestations,
           const std::vector<Mention>& mentions, const CoverageDemand& demand) {
  judged.reason =
      "no attestation names it: nobody approved this very commit. One that was rebased, squashed, amended or "
      "cherry-picked after its approval is another commit";
  int best = 0;
  for (const Mention& mention : mentions) {
    Shortfall shortfall = shortfall_of(*attestations[mention.attestation].attestation, mention.ref, demand);
    if (shortfall.step <= best) continue;
    best = shortfall.step;
    judged.reason = std::move(shortfall.reason);
    if (!judged.reason.empty()) continue;
    judged.covered_by = mention.attestation;
    judged.ref = mention.ref;
    return;
  }
}

Trust trust_of(const Error& error) {
  if (error.code == "dsse.unknown_key") return Trust::foreign;
  if (error.code == "dsse.signature") return Trust::forged;
  return Trust::malformed;
}

}  // namespace

std::string_view name_of(Trust trust) {
  switch (trust) {
    case Trust::valid:
      return "valid";
    case Trust::foreign:
      return "foreign";
    case Trust::forged:
      return "forged";
    case Trust::malformed:
      return "malformed";
  }
  return "malformed";
}

bool Coverage::ok() const {
  return std::ranges::all_of(commits, [](const JudgedCommit& c) { return !c.demanded || c.covered_by; }) &&
         std::ranges::all_of(attestations, [](const JudgedAttestation& a) { return a.trust == Trust::valid; });
}

std::vector<JudgedAttestation> judge_attestations(std::vector<FoundAttestation> found,
                                                  std::span<const audit::VerifierKey> keys) {
  std::vector<JudgedAttestation> out;
  out.reserve(found.size());
  for (FoundAttestation& each : found) {
    JudgedAttestation judged{.source = std::move(each.source)};
    auto verified = each.envelope ? audit::verify_attestation(*each.envelope, keys)
                                  : Result<audit::VerifiedAttestation>(fail(each.envelope.error()));
    if (verified) {
      judged.trust = Trust::valid;
      judged.keyid = audit::keyid_of(verified->key);
      judged.attestation = std::move(verified->attestation);
    } else {
      judged.trust = trust_of(verified.error());
      judged.error = verified.error();
    }
    out.push_back(std::move(judged));
  }
  return out;
}

Coverage judge_commits(std::vector<RangeCommit> commits, std::vector<JudgedAttestation> attestations,
                       const CoverageDemand& demand) {
  Coverage out{.commits = {}, .attestations = std::move(attestations)};
  const Mentions mentions = index_of(out.attestations);
  out.commits.reserve(commits.size());
  for (RangeCommit& commit : commits) {
    JudgedCommit judged{.commit = std::move(commit)};
    judged.demanded = demand.commits == MustCover::all || !judged.commit.assistance.empty();
    auto found = mentions.find(judged.commit.id);
    judge(judged, out.attestations, found == mentions.end() ? std::vector<Mention>() : found->second, demand);
    out.commits.push_back(std::move(judged));
  }
  return out;
}

}  // namespace countersign::cli
