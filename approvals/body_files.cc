#include "approvals/body_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "core/sha256.h"

namespace countersign::approvals {
namespace {

constexpr std::string_view kSuffix = ".body";

class File {
 public:
  File(const std::filesystem::path& path, int flags, mode_t mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] bool ok() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Error> io_error(std::string_view what) {
  return fail(ErrorKind::unavailable, "store.io", std::string(what) + ": " + std::strerror(errno));
}

// The next bytes of the file; 0 at its end, below 0 on error.
ssize_t read_some(int fd, std::array<std::uint8_t, 65536>& buffer) {
  ssize_t got = 0;
  do {
    got = ::read(fd, buffer.data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  return got;
}

bool write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return true;
}

// For a spool on another file system, where a link is not possible.
Status copy_bytes(const std::filesystem::path& from, const std::filesystem::path& to) {
  File in(from, O_RDONLY);
  if (!in.ok()) return io_error("cannot read a spooled body");
  File out(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!out.ok()) return io_error("cannot create a stored body");
  std::array<std::uint8_t, 65536> buffer;
  for (;;) {
    ssize_t got = read_some(in.fd(), buffer);
    if (got < 0) return io_error("cannot read a spooled body");
    if (got == 0) return {};
    if (!write_all(out.fd(), ByteView(buffer).first(static_cast<std::size_t>(got)))) {
      return io_error("cannot write a stored body");
    }
  }
}

Status seal(const std::filesystem::path& path) {
  File file(path, O_RDONLY);
  if (!file.ok() || ::fchmod(file.fd(), 0400) != 0 || ::fsync(file.fd()) != 0) {
    return io_error("cannot sync a stored body");
  }
  return {};
}

}  // namespace

Result<BodyFiles> BodyFiles::open(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return io_error("cannot create " + folder.string());
  BodyFiles files(folder);
  if (Status synced = files.sync_folder(); !synced) return fail(synced.error());
  return files;
}

std::filesystem::path BodyFiles::path_of(std::string_view id) const {
  return folder_ / (std::string(id) + std::string(kSuffix));
}

Status BodyFiles::sync_folder() const {
  File folder(folder_, O_RDONLY | O_DIRECTORY);
  if (!folder.ok() || ::fsync(folder.fd()) != 0) return io_error("cannot sync " + folder_.string());
  return {};
}

// Never by a second link: whoever still held the spooled name could then write into the body.
Status BodyFiles::keep(std::string_view id, const std::filesystem::path& spooled) const {
  std::filesystem::path kept = path_of(id);
  if (::renameat2(AT_FDCWD, spooled.c_str(), AT_FDCWD, kept.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno != EXDEV && errno != EINVAL) return io_error("cannot keep a spooled body");
    if (Status copied = copy_bytes(spooled, kept); !copied) return copied;
  }
  Status sealed = seal(kept);
  if (sealed) sealed = sync_folder();
  if (!sealed) give_back(id, spooled);
  return sealed;
}

void BodyFiles::give_back(std::string_view id, const std::filesystem::path& spooled) const {
  std::filesystem::path kept = path_of(id);
  ::renameat2(AT_FDCWD, kept.c_str(), AT_FDCWD, spooled.c_str(), RENAME_NOREPLACE);
  ::unlink(kept.c_str());
}

void BodyFiles::remove(std::string_view id) const {
  ::unlink(path_of(id).c_str());
}

Status BodyFiles::remove_unknown(const std::function<bool(std::string_view id)>& known) const {
  std::error_code error;
  std::vector<std::filesystem::path> unknown;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    if (!known(std::string_view(name).substr(0, name.size() - kSuffix.size()))) unknown.push_back(it->path());
  }
  if (error) return fail(ErrorKind::unavailable, "store.io", "cannot list " + folder_.string());
  for (const std::filesystem::path& path : unknown) ::unlink(path.c_str());
  return {};
}

Status check_body(const std::filesystem::path& path, std::string_view sha256_hex, std::uint64_t size) {
  File file(path, O_RDONLY);
  if (!file.ok() && errno != ENOENT && errno != ELOOP) return io_error("cannot read a stored body");
  Sha256 hash;
  std::uint64_t total = 0;
  std::array<std::uint8_t, 65536> buffer;
  ssize_t got = file.ok() ? read_some(file.fd(), buffer) : 0;
  for (; got > 0 && total <= size; got = read_some(file.fd(), buffer)) {
    hash.update(ByteView(buffer).first(static_cast<std::size_t>(got)));
    total += static_cast<std::uint64_t>(got);
  }
  if (got < 0) return io_error("cannot read a stored body");
  if (!file.ok() || total != size || to_hex(hash.finish()) != sha256_hex) {
    return fail(ErrorKind::conflict, "approval.body_changed", "the stored body is not the one that was held");
  }
  return {};
}

}  // namespace countersign::approvals
