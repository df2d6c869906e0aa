#include "proxy/adapters/git/objects/repository.h"

#include <fstream>
#include <system_error>

namespace countersign::adapters::git {
namespace {

std::unexpected<Error> unwritable() {
  return fail(ErrorKind::unavailable, "git.store_unwritable", "the git object store cannot be written");
}

}  // namespace

Status write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return unwritable();
  return {};
}

Status make_repository(const std::filesystem::path& folder, ObjectFormat format,
                       const std::vector<std::filesystem::path>& alternates) {
  std::error_code code;
  for (const char* part : {"objects/pack", "objects/info", "refs"}) {
    std::filesystem::create_directories(folder / part, code);
    if (code) return unwritable();
  }
  std::string others;
  for (const std::filesystem::path& each : alternates) others += std::filesystem::absolute(each).string() + "\n";
  Status written = write_file(folder / "objects/info/alternates", others);
  if (!written) return written;
  std::string config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = ";
  config += name_of(format);
  written = write_file(folder / "config", config + "\n");
  if (!written) return written;
  return write_file(folder / "HEAD", "ref: refs/heads/none\n");
}

std::uint64_t bytes_below(const std::filesystem::path& folder) {
  std::uint64_t total = 0;
  std::error_code code;
  auto entry = std::filesystem::recursive_directory_iterator(folder, code);
  for (; !code && entry != std::filesystem::recursive_directory_iterator(); entry.increment(code)) {
    std::error_code gone;
    std::uintmax_t size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
    if (!gone) total += size;
  }
  return total;
}

}  // namespace countersign::adapters::git
