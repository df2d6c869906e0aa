// Verification of a log directory, or of a copy of one, from its bytes alone: nothing the writer keeps in memory, no
// private key.
//
// Reads every record and checks its form, its place, its time and its hash; every checkpoint, its signature and the
// root it signs, which also proves each one consistent with the next; and, when given, a checkpoint that was kept
// elsewhere. A log that is being written to may be verified: what was begun after the start of the verification is left
// out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/record_check.h"
#include "core/json.h"
#include "core/result.h"

namespace countersign::audit {

// Judges what a record says, beyond form, place and hash: what is wrong with it as the rest of a sentence ("is a vote
// whose …"), or nothing. Called for every record that stands in its place, in order.
using RecordJudge = std::function<std::optional<std::string>(const CheckedRecord&)>;

struct VerifyOptions {
  std::optional<VerifierKey> key;    // none: the folder's own `vkey`, which whoever rewrites a log can rewrite too
  std::optional<std::string> since;  // the text of a checkpoint saved earlier, somewhere else
  RecordJudge judge;                 // may be empty
};

struct Problem {
  std::optional<std::uint64_t> seq;       // the record it is about, where it is about one
  std::optional<std::uint64_t> last_seq;  // when it is about records seq … last_seq
  std::string file;
  std::uint64_t offset = 0;
  std::string what;

  [[nodiscard]] std::string text() const;  // "record 7 (segment-….jsonl, byte 2210): does not match …"
};

struct UnclosedIntent {
  std::uint64_t seq = 0;
  std::string operation;
};

inline constexpr std::size_t kMaxProblems = 100;

struct VerifyReport {
  std::string vkey;  // the key that was believed
  std::uint64_t records = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t signed_records = 0;  // covered by the latest good checkpoint
  std::optional<Checkpoint> latest;
  std::vector<UnclosedIntent> open;  // operations under way, or cut off by a crash and not yet closed by a restart
  std::vector<Problem> problems;     // the first kMaxProblems
  std::uint64_t problem_count = 0;
  std::vector<std::string> notes;  // worth knowing, not wrong

  [[nodiscard]] bool ok() const { return problem_count == 0; }
  [[nodiscard]] std::string text() const;  // for people, several lines
  [[nodiscard]] Json json() const;
};

// An error only when nothing can be verified: audit.not_a_log (no key at all), audit.vkey, audit.since (the saved
// checkpoint is not one of this log), audit.io. Everything else that is wrong is in the report.
Result<VerifyReport> verify(const std::filesystem::path& folder, const VerifyOptions& options = {});

}  // namespace countersign::audit
