// Attestations as they are found on this machine: in a repository's refs or in files. Nothing is believed here; an
// attestation that cannot be read is found all the same, with its error, so that it can be reported. Blocking; any
// thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/commit_range.h"
#include "core/result.h"

namespace countersign::cli {

inline constexpr std::size_t kMaxAttestations = 100'000;

struct FoundAttestation {
  std::string source;            // "refs/countersign/attestations/req_1", "evidence/a.json", "all.jsonl:7"
  Result<std::string> envelope;  // its text
};

// Every ref below refs/countersign/attestations/: each names a commit whose tree holds `attestation.json`.
// Errors: git.tool_*, cli.attestations (invalid: over kMaxAttestations).
Result<std::vector<FoundAttestation>> attestations_in_refs(const LocalRepository& repository,
                                                           adapters::git::ObjectReader& objects);

// A file of one envelope or of one a line, or a folder of such files (*.json and *.jsonl, not those below).
// Errors: cli.attestations (invalid: not there, unreadable, over kMaxAttestations).
Result<std::vector<FoundAttestation>> attestations_in_files(const std::filesystem::path& path);

}  // namespace countersign::cli
