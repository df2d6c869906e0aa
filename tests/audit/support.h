// Shared by the audit tests: scratch folders, small logs, a disk that fails on request.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <string>

#include "audit/log.h"
#include "audit/reader.h"
#include "audit/verify.h"
#include "core/id.h"

namespace countersign::audit::testing {

namespace fs = std::filesystem;

class ScratchFolder {
 public:
  ScratchFolder() {
    // In memory where that is possible: these tests sync thousands of times, and none of them takes the power away.
    fs::path parent = ::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path();
    std::string pattern = (parent / "countersign-audit-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] fs::path log() const { return path_ / "log"; }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_file(const fs::path& path, const std::string& data) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << data;
}

inline const SystemClock& system_clock() {
  static SystemClock clock;
  return clock;
}

// No heartbeats and no timed checkpoints unless a test wants them: the bytes of a log then depend on its records only.
inline Options quiet() {
  Options options;
  options.origin = "example.com/audit";
  options.reserve_bytes = 0;
  options.heartbeat_interval = std::chrono::milliseconds(0);
  options.checkpoint_interval = std::chrono::hours(1);
  return options;
}

inline SigningKey key_of(const ScratchFolder& scratch) {
  return std::move(SigningKey::load_or_create(scratch.path() / "key.pem").value());
}

inline std::unique_ptr<Log> open_log(const ScratchFolder& scratch, const Options& options = quiet(),
                                     const Clock& clock = system_clock()) {
  auto log = Log::open(scratch.log(), options, key_of(scratch), clock);
  if (!log) {
    ADD_FAILURE() << log.error().code << ": " << log.error().message;
    std::abort();
  }
  return std::move(*log);
}

inline Result<Receipt> append_and_wait(Log& log, Entry entry) {
  std::promise<Result<Receipt>> done;
  log.append(std::move(entry), [&done](Result<Receipt> receipt) { done.set_value(std::move(receipt)); });
  return done.get_future().get();
}

inline Entry admin_entry(std::string detail) {
  Entry entry;
  entry.phase = Phase::admin;
  entry.actor = "ada";
  entry.detail = std::move(detail);
  return entry;
}

inline Entry intent(std::string operation) {
  Entry entry;
  entry.phase = Phase::intent;
  entry.operation = std::move(operation);
  entry.agent = "builder";
  entry.owner = "team-a";
  entry.upstream = "files";
  entry.protocol = "mcp";
  entry.action = "mcp:call_tool";
  entry.effect = "write";
  entry.resources = {"Tool::write_file"};
  entry.decision = Decision::allow;
  return entry;
}

inline Entry outcome(std::string operation) {
  Entry entry;
  entry.phase = Phase::outcome;
  entry.operation = std::move(operation);
  entry.agent = "builder";
  entry.outcome = Outcome::ok;
  entry.status = 200;
  return entry;
}

// Fails from the moment a test says so.
class FaultyFiles final : public FileOps {
 public:
  std::atomic<int> write_error = 0;              // errno of the next writes
  std::atomic<int> sync_error = 0;               // errno of the next syncs
  std::atomic<std::size_t> largest = SIZE_MAX;   // bytes one write takes
  std::atomic<std::int64_t> budget = INT64_MAX;  // bytes until writes fail with ENOSPC
  std::atomic<std::uint64_t> space = UINT64_MAX / 2;
  std::atomic<int> syncs = 0;

  ssize_t write(int fd, const char* data, std::size_t size) override {
    if (write_error != 0) {
      errno = write_error;
      return -1;
    }
    std::int64_t left = budget;
    if (left <= 0) {
      errno = ENOSPC;
      return -1;
    }
    size = std::min({size, largest.load(), static_cast<std::size_t>(left)});
    ssize_t written = FileOps::write(fd, data, size);
    if (written > 0) budget -= written;
    return written;
  }
  int sync(int fd) override {
    ++syncs;
    if (sync_error != 0) {
      errno = sync_error;
      return -1;
    }
    return FileOps::sync(fd);
  }
  std::uint64_t available(int) override { return space; }
};

inline std::string problems_of(const Result<VerifyReport>& report) {
  return report ? report->text() : report.error().message;
}

inline bool names_record(const VerifyReport& report, std::uint64_t seq) {
  for (const Problem& problem : report.problems) {
    if (problem.seq && *problem.seq <= seq && seq <= problem.last_seq.value_or(*problem.seq)) return true;
  }
  return false;
}

}  // namespace countersign::audit::testing
