// Files as the log needs them: descriptors that close, whole writes, reads of ranges and lines, and the seam where
// tests make the disk fail. POSIX; every descriptor is close-on-exec, because the program starts other programs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/sha256.h"

namespace countersign::audit {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor();

  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// The calls whose failure the log must survive honestly. The default does what its name says; tests put faults here.
class FileOps {
 public:
  virtual ~FileOps() = default;
  [[nodiscard]] virtual ssize_t write(int fd, const char* data, std::size_t size);
  [[nodiscard]] virtual int sync(int fd);                 // fdatasync
  [[nodiscard]] virtual std::uint64_t available(int fd);  // bytes an unprivileged process can still write there

  static FileOps& system();
};

[[nodiscard]] std::string errno_text(int number);

// Errors of everything below: unavailable, "audit.io", naming the call and the reason.
Status write_all(FileOps& ops, int fd, std::string_view data);
Status sync(FileOps& ops, int fd);
Status sync_folder(const std::filesystem::path& folder);

// Creates `path`, which must not exist, in one step: after a crash it is whole or not there. Synced, and its folder
// too.
Status write_new_file(const std::filesystem::path& path, std::string_view data, mode_t mode);
// Replaces folder/name in one step: readers see the old or the new bytes, also after a power cut.
Status replace_file(FileOps& ops, const std::filesystem::path& folder, std::string_view name, std::string_view data);

Result<FileDescriptor> open_to_read(const std::filesystem::path& path);
Result<std::uint64_t> file_size(int fd);
// At most `size` bytes from `offset`; fewer at the end of the file.
Result<std::string> read_range(int fd, std::uint64_t offset, std::size_t size);
// The whole of a small file. audit.io when it cannot be read or is longer than `limit`; nullopt when there is none.
Result<std::optional<std::string>> read_small_file(const std::filesystem::path& path, std::size_t limit);

struct Line {
  std::string_view text;  // without the newline; valid until the next call
  std::uint64_t offset;   // of its first byte in the file
  bool terminated;        // false: the file ends (or 1 MiB passed) before a newline
};

// Lines of [offset, end) forwards. One thread; does not own the descriptor.
class LineReader {
 public:
  LineReader(int fd, std::uint64_t offset, std::uint64_t end) : fd_(fd), at_(offset), end_(end) {}
  Result<std::optional<Line>> next();

 private:
  int fd_;
  std::uint64_t at_;  // of buffer_[used_]
  std::uint64_t end_;
  std::string buffer_;
  std::size_t used_ = 0;
};

// Whole lines of [0, end) backwards; `end` is the end of a line.
class ReverseLineReader {
 public:
  ReverseLineReader(int fd, std::uint64_t end) : fd_(fd), start_(end) {}
  Result<std::optional<Line>> next();

 private:
  int fd_;
  std::uint64_t start_;  // of buffer_ in the file
  std::string buffer_;   // what has been read and not been handed out
  std::string line_;
};

// The flat file of leaf hashes: hash i at offset 32 i.
class HashFile {
 public:
  // A missing file counts as empty: it can be rebuilt from the records.
  static Result<HashFile> open(const std::filesystem::path& path);

  [[nodiscard]] std::uint64_t count() const {
    return count_;
  }  // at the time of opening; a partial hash at the end does not count
  Result<std::vector<Digest>> read(std::uint64_t begin, std::uint64_t end) const;
  // One hash through a read-ahead window; for access in ascending order.
  Result<Digest> at(std::uint64_t index);

 private:
  FileDescriptor file_;
  std::uint64_t count_ = 0;
  std::uint64_t window_begin_ = 0;
  std::vector<Digest> window_;
};

// The names inside a log directory.
namespace names {
inline constexpr std::string_view kLock = "lock";
inline constexpr std::string_view kVerifierKey = "vkey";
inline constexpr std::string_view kHashes = "hashes";
inline constexpr std::string_view kCheckpoint = "checkpoint";
inline constexpr std::string_view kCheckpoints = "checkpoints";
inline constexpr std::string_view kOpenIntents = "open-intents";
}  // namespace names

struct Segment {
  std::uint64_t first;  // seq of its first record
  std::filesystem::path path;
};

[[nodiscard]] std::string segment_name(std::uint64_t first);  // "segment-00000000000000000000.jsonl"
// In ascending order. audit.io when the folder cannot be read.
Result<std::vector<Segment>> list_segments(const std::filesystem::path& folder);

}  // namespace countersign::audit
