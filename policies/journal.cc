#include "policies/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "policies/journal_files.h"
#include "policies/journal_line.h"

namespace countersign::policies {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kPause(100);
constexpr std::size_t kReadBytes = 256U << 20;  // of one segment, unpacked

bool names_environments(const Scope& scope) {
  return std::ranges::any_of(scope.blocks(), [](const ScopeBlock& block) {
    return std::ranges::any_of(block.rules, [](const ScopeRule& rule) { return !rule.environments.empty(); });
  });
}

std::size_t input_bytes(const Operation& operation) {
  std::size_t out = operation.input.size();
  for (const Access& access : operation.accesses) out += access.input.size();
  return out;
}

}  // namespace

JournalEntry journal_entry(std::shared_ptr<const Snapshot> snapshot, const Subject& subject, const Operation& operation,
                           const Decision& decision, TimeMs now) {
  JournalEntry out;
  out.at = now;
  out.agent = subject.agent;
  out.owner = subject.owner;
  out.delegates.assign(subject.delegates.begin(), subject.delegates.end());
  out.token = subject.token;
  out.root = subject.root;
  if (subject.session) out.session = *subject.session;
  if (subject.scope && names_environments(*subject.scope)) out.scope = *subject.scope;
  out.operation.protocol = operation.protocol;
  out.operation.upstream = operation.upstream;
  out.operation.action = operation.action;
  out.operation.reach = operation.reach;
  out.operation.accesses = operation.accesses;
  out.operation.input = operation.input;
  out.verdict = decision.verdict;
  out.code = decision.code;
  out.policies = decision.policies;
  out.shadow = decision.shadow;
  out.policy_digest = decision.policy_digest;
  out.snapshot = std::move(snapshot);
  return out;
}

// The file that is written now. Used by the writer's thread only.
class Journal::Writer {
 public:
  Writer(const Journal& journal) : journal_(journal) { tidy(); }
  ~Writer() { close(); }

  // False when the entries are lost.
  bool write(const std::vector<JournalEntry>& entries, std::uint64_t& lost) {
    std::string day = day_of(journal_.clock_.now());
    if (descriptor_ >= 0 && (day != day_ || bytes_ > journal_.limits_.segment)) {
      close();
      tidy();
    }
    if (descriptor_ < 0 && !open(day)) return false;
    std::string text;
    for (const JournalEntry& entry : entries) {
      std::string line = render_entry(entry);
      if (line.empty()) ++lost;
      if (!line.empty() && entry.snapshot && sets_.insert(entry.policy_digest).second)
        text += render_kept(entry.policy_digest, kept_names(*entry.snapshot));
      text += line;
    }
    for (std::string_view rest = text; !rest.empty();) {
      ssize_t put = ::write(descriptor_, rest.data(), rest.size());
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) {
        complain("cannot write", std::strerror(errno));
        close();
        return false;
      }
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
    bytes_ += text.size();
    return true;
  }

 private:
  bool open(const std::string& day) {
    int number = 1;
    for (const Segment& segment : list_segments(journal_.folder_)) {
      if (segment.day == day) number = std::max(number, segment.number + 1);
    }
    std::string digits = std::to_string(number);
    digits.insert(0, digits.size() < 4 ? 4 - digits.size() : 0, '0');
    path_ = journal_.folder_ / (day + "." + digits + ".jsonl");
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor_ < 0) complain("cannot open", std::strerror(errno));
    day_ = day;
    bytes_ = 0;
    sets_.clear();
    return descriptor_ >= 0;
  }

  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
    path_.clear();
  }

  // Compresses what is finished and lets go of what is too old.
  void tidy() {
    remove_old_segments(journal_.folder_, journal_.limits_, journal_.clock_.now(), path_);
    for (const Segment& segment : list_segments(journal_.folder_)) {
      if (segment.compressed || segment.path == path_) continue;
      if (auto done = compress_segment(segment); !done) complain("cannot compress", done.error().message.c_str());
    }
  }

  // Once for each kind of trouble: a full disk must not fill the log too.
  void complain(std::string_view what, const char* why) {
    if (!said_.insert(std::string(what)).second) return;
    journal_.log_.error("recorded operations",
                        {{"trouble", what}, {"why", why}, {"folder", journal_.folder_.string()}});
  }

  const Journal& journal_;
  int descriptor_ = -1;
  fs::path path_;
  std::string day_;
  std::uint64_t bytes_ = 0;
  std::set<std::string> sets_;  // whose kept names this segment says already
  std::set<std::string> said_;
};

Result<std::unique_ptr<Journal>> Journal::open(fs::path folder, const JournalLimits& limits, const Clock& clock,
                                               const Log& log) {
  std::unique_ptr<Journal> out(new Journal(std::move(folder), limits, clock, log));
  if (limits.days == 0) {
    remove_old_segments(out->folder_, limits, clock.now(), {});
    return out;
  }
  std::error_code error;
  fs::create_directories(out->folder_, error);
  if (error || ::chmod(out->folder_.c_str(), 0700) != 0)
    return fail(ErrorKind::internal, "journal.cannot_open", "cannot make the folder " + out->folder_.string());
  out->writer_ = std::thread([journal = out.get()] { journal->run(); });
  return out;
}

Journal::~Journal() {
  if (!writer_.joinable()) return;
  {
    std::lock_guard hold(lock_);
    ending_ = true;
  }
  wake_.notify_one();
  writer_.join();
}

void Journal::note(JournalEntry entry) {
  if (limits_.days == 0 || entry.operation.reach != Reach::upstream) return;
  std::size_t bytes = input_bytes(entry.operation);
  bool full = false;
  {
    std::lock_guard hold(lock_);
    if (waiting_.size() >= limits_.queue || waiting_bytes_ + bytes > limits_.queue_bytes) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    waiting_.push_back(std::move(entry));
    waiting_bytes_ += bytes;
    ++noted_;
    // The writer looks by itself ten times a second; it is woken only when it must hurry.
    full = waiting_.size() == limits_.queue / 2 || waiting_bytes_ > limits_.queue_bytes / 2;
  }
  if (full) wake_.notify_one();
}

void Journal::flush() {
  std::unique_lock hold(lock_);
  if (!writer_.joinable()) return;
  std::uint64_t until = noted_;
  flushing_ = true;
  wake_.notify_one();
  written_to_.wait(hold, [&] { return settled_ >= until; });
}

void Journal::run() {
  Writer writer(*this);
  std::vector<JournalEntry> batch;
  for (bool ending = false; !ending;) {
    {
      std::unique_lock hold(lock_);
      wake_.wait_for(hold, kPause, [this] {
        return ending_ || flushing_ || waiting_.size() >= limits_.queue / 2 || waiting_bytes_ > limits_.queue_bytes / 2;
      });
      batch.swap(waiting_);
      waiting_bytes_ = 0;
      flushing_ = false;
      ending = ending_;
    }
    std::uint64_t lost = 0;
    if (!batch.empty() && !writer.write(batch, lost)) lost = batch.size();
    dropped_.fetch_add(lost, std::memory_order_relaxed);
    written_.fetch_add(batch.size() - lost, std::memory_order_relaxed);
    {
      std::lock_guard hold(lock_);
      settled_ += batch.size();
    }
    written_to_.notify_all();
    batch.clear();
  }
}

namespace {

using KeptBySet = std::map<std::string, std::shared_ptr<const KeptNames>, std::less<>>;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      out.push_back(text);  // cut off: it will not parse
      break;
    }
    out.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return out;
}

constexpr std::string_view kKeptLine = R"({"kept":)";

void read_kept(std::string_view line, KeptBySet& out) {
  auto document = JsonDocument::parse(line);
  if (!document) return;
  KeptNames names;
  for (JsonValue item = document->root().member("kept").first(); item; item = item.next()) {
    if (auto text = item.string()) names.emplace(*text);
  }
  if (auto set = document->root().member("set").string())
    out[std::string(*set)] = std::make_shared<const KeptNames>(std::move(names));
}

}  // namespace

Result<JournalRead> read_journal(const fs::path& folder, TimeMs since, TimeMs until, std::uint64_t limit,
                                 const std::function<bool(const JournalEntry&)>& take) {
  constexpr TimeMs kDay = 86'400'000;
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return fail(ErrorKind::not_found, "journal.unreadable", "no operations are recorded in " + folder.string());
  JournalRead out;
  std::vector<Segment> segments = list_segments(folder);
  // An entry may be written a little later than it was decided, past midnight.
  std::string first_day = day_of(since);
  std::string last_day = day_of(until + kDay);
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    if (segment->day < first_day || segment->day > last_day) continue;
    auto text = read_segment(segment->path, kReadBytes);
    if (!text) {
      // Compressed or removed since it was listed.
      text = read_segment(segment->path.string() + ".gz", kReadBytes);
      if (!text) continue;
    }
    std::vector<std::string_view> lines = lines_of(*text);
    KeptBySet kept;
    for (std::string_view line : lines) {
      if (line.starts_with(kKeptLine)) read_kept(line, kept);
    }
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      if (line->starts_with(kKeptLine)) continue;
      auto document = JsonDocument::parse(*line);
      auto entry = document ? parse_entry(document->root()) : Result<JournalEntry>(fail(document.error()));
      if (!entry) {
        ++out.unreadable;
        continue;
      }
      if (entry->at < since || entry->at >= until) continue;
      if (out.entries == limit) {
        out.more = true;
        return out;
      }
      ++out.entries;
      auto names = kept.find(entry->policy_digest);
      if (names != kept.end()) entry->kept = names->second;
      if (!take(*entry)) {
        out.more = true;
        return out;
      }
    }
  }
  return out;
}

}  // namespace countersign::policies
