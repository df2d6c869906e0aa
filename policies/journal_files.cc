#include "policies/journal_files.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace countersign::policies {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kChunk = 1U << 16;
constexpr std::string_view kPlain = ".jsonl";
constexpr std::string_view kCompressed = ".jsonl.gz";

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<gzFile_s, CloseGz>;

Result<GzFile> open_gz(const fs::path& path, int flags, const char* mode) {
  int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return fail(ErrorKind::internal, "journal.unreadable", "cannot open " + path.string());
  GzFile file(gzdopen(descriptor, mode));
  if (!file) {
    ::close(descriptor);
    return fail(ErrorKind::internal, "journal.unreadable", "cannot open " + path.string());
  }
  return file;
}

// "2026-11-21.0001.jsonl"; nothing else is ours.
bool parse_name(std::string_view name, Segment& out) {
  out.compressed = name.ends_with(kCompressed);
  if (!out.compressed && !name.ends_with(kPlain)) return false;
  name.remove_suffix(out.compressed ? kCompressed.size() : kPlain.size());
  constexpr std::size_t kDay = 10;
  if (name.size() < kDay + 2 || name[kDay] != '.' || name[4] != '-' || name[7] != '-') return false;
  out.day = name.substr(0, kDay);
  std::string_view number = name.substr(kDay + 1);
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.number);
  return error == std::errc() && end == number.data() + number.size() && out.number > 0;
}

}  // namespace

std::string day_of(TimeMs time) {
  return format_time(time).substr(0, 10);
}

std::vector<Segment> list_segments(const fs::path& folder) {
  std::vector<Segment> out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    Segment segment;
    if (!parse_name(it->path().filename().string(), segment)) continue;
    std::error_code gone;
    segment.path = it->path();
    segment.bytes = it->file_size(gone);
    if (!gone) out.push_back(std::move(segment));
  }
  std::ranges::sort(out, [](const Segment& a, const Segment& b) {
    return std::tie(a.day, a.number, a.compressed) < std::tie(b.day, b.number, b.compressed);
  });
  auto twice = std::ranges::unique(
      out, [](const Segment& a, const Segment& b) { return a.day == b.day && a.number == b.number; });
  out.erase(twice.begin(), twice.end());
  return out;
}

Status compress_segment(const Segment& segment) {
  fs::path target = segment.path.string() + ".gz";
  fs::path half = segment.path.string() + ".tmp";
  auto failed = [&] {
    std::error_code ignored;
    fs::remove(half, ignored);
    return fail(ErrorKind::internal, "journal.unreadable", "cannot compress " + segment.path.string());
  };
  {
    auto in = open_gz(segment.path, O_RDONLY, "rb");
    if (!in) return fail(in.error());
    auto out = open_gz(half, O_WRONLY | O_CREAT | O_TRUNC, "wb6");
    if (!out) return fail(out.error());
    std::string chunk(kChunk, '\0');
    for (int got = 0; (got = gzread(in->get(), chunk.data(), kChunk)) != 0;) {
      if (got < 0 || gzwrite(out->get(), chunk.data(), static_cast<unsigned>(got)) != got) return failed();
    }
    if (gzclose(out->release()) != Z_OK) return failed();
  }
  std::error_code error;
  fs::rename(half, target, error);
  if (error) return failed();
  fs::remove(segment.path, error);
  return {};
}

void remove_old_segments(const fs::path& folder, const JournalLimits& limits, TimeMs now, const fs::path& current) {
  constexpr TimeMs kDay = 86'400'000;
  std::vector<Segment> segments = list_segments(folder);
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments) bytes += segment.bytes;
  std::string oldest = day_of(now - (limits.days - 1) * kDay);
  for (const Segment& segment : segments) {
    bool too_old = limits.days == 0 || segment.day < oldest;
    if (segment.path == current || (!too_old && bytes <= limits.bytes)) continue;
    std::error_code error;
    fs::remove(segment.path, error);
    if (!error) bytes -= segment.bytes;
  }
}

Result<std::string> read_segment(const fs::path& path, std::size_t limit) {
  auto in = open_gz(path, O_RDONLY, "rb");
  if (!in) return fail(in.error());
  std::string out;
  std::string chunk(kChunk, '\0');
  for (int got = 0; out.size() < limit && (got = gzread(in->get(), chunk.data(), kChunk)) > 0;) {
    out.append(chunk, 0, static_cast<std::size_t>(got));
  }
  return out;
}

}  // namespace countersign::policies
