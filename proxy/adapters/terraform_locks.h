// Which locks of one upstream's states were taken through the gateway, and by whom: what tells an UNLOCK from a
// force-unlock, and a write under one's own lock from any other.
//
// Kept in a file, so that a restart in the middle of an apply makes nobody a stranger to their own lock. Only what the
// upstream has granted is in it, and locks of others that the upstream named: whoever has read the ID of somebody's
// lock cannot make it their own by asking for it again. A lock that is forgotten (past kMostLocks) is a stranger's.
//
//   {"id":"…","lineage":"…","operation":"OperationTypeApply","state":"prod/network"}    the lock of that state
//   {"id":"","lineage":"","operation":"","state":"prod/network"}                        it has none
//
// A line each, the last one of a state counts. Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "auth/durable_lines.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::adapters {

inline constexpr std::size_t kMostLocks = 10'000;
// For how long a LOCK waits at least, and how much of that must be left for it to be worth taking.
inline constexpr TimeMs kShortestAsk = 5'000;
inline constexpr TimeMs kAskMargin = 2'000;

struct KnownLock {
  std::string id;
  std::string lineage;    // id of the root token that took it through us; empty: somebody else
  std::string operation;  // that it was taken for
  friend bool operator==(const KnownLock&, const KnownLock&) = default;
};

class TerraformLocks {
 public:
  // Reads the file, and writes it anew where it has grown. Errors: terraform.locks_unreadable.
  static Result<std::unique_ptr<TerraformLocks>> open(const std::filesystem::path& file);
  // Without a file: forgotten with the object.
  TerraformLocks() = default;

  [[nodiscard]] std::optional<KnownLock> find(std::string_view state) const;
  // Whether this lineage took the lock of that ID, and it is still the state's.
  [[nodiscard]] bool is_own(std::string_view state, std::string_view id, std::string_view lineage) const;
  // The state's lock is this one now. It is known from then on even if that could not be written down (the error says
  // so). Waits for the disk.
  Status taken(std::string_view state, KnownLock lock);
  Status released(std::string_view state);

 private:
  struct Entry {
    KnownLock lock;
    std::list<std::string>::iterator age;
  };
  void put(std::string_view state, KnownLock lock);
  void drop(std::string_view state);
  Status write(std::string_view state, const KnownLock& lock);

  mutable std::mutex mutex_;  // of what is known; never held while the disk is waited for
  std::map<std::string, Entry, std::less<>> locks_;
  std::list<std::string> ages_;  // states, the longest known lock first
  std::mutex writing_;
  std::optional<auth::DurableLines> file_;
};

// Clients that wait for an approved LOCK, for as long as their connection is open. A lock is only worth taking for a
// Terraform that is there: the process that asked first has usually ended by the time that people agree, and a lock in
// its name would stay for ever. `asked` is the LOCK of the one that waits now. Any thread.
class LockAskers {
 public:
  struct Asked {
    std::string id;                  // of the lock
    std::optional<std::string> md5;  // Content-MD5, where it came
    std::string body;
    std::chrono::steady_clock::time_point until;  // when it stops waiting
  };
  // Asks for as long as it lives.
  class Asking {
   public:
    Asking(LockAskers& askers, std::string key) : askers_(askers), key_(std::move(key)) {}
    ~Asking();
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;

   private:
    LockAskers& askers_;
    std::string key_;
  };
  // `key`: what LOCKs that stand for each other have in common. nullptr: another one is asking already. The askers
  // outlive it.
  [[nodiscard]] std::unique_ptr<Asking> ask(const std::string& key, Asked asked);
  // nullopt as well when it is about to stop waiting.
  [[nodiscard]] std::optional<Asked> find(const std::string& key) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Asked> asked_;
};

}  // namespace countersign::adapters
