#include "proxy/http1/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace countersign::http1 {
namespace {

constexpr std::string_view kPrefix = "spool-";
constexpr std::size_t kCopyBytes = 64 * 1024;

std::unexpected<Error> write_failed(const std::string& what) {
  return fail(ErrorKind::unavailable, "spool.write_failed", what + ": " + std::strerror(errno));
}

Status write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return write_failed("a body cannot be written to the spool");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Status sync_directory(const std::filesystem::path& directory) {
  int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return write_failed("a directory cannot be opened");
  int synced = ::fsync(fd);
  ::close(fd);
  if (synced != 0) return write_failed("a directory cannot be synced");
  return {};
}

const Digest& empty_digest() {
  static const Digest digest = sha256(std::string_view());
  return digest;
}

// A new file next to `beside`, open for reading and writing, mode 0600; `path` receives its name.
int make_temporary(const std::filesystem::path& directory, std::filesystem::path& path) {
  std::string name = (directory / (std::string(kPrefix) + "XXXXXX")).string();
  int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd >= 0) path = name;
  return fd;
}

}  // namespace

Spool::Spool(SpoolOptions options) : options_(std::move(options)) {}
Spool::~Spool() {
  drop();
}

Spool::Spool(Spool&& other) noexcept
    : options_(std::move(other.options_)),
      memory_(std::move(other.memory_)),
      arrival_(std::exchange(other.arrival_, nullptr)),
      fd_(std::exchange(other.fd_, -1)),
      role_(other.role_),
      file_(std::move(other.file_)),
      size_(std::exchange(other.size_, 0)),
      hash_(std::move(other.hash_)),
      digest_(other.digest_) {}

Spool& Spool::operator=(Spool&& other) noexcept {
  if (this == &other) return *this;
  drop();
  options_ = std::move(other.options_);
  memory_ = std::move(other.memory_);
  arrival_ = std::exchange(other.arrival_, nullptr);
  fd_ = std::exchange(other.fd_, -1);
  role_ = other.role_;
  file_ = std::move(other.file_);
  size_ = std::exchange(other.size_, 0);
  hash_ = std::move(other.hash_);
  digest_ = other.digest_;
  return *this;
}

void Spool::drop() {
  if (fd_ < 0) return;
  ::close(std::exchange(fd_, -1));
  if (role_ == FileRole::temporary) ::unlink(file_.c_str());
}

Spool Spool::of(std::string_view bytes) {
  Spool spool({{}, bytes.size()});
  spool.memory_ = bytes;
  spool.size_ = bytes.size();
  spool.digest_ = bytes.empty() ? empty_digest() : sha256(bytes);
  return spool;
}

Spool Spool::promised(std::uint64_t size, const Digest& digest, Arrival* arrival) {
  Spool spool(SpoolOptions{});
  spool.size_ = size;
  spool.digest_ = digest;
  spool.arrival_ = arrival;
  return spool;
}

Result<Spool> Spool::open(const std::filesystem::path& path) {
  Spool spool(SpoolOptions{});
  spool.role_ = FileRole::kept;
  spool.file_ = path;
  spool.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (spool.fd_ < 0)
    return fail(ErrorKind::unavailable, "spool.unreadable", path.string() + ": " + std::strerror(errno));
  struct stat info{};
  if (::fstat(spool.fd_, &info) != 0 || !S_ISREG(info.st_mode)) {
    return fail(ErrorKind::unavailable, "spool.unreadable", path.string() + " is not a regular file");
  }
  spool.size_ = static_cast<std::uint64_t>(info.st_size);
  Bytes buffer(kCopyBytes);
  Sha256 hash;
  for (std::uint64_t at = 0; at < spool.size_;) {
    Result<std::size_t> count = spool.read(at, buffer);
    if (!count) return fail(count.error());
    hash.update(ByteView(buffer).first(*count));
    at += *count;
  }
  spool.digest_ = hash.finish();
  return spool;
}

void Spool::remove_leftovers(const std::filesystem::path& directory) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (entry.path().filename().string().starts_with(kPrefix)) std::filesystem::remove(entry.path(), ignored);
  }
}

Status Spool::append(ByteView bytes) {
  if (!hash_) hash_.emplace();
  hash_->update(bytes);
  if (fd_ < 0 && memory_.size() + bytes.size() > options_.memory_bytes) {
    if (Status moved = move_to_disk(); !moved) return moved;
  }
  size_ += bytes.size();
  if (fd_ >= 0) return write_all(fd_, bytes);
  memory_ += as_text(bytes);
  return {};
}

Status Spool::move_to_disk() {
  fd_ = make_temporary(options_.directory, file_);
  if (fd_ < 0) return write_failed("no file can be made in the spool directory");
  if (Status written = write_all(fd_, as_bytes(memory_)); !written) return written;
  memory_ = std::string();
  return {};
}

void Spool::finish() {
  digest_ = hash_ ? hash_->finish() : empty_digest();
}

std::optional<std::string_view> Spool::in_memory() const {
  if (fd_ >= 0 || arrival_ != nullptr) return std::nullopt;
  return memory_;
}

std::optional<std::filesystem::path> Spool::file() const {
  if (!on_disk()) return std::nullopt;
  return file_;
}

Result<std::size_t> Spool::read(std::uint64_t offset, std::span<std::uint8_t> into) const {
  if (arrival_ != nullptr) return fail(ErrorKind::internal, "spool.unreadable", "the body has not arrived yet");
  if (offset >= size_ || into.empty()) return std::size_t{0};
  auto count = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset));
  if (fd_ < 0) {
    std::memcpy(into.data(), memory_.data() + offset, count);
    return count;
  }
  for (;;) {
    ssize_t got = ::pread(fd_, into.data(), count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return fail(ErrorKind::unavailable, "spool.unreadable",
                  got < 0 ? std::string("a spooled body cannot be read: ") + std::strerror(errno)
                          : "a spooled body was cut short");
    }
    return static_cast<std::size_t>(got);
  }
}

Result<std::string> Spool::text(std::size_t limit) const {
  if (size_ > limit) return fail(ErrorKind::too_large, "spool.too_large", "the body is too large to be read at once");
  std::string out(static_cast<std::size_t>(size_), '\0');
  for (std::size_t at = 0; at < out.size();) {
    Result<std::size_t> count = read(at, {reinterpret_cast<std::uint8_t*>(out.data()) + at, out.size() - at});
    if (!count) return fail(count.error());
    at += *count;
  }
  return out;
}

Result<std::filesystem::path> Spool::persist(const std::filesystem::path& path) {
  // A temporary file of ours is renamed; bytes in memory, a file kept elsewhere, or another file system need a copy.
  bool renamed = false;
  if (fd_ >= 0 && role_ == FileRole::temporary) {
    if (::fsync(fd_) != 0) return write_failed("a body cannot be synced");
    renamed = ::rename(file_.c_str(), path.c_str()) == 0;
    if (!renamed && errno != EXDEV) return write_failed("a body cannot be given its name");
    if (renamed) {
      role_ = FileRole::kept;
      file_ = path;
    }
  }
  if (!renamed) {
    std::filesystem::path copy;
    int fd = make_temporary(path.parent_path(), copy);
    if (fd < 0) return write_failed("no file can be made beside " + path.string());
    Bytes buffer(std::min<std::uint64_t>(kCopyBytes, size_));
    Status written;
    for (std::uint64_t at = 0; at < size_ && written;) {
      Result<std::size_t> count = read(at, buffer);
      if (!count) {
        written = fail(count.error());
        break;
      }
      written = write_all(fd, ByteView(buffer).first(*count));
      at += *count;
    }
    if (written && ::fsync(fd) != 0) written = write_failed("a body cannot be synced");
    ::close(fd);
    if (written && ::rename(copy.c_str(), path.c_str()) != 0) written = write_failed("a body cannot be given its name");
    if (!written) {
      ::unlink(copy.c_str());
      return fail(written.error());
    }
  }
  if (Status synced = sync_directory(path.parent_path()); !synced) return fail(synced.error());
  return path;
}

}  // namespace countersign::http1
