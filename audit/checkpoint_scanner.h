// Reads the `checkpoints` file: signed notes in the order they were made, each followed by an empty line.
#pragma once

#include <cstdint>
#include <optional>

#include "audit/checkpoint.h"
#include "audit/files.h"

namespace countersign::audit {

// One thread; does not own the descriptor or the key.
class CheckpointScanner {
 public:
  struct Item {
    std::uint64_t offset = 0;  // of the note's first byte
    std::uint64_t end = 0;     // behind its empty line
    bool torn = false;         // the file ends inside the note
    Result<SignedCheckpoint> checkpoint;
  };

  CheckpointScanner(int fd, std::uint64_t offset, std::uint64_t end, const VerifierKey& key)
      : lines_(fd, offset, end), at_(offset), key_(key) {}
  // nullopt at the end. After a bad note it goes on behind the next empty line that follows a signature line.
  Result<std::optional<Item>> next();

 private:
  LineReader lines_;
  std::uint64_t at_;
  const VerifierKey& key_;
};

}  // namespace countersign::audit
