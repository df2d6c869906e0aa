// An append-only text file whose lines survive a crash once append() has returned: what revocations and the register of
// issued tokens are kept in.
//
// Invariants: a line is written with one write and followed by fdatasync before append() returns; after a write or sync
// that failed nothing more is written through the object, since the kernel may have dropped what it could not store.
// The file is created with mode 0600.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxDurableFileBytes = std::size_t{256} << 20;
inline constexpr std::size_t kMaxDurableLineBytes = 16U << 10;

class DurableLines {
 public:
  // Opens or creates the file and reads it; `code` is the error code of everything that fails here. A last line without
  // its newline (a crash in the middle of a write, or an editor) is kept when `whole` says it is complete and cut off
  // otherwise: its append never returned.
  static Result<DurableLines> open(std::filesystem::path path, std::string_view code,
                                   const std::function<bool(std::string_view)>& whole);

  DurableLines(DurableLines&&) noexcept;
  DurableLines& operator=(DurableLines&&) noexcept;
  ~DurableLines();

  // The lines the file had when it was opened, without newlines. Empties the object's copy.
  [[nodiscard]] std::vector<std::string> take_lines() { return std::move(lines_); }

  // `line` without newline, at most kMaxDurableLineBytes. One thread at a time.
  [[nodiscard]] Status append(std::string_view line);

  // Whether appends can still succeed: no write has failed, and the path still leads to the file that is open (somebody
  // who removed or replaced it would otherwise lose what is written from now on). Any thread, also during an append.
  [[nodiscard]] bool healthy() const;

 private:
  DurableLines(std::filesystem::path path, std::string_view code) : path_(std::move(path)), code_(code) {}
  Status read_all(const std::function<bool(std::string_view)>& whole);

  std::filesystem::path path_;
  std::string code_;
  int file_ = -1;
  std::atomic<bool> broken_ = false;
  std::vector<std::string> lines_;
};

// Writes the folder's entries to disk: after creating or renaming a file in it.
[[nodiscard]] bool sync_folder(const std::filesystem::path& folder);

}  // namespace countersign::auth
