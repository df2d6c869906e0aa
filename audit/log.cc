#include "audit/log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <span>
#include <system_error>

#include "audit/reader.h"
#include "core/json.h"

namespace countersign::audit {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::uint64_t kPatientBytes = 256U << 10;  // queued bytes that are not kept waiting
constexpr std::size_t kGroupBytes = 4U << 20;        // of record text in one write
constexpr std::uint64_t kPositionRecords = 16'384;   // how many records a start may have to read, about
constexpr std::size_t kMaxVkeyFile = 1024;

Result<FileDescriptor> lock_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(ErrorKind::unavailable, "audit.io", "create " + folder.string() + ": " + errno_text(errno));
  }
  std::filesystem::path path = folder / names::kLock;
  FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!lock) return fail(ErrorKind::unavailable, "audit.io", "open " + path.string() + ": " + errno_text(errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorKind::conflict, "audit.locked", "another process writes to this audit log: " + folder.string());
  }
  return lock;
}

Result<VerifierKey> identify(const std::filesystem::path& folder, const Options& options, const SigningKey& key) {
  auto saved = read_small_file(folder / names::kVerifierKey, kMaxVkeyFile);
  if (!saved) return fail(saved.error());
  if (!*saved) {
    auto segments = list_segments(folder);
    if (!segments) return fail(segments.error());
    if (!segments->empty())
      return fail(ErrorKind::internal, "audit.corrupt", "the audit log is damaged: vkey is missing");
    auto made = VerifierKey::make(options.origin.empty() ? "countersign/" + to_hex(random_bytes(8)) : options.origin,
                                  key.public_key());
    if (!made) return fail(made.error());
    if (auto done = write_new_file(folder / names::kVerifierKey, made->text() + '\n', 0644); !done)
      return fail(done.error());
    return made;
  }
  std::string_view text = **saved;
  if (!text.ends_with('\n')) return fail(ErrorKind::internal, "audit.corrupt", "the audit log is damaged: vkey");
  auto name = VerifierKey::parse(text.substr(0, text.size() - 1));
  if (!name) return fail(ErrorKind::internal, "audit.corrupt", "the audit log is damaged: vkey");
  if (name->key != key.public_key()) {
    return fail(ErrorKind::conflict, "audit.key_mismatch", "the audit log was begun with another signing key");
  }
  if (!options.origin.empty() && options.origin != name->name) {
    return fail(ErrorKind::conflict, "audit.origin", "the audit log was begun with the origin " + name->name);
  }
  return name;
}

bool is_good_id(std::string_view id) {
  return id.size() <= kMaxIdBytes && std::ranges::all_of(id, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
                  c == '.' || c == ':';
         });
}

// The outcome that a crashed process owes, with what is known of the operation from its intent.
Entry unknown_outcome(std::string_view operation, const StoredRecord& intent) {
  auto json = parse_json(intent.line);
  Entry entry;
  entry.phase = Phase::outcome;
  entry.operation = operation;
  entry.outcome = Outcome::unknown;
  entry.code = "audit.unclosed";
  entry.detail = "the process ended before the outcome of record " + std::to_string(intent.seq) +
                 " was recorded; the operation may or may not have reached the upstream";
  if (!json) return entry;
  entry.request = string_or(*json, "request", "");
  entry.agent = string_or(*json, "agent", "");
  entry.owner = string_or(*json, "owner", "");
  entry.upstream = string_or(*json, "upstream", "");
  entry.protocol = string_or(*json, "protocol", "");
  entry.action = string_or(*json, "action", "");
  entry.effect = string_or(*json, "effect", "");
  entry.environment = string_or(*json, "environment", "");
  entry.fingerprint = string_or(*json, "fingerprint", "");
  const Json* resources = find_member(*json, "resources");
  if (!resources || !resources->is_array()) return entry;
  for (const Json& resource : *resources) {
    if (resource.is_string()) entry.resources.push_back(resource.get<std::string>());
  }
  return entry;
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(const std::filesystem::path& folder, const Options& options, SigningKey key,
                                       const Clock& clock) {
  auto lock = lock_folder(folder);
  if (!lock) return fail(lock.error());
  auto name = identify(folder, options, key);
  if (!name) return fail(name.error());
  auto recovery = recover(folder, *name);
  if (!recovery) return fail(recovery.error());
  const Position& position = recovery->position;
  if (clock.now() + options.max_clock_step.count() < position.last_time) {
    return fail(ErrorKind::unavailable, "audit.clock",
                "the clock is behind the last audit record (" + format_time(position.last_time) +
                    "): set it right, or begin a new log");
  }
  auto store =
      Store::open(folder, position.segment, position.offset, position.tree.size(),
                  {options.segment_bytes, options.reserve_bytes}, options.files ? *options.files : FileOps::system());
  if (!store) return fail(store.error());
  std::unique_ptr<Log> log(new Log(folder, options, std::move(key), clock, std::move(*lock), std::move(*name),
                                   std::move(*store), *recovery));
  if (auto done = log->record_repairs(*recovery); !done) return fail(done.error());
  if (auto first = log->checkpoint(); !first) return fail(first.error());
  return log;
}

Log::Log(std::filesystem::path folder, const Options& options, SigningKey key, const Clock& clock, FileDescriptor lock,
         VerifierKey name, Store store, Recovery recovery)
    : folder_(std::move(folder)),
      options_(options),
      key_(std::move(key)),
      clock_(clock),
      lock_(std::move(lock)),
      name_(std::move(name)),
      store_(std::move(store)),
      position_(std::move(recovery.position)),
      last_record_(Steady::now()),
      durable_size_(position_.tree.size()) {
  if (recovery.latest) {
    latest_ = std::move(*recovery.latest);
    signed_size_ = latest_.checkpoint.size;
  }
  unsigned_since_ = last_record_;
  writer_ = std::thread([this] { run(); });
}

Log::~Log() {
  {
    std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  writer_.join();
}

Status Log::record_repairs(const Recovery& recovery) {
  repairs_ = {recovery.cut_record_bytes, recovery.position.open.size(), recovery.scanned};
  std::vector<Entry> entries;
  if (recovery.cut_record_bytes + recovery.cut_checkpoint_bytes > 0) {
    Entry& entry = entries.emplace_back();
    entry.phase = Phase::recovered;
    entry.code = "audit.cut";
    entry.detail = "removed " + std::to_string(recovery.cut_record_bytes) + " bytes of a record and " +
                   std::to_string(recovery.cut_checkpoint_bytes) +
                   " bytes of a checkpoint that were never acknowledged";
  }
  auto reader = Reader::open(folder_);
  if (!reader) return fail(reader.error());
  for (const auto& [operation, seq] : recovery.position.open) {
    auto intent = reader->get(seq);
    if (!intent) return fail(intent.error());
    entries.push_back(unknown_outcome(operation, *intent));
  }
  if (entries.empty()) return {};
  // Appended in order, so the last one being durable means that all are, unless one failed, which is sticky.
  std::promise<Status> done;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    bool last = i + 1 == entries.size();
    Durable durable;
    if (last)
      durable = [&done](Result<Receipt> result) { done.set_value(result ? Status() : Status(fail(result.error()))); };
    enqueue(std::move(entries[i]), std::move(durable), Urgency::must_fit);
  }
  return done.get_future().get();
}

void Log::append(const Entry& entry, Durable durable) {
  enqueue(entry, std::move(durable), Urgency::normal);
}
void Log::append(const Entry& entry) {
  enqueue(entry, nullptr, Urgency::normal);
}

void Log::enqueue(const Entry& entry, Durable durable, Urgency urgency) {
  std::optional<Error> refusal;
  bool wake = false;
  if (!is_good_id(entry.operation) || !is_good_id(entry.request)) {
    refusal = Error{ErrorKind::invalid, "audit.bad_entry",
                    "an id in an audit record is too long or has characters no id has"};
  } else if (!signature_fits(entry.signature)) {
    refusal = Error{ErrorKind::invalid, "audit.bad_entry", "a signature is too long for an audit record"};
  }
  Pending pending;
  if (!refusal) {
    pending.record = render(entry);
    pending.opens = !entry.operation.empty() && opens_operation(entry.phase, entry.decision);
    pending.closes = !entry.operation.empty() && entry.phase == Phase::outcome;
    pending.operation = entry.operation;
    pending.bytes = pending.record.text.size() + sizeof(Pending);
    pending.durable = std::move(durable);
    std::lock_guard guard(mutex_);
    if (failed_) {
      refusal = failed_;
    } else if (urgency == Urgency::normal && queued_bytes_ + pending.bytes > options_.queue_bytes) {
      refusal =
          Error{ErrorKind::unavailable, "audit.backlog", "more audit records are waiting for the disk than may wait"};
      if (!pending.durable) ++lost_;
    } else {
      queued_bytes_ += pending.bytes;
      const bool hurry = pending.durable || urgency == Urgency::must_fit || queued_bytes_ >= kPatientBytes;
      wake = (hurry && !urgent_) || queue_.empty();
      if (queue_.empty()) queued_since_ = Steady::now();
      urgent_ = urgent_ || hurry;
      queue_.push_back(std::move(pending));
    }
  } else {
    pending.durable = std::move(durable);
    if (!pending.durable) {
      std::lock_guard guard(mutex_);
      ++lost_;
    }
  }
  if (!refusal) {
    if (wake) work_.notify_one();
  } else if (pending.durable) {
    pending.durable(fail(std::move(*refusal)));
  }
}

Status Log::health() const {
  std::lock_guard guard(mutex_);
  if (failed_) return fail(*failed_);
  if (lost_ > 0) {
    return fail(ErrorKind::unavailable, "audit.backlog",
                std::to_string(lost_) + " audit records were refused and are not yet accounted for");
  }
  return {};
}

std::uint64_t Log::size() const {
  std::lock_guard guard(mutex_);
  return durable_size_;
}

Result<SignedCheckpoint> Log::checkpoint() {
  std::unique_lock lock(mutex_);
  std::uint64_t mine = ++sign_requests_;
  work_.notify_one();
  signed_.wait(lock, [&] { return failed_ || sign_answers_ >= mine; });
  if (failed_) return fail(*failed_);
  return latest_;
}

void Log::run() {
  bool stop = false;
  while (!stop) {
    std::vector<Pending> batch;
    bool sign = false;
    wait_for_work(batch, stop, sign);
    std::uint64_t requests = 0;
    {
      std::lock_guard guard(mutex_);
      requests = sign_requests_;
    }
    commit(batch);
    record_losses();
    beat();
    bool due =
        position_.tree.size() - signed_size_ >= options_.checkpoint_records ||
        (position_.tree.size() > signed_size_ && Steady::now() >= unsigned_since_ + options_.checkpoint_interval);
    if (sign || stop || due) sign_checkpoint();
    if (stop) save_position();
    {
      std::lock_guard guard(mutex_);
      if (sign) sign_answers_ = std::max(sign_answers_, requests);
    }
    signed_.notify_all();
  }
}

void Log::wait_for_work(std::vector<Pending>& batch, bool& stop, bool& sign) {
  std::unique_lock lock(mutex_);
  while (!urgent_ && !stopping_ && (sign_requests_ <= sign_answers_ || failed_)) {
    auto deadline = next_deadline();
    if (!queue_.empty()) deadline = std::min(deadline, queued_since_ + options_.patience);
    if (Steady::now() >= deadline) break;
    work_.wait_until(lock, deadline);
  }
  batch.swap(queue_);
  urgent_ = false;
  stop = stopping_;
  sign = sign_requests_ > sign_answers_;
}

Steady::time_point Log::next_deadline() const {
  auto never = Steady::now() + std::chrono::hours(24);
  if (failed_) return never;
  auto deadline = never;
  if (options_.heartbeat_interval.count() > 0) deadline = last_record_ + options_.heartbeat_interval;
  if (position_.tree.size() > signed_size_)
    deadline = std::min(deadline, unsigned_since_ + options_.checkpoint_interval);
  return deadline;
}

void Log::commit(std::vector<Pending>& batch) {
  std::span<Pending> rest(batch);
  while (!rest.empty()) {
    std::size_t count = 0;
    std::uint64_t text = 0;
    std::uint64_t bytes = 0;
    for (; count < rest.size() && text < kGroupBytes; ++count) {
      text += rest[count].record.text.size();
      bytes += rest[count].bytes;
    }
    std::span<Pending> group = rest.first(count);
    rest = rest.subspan(count);
    std::vector<Receipt> receipts;
    Status written = write(group, receipts);
    if (!written) become_unavailable(written.error());
    std::optional<Error> failure;
    {
      std::lock_guard guard(mutex_);
      queued_bytes_ -= bytes;
      durable_size_ = position_.tree.size();
      failure = failed_;
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (!group[i].durable) continue;
      if (written) {
        group[i].durable(receipts[i]);
      } else {
        group[i].durable(fail(*failure));
      }
    }
  }
}

Status Log::write(std::span<Pending> group, std::vector<Receipt>& receipts) {
  {
    std::lock_guard guard(mutex_);
    if (failed_) return fail(*failed_);
  }
  TimeMs now = 0;
  if (auto good = check_clock(now); !good) return good;
  std::string time = format_time(now);
  std::string lines;
  std::vector<Digest> leaves;
  leaves.reserve(group.size());
  receipts.reserve(group.size());
  std::uint64_t first = position_.tree.size();
  for (const Pending& pending : group) {
    std::size_t start = lines.size();
    std::uint64_t seq = first + leaves.size();
    complete(pending.record, seq, time, lines);
    leaves.push_back(leaf_hash(std::string_view(lines).substr(start)));
    receipts.push_back({seq, leaves.back()});
    lines += '\n';
  }
  if (auto done = store_.append(lines, leaves, first); !done) return done;

  last_record_ = Steady::now();
  if (signed_size_ == first) unsigned_since_ = last_record_;
  for (std::size_t i = 0; i < group.size(); ++i) {
    position_.tree.add(leaves[i]);
    if (group[i].opens) position_.open.insert_or_assign(std::move(group[i].operation), receipts[i].seq);
    if (group[i].closes) position_.open.erase(group[i].operation);
  }
  position_.last_time = now;
  position_.segment = store_.segment();
  position_.offset = store_.offset();
  return {};
}

Status Log::check_clock(TimeMs& now) const {
  now = clock_.now();
  if (now + options_.max_clock_step.count() < position_.last_time) {
    return fail(ErrorKind::unavailable, "audit.clock", "the clock stepped back to " + format_time(now));
  }
  now = std::max(now, position_.last_time);
  return {};
}

void Log::beat() {
  if (options_.heartbeat_interval.count() == 0 || Steady::now() < last_record_ + options_.heartbeat_interval) return;
  Entry entry;
  entry.phase = Phase::heartbeat;
  std::vector<Pending> batch(1);
  batch[0].record = render(entry);
  commit(batch);
  last_record_ = Steady::now();  // also after a failure: no busy loop
}

void Log::record_losses() {
  std::uint64_t lost = 0;
  {
    std::lock_guard guard(mutex_);
    if (failed_) return;
    lost = lost_;
  }
  if (lost == 0) return;
  Entry entry;
  entry.phase = Phase::admin;
  entry.code = "audit.backlog";
  entry.detail = std::to_string(lost) + " records nobody waited for were refused";
  std::vector<Pending> batch(1);
  batch[0].record = render(entry);
  batch[0].durable = [this, lost](Result<Receipt> written) {
    if (!written) return;
    std::lock_guard guard(mutex_);
    lost_ -= lost;
  };
  commit(batch);
}

void Log::sign_checkpoint() {
  {
    std::lock_guard guard(mutex_);
    if (failed_) return;
  }
  std::uint64_t size = position_.tree.size();
  if (size == signed_size_ && !latest_.note.empty()) return;
  SignedCheckpoint next{{name_.name, size, position_.tree.root()}, {}};
  next.note = sign_note(next.checkpoint.text(), name_, key_);
  if (auto done = store_.write_checkpoint(next.note); !done) return become_unavailable(done.error());
  signed_size_ = size;
  {
    std::lock_guard guard(mutex_);
    latest_ = std::move(next);
  }
  if (size - saved_size_ >= kPositionRecords) save_position();
}

void Log::save_position() {
  {
    std::lock_guard guard(mutex_);
    if (failed_) return;
  }
  if (signed_size_ != position_.tree.size()) return;
  if (auto done = store_.write_open_intents(write_position(position_, name_, key_)); !done)
    return become_unavailable(done.error());
  saved_size_ = signed_size_;
}

void Log::become_unavailable(const Error& cause) {
  std::lock_guard guard(mutex_);
  if (!failed_)
    failed_ = Error{ErrorKind::unavailable, "audit.unavailable", "the audit log cannot be written: " + cause.message};
}

}  // namespace countersign::audit
