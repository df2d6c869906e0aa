// Which commits of a range are covered by which attestation of an approved push, or why not. Pure functions, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/attestation.h"
#include "cli/attestation_sources.h"
#include "cli/commit_range.h"
#include "cli/text.h"
#include "core/json.h"
#include "policies/directory.h"

namespace countersign::cli {

enum class MustCover : std::uint8_t { assisted, all };

// What an attestation must be to cover a commit, besides naming it. Empty strings: anything.
struct CoverageDemand {
  MustCover commits = MustCover::assisted;
  std::string upstream;
  std::string repository;
  std::string ref;
  std::optional<policies::Level> level;  // that the most senior of the approvers must have at least
  std::size_t approvals = 1;             // by different people
};

enum class Trust : std::uint8_t {
  valid,
  foreign,    // signed by a key that was not given
  forged,     // signed in the name of a key that was given, and the signature is wrong
  malformed,  // cannot be read, or says nothing about approved pushes
};
[[nodiscard]] std::string_view name_of(Trust trust);

struct JudgedAttestation {
  std::string source;
  Trust trust = Trust::malformed;
  Error error;                                    // of one that is not valid
  std::optional<audit::Attestation> attestation;  // of a valid one
  std::string keyid;                              // of a valid one
};

struct JudgedCommit {
  RangeCommit commit;
  bool demanded = true;
  std::optional<std::size_t> covered_by;  // index into Coverage::attestations
  std::string ref;                        // to which that push added it
  std::string reason;                     // why it is not covered; empty when it is
};

struct Coverage {
  std::vector<JudgedCommit> commits;
  std::vector<JudgedAttestation> attestations;

  // Every commit that must be covered is, and no attestation is anything but valid.
  [[nodiscard]] bool ok() const;
};

[[nodiscard]] std::vector<JudgedAttestation> judge_attestations(std::vector<FoundAttestation> found,
                                                                std::span<const audit::VerifierKey> keys);
[[nodiscard]] Coverage judge_commits(std::vector<RangeCommit> commits, std::vector<JudgedAttestation> attestations,
                                     const CoverageDemand& demand);

// For people and for programs (docs/git-attestations.md has the members).
[[nodiscard]] std::string render_coverage(const Coverage& coverage, const Terminal& terminal);
[[nodiscard]] Json coverage_json(const Coverage& coverage, const CommitRange& range, const CoverageDemand& demand);

}  // namespace countersign::cli
