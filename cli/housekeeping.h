// Noticing that somebody has edited the policies folder.
#pragma once

#include <filesystem>
#include <string>

namespace countersign::cli {

// Tells once for each settled change: a folder that looks different, and the same at two looks in a row, so that an
// edit half way (an editor's temporary files, a checkout) is not loaded. One thread.
class FolderWatch {
 public:
  explicit FolderWatch(std::filesystem::path folder);
  [[nodiscard]] bool changed();

 private:
  [[nodiscard]] std::string look() const;
  std::filesystem::path folder_;
  std::string known_;
  std::string last_;
};

}  // namespace countersign::cli
