#include "audit/query.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "audit/entry.h"
#include "core/json_writer.h"

namespace countersign::audit {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  JsonWriter(out).value(text);
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

// A filter as the byte strings that must occur in the line. `"name":"value"` can only be that member: quotes inside
// strings are escaped, and records nest no objects.
class Matcher {
 public:
  explicit Matcher(const Filter& filter) : from_(filter.from), until_(filter.until), looks_(filter.looks) {
    auto need = [&](std::string_view name, const std::string& value) {
      if (!value.empty()) needles_.push_back('"' + std::string(name) + "\":" + json_string(value));
    };
    need("operation", filter.operation);  // the rarest first
    need("request", filter.request);
    need("agent", filter.agent);
    need("owner", filter.owner);
    need("actor", filter.actor);
    need("upstream", filter.upstream);
    need("action", filter.action);
    need("effect", filter.effect);
    need("decision", filter.decision);
    need("outcome", filter.outcome);
    need("phase", filter.phase);
    if (!filter.resource.empty()) {
      std::string quoted = json_string(filter.resource);
      resource_ = quoted.substr(1, quoted.size() - 2);
    }
    if (!filter.text.empty()) {
      std::string quoted = json_string(filter.text);
      text_ = lower(quoted.substr(1, quoted.size() - 2));
    }
  }

  [[nodiscard]] bool matches(const StoredRecord& record) const {
    std::string_view line = record.line;
    if (until_ && record.time >= *until_) return false;
    bool all = std::ranges::all_of(
        needles_, [&](const std::string& needle) { return line.find(needle) != std::string_view::npos; });
    return all && !(looks_ == Looks::left_out && is_look(line)) && (resource_.empty() || has_resource(line)) &&
           (text_.empty() || lower(line).contains(text_));
  }
  // Times never go back, so everything older is too old as well.
  [[nodiscard]] bool is_past(const StoredRecord& record) const { return from_ && record.time < *from_; }
  [[nodiscard]] bool is_all_later(TimeMs first) const { return until_ && first >= *until_; }

 private:
  // Refused looks are none: who was kept from reading something is worth knowing.
  [[nodiscard]] static bool is_look(std::string_view line) {
    return raw_string(line, "action") == kLookAction && raw_string(line, "phase") == name_of(Phase::admin);
  }
  [[nodiscard]] bool has_resource(std::string_view line) const {
    std::size_t begin = line.find("\"resources\":[");
    if (begin == std::string_view::npos) return false;
    std::string_view list = line.substr(begin + 13);
    list = list.substr(0, list.find(",\"seq\":"));
    return list.find(resource_) != std::string_view::npos;
  }

  std::vector<std::string> needles_;
  std::string resource_;
  std::string text_;
  std::optional<TimeMs> from_;
  std::optional<TimeMs> until_;
  Looks looks_;
};

enum class Scan { go_on, done };

// How far a search may still go.
struct Budget {
  std::size_t limit;
  std::uint64_t records;
};

Result<Scan> scan_segment(const Segment& segment, const Matcher& matcher, std::uint64_t before, Budget& budget,
                          Found& found) {
  auto file = open_to_read(segment.path);
  if (!file) return fail(file.error());
  auto size = file_size(file->get());
  if (!size) return fail(size.error());
  LineReader forward(file->get(), 0, *size);
  auto first = forward.next();
  if (!first) return fail(first.error());
  if (!*first || !(*first)->terminated) return Scan::go_on;
  if (matcher.is_all_later(stored_record((*first)->text).time)) return Scan::go_on;

  // The writer may be in the middle of a line: begin behind the last newline.
  std::uint64_t end = *size;
  std::uint64_t tail = std::min<std::uint64_t>(end, 2 * kMaxRecordBytes);
  auto text = read_range(file->get(), end - tail, static_cast<std::size_t>(tail));
  if (!text) return fail(text.error());
  std::size_t newline = text->rfind('\n');
  if (newline == std::string::npos)
    return fail(ErrorKind::internal, "audit.corrupt", "a line is longer than any record");
  end = end - tail + newline + 1;

  ReverseLineReader lines(file->get(), end);
  while (true) {
    auto line = lines.next();
    if (!line) return fail(line.error());
    if (!*line) return Scan::go_on;
    StoredRecord record = stored_record((*line)->text);
    if (record.seq >= before) continue;
    if (matcher.is_past(record)) return Scan::done;
    const std::uint64_t seq = record.seq;
    if (matcher.matches(record)) found.records.push_back(std::move(record));
    if (--budget.records == 0 || found.records.size() == budget.limit) {
      found.next = seq;
      return Scan::done;
    }
  }
}

}  // namespace

Result<Found> search(const Reader& reader, const Filter& filter, std::size_t limit,
                     std::optional<std::uint64_t> before_seq, std::uint64_t most_scanned) {
  if (most_scanned == 0) return fail(ErrorKind::invalid, "audit.bad_query", "a search looks at one record at least");
  if (limit == 0 || limit > kMaxQueryLimit) {
    return fail(ErrorKind::invalid, "audit.bad_query",
                "a query returns 1 to " + std::to_string(kMaxQueryLimit) + " records");
  }
  auto durable = reader.size();
  if (!durable) return fail(durable.error());
  std::uint64_t before = std::min(*durable, before_seq.value_or(*durable));
  auto segments = list_segments(reader.folder());
  if (!segments) return fail(segments.error());
  Matcher matcher(filter);
  Found found;
  Budget budget{limit, most_scanned};
  for (const Segment& segment : std::views::reverse(*segments)) {
    if (segment.first >= before) continue;
    auto scanned = scan_segment(segment, matcher, before, budget, found);
    if (!scanned) return fail(scanned.error());
    if (*scanned == Scan::done) break;
  }
  return found;
}

Result<std::vector<StoredRecord>> query(const Reader& reader, const Filter& filter, std::size_t limit,
                                        std::optional<std::uint64_t> before_seq) {
  auto found = search(reader, filter, limit, before_seq, UINT64_MAX);
  if (!found) return fail(found.error());
  return std::move(found->records);
}

}  // namespace countersign::audit
