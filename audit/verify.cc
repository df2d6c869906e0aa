#include "audit/verify.h"

#include <algorithm>
#include <map>

#include "audit/checkpoint_scanner.h"
#include "audit/entry.h"
#include "audit/files.h"
#include "audit/merkle.h"
#include "audit/open_intents.h"
#include "audit/record_check.h"

namespace countersign::audit {
namespace {

constexpr std::size_t kMaxNoteFile = 64U << 10;

// Two trees grow side by side, one from the records and one from `hashes`. Where a record and its stored hash differ,
// the next checkpoint says which of the two is the original, so that the report names the byte that was changed and not
// its neighbour.
class Verifier {
 public:
  Verifier(const std::filesystem::path& folder, VerifierKey key, const RecordJudge& judge)
      : folder_(folder), key_(std::move(key)), judge_(judge) {
    report_.vkey = key_.text();
  }

  Result<VerifyReport> run(const std::optional<std::string>& since) {
    if (since) {
      auto saved = open_checkpoint(*since, key_);
      if (!saved)
        return fail(ErrorKind::invalid, "audit.since",
                    "the saved checkpoint is not one of this log: " + saved.error().message);
      since_ = std::move(saved->checkpoint);
    }
    // In this order, so that a writer at work can only make the later ones longer than the earlier ones say.
    if (auto done = load_published(); !done) return fail(done.error());
    if (auto done = open_checkpoints(); !done) return fail(done.error());
    if (auto done = open_hashes(); !done) return fail(done.error());
    if (auto done = read_records(); !done) return fail(done.error());
    finish_records();
    if (auto done = finish_checkpoints(); !done) return fail(done.error());
    check_open_intents_file();
    for (const auto& [operation, seq] : open_) report_.open.push_back({seq, operation});
    std::ranges::sort(report_.open, {}, &UnclosedIntent::seq);
    return std::move(report_);
  }

  void problem(Problem found) {
    if (++report_.problem_count <= kMaxProblems) report_.problems.push_back(std::move(found));
  }

 private:
  Status load_published() {
    auto text = read_small_file(folder_ / names::kCheckpoint, kMaxNoteFile);
    if (!text) return fail(text.error());
    if (!*text) {
      problem({{}, {}, std::string(names::kCheckpoint), 0, "is missing"});
      return {};
    }
    published_ = std::move(**text);
    if (auto opened = open_checkpoint(published_, key_); !opened) {
      problem({{}, {}, std::string(names::kCheckpoint), 0, opened.error().message});
    }
    return {};
  }

  Status open_checkpoints() {
    auto file = open_to_read(folder_ / names::kCheckpoints);
    if (!file) {
      problem({{}, {}, std::string(names::kCheckpoints), 0, "is missing"});
      return {};
    }
    checkpoints_file_ = std::move(*file);
    auto size = file_size(checkpoints_file_.get());
    if (!size) return fail(size.error());
    checkpoints_.emplace(checkpoints_file_.get(), 0, *size, key_);
    return fetch_checkpoint();
  }

  // Makes next_ the next good checkpoint, reporting bad ones on the way.
  Status fetch_checkpoint() {
    next_.reset();
    while (checkpoints_) {
      auto item = checkpoints_->next();
      if (!item) return fail(item.error());
      if (!*item) return {};
      std::uint64_t offset = (*item)->offset;
      if ((*item)->torn) {
        // A crash, or a writer at work; were it the published one, that would match none below.
        report_.notes.push_back("checkpoints ends inside a checkpoint that was never published (byte " +
                                std::to_string(offset) + ")");
        return {};
      }
      if (!(*item)->checkpoint) {
        problem({{}, {}, std::string(names::kCheckpoints), offset, (*item)->checkpoint.error().message});
        continue;
      }
      SignedCheckpoint& found = *(*item)->checkpoint;
      if (report_.latest && found.checkpoint.size < report_.latest->size) {
        problem({{}, {}, std::string(names::kCheckpoints), offset, "is older than the checkpoint before it"});
        continue;
      }
      ++report_.checkpoints;
      published_is_known_ = published_is_known_ || found.note == published_;
      report_.latest = found.checkpoint;
      next_ = std::move(found.checkpoint);
      next_offset_ = offset;
      return {};
    }
    return {};
  }

  Status open_hashes() {
    auto file = HashFile::open(folder_ / names::kHashes);
    if (!file) return fail(file.error());
    hashes_ = std::move(*file);
    return {};
  }

  Status read_records() {
    auto segments = list_segments(folder_);
    if (!segments) return fail(segments.error());
    if (auto done = settle(); !done) return done;
    for (const Segment& segment : *segments) {
      file_name_ = segment.path.filename().string();
      if (segment.first < next_seq_ || (segment.first > next_seq_ && !gap_)) {
        problem({next_seq_,
                 {},
                 file_name_,
                 0,
                 "does not follow: this file claims to begin with record " + std::to_string(segment.first)});
      }
      auto file = open_to_read(segment.path);
      if (!file) return fail(file.error());
      auto size = file_size(file->get());
      if (!size) return fail(size.error());
      LineReader lines(file->get(), 0, *size);
      while (true) {
        auto line = lines.next();
        if (!line) return fail(line.error());
        if (!*line) break;
        if (auto done = read_line(**line, &segment == &segments->back(), *size); !done) return done;
      }
    }
    return {};
  }

  Status read_line(const Line& line, bool last_segment, std::uint64_t size) {
    if (!line.terminated && last_segment && line.offset + line.text.size() == size && next_seq_ >= hashes_.count() &&
        !gap_) {
      report_.notes.push_back("the last " + std::to_string(line.text.size()) + " bytes of " + file_name_ +
                              " are a record that was never acknowledged");
      return {};
    }
    auto record = check_record(line.text);
    if (!line.terminated) return begin_gap(line, "is cut short");
    if (!record) return begin_gap(line, record.error().message);
    Digest leaf = leaf_hash(line.text);
    bool stored = record->seq < hashes_.count();
    bool matches = false;
    if (stored) {
      auto hash = hashes_.at(record->seq);
      if (!hash) return fail(hash.error());
      matches = *hash == leaf;
    }
    if (record->seq < next_seq_ + (gap_ ? 1 : 0)) return begin_gap(line, "has a seq that was there before");
    if (record->seq > next_seq_) {
      // A record ahead of its place is believed when its hash stands at that place: then what is between is lost.
      if (!gap_ && !matches) return begin_gap(line, "has the wrong seq");
      if (gap_ && stored && !matches) return begin_gap(line, "has the wrong seq");
      if (!gap_) gap_ = Gap{file_name_, line.offset, "is missing"};
      if (auto done = close_gap(record->seq); !done) return done;
    }
    if (stored && !matches) differing_.push_back({record->seq, {}, file_name_, line.offset, {}});
    if (!stored || matches) check_time(*record, line);  // a changed time must not accuse the next record
    follow(*record);
    if (judge_) {
      if (auto wrong = judge_(*record)) problem({record->seq, {}, file_name_, line.offset, std::move(*wrong)});
    }
    return advance(leaf);
  }

  // From here on the place of the lines is unknown until a good one says its seq.
  Status begin_gap(const Line& line, std::string_view what) {
    if (!gap_) gap_ = Gap{file_name_, line.offset, std::string(what)};
    return {};
  }

  // The records before `end` cannot be read. Their stored hashes stand in, so that everything behind them is still
  // checked.
  Status close_gap(std::uint64_t end) {
    Problem found{next_seq_, {}, gap_->file, gap_->offset, gap_->what};
    if (end > next_seq_ + 1) found.last_seq = end - 1;
    problem(std::move(found));
    gap_.reset();
    while (next_seq_ < end) {
      Digest stand_in{};
      if (next_seq_ < hashes_.count()) {
        auto hash = hashes_.at(next_seq_);
        if (!hash) return fail(hash.error());
        stand_in = *hash;
      }
      if (auto done = advance(stand_in); !done) return done;
    }
    return {};
  }

  void check_time(const CheckedRecord& record, const Line& line) {
    if (record.time < last_time_)
      problem({record.seq, {}, file_name_, line.offset, "is older than the record before it"});
    last_time_ = std::max(last_time_, record.time);
  }

  void follow(const CheckedRecord& record) {
    std::string operation = string_or(record.json, "operation", "");
    if (operation.empty()) return;
    std::string phase = string_or(record.json, "phase", "");
    std::string decision = string_or(record.json, "decision", "");
    if (phase == "intent" && decision != "hold" && decision != "deny") open_[operation] = record.seq;
    if (phase == "outcome") open_.erase(operation);
  }

  Status advance(const Digest& leaf) {
    from_records_.add(leaf);
    Digest stored = leaf;
    if (next_seq_ < hashes_.count()) {
      auto hash = hashes_.at(next_seq_);
      if (!hash) return fail(hash.error());
      stored = *hash;
    }
    from_hashes_.add(stored);
    ++next_seq_;
    return settle();
  }

  // Compares with every checkpoint of exactly this size.
  Status settle() {
    while (next_ && next_->size == next_seq_) {
      settle_one();
      if (auto done = fetch_checkpoint(); !done) return done;
    }
    if (since_ && since_->size == next_seq_) {
      if (since_->root != from_records_.root()) {
        problem(
            {{},
             {},
             "saved checkpoint",
             0,
             "history was rewritten: the first " + std::to_string(since_->size) + " records are not those it signed"});
      }
      since_.reset();
    }
    return {};
  }

  void settle_one() {
    bool records_agree = from_records_.root() == next_->root;
    bool hashes_agree = from_hashes_.root() == next_->root;
    if (records_agree) {
      for (const Problem& record : differing_) {
        problem({record.seq,
                 {},
                 std::string(names::kHashes),
                 *record.seq * sizeof(Digest),
                 "the stored hash is not the record's"});
      }
      from_hashes_ = from_records_;
    } else if (hashes_agree) {
      for (Problem& record : differing_) {
        record.what = "was changed: its hash is not the one that was stored and signed";
        problem(std::move(record));
      }
      from_records_ = from_hashes_;
    } else if (!root_is_lost_) {
      root_is_lost_ = true;
      report_differing();
      Problem found{report_.signed_records,
                    {},
                    std::string(names::kCheckpoints),
                    next_offset_,
                    "are not those that this checkpoint signed"};
      if (next_->size > 0) found.last_seq = next_->size - 1;
      problem(std::move(found));
    }
    differing_.clear();
    if (records_agree || hashes_agree) report_.signed_records = next_->size;
  }

  void report_differing() {
    for (Problem& record : differing_) {
      record.what = "does not match its stored hash";
      problem(std::move(record));
    }
    differing_.clear();
  }

  void finish_records() {
    if (gap_) {
      std::uint64_t end = std::max(next_seq_ + 1, hashes_.count());
      Problem found{next_seq_, {}, gap_->file, gap_->offset, gap_->what};
      if (end > next_seq_ + 1) found.last_seq = end - 1;
      problem(std::move(found));
    } else if (next_seq_ < hashes_.count()) {
      problem({next_seq_, hashes_.count() - 1, std::string(names::kHashes), next_seq_ * sizeof(Digest),
               "is missing: its hash is stored, so it was written"});
    }
    report_differing();
    report_.records = next_seq_;
    if (hashes_.count() < report_.records) {
      std::uint64_t without = report_.records - hashes_.count();
      if (report_.latest && hashes_.count() < report_.signed_records) {
        problem({hashes_.count(),
                 {},
                 std::string(names::kHashes),
                 hashes_.count() * sizeof(Digest),
                 "its hash is missing"});
      } else {
        report_.notes.push_back(std::to_string(without) + " records at the end have no stored hash yet");
      }
    }
    if (report_.records > report_.signed_records) {
      report_.notes.push_back(std::to_string(report_.records - report_.signed_records) +
                              " records at the end are not signed yet");
    }
  }

  Status finish_checkpoints() {
    while (next_) {
      problem({next_seq_, next_->size - 1, std::string(names::kCheckpoints), next_offset_,
               "is missing: this checkpoint signed " + std::to_string(next_->size) + " records"});
      if (auto done = fetch_checkpoint(); !done) return done;
    }
    if (!published_.empty() && !published_is_known_) {
      problem({{}, {}, std::string(names::kCheckpoint), 0, "is not one of those in checkpoints"});
    }
    if (since_) {
      problem({next_seq_, since_->size - 1, "saved checkpoint", 0,
               "is missing: the log was rolled back below the " + std::to_string(since_->size) + " records it signed"});
    }
    return {};
  }

  void check_open_intents_file() {
    auto text = read_small_file(folder_ / names::kOpenIntents, kMaxPositionBytes);
    if (!text) return problem({{}, {}, std::string(names::kOpenIntents), 0, text.error().message});
    if (!*text) return;
    auto position = read_position(**text, key_);
    if (!position) problem({{}, {}, std::string(names::kOpenIntents), 0, position.error().message});
  }

  struct Gap {
    std::string file;
    std::uint64_t offset;
    std::string what;
  };

  const std::filesystem::path& folder_;
  VerifierKey key_;
  const RecordJudge& judge_;
  VerifyReport report_;
  std::optional<Checkpoint> since_;
  std::string published_;
  bool published_is_known_ = false;
  FileDescriptor checkpoints_file_;
  std::optional<CheckpointScanner> checkpoints_;
  std::optional<Checkpoint> next_;
  std::uint64_t next_offset_ = 0;
  HashFile hashes_;

  std::string file_name_;
  std::uint64_t next_seq_ = 0;
  TimeMs last_time_ = 0;
  std::optional<Gap> gap_;
  CompactRange from_records_;
  CompactRange from_hashes_;
  std::vector<Problem> differing_;  // records that differ from their stored hash, since the last checkpoint
  bool root_is_lost_ = false;
  std::map<std::string, std::uint64_t> open_;
};

}  // namespace

Result<VerifyReport> verify(const std::filesystem::path& folder, const VerifyOptions& options) {
  auto text = read_small_file(folder / names::kVerifierKey, 1024);
  if (!text) return fail(text.error());
  if (!*text && !options.key)
    return fail(ErrorKind::not_found, "audit.not_a_log", "no audit log in " + folder.string());
  std::optional<VerifierKey> own;
  if (*text && (*text)->ends_with('\n')) {
    auto parsed = VerifierKey::parse(std::string_view(**text).substr(0, (*text)->size() - 1));
    if (parsed) own = std::move(*parsed);
  }
  Problem wrong_key{
      {}, {}, std::string(names::kVerifierKey), 0, own ? "is not the key that was asked for" : "is not a verifier key"};
  if (!own && !options.key) {
    VerifyReport report;
    report.problems.push_back(std::move(wrong_key));
    report.problem_count = 1;
    report.notes.emplace_back("nothing was checked: without the log's public key no signature can be");
    return report;
  }
  Verifier verifier(folder, options.key ? *options.key : *own, options.judge);
  if (options.key && own != options.key) verifier.problem(std::move(wrong_key));
  return verifier.run(options.since);
}

}  // namespace countersign::audit
