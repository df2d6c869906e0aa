// Log: the append-only, signed audit log of one process. Format: docs/formats/audit-log.md.
//
// One writer thread commits in groups, as LevelDB's writers do and without a timer: while one batch is being synced the
// next one gathers, so one fdatasync answers everybody who arrived during the last. Records that nobody waits for go
// along with those, or on their own after Options::patience: a sync costs as much as many requests. After a write or
// sync has failed once, nothing is known about what the disk holds, so every later append fails until the process opens
// the log again.
//
//   log->append(entry, [](Result<Receipt> durable) { … });   // forward only when `durable` holds a receipt
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/entry.h"
#include "audit/open_intents.h"
#include "audit/recovery.h"
#include "audit/store.h"
#include "core/clock.h"

namespace countersign::audit {

// Where a record is, for good.
struct Receipt {
  std::uint64_t seq = 0;
  Digest leaf{};
};

struct Options {
  std::string origin;  // name of the log and its key; empty: the folder's, or a random new one
  std::uint64_t segment_bytes = 64U << 20;
  std::uint64_t queue_bytes = 64U << 20;                 // rendered records waiting for the disk
  std::chrono::milliseconds patience{5};                 // longest time a record nobody waits for stays in memory
  std::uint64_t reserve_bytes = 64U << 20;               // free space below which the log refuses to write
  std::chrono::milliseconds checkpoint_interval{1'000};  // longest time a durable record stays unsigned
  std::uint64_t checkpoint_records = 65'536;             // or this many records
  std::chrono::milliseconds heartbeat_interval{
      60'000};  // a record and a checkpoint when nothing else happens; 0: never
  std::chrono::milliseconds max_clock_step{
      5'000};                // how far back the clock may step; less is written as "no time passed"
  FileOps* files = nullptr;  // tests; must outlive the log
};

class Log {
 public:
  // Called on the writer thread once the record is durable, or with the error that says it may not be. Must not throw
  // and must not wait for this log; long work belongs elsewhere. When the log refuses a record at once, it is called
  // before append() returns.
  using Durable = std::move_only_function<void(Result<Receipt>)>;

  // Opens the log in `folder` (created, mode 0700, when missing), repairs what a crash left, and closes every intent
  // that has no outcome with one of `unknown`; all of that is durable and signed when open() returns. `clock` must
  // outlive the log.
  //   audit.locked       another writer has this folder open
  //   audit.key_mismatch the folder belongs to another key        audit.origin  … or to another origin
  //   audit.corrupt      a record that is covered does not match; the message names it
  //   audit.clock        the clock is behind the last record by more than max_clock_step
  //   audit.io, audit.unavailable   the disk
  static Result<std::unique_ptr<Log>> open(const std::filesystem::path& folder, const Options& options, SigningKey key,
                                           const Clock& clock);

  // Writes what is queued, signs, and ends the thread.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Any thread. Records of one thread keep their order. Refusals:
  //   audit.unavailable  a write, sync or check has failed before (the message says which): sticky
  //   audit.backlog      the queue is full; try again later
  //   audit.bad_entry    `operation` or `request` is over kMaxIdBytes or not made of letters, digits and "-_.:"; or the
  //                      signature does not fit
  void append(const Entry& entry, Durable durable);
  // Nobody waits. A record refused for backlog is counted, reported by health(), and the count is written down when
  // there is space.
  void append(const Entry& entry);

  // Nothing when the log takes records; otherwise the error an append would get, or audit.backlog while lost records
  // are unrecorded.
  [[nodiscard]] Status health() const;

  // Signs what is durable now and returns the latest checkpoint. Blocks; not from a callback.
  Result<SignedCheckpoint> checkpoint();

  [[nodiscard]] std::uint64_t size() const;  // durable records
  [[nodiscard]] const VerifierKey& verifier_key() const { return name_; }
  [[nodiscard]] const std::string& origin() const { return name_.name; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  struct Repairs {
    std::uint64_t cut_bytes = 0;        // of a last record that was never acknowledged
    std::uint64_t closed_intents = 0;   // operations now recorded as `unknown`
    std::uint64_t scanned_records = 0;  // read to find out
  };
  [[nodiscard]] const Repairs& repairs() const { return repairs_; }

 private:
  struct Pending {
    RecordText record;
    std::string operation;  // when the record opens or closes one
    bool opens = false;
    bool closes = false;
    std::uint64_t bytes = 0;
    Durable durable;
  };
  enum class Urgency { normal, must_fit };  // must_fit: our own few records, past the queue's bound

  Log(std::filesystem::path folder, const Options& options, SigningKey key, const Clock& clock, FileDescriptor lock,
      VerifierKey name, Store store, Recovery recovery);
  void enqueue(const Entry& entry, Durable durable, Urgency urgency);
  Status record_repairs(const Recovery& recovery);

  void run();
  void wait_for_work(std::vector<Pending>& batch, bool& stop, bool& sign);
  void commit(std::vector<Pending>& batch);
  Status write(std::span<Pending> group, std::vector<Receipt>& receipts);
  Status check_clock(TimeMs& now) const;
  void sign_checkpoint();
  void save_position();
  void record_losses();
  void beat();
  void become_unavailable(const Error& cause);
  [[nodiscard]] std::chrono::steady_clock::time_point next_deadline() const;

  const std::filesystem::path folder_;
  const Options options_;
  const SigningKey key_;
  const Clock& clock_;
  const FileDescriptor lock_;
  const VerifierKey name_;
  Repairs repairs_;

  // Of the writer thread, once it runs.
  Store store_;
  Position position_;
  std::uint64_t signed_size_ = 0;
  std::uint64_t saved_size_ = 0;
  std::chrono::steady_clock::time_point unsigned_since_;
  std::chrono::steady_clock::time_point last_record_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable work_;
  std::condition_variable signed_;
  std::vector<Pending> queue_;
  bool urgent_ = false;  // somebody waits for a record in the queue, or it has grown long
  std::chrono::steady_clock::time_point queued_since_;  // of the first record in the queue
  std::uint64_t queued_bytes_ = 0;                      // queued or being written
  std::uint64_t lost_ = 0;
  std::uint64_t durable_size_ = 0;
  std::uint64_t sign_requests_ = 0;
  std::uint64_t sign_answers_ = 0;
  std::optional<Error> failed_;
  SignedCheckpoint latest_;
  bool stopping_ = false;

  std::thread writer_;
};

}  // namespace countersign::audit
