// What opening an existing log for writing does before the first new record.
//
// Invariant it relies on: the writer syncs a batch of records, then writes their hashes (unsynced), then answers. So a
// process that dies leaves at most records without hashes, never hashes without records: a hash whose record is missing
// means that an acknowledged record was lost, and the log is refused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "audit/checkpoint.h"
#include "audit/open_intents.h"
#include "core/result.h"

namespace countersign::audit {

struct Recovery {
  Position position;
  std::optional<SignedCheckpoint> latest;  // none only in a log that never signed one
  std::uint64_t cut_record_bytes = 0;      // of a last record that was never acknowledged
  std::uint64_t cut_checkpoint_bytes = 0;  // of a last checkpoint that was never published
  std::uint64_t scanned = 0;               // records that had to be read
};

// Reads the tail (everything, when `open-intents` does not help), cuts what is torn, and writes missing hashes again.
// The caller holds the lock. audit.corrupt, naming the record, when anything the latest checkpoint or a stored hash
// covers does not match; nothing has been changed then. audit.io when the disk fails.
Result<Recovery> recover(const std::filesystem::path& folder, const VerifierKey& key);

}  // namespace countersign::audit
