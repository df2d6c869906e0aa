#include "policies/activation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

namespace countersign::policies {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEntries = 10'000;
constexpr std::uintmax_t kMostBytes = 256U << 20;

std::unexpected<Error> read_only(std::string why) {
  return fail(ErrorKind::conflict, "policies.read_only", "the policies are not edited here: " + std::move(why));
}

std::unexpected<Error> write_failed(const fs::path& path, int error) {
  return fail(ErrorKind::internal, "policies.write_failed",
              "cannot write " + path.string() + ": " + std::generic_category().message(error));
}

fs::path beside(const fs::path& folder) {
  return folder.parent_path() / ("." + folder.filename().string() + ".countersign-new");
}

// The folder itself, where a link names it.
Result<fs::path> resolve(const fs::path& folder) {
  std::error_code error;
  fs::path out = fs::canonical(folder, error);
  if (error) return read_only("there is no folder " + folder.string());
  return out;
}

Status sync_path(const fs::path& path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return write_failed(path, errno);
  int failed = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (failed != 0) return write_failed(path, failed);
  return {};
}

Status write_file(const fs::path& path, std::string_view text) {
  int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (descriptor < 0) return write_failed(path, errno);
  int failed = 0;
  while (!text.empty() && failed == 0) {
    ssize_t put = ::write(descriptor, text.data(), text.size());
    if (put < 0 && errno != EINTR) failed = errno;
    if (put > 0) text.remove_prefix(static_cast<std::size_t>(put));
  }
  if (failed == 0 && ::fsync(descriptor) != 0) failed = errno;
  if (::close(descriptor) != 0 && failed == 0) failed = errno;
  if (failed != 0) return write_failed(path, failed);
  return {};
}

// Walks everything in the folder but links; limits keep a folder that holds something else altogether out.
template <class Visit>
Status walk(const fs::path& folder, Visit&& visit) {
  std::error_code error;
  std::size_t entries = 0;
  std::uintmax_t bytes = 0;
  fs::recursive_directory_iterator it(folder, error);
  for (fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    if (it->is_regular_file(gone)) bytes += it->file_size(gone);
    if (++entries > kMostEntries || bytes > kMostBytes)
      return read_only("the folder holds more than 10,000 files or 256 MiB, which would all be copied");
    if (auto done = visit(*it); !done) return done;
  }
  if (error) return read_only("the folder cannot be read: " + error.message());
  return {};
}

// What is no file of a policy set, into the new folder.
Status copy_others(const fs::path& from, const fs::path& to) {
  return walk(from, [&](const fs::directory_entry& entry) -> Status {
    fs::path relative = entry.path().lexically_relative(from);
    std::error_code error;
    if (entry.is_symlink(error)) {
      fs::copy_symlink(entry.path(), to / relative, error);
    } else if (entry.is_directory(error)) {
      fs::create_directory(to / relative, entry.path(), error);
    } else if (entry.is_regular_file(error) && !is_policy_file(relative.generic_string())) {
      fs::copy_file(entry.path(), to / relative, error);
    }
    if (error) return write_failed(to / relative, error.value());
    return {};
  });
}

Status fill(const fs::path& from, const fs::path& to, const SnapshotSource& wanted) {
  std::error_code error;
  fs::remove_all(to, error);
  fs::create_directory(to, from, error);  // with the permissions of `from`
  if (error) return write_failed(to, error.value());
  if (auto copied = copy_others(from, to); !copied) return copied;
  for (const FileText* file : wanted.all()) {
    fs::path path = to / file->name;
    fs::create_directories(path.parent_path(), error);
    if (error) return write_failed(path, error.value());
    if (auto written = write_file(path, file->text); !written) return written;
  }
  for (std::string_view folder : {"floor", "roles", "tests"}) {
    if (fs::is_directory(to / folder, error)) {
      if (auto synced = sync_path(to / folder); !synced) return synced;
    }
  }
  return sync_path(to);
}

Status exchange(const fs::path& a, const fs::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return {};
  switch (errno) {
    case EBUSY:
    case EXDEV:
      return read_only("the folder is mounted where it is, and cannot be exchanged as a whole");
    case EINVAL:
    case ENOSYS:
      return read_only("the file system cannot exchange two folders in one step");
    case EACCES:
    case EPERM:
    case EROFS:
      return read_only("the gateway may not write in " + b.parent_path().string());
    default:
      return write_failed(b, errno);
  }
}

Status probed(const ActivationProbe& probe, std::string_view step) {
  return probe ? probe(step) : Status();
}

}  // namespace

bool same_files(const SnapshotSource& a, const SnapshotSource& b) {
  return std::ranges::equal(a.all(), b.all(), [](const FileText* one, const FileText* other) {
    return one->name == other->name && one->text == other->text;
  });
}

Status check_writable(const fs::path& folder) {
  auto resolved = resolve(folder);
  if (!resolved) return fail(resolved.error());
  std::error_code error;
  for (fs::path each = *resolved;; each = each.parent_path()) {
    if (fs::exists(each / ".git", error)) {
      return read_only("they belong to the git checkout " + each.string() +
                       ": commit the change there, where its history is kept");
    }
    if (each == each.parent_path()) break;
  }
  for (const fs::path& each : {*resolved, resolved->parent_path()}) {
    if (::access(each.c_str(), W_OK | X_OK) != 0)
      return read_only("the gateway may not write in " + each.string() + ", where it would put the new folder");
  }
  return walk(*resolved, [&](const fs::directory_entry& entry) -> Status {
    std::string name = entry.path().lexically_relative(*resolved).generic_string();
    std::error_code ignored;
    bool link = entry.is_symlink(ignored);
    if (link && (is_policy_file(name) || name == "floor" || name == "roles" || name == "tests"))
      return read_only("`" + name + "` is a link to somewhere else");
    return {};
  });
}

Status write_policy_folder(const fs::path& folder, const SnapshotSource& expected, const SnapshotSource& wanted,
                           const ActivationProbe& probe) {
  auto target = resolve(folder);
  if (!target) return fail(target.error());
  const fs::path fresh = beside(*target);
  auto undo = [&fresh](Error error) -> Status {
    std::error_code ignored;
    fs::remove_all(fresh, ignored);
    return fail(std::move(error));
  };
  if (auto go = probed(probe, "copy"); !go) return go;
  if (auto filled = fill(*target, fresh, wanted); !filled) return undo(filled.error());

  // Everything that is loaded from the new folder must be what was checked, and nothing else.
  Problems problems;
  if (!same_files(read_folder(fresh, problems), wanted) || has_errors(problems)) {
    return undo(fail(ErrorKind::conflict, "policies.read_only",
                     "the folder holds policy files under names that cannot be edited here: rename them to letters, "
                     "digits and any of . _ -")
                    .error());
  }
  if (!same_files(read_folder(*target, problems), expected) || has_errors(problems)) {
    return undo(fail(ErrorKind::conflict, "policies.folder_differs",
                     "the folder holds other files than the running set: somebody has edited it")
                    .error());
  }
  if (auto go = probed(probe, "exchange"); !go) return go;
  if (auto done = exchange(fresh, *target); !done) return undo(done.error());
  if (auto synced = sync_path(target->parent_path()); !synced) {
    // Not certain to survive: back to what is.
    if (auto back = exchange(fresh, *target); !back) return back;
    return undo(synced.error());
  }
  if (auto go = probed(probe, "clean"); !go) return go;
  remove_leftovers(folder);
  return {};
}

void remove_leftovers(const fs::path& folder) {
  auto target = resolve(folder);
  if (!target) return;
  std::error_code ignored;
  fs::remove_all(beside(*target), ignored);
}

}  // namespace countersign::policies
