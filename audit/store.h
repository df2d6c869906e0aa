// Store: the files of a log as its writer sees them. No threads, no tree: Log owns one and calls it from its writer
// thread.
//
// Every method that fails has left the files in a state that recover() understands, and must be the last call.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "audit/files.h"
#include "core/result.h"
#include "core/sha256.h"

namespace countersign::audit {

class Store {
 public:
  struct Limits {
    std::uint64_t segment_bytes;  // a segment that has reached this is followed by a new one
    std::uint64_t reserve_bytes;  // with less space than this left nothing is written any more
  };

  // Opens for appending what recover() has put in order: `segment` holds `offset` bytes. Creates what is missing.
  static Result<Store> open(const std::filesystem::path& folder, std::uint64_t segment, std::uint64_t offset,
                            std::uint64_t records, const Limits& limits, FileOps& ops);

  // Makes whole record lines durable; `first` is the seq of the first one. Before it writes it makes sure that it still
  // writes to files people can see (not deleted, replaced, cut or appended to by others) and that there is space.
  Status append(std::string_view lines, const std::vector<Digest>& leaves, std::uint64_t first);

  // Makes the hashes and then the checkpoint durable, in `checkpoints` and then in `checkpoint`.
  Status write_checkpoint(std::string_view note);
  Status write_open_intents(std::string_view note);

  [[nodiscard]] std::uint64_t segment() const { return segment_; }
  [[nodiscard]] std::uint64_t offset() const { return records_.size; }

 private:
  struct Tracked {
    FileDescriptor file;
    std::filesystem::path path;
    std::uint64_t size = 0;
  };
  Store(std::filesystem::path folder, const Limits& limits, FileOps& ops)
      : folder_(std::move(folder)), limits_(limits), ops_(&ops) {}
  Status open_segment(std::uint64_t first);
  static Result<Tracked> open_tracked(const std::filesystem::path& path);
  static Status check(const Tracked& tracked);
  Status extend(Tracked& tracked, std::string_view data);

  std::filesystem::path folder_;
  Limits limits_;
  FileOps* ops_;
  std::uint64_t segment_ = 0;
  Tracked records_;
  Tracked hashes_;
  Tracked checkpoints_;
};

}  // namespace countersign::audit
