// Reader: reads a log directory, or a copy of one, without any lock and without changing it. The writer may be at work:
// only records whose sync has succeeded are seen, because their hashes are written after it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/files.h"
#include "core/clock.h"

namespace countersign::audit {

struct StoredRecord {
  std::uint64_t seq = 0;
  TimeMs time = 0;
  std::string line;  // canonical JSON, without the newline
};

// A value: the folder's path and the log's key. Any thread; every call opens the files it needs.
class Reader {
 public:
  // audit.not_a_log when the folder holds no readable `vkey`.
  static Result<Reader> open(const std::filesystem::path& folder);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const VerifierKey& verifier_key() const { return key_; }

  // Number of durable records.
  [[nodiscard]] Result<std::uint64_t> size() const;
  // The published checkpoint, its signature checked.
  [[nodiscard]] Result<SignedCheckpoint> checkpoint() const;
  // audit.unknown_record when there is none; audit.corrupt when the files do not hold it where it belongs.
  [[nodiscard]] Result<StoredRecord> get(std::uint64_t seq) const;
  // Records [begin, end), at most 65 536 of them.
  [[nodiscard]] Result<std::vector<StoredRecord>> range(std::uint64_t begin, std::uint64_t end) const;
  // Leaf hashes [begin, end).
  [[nodiscard]] Result<std::vector<Digest>> hashes(std::uint64_t begin, std::uint64_t end) const;

 private:
  Reader(std::filesystem::path folder, VerifierKey key) : folder_(std::move(folder)), key_(std::move(key)) {}

  std::filesystem::path folder_;
  VerifierKey key_;
};

// The record on a line that is known to be whole.
[[nodiscard]] StoredRecord stored_record(std::string_view line);

}  // namespace countersign::audit
