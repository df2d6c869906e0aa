#include "auth/durable_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace countersign::auth {
namespace {

std::string reason(std::string_view what, const std::filesystem::path& path) {
  return std::string(what) + " " + path.string() + ": " + std::strerror(errno);
}

bool write_whole(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t done = ::write(file, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

}  // namespace

bool sync_folder(const std::filesystem::path& folder) {
  int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return false;
  bool synced = ::fsync(handle) == 0;
  ::close(handle);
  return synced;
}

Result<DurableLines> DurableLines::open(std::filesystem::path path, std::string_view code,
                                        const std::function<bool(std::string_view)>& whole) {
  DurableLines lines(std::move(path), code);
  lines.file_ = ::open(lines.path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lines.file_ < 0) return fail(ErrorKind::unavailable, code, reason("cannot open", lines.path_));
  std::filesystem::path folder = lines.path_.parent_path();
  if (!sync_folder(folder.empty() ? "." : folder)) {
    return fail(ErrorKind::unavailable, code, reason("cannot sync the folder of", lines.path_));
  }
  if (Status read = lines.read_all(whole); !read) return fail(read.error());
  return lines;
}

Status DurableLines::read_all(const std::function<bool(std::string_view)>& whole) {
  struct stat info{};
  if (::fstat(file_, &info) != 0) return fail(ErrorKind::unavailable, code_, reason("cannot read", path_));
  if (!S_ISREG(info.st_mode) || static_cast<std::size_t>(info.st_size) > kMaxDurableFileBytes) {
    return fail(ErrorKind::unavailable, code_, path_.string() + " is not a regular file of at most 256 MiB");
  }
  std::string content(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t have = 0;
  while (have < content.size()) {
    ssize_t got = ::pread(file_, content.data() + have, content.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(ErrorKind::unavailable, code_, reason("cannot read", path_));
    have += static_cast<std::size_t>(got);
  }

  std::string_view rest = content;
  while (!rest.empty()) {
    std::size_t end = rest.find('\n');
    if (end != std::string_view::npos) {
      lines_.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end + 1);
      continue;
    }
    bool repaired = whole(rest) ? write_whole(file_, "\n")
                                : ::ftruncate(file_, static_cast<off_t>(content.size() - rest.size())) == 0;
    if (!repaired || ::fdatasync(file_) != 0) {
      return fail(ErrorKind::unavailable, code_, reason("cannot repair the last line of", path_));
    }
    if (whole(rest)) lines_.emplace_back(rest);
    break;
  }
  return {};
}

DurableLines::DurableLines(DurableLines&& other) noexcept
    : path_(std::move(other.path_)),
      code_(std::move(other.code_)),
      file_(std::exchange(other.file_, -1)),
      broken_(other.broken_.load()),
      lines_(std::move(other.lines_)) {}

DurableLines& DurableLines::operator=(DurableLines&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(code_, other.code_);
  std::swap(file_, other.file_);
  broken_ = other.broken_.exchange(broken_);
  std::swap(lines_, other.lines_);
  return *this;
}

DurableLines::~DurableLines() {
  if (file_ >= 0) ::close(file_);
}

Status DurableLines::append(std::string_view line) {
  if (line.size() > kMaxDurableLineBytes || line.contains('\n')) {
    return fail(ErrorKind::invalid, code_, "a line is too long or has a line break");
  }
  if (!healthy()) return fail(ErrorKind::unavailable, code_, path_.string() + " cannot be written any more");
  std::string with_end(line);
  with_end += '\n';
  if (!write_whole(file_, with_end) || ::fdatasync(file_) != 0) {
    broken_ = true;
    return fail(ErrorKind::unavailable, code_, reason("cannot write", path_));
  }
  return {};
}

bool DurableLines::healthy() const {
  if (broken_ || file_ < 0) return false;
  struct stat opened{};
  struct stat named{};
  return ::fstat(file_, &opened) == 0 && ::lstat(path_.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

}  // namespace countersign::auth
