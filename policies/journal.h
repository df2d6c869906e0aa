// Journal: the operations that were decided, as far as policies read them, kept for some days so that a draft of
// policies can be tried on what really happened (policies/replay.h).
//
// It is no evidence: the audit log is. It may be switched off, and it loses entries rather than making a request wait.
// What is kept of parameters is what policies may read: the members of the generated schema, which are the gateway's
// own facts (tool, method, path, facts of a push) and of arguments and query parameters those that inputs.cedarschema
// declares. Values longer than kValueBytes, and everything else, are left out, and the entry says so.
//
// Files: <state>/operations/2026-11-21.0001.jsonl, mode 0600; docs/formats/operations.md is the contract. Segments of
// past days are compressed (.jsonl.gz). The oldest go when there are more days or bytes than configured.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/config.h"
#include "core/log.h"
#include "core/result.h"
#include "policies/decide.h"

namespace countersign::policies {

// One decided operation.
struct JournalEntry {
  TimeMs at = 0;
  std::string agent;
  std::string owner;
  std::vector<std::string> delegates;
  std::string token;
  std::string root;  // Subject::root
  // Only where what the scope says depends on policies' folder: a rule of it names environments. Otherwise the scope
  // admitted the operation, or `code` begins with "scope.".
  std::optional<Scope> scope;
  Session session;        // what it was decided with
  Operation operation;    // without summary; parameters as kept
  bool left_out = false;  // whether parameters were there that the schema does not have, and that are not kept
  std::vector<std::string> dropped;  // parameters of the schema that were too long: "arguments.text", "paths"; "*": all
  Verdict verdict = Verdict::deny;
  std::string code;
  std::vector<std::string> policies;
  std::vector<std::string> shadow;  // Decision::shadow
  std::string policy_digest;
  // Of an entry that was read: the argument and query names that were kept then, sorted, as "arguments.path.to".
  std::shared_ptr<const std::set<std::string, std::less<>>> kept;
  // Of an entry that is written: what it was decided on; says what is kept.
  std::shared_ptr<const Snapshot> snapshot;
};

// The entry of a decision, for Journal::note. Copies; a few hundred nanoseconds for ordinary requests.
[[nodiscard]] JournalEntry journal_entry(std::shared_ptr<const Snapshot> snapshot, const Subject& subject,
                                         const Operation& operation, const Decision& decision, TimeMs now);

struct JournalLimits {
  int days = 14;                        // 0: nothing is kept, and what is there is removed
  std::uint64_t bytes = 1U << 30;       // of all segments
  std::uint64_t segment = 64U << 20;    // a segment that is longer is followed by another one of the same day
  std::size_t queue = 16'384;           // entries that wait to be written
  std::size_t queue_bytes = 32U << 20;  // of their parameters
};
inline constexpr std::size_t kValueBytes = 4'096;   // of one text among the parameters
inline constexpr std::size_t kEntryBytes = 65'536;  // of one line; parameters are left out of a longer one

class Journal {
 public:
  // Makes the folder (0700) and starts the writer. Errors: journal.cannot_open.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> open(std::filesystem::path folder, const JournalLimits& limits,
                                                             const Clock& clock, const Log& log);
  // Writes what waits, and ends the writer.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Any thread; never waits for the disk. What finds the queue full is dropped and counted. Handshakes
  // (Reach::gateway, ::narrowing), which no permit decides, are passed over.
  void note(JournalEntry entry);
  // The same for a decision just taken, at no cost when nothing is kept.
  void note(const std::shared_ptr<const Snapshot>& snapshot, const Subject& subject, const Operation& operation,
            const Decision& decision, TimeMs now) {
    if (limits_.days > 0 && operation.reach == Reach::upstream)
      note(journal_entry(snapshot, subject, operation, decision, now));
  }

  // Waits until everything noted before is in the file. For shutting down, replaying, and tests.
  void flush();

  [[nodiscard]] std::uint64_t written() const { return written_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool is_on() const { return limits_.days > 0; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  Journal(std::filesystem::path folder, const JournalLimits& limits, const Clock& clock, const Log& log)
      : folder_(std::move(folder)), limits_(limits), clock_(clock), log_(log) {}
  class Writer;
  void run();

  const std::filesystem::path folder_;
  const JournalLimits limits_;
  const Clock& clock_;
  const Log& log_;
  std::atomic<std::uint64_t> written_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;
  std::mutex lock_;  // of what follows; held for a move into a vector
  std::condition_variable wake_;
  std::condition_variable written_to_;
  std::vector<JournalEntry> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t noted_ = 0;
  std::uint64_t settled_ = 0;  // of noted_, those written or given up
  bool flushing_ = false;
  bool ending_ = false;
  std::thread writer_;
};

struct JournalRead {
  std::uint64_t entries = 0;     // handed to `take`
  std::uint64_t unreadable = 0;  // lines that are none, as the last one after a crash
  bool more = false;             // the limit was reached
};
// Hands over entries decided in [since, until), newest segment first, each segment in its order, until `take` says
// false or there were `limit` of them. Any thread, also while a Journal writes there; another process too. Errors:
// journal.unreadable.
[[nodiscard]] Result<JournalRead> read_journal(const std::filesystem::path& folder, TimeMs since, TimeMs until,
                                               std::uint64_t limit,
                                               const std::function<bool(const JournalEntry&)>& take);

}  // namespace countersign::policies
