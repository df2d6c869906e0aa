#include "audit/recovery.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "audit/checkpoint_scanner.h"
#include "audit/entry.h"
#include "audit/files.h"
#include "audit/record_check.h"

namespace countersign::audit {
namespace {

constexpr std::uint64_t kCheckpointTail = 16U << 10;

std::unexpected<Error> corrupt(std::string message) {
  return fail(ErrorKind::internal, "audit.corrupt", "the audit log is damaged: " + std::move(message));
}

std::unexpected<Error> corrupt_record(std::uint64_t seq, const std::filesystem::path& file, std::uint64_t offset,
                                      std::string_view what) {
  return corrupt("record " + std::to_string(seq) + " (" + file.filename().string() + ", byte " +
                 std::to_string(offset) + ") " + std::string(what));
}

Result<FileDescriptor> open_to_repair(const std::filesystem::path& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!fd) return fail(ErrorKind::unavailable, "audit.io", "open " + path.string() + ": " + errno_text(errno));
  return fd;
}

Status write_at(int fd, std::string_view data, std::uint64_t offset) {
  while (!data.empty()) {
    ssize_t written = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      return fail(ErrorKind::unavailable, "audit.io", "write: " + errno_text(written < 0 ? errno : EIO));
    data.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Status cut_file(int fd, std::uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0)
    return fail(ErrorKind::unavailable, "audit.io", "ftruncate: " + errno_text(errno));
  return sync(FileOps::system(), fd);
}

class Recoverer {
 public:
  Recoverer(const std::filesystem::path& folder, const VerifierKey& key) : folder_(folder), key_(key) {}

  Result<Recovery> run() {
    if (auto done = find_latest(); !done) return fail(done.error());
    if (auto done = find_start(); !done) return fail(done.error());
    if (auto done = scan(); !done) return fail(done.error());
    if (auto done = check_completeness(); !done) return fail(done.error());
    if (auto done = repair(); !done) return fail(done.error());
    return std::move(result_);
  }

 private:
  Position& position() { return result_.position; }
  [[nodiscard]] std::uint64_t covered() const { return result_.latest ? result_.latest->checkpoint.size : 0; }

  // `checkpoints` is appended to before `checkpoint` is replaced, so its last whole note is the latest.
  Status find_latest() {
    auto published = read_small_file(folder_ / names::kCheckpoint, kCheckpointTail);
    if (!published) return fail(published.error());
    std::optional<SignedCheckpoint> current;
    if (*published) {
      auto opened = open_checkpoint(**published, key_);
      if (!opened) return corrupt("checkpoint: " + opened.error().message);
      current = std::move(*opened);
    }
    auto file = open_to_repair(folder_ / names::kCheckpoints);
    if (!file) return fail(file.error());
    auto size = file_size(file->get());
    if (!size) return fail(size.error());
    auto start = tail_start(file->get(), *size);
    if (!start) return fail(start.error());
    CheckpointScanner scanner(file->get(), *start, *size, key_);
    checkpoints_end_ = *start;
    while (true) {
      auto item = scanner.next();
      if (!item) return fail(item.error());
      if (!*item) break;
      if ((*item)->torn) {
        result_.cut_checkpoint_bytes = (*item)->end - (*item)->offset;
        break;
      }
      if (!(*item)->checkpoint)
        return corrupt("checkpoints, byte " + std::to_string((*item)->offset) + ": " +
                       (*item)->checkpoint.error().message);
      result_.latest = std::move(*(*item)->checkpoint);
      checkpoints_end_ = (*item)->end;
    }
    if (current && (!result_.latest || current->checkpoint.size > covered())) {
      return corrupt("the latest checkpoint is missing from checkpoints");
    }
    checkpoint_is_stale_ = result_.latest && (!current || current->note != result_.latest->note);
    return {};
  }

  Result<std::uint64_t> tail_start(int fd, std::uint64_t size) {
    if (size <= kCheckpointTail) return std::uint64_t{0};
    auto tail = read_range(fd, size - kCheckpointTail, kCheckpointTail);
    if (!tail) return fail(tail.error());
    std::size_t at = tail->find("\n\n" + key_.name + "\n");
    if (at == std::string::npos) return corrupt("no checkpoint at the end of checkpoints");
    return size - kCheckpointTail + at + 2;
  }

  Status find_start() {
    auto segments = list_segments(folder_);
    if (!segments) return fail(segments.error());
    segments_ = std::move(*segments);
    auto hashes = HashFile::open(folder_ / names::kHashes);
    if (!hashes) return fail(hashes.error());
    hashes_ = std::move(*hashes);
    auto saved = read_small_file(folder_ / names::kOpenIntents, kMaxPositionBytes);
    if (!saved || !*saved) return {};
    auto start = read_position(**saved, key_);
    if (start && is_usable(*start)) position() = std::move(*start);
    return {};
  }

  [[nodiscard]] bool is_usable(const Position& start) const {
    if (start.tree.size() > covered() || start.tree.size() > hashes_.count()) return false;
    auto segment = std::ranges::find(segments_, start.segment, &Segment::first);
    if (segment == segments_.end()) return false;
    auto file = open_to_read(segment->path);
    if (!file) return false;
    auto size = file_size(file->get());
    if (!size || *size < start.offset) return false;
    if (start.offset == 0) return true;
    auto before = read_range(file->get(), start.offset - 1, 1);
    return before && *before == "\n";
  }

  Status scan() {
    tail_offset_ = position().offset;
    if (auto done = check_root(); !done) return done;
    bool first = true;
    for (const Segment& segment : segments_) {
      if (segment.first < position().segment) continue;
      if (segment.first != (first ? position().segment : position().tree.size())) {
        return corrupt("record " + std::to_string(position().tree.size()) + " is missing: the next file is " +
                       segment.path.filename().string());
      }
      if (!first) position().offset = tail_offset_ = 0;
      first = false;
      position().segment = segment.first;
      if (auto done = scan_segment(segment, &segment == &segments_.back()); !done) return done;
    }
    return {};
  }

  Status scan_segment(const Segment& segment, bool last) {
    auto file = open_to_read(segment.path);
    if (!file) return fail(file.error());
    auto end = file_size(file->get());
    if (!end) return fail(end.error());
    LineReader lines(file->get(), position().offset, *end);
    while (true) {
      auto next = lines.next();
      if (!next) return fail(next.error());
      if (!*next) return {};
      const Line& line = **next;
      std::uint64_t seq = position().tree.size();
      bool torn = !line.terminated || line.text.find('\0') != std::string_view::npos;
      if (torn && last && seq >= covered() && !has_hash(seq)) {
        // Never acknowledged: nothing signed and nothing written after its sync speaks of it. A power cut may leave
        // holes.
        result_.cut_record_bytes = *end - line.offset;
        return {};
      }
      if (torn) return corrupt_record(seq, segment.path, line.offset, "is cut short");
      if (auto done = take(line, segment.path); !done) return done;
      position().offset = line.offset + line.text.size() + 1;
      if (position().tree.size() == covered()) tail_offset_ = position().offset;
      if (auto done = check_root(); !done) return done;
    }
  }

  // Not const: reading goes through the window of hashes_.
  bool has_hash(std::uint64_t seq) {
    if (seq >= hashes_.count()) return false;
    auto hash = hashes_.at(seq);
    return hash && *hash != Digest{};  // zeros are what a power cut leaves of a block that was never written
  }

  Status take(const Line& line, const std::filesystem::path& file) {
    std::uint64_t seq = position().tree.size();
    if (raw_integer(line.text, "seq") != static_cast<std::int64_t>(seq)) {
      return corrupt_record(seq, file, line.offset, "is not the one that belongs here");
    }
    if (seq >= covered()) {
      if (auto record = check_record(line.text); !record)
        return corrupt_record(seq, file, line.offset, record.error().message);
    }
    Digest leaf = leaf_hash(line.text);
    if (has_hash(seq)) {
      auto stored = hashes_.at(seq);
      if (!stored) return fail(stored.error());
      if (*stored != leaf) return corrupt_record(seq, file, line.offset, "does not match its stored hash");
    } else {
      missing_.emplace_back(seq, leaf);
    }
    position().tree.add(leaf);
    ++result_.scanned;
    if (auto time = parse_time(raw_string(line.text, "ts")))
      position().last_time = std::max(position().last_time, *time);
    std::string_view operation = raw_string(line.text, "operation");
    if (!operation.empty() && opens_operation(line.text)) {
      position().open.insert_or_assign(std::string(operation), seq);
    } else if (raw_string(line.text, "phase") == "outcome") {
      if (auto open = position().open.find(operation); open != position().open.end()) position().open.erase(open);
    }
    return {};
  }

  Status check_root() {
    if (!result_.latest || position().tree.size() != covered()) return {};
    if (position().tree.root() == result_.latest->checkpoint.root) return {};
    return corrupt("the records before record " + std::to_string(covered()) +
                   " are not those that the latest checkpoint covers");
  }

  Status check_completeness() {
    std::uint64_t size = position().tree.size();
    if (size < covered()) {
      return corrupt("record " + std::to_string(size) + " is missing: the latest checkpoint covers " +
                     std::to_string(covered()) + " records");
    }
    for (std::uint64_t seq = size; seq < hashes_.count(); ++seq) {
      if (has_hash(seq)) return corrupt("record " + std::to_string(seq) + " is missing: its hash is stored");
    }
    return {};
  }

  Status repair() {
    if (auto done = repair_hashes(); !done) return done;
    if (auto done = repair_segment(); !done) return done;
    if (result_.cut_checkpoint_bytes > 0) {
      auto file = open_to_repair(folder_ / names::kCheckpoints);
      if (!file) return fail(file.error());
      if (auto done = cut_file(file->get(), checkpoints_end_); !done) return done;
    }
    if (checkpoint_is_stale_) return replace_file(FileOps::system(), folder_, names::kCheckpoint, result_.latest->note);
    return {};
  }

  Status repair_hashes() {
    auto file = open_to_repair(folder_ / names::kHashes);
    if (!file) return fail(file.error());
    for (const auto& [seq, hash] : missing_) {
      if (auto done = write_at(file->get(), as_text(ByteView(hash)), seq * sizeof(Digest)); !done) return done;
    }
    return cut_file(file->get(), position().tree.size() * sizeof(Digest));
  }

  // After a failed sync the kernel may believe pages clean that never reached the disk. Writing the same bytes again
  // makes them dirty, so that the sync below means what it says.
  Status repair_segment() {
    if (segments_.empty()) return {};
    auto file = open_to_repair(segments_.back().path);
    if (!file) return fail(file.error());
    auto tail = read_range(file->get(), tail_offset_, static_cast<std::size_t>(position().offset - tail_offset_));
    if (!tail) return fail(tail.error());
    if (auto done = write_at(file->get(), *tail, tail_offset_); !done) return done;
    return cut_file(file->get(), position().offset);
  }

  const std::filesystem::path& folder_;
  const VerifierKey& key_;
  Recovery result_;
  std::vector<Segment> segments_;
  HashFile hashes_;
  std::vector<std::pair<std::uint64_t, Digest>> missing_;
  std::uint64_t checkpoints_end_ = 0;
  std::uint64_t tail_offset_ = 0;  // in the last segment: where the records begin that no checkpoint covers
  bool checkpoint_is_stale_ = false;
};

}  // namespace

Result<Recovery> recover(const std::filesystem::path& folder, const VerifierKey& key) {
  return Recoverer(folder, key).run();
}

}  // namespace countersign::audit
