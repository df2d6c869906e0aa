// The files of the journal: daily segments, compressed once they are finished. A part of policies/journal.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"
#include "policies/journal.h"

namespace countersign::policies {

struct Segment {
  std::filesystem::path path;
  std::string day;  // "2026-11-21"
  int number = 0;   // from 1
  bool compressed = false;
  std::uint64_t bytes = 0;
};

// All of the folder, oldest first; of a segment that is there both ways, the plain file. Other files are passed over.
[[nodiscard]] std::vector<Segment> list_segments(const std::filesystem::path& folder);

// "2026-11-21" of a time.
[[nodiscard]] std::string day_of(TimeMs time);

// Makes a gzip file beside the plain one and removes that. What is there half from an earlier try is replaced.
[[nodiscard]] Status compress_segment(const Segment& segment);

// Removes the oldest segments, all but `current`, until there are no more days and bytes than allowed.
void remove_old_segments(const std::filesystem::path& folder, const JournalLimits& limits, TimeMs now,
                         const std::filesystem::path& current);

// The whole text of a segment, plain or compressed; at most `limit` bytes of it. A file that ends in the middle is
// read as far as it goes. Errors: journal.unreadable.
[[nodiscard]] Result<std::string> read_segment(const std::filesystem::path& path, std::size_t limit);

}  // namespace countersign::policies
