// Makes bare repositories without running git, and knows where things are in them. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters::git {

// A repository without refs or objects of its own, at a folder that may exist; reads the objects of `alternates`
// (object folders, absolute) too. Error: git.store_unwritable.
Status make_repository(const std::filesystem::path& folder, ObjectFormat format,
                       const std::vector<std::filesystem::path>& alternates);

// Writes a small file whole. Error: git.store_unwritable.
Status write_file(const std::filesystem::path& path, std::string_view text);

// Bytes below a folder; 0 when it is not there.
[[nodiscard]] std::uint64_t bytes_below(const std::filesystem::path& folder);

}  // namespace countersign::adapters::git
