#include "audit/reader.h"

#include <algorithm>

#include "audit/entry.h"

namespace countersign::audit {
namespace {

constexpr std::uint64_t kProbe = 2 * (kMaxRecordBytes + 1);  // always holds one whole line behind the rest of another
constexpr std::uint64_t kMaxRange = 65'536;

std::unexpected<Error> corrupt(std::uint64_t seq) {
  return fail(ErrorKind::internal, "audit.corrupt",
              "the audit log is damaged: record " + std::to_string(seq) + " is not where it belongs");
}

// The offset of some line at or before record `seq`, by bisection: seq grows with the offset.
Result<std::uint64_t> find_near(int fd, std::uint64_t size, std::uint64_t seq) {
  std::uint64_t low = 0;  // the beginning of a line whose seq is not above the one we look for
  std::uint64_t high = size;
  while (high - low > kProbe) {
    std::uint64_t middle = low + (high - low) / 2;
    auto probe = read_range(fd, middle, kProbe);
    if (!probe) return fail(probe.error());
    std::size_t newline = probe->find('\n');
    if (newline == std::string::npos || middle + newline + 1 >= high) {
      high = middle;
      continue;
    }
    std::int64_t found = raw_integer(std::string_view(*probe).substr(newline + 1), "seq");
    if (found >= 0 && static_cast<std::uint64_t>(found) <= seq) {
      low = middle + newline + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// Appends records from `next` on, up to `end`, as far as this segment holds them.
Status read_segment(const Segment& segment, std::uint64_t& next, std::uint64_t end, std::vector<StoredRecord>& out) {
  auto file = open_to_read(segment.path);
  if (!file) return fail(file.error());
  auto size = file_size(file->get());
  if (!size) return fail(size.error());
  auto start = find_near(file->get(), *size, next);
  if (!start) return fail(start.error());
  LineReader lines(file->get(), *start, *size);
  while (next < end) {
    auto line = lines.next();
    if (!line) return fail(line.error());
    if (!*line || !(*line)->terminated) return {};
    StoredRecord record = stored_record((*line)->text);
    if (record.seq < next) continue;
    if (record.seq > next) return corrupt(next);
    out.push_back(std::move(record));
    ++next;
  }
  return {};
}

}  // namespace

StoredRecord stored_record(std::string_view line) {
  auto time = parse_time(raw_string(line, "ts"));
  return {static_cast<std::uint64_t>(raw_integer(line, "seq")), time ? *time : 0, std::string(line)};
}

Result<Reader> Reader::open(const std::filesystem::path& folder) {
  auto text = read_small_file(folder / names::kVerifierKey, 1024);
  if (!text || !*text || !(*text)->ends_with('\n')) {
    return fail(ErrorKind::not_found, "audit.not_a_log", "no audit log in " + folder.string());
  }
  auto key = VerifierKey::parse(std::string_view(**text).substr(0, (*text)->size() - 1));
  if (!key) return fail(ErrorKind::malformed, "audit.not_a_log", "the vkey file in " + folder.string() + " is damaged");
  return Reader(folder, std::move(*key));
}

Result<std::uint64_t> Reader::size() const {
  auto file = HashFile::open(folder_ / names::kHashes);
  if (!file) return fail(file.error());
  return file->count();
}

Result<SignedCheckpoint> Reader::checkpoint() const {
  auto text = read_small_file(folder_ / names::kCheckpoint, 64U << 10);
  if (!text) return fail(text.error());
  if (!*text) return fail(ErrorKind::not_found, "audit.no_checkpoint", "the audit log has no checkpoint yet");
  return open_checkpoint(**text, key_);
}

Result<StoredRecord> Reader::get(std::uint64_t seq) const {
  auto records = range(seq, seq + 1);
  if (!records) return fail(records.error());
  return std::move(records->front());
}

Result<std::vector<StoredRecord>> Reader::range(std::uint64_t begin, std::uint64_t end) const {
  auto count = size();
  if (!count) return fail(count.error());
  if (begin > end || end > *count)
    return fail(ErrorKind::not_found, "audit.unknown_record", "the audit log has no such record");
  if (end - begin > kMaxRange) return fail(ErrorKind::too_large, "audit.range", "too many records at once");
  auto segments = list_segments(folder_);
  if (!segments) return fail(segments.error());
  std::vector<StoredRecord> records;
  std::uint64_t next = begin;
  auto segment = std::ranges::upper_bound(*segments, begin, {}, &Segment::first);
  if (begin < end && segment == segments->begin()) return corrupt(begin);
  for (segment = segment == segments->begin() ? segment : segment - 1; next < end && segment != segments->end();
       ++segment) {
    if (auto done = read_segment(*segment, next, end, records); !done) return fail(done.error());
  }
  if (next != end) return corrupt(next);
  return records;
}

Result<std::vector<Digest>> Reader::hashes(std::uint64_t begin, std::uint64_t end) const {
  auto file = HashFile::open(folder_ / names::kHashes);
  if (!file) return fail(file.error());
  return file->read(begin, end);
}

}  // namespace countersign::audit
