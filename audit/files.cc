#include "audit/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

namespace countersign::audit {
namespace {

constexpr std::size_t kChunk = 256U << 10;
constexpr std::size_t kMaxLine = 1U << 20;
constexpr std::uint64_t kHashWindow = 8192;

std::unexpected<Error> io_failure(std::string_view call, int number) {
  return fail(ErrorKind::unavailable, "audit.io", std::string(call) + ": " + errno_text(number));
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

ssize_t FileOps::write(int fd, const char* data, std::size_t size) {
  return ::write(fd, data, size);
}
int FileOps::sync(int fd) {
  return ::fdatasync(fd);
}

std::uint64_t FileOps::available(int fd) {
  struct statvfs info{};
  if (::fstatvfs(fd, &info) != 0) return 0;
  return std::uint64_t{info.f_bavail} * std::uint64_t{info.f_frsize};
}

FileOps& FileOps::system() {
  static FileOps ops;  // without state
  return ops;
}

std::string errno_text(int number) {
  return std::error_code(number, std::generic_category()).message();
}

Status write_all(FileOps& ops, int fd, std::string_view data) {
  while (!data.empty()) {
    ssize_t written = ops.write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_failure("write", errno);
    if (written == 0) return io_failure("write", EIO);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status sync(FileOps& ops, int fd) {
  if (ops.sync(fd) != 0) return io_failure("fdatasync", errno);
  return {};
}

Status sync_folder(const std::filesystem::path& folder) {
  FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return io_failure("open " + folder.string(), errno);
  if (::fsync(fd.get()) != 0) return io_failure("fsync " + folder.string(), errno);
  return {};
}

Status write_new_file(const std::filesystem::path& path, std::string_view data, mode_t mode) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  ::unlink(temporary.c_str());
  FileDescriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd) return io_failure("create " + temporary.string(), errno);
  if (auto done = write_all(FileOps::system(), fd.get(), data); !done) return done;
  if (::fsync(fd.get()) != 0) return io_failure("fsync " + temporary.string(), errno);
  // Unlike rename, link refuses to replace a file that somebody else made meanwhile.
  if (::link(temporary.c_str(), path.c_str()) != 0) return io_failure("create " + path.string(), errno);
  ::unlink(temporary.c_str());
  return sync_folder(path.parent_path());
}

Status replace_file(FileOps& ops, const std::filesystem::path& folder, std::string_view name, std::string_view data) {
  std::filesystem::path target = folder / name;
  std::filesystem::path temporary = target;
  temporary += ".tmp";
  FileDescriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!fd) return io_failure("create " + temporary.string(), errno);
  if (auto done = write_all(ops, fd.get(), data); !done) return done;
  if (auto done = sync(ops, fd.get()); !done) return done;
  if (::rename(temporary.c_str(), target.c_str()) != 0) return io_failure("rename " + target.string(), errno);
  return sync_folder(folder);
}

Result<FileDescriptor> open_to_read(const std::filesystem::path& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return io_failure("open " + path.string(), errno);
  return fd;
}

Result<std::uint64_t> file_size(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return io_failure("fstat", errno);
  return static_cast<std::uint64_t>(info.st_size);
}

Result<std::string> read_range(int fd, std::uint64_t offset, std::size_t size) {
  std::string out(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    ssize_t got = ::pread(fd, out.data() + have, size - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_failure("read", errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

Result<std::optional<std::string>> read_small_file(const std::filesystem::path& path, std::size_t limit) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::optional<std::string>();
  if (!fd) return io_failure("open " + path.string(), errno);
  auto size = file_size(fd.get());
  if (!size) return fail(size.error());
  if (*size > limit)
    return fail(ErrorKind::too_large, "audit.io", path.filename().string() + " is larger than it can be");
  auto text = read_range(fd.get(), 0, static_cast<std::size_t>(*size));
  if (!text) return fail(text.error());
  return std::optional<std::string>(std::move(*text));
}

Result<std::optional<Line>> LineReader::next() {
  std::size_t searched = 0;
  while (true) {
    std::string_view rest = std::string_view(buffer_).substr(used_);
    std::size_t newline = rest.find('\n', searched);
    bool at_end = at_ + rest.size() >= end_;
    if (newline != std::string_view::npos || rest.size() >= kMaxLine || (at_end && !rest.empty())) {
      bool terminated = newline != std::string_view::npos;
      std::size_t length = terminated ? newline : rest.size();
      Line line{rest.substr(0, length), at_, terminated};
      std::size_t consumed = length + (terminated ? 1 : 0);
      used_ += consumed;
      at_ += consumed;
      return std::optional<Line>(line);
    }
    if (at_end) return std::optional<Line>();
    searched = rest.size();
    std::uint64_t from = at_ + rest.size();
    buffer_.erase(0, used_);
    used_ = 0;
    auto more = read_range(fd_, from, static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, end_ - from)));
    if (!more) return fail(more.error());
    if (more->empty()) end_ = from;  // the file became shorter than it was
    buffer_ += *more;
  }
}

Result<std::optional<Line>> ReverseLineReader::next() {
  while (true) {
    // The buffer ends with the newline of the line to hand out; it begins after the newline before that.
    std::string_view body = buffer_;
    if (!body.empty()) body.remove_suffix(1);
    std::size_t newline = body.rfind('\n');
    if (!buffer_.empty() && (newline != std::string_view::npos || start_ == 0)) {
      std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
      line_.assign(body.substr(begin));
      buffer_.resize(begin);
      return std::optional<Line>(Line{line_, start_ + begin, true});
    }
    if (start_ == 0) return std::optional<Line>();
    if (buffer_.size() > kMaxLine)
      return fail(ErrorKind::malformed, "audit.corrupt", "a line is longer than any record");
    std::uint64_t from = start_ > kChunk ? start_ - kChunk : 0;
    auto more = read_range(fd_, from, static_cast<std::size_t>(start_ - from));
    if (!more) return fail(more.error());
    if (more->size() != start_ - from) return io_failure("read", EIO);
    buffer_.insert(0, *more);
    start_ = from;
  }
}

Result<HashFile> HashFile::open(const std::filesystem::path& path) {
  HashFile result;
  result.file_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!result.file_ && errno == ENOENT) return result;
  if (!result.file_) return io_failure("open " + path.string(), errno);
  auto size = file_size(result.file_.get());
  if (!size) return fail(size.error());
  result.count_ = *size / sizeof(Digest);
  return result;
}

Result<std::vector<Digest>> HashFile::read(std::uint64_t begin, std::uint64_t end) const {
  if (begin > end || end > count_) return fail(ErrorKind::invalid, "audit.range", "the log has no such hashes");
  auto bytes = read_range(file_.get(), begin * sizeof(Digest), static_cast<std::size_t>(end - begin) * sizeof(Digest));
  if (!bytes) return fail(bytes.error());
  if (bytes->size() != (end - begin) * sizeof(Digest)) return io_failure("read", EIO);
  std::vector<Digest> hashes(static_cast<std::size_t>(end - begin));
  if (!hashes.empty()) std::memcpy(hashes.data(), bytes->data(), bytes->size());
  return hashes;
}

Result<Digest> HashFile::at(std::uint64_t index) {
  if (index < window_begin_ || index >= window_begin_ + window_.size()) {
    auto window = read(index, std::min(count_, index + kHashWindow));
    if (!window) return fail(window.error());
    if (window->empty()) return fail(ErrorKind::invalid, "audit.range", "the log has no such hash");
    window_begin_ = index;
    window_ = std::move(*window);
  }
  return window_[static_cast<std::size_t>(index - window_begin_)];
}

std::string segment_name(std::uint64_t first) {
  std::string digits = std::to_string(first);
  return "segment-" + std::string(20 - digits.size(), '0') + digits + ".jsonl";
}

Result<std::vector<Segment>> list_segments(const std::filesystem::path& folder) {
  std::vector<Segment> segments;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    std::uint64_t first = 0;
    if (name.size() != 34 || !name.starts_with("segment-")) continue;
    auto [rest, bad] = std::from_chars(name.data() + 8, name.data() + 28, first);
    if (bad == std::errc() && name == segment_name(first)) segments.push_back({first, it->path()});
  }
  if (error) return io_failure("list " + folder.string(), error.value());
  std::ranges::sort(segments, {}, &Segment::first);
  return segments;
}

}  // namespace countersign::audit
