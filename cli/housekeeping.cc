#include "cli/housekeeping.h"

#include <algorithm>
#include <vector>

namespace countersign::cli {
namespace fs = std::filesystem;

FolderWatch::FolderWatch(fs::path folder) : folder_(std::move(folder)), known_(look()), last_(known_) {}

bool FolderWatch::changed() {
  std::string now = look();
  const bool settled = now == last_;
  last_ = std::move(now);
  if (!settled || last_ == known_) return false;
  known_ = last_;
  return true;
}

// Names, sizes and times of what the loader would read; two levels: the folder, and what it knows in it.
std::string FolderWatch::look() const {
  std::vector<std::string> lines;
  for (const fs::path& folder : {folder_, folder_ / "floor", folder_ / "roles", folder_ / "tests"}) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      const std::string extension = entry->path().extension().string();
      if (extension != ".cedar" && extension != ".yaml" && extension != ".cedarschema" && extension != ".json")
        continue;
      std::error_code gone;
      const auto size = entry->file_size(gone);
      const auto time = entry->last_write_time(gone).time_since_epoch().count();
      if (!gone)
        lines.push_back(entry->path().string() + '\n' + std::to_string(size) + '\n' + std::to_string(time) + '\n');
    }
  }
  std::ranges::sort(lines);
  std::string all;
  for (const std::string& line : lines) all += line;
  return all;
}

}  // namespace countersign::cli
