// The files of a policy folder, read and not yet looked into.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"

namespace countersign::policies {

inline constexpr std::size_t kFileBytes = 4U << 20;   // of each
inline constexpr std::string_view kFloor = "floor/";  // how the names of the floor's files begin

struct FileText {
  std::string name;  // relative to the folder: "floor/production.cedar"
  std::string path;  // for messages
  std::string text;
};

struct SnapshotSource {
  std::vector<FileText> policies;  // sorted by name
  std::optional<FileText> entities;
  std::optional<FileText> declarations;
  std::optional<FileText> links;
};

// What is there and cannot be read is a problem; what is certainly not there may be left out, all but the folder.
[[nodiscard]] SnapshotSource read_folder(const std::filesystem::path& folder, Problems& problems);

}  // namespace countersign::policies
