#include "policies/folder.h"

#include <algorithm>

#include "policies/declarations.h"
#include "policies/links.h"

namespace countersign::policies {
namespace {

constexpr std::size_t kMostFiles = 1000;

// The *.cedar files of one folder; what is there and cannot be listed is a problem.
void list_policies(const std::filesystem::path& folder, const std::string& prefix, SnapshotSource& source,
                   Problems& problems) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".cedar") names.push_back(it->path().filename().string());
  }
  if (error) problems.push_back({folder.string(), 0, 0, "cannot read the folder: " + error.message()});
  for (const std::string& name : names) {
    if (source.policies.size() == kMostFiles) {
      problems.push_back({folder.string(), 0, 0, "more than " + std::to_string(kMostFiles) + " policy files"});
      return;
    }
    std::string path = (folder / name).string();
    Result<std::string> text = read_file(path, kFileBytes);
    if (text) {
      source.policies.push_back({prefix + name, path, std::move(*text)});
    } else {
      problems.push_back({path, 0, 0, text.error().message});
    }
  }
}

// nullopt when it is certainly not there, or (reported) cannot be read.
std::optional<FileText> read_optional(const std::filesystem::path& folder, std::string_view name, Problems& problems) {
  std::error_code error;
  std::filesystem::path path = folder / name;
  if (std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found) return std::nullopt;
  Result<std::string> text = read_file(path.string(), kFileBytes);
  if (text) return FileText{std::string(name), path.string(), std::move(*text)};
  problems.push_back({path.string(), 0, 0, text.error().message});
  return std::nullopt;
}

}  // namespace

SnapshotSource read_folder(const std::filesystem::path& folder, Problems& problems) {
  SnapshotSource source;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    problems.push_back({folder.string(), 0, 0, "there is no folder " + folder.string()});
    return source;
  }
  list_policies(folder, "", source, problems);
  // Only what is certainly absent may be left out: a floor that cannot be seen is an error, not no floor.
  auto floor = std::filesystem::status(folder / "floor", error);
  if (floor.type() != std::filesystem::file_type::not_found)
    list_policies(folder / "floor", std::string(kFloor), source, problems);
  std::ranges::sort(source.policies, {}, &FileText::name);
  source.entities = read_optional(folder, "entities.yaml", problems);
  source.declarations = read_optional(folder, kDeclarationsFile, problems);
  source.links = read_optional(folder, kLinksFile, problems);
  return source;
}

}  // namespace countersign::policies
