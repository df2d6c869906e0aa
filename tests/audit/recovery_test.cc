#include "audit/recovery.h"

#include <gtest/gtest.h>

#include "audit/query.h"
#include "support.h"

namespace countersign::audit {
namespace {

using namespace testing;

Result<std::unique_ptr<Log>> reopen(const ScratchFolder& scratch) {
  return Log::open(scratch.log(), quiet(), key_of(scratch), system_clock());
}

// The files of a log whose process has just been killed: `signed_count` records are covered by a checkpoint, the others
// not.
void leave_behind(const ScratchFolder& scratch, int signed_count, int unsigned_count) {
  fs::path image = scratch.path() / "image";
  {
    auto log = open_log(scratch);
    for (int i = 0; i < signed_count; ++i)
      ASSERT_TRUE(append_and_wait(*log, admin_entry("signed " + std::to_string(i))));
    ASSERT_TRUE(log->checkpoint());
    for (int i = 0; i < unsigned_count; ++i)
      ASSERT_TRUE(append_and_wait(*log, admin_entry("unsigned " + std::to_string(i))));
    fs::copy(scratch.log(), image, fs::copy_options::recursive);
  }
  fs::remove_all(scratch.log());
  fs::rename(image, scratch.log());
}

void restore(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

TEST(Recovery, ACleanStartReadsNothing) {
  ScratchFolder scratch;
  {
    auto log = open_log(scratch);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(append_and_wait(*log, admin_entry("x")));
  }
  auto log = open_log(scratch);
  EXPECT_EQ(log->repairs().scanned_records, 0U);
  EXPECT_EQ(log->size(), 50U);
  log.reset();
  fs::remove(scratch.log() / "open-intents");
  log = open_log(scratch);
  EXPECT_EQ(log->repairs().scanned_records, 50U);
}

TEST(Recovery, OpenIntentsAreClosedAsUnknown) {
  ScratchFolder scratch;
  {
    auto log = open_log(scratch);
    for (std::string id : {"a", "b", "c", "d"}) ASSERT_TRUE(append_and_wait(*log, intent(id)));
    Entry held = intent("e");
    held.decision = Decision::hold;
    ASSERT_TRUE(append_and_wait(*log, held));
    Entry denied = intent("f");
    denied.decision = Decision::deny;
    ASSERT_TRUE(append_and_wait(*log, denied));
    ASSERT_TRUE(append_and_wait(*log, outcome("b")));
    ASSERT_TRUE(append_and_wait(*log, outcome("d")));
  }
  auto before = verify(scratch.log());
  ASSERT_TRUE(before && before->ok());
  ASSERT_EQ(before->open.size(), 2U);
  EXPECT_EQ(before->open[1].operation, "c");
  auto log = open_log(scratch);
  EXPECT_EQ(log->repairs().closed_intents, 2U);
  EXPECT_EQ(log->repairs().scanned_records, 0U) << "known from open-intents";
  Reader reader = Reader::open(scratch.log()).value();
  auto unknown = query(reader, {.outcome = "unknown"}, 10);
  ASSERT_EQ(unknown->size(), 2U);
  const std::string& line = unknown->front().line;
  EXPECT_EQ(raw_string(line, "operation"), "c");
  EXPECT_EQ(raw_string(line, "agent"), "builder");
  EXPECT_EQ(raw_string(line, "action"), "mcp:call_tool");
  EXPECT_EQ(raw_string(line, "code"), "audit.unclosed");
  EXPECT_TRUE(line.contains(R"("resources":["Tool::write_file"])"));
  EXPECT_EQ(reader.checkpoint()->checkpoint.size, 10U) << "signed when open() returns";
  log.reset();
  auto after = verify(scratch.log());
  EXPECT_TRUE(after && after->ok() && after->open.empty()) << problems_of(after);
  EXPECT_EQ(open_log(scratch)->repairs().closed_intents, 0U);
}

TEST(Recovery, CutAtEveryByteOfTheTail) {
  ScratchFolder scratch;
  leave_behind(scratch, 3, 3);
  fs::path image = scratch.path() / "image";
  fs::rename(scratch.log(), image);
  std::string name = segment_name(0);
  std::string all = read_file(image / name);
  auto whole_lines = [&](std::size_t size) {
    return static_cast<std::uint64_t>(std::ranges::count(all.substr(0, size), '\n'));
  };
  for (std::size_t size = 0; size < all.size(); ++size) {
    // With its hashes there, every one of the six records is known to have been acknowledged.
    restore(image, scratch.log());
    fs::resize_file(scratch.log() / name, size);
    auto refused = reopen(scratch);
    ASSERT_FALSE(refused) << size;
    EXPECT_EQ(refused.error().code, "audit.corrupt");
    EXPECT_TRUE(refused.error().message.contains("record " + std::to_string(whole_lines(size)) + " "))
        << refused.error().message;
    EXPECT_EQ(read_file(scratch.log() / name).size(), size) << "a refused log is left as it is";
    auto report = verify(scratch.log());
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->ok());
    EXPECT_TRUE(names_record(*report, whole_lines(size))) << report->text();

    // Without them, as after a power cut: what a checkpoint covers must be there, the rest is cut to whole records.
    fs::resize_file(scratch.log() / "hashes", 3 * 32);
    auto opened = reopen(scratch);
    if (whole_lines(size) < 3) {
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().code, "audit.corrupt");
      continue;
    }
    ASSERT_TRUE(opened) << opened.error().message;
    bool torn = all[size - 1] != '\n';
    EXPECT_EQ((*opened)->repairs().cut_bytes > 0, torn);
    EXPECT_EQ((*opened)->size(), whole_lines(size) + (torn ? 1 : 0));
    opened->reset();
    auto repaired = verify(scratch.log());
    ASSERT_TRUE(repaired && repaired->ok()) << problems_of(repaired);
    if (torn)
      EXPECT_TRUE(
          query(Reader::open(scratch.log()).value(), {.phase = "recovered"}, 1)->front().line.contains("audit.cut"));
  }
}

TEST(Recovery, ARecordThatWasNeverAcknowledgedIsCutAndSaidSo) {
  ScratchFolder scratch;
  leave_behind(scratch, 2, 1);
  fs::path segment = scratch.log() / segment_name(0);
  std::string all = read_file(segment);
  std::string half = all.substr(0, all.find('\n') / 2);
  for (std::string tail : {half, std::string(4'096, '\0'), std::string(100, '\0') + half + "\n"}) {
    restore(scratch.log(), scratch.path() / "copy");
    write_file(segment, all + tail);
    auto log = reopen(scratch);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ((*log)->repairs().cut_bytes, tail.size());
    EXPECT_EQ((*log)->size(), 4U);
    EXPECT_TRUE(read_file(segment).contains("removed " + std::to_string(tail.size()) + " bytes of a record"));
    log->reset();
    auto report = verify(scratch.log());
    EXPECT_TRUE(report && report->ok()) << problems_of(report);
    restore(scratch.path() / "copy", scratch.log());
  }
}

TEST(Recovery, WholeRecordsWithoutHashesAreKept) {
  ScratchFolder scratch;
  leave_behind(scratch, 2, 3);
  for (std::uint64_t hashes : {0U, 1U, 2U, 3U, 4U}) {
    fs::resize_file(scratch.log() / "hashes", hashes * 32 + (hashes == 4 ? 0 : 5));
    auto log = reopen(scratch);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ((*log)->size(), 5U);
    log->reset();
    auto report = verify(scratch.log());
    ASSERT_TRUE(report && report->ok()) << problems_of(report);
  }
  fs::remove(scratch.log() / "hashes");
  EXPECT_TRUE(reopen(scratch));
}

TEST(Recovery, HolesInHashesAreFilled) {
  ScratchFolder scratch;
  leave_behind(scratch, 2, 3);
  std::string hashes = read_file(scratch.log() / "hashes");
  std::string original = hashes;
  hashes.replace(2 * 32, 64, std::string(64, '\0'));
  write_file(scratch.log() / "hashes", hashes);
  ASSERT_TRUE(reopen(scratch));
  EXPECT_EQ(read_file(scratch.log() / "hashes"), original);
}

TEST(Recovery, EveryChangedByteOfTheTailIsRefused) {
  ScratchFolder scratch;
  leave_behind(scratch, 2, 2);
  fs::path segment = scratch.log() / segment_name(0);
  std::string all = read_file(segment);
  std::vector<std::string> files = {segment_name(0), "hashes", "checkpoint"};
  for (const std::string& name : files) {
    std::string original = read_file(scratch.log() / name);
    for (std::size_t at = 0; at < original.size(); ++at) {
      std::string changed = original;
      changed[at] = static_cast<char>(changed[at] ^ 4);
      write_file(scratch.log() / name, changed);
      auto refused = reopen(scratch);
      ASSERT_FALSE(refused) << name << " " << at;
      EXPECT_EQ(refused.error().code, "audit.corrupt");
      if (name == files[0]) {
        auto seq = static_cast<std::uint64_t>(std::ranges::count(all.substr(0, at), '\n'));
        EXPECT_TRUE(refused.error().message.contains("record " + std::to_string(seq) + " ")) << refused.error().message;
      }
    }
    write_file(scratch.log() / name, original);
  }
  EXPECT_TRUE(reopen(scratch));
}

TEST(Recovery, AnHonestLookingRewriteBelowACheckpointIsRefused) {
  ScratchFolder scratch;
  leave_behind(scratch, 3, 0);
  fs::path segment = scratch.log() / segment_name(0);
  std::string all = read_file(segment);
  all.replace(all.find("signed 1"), 8, "signed 9");
  write_file(segment, all);
  std::string hashes;
  for (std::size_t begin = 0; begin < all.size(); begin = all.find('\n', begin) + 1) {
    hashes += as_text(ByteView(leaf_hash(std::string_view(all).substr(begin, all.find('\n', begin) - begin))));
  }
  write_file(scratch.log() / "hashes", hashes);
  auto refused = reopen(scratch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "audit.corrupt");
  auto report = verify(scratch.log());
  EXPECT_FALSE(report->ok());
  EXPECT_TRUE(names_record(*report, 1)) << report->text();
}

TEST(Recovery, TornAndMissingCheckpointFiles) {
  ScratchFolder scratch;
  leave_behind(scratch, 3, 1);
  fs::path checkpoints = scratch.log() / "checkpoints";
  std::string all = read_file(checkpoints);
  // A checkpoint that was being appended when the power went.
  write_file(checkpoints, all + all.substr(0, 40));
  auto log = reopen(scratch);
  ASSERT_TRUE(log) << log.error().message;
  log->reset();
  EXPECT_TRUE(verify(scratch.log())->ok());
  // Appended, but not yet published.
  all = read_file(checkpoints);
  write_file(scratch.log() / "checkpoint", all.substr(0, all.find("\n\n", all.find("\u2014")) + 1));
  ASSERT_TRUE(verify(scratch.log())->ok()) << verify(scratch.log())->text();
  ASSERT_TRUE(reopen(scratch));
  EXPECT_EQ(Reader::open(scratch.log())->checkpoint()->checkpoint.size, 5U);
  // The published one is gone from the list: somebody cut it.
  fs::resize_file(checkpoints, all.find("\n\n", all.find("\u2014")) + 2);
  EXPECT_EQ(reopen(scratch).error().code, "audit.corrupt");
  EXPECT_FALSE(verify(scratch.log())->ok());
}

TEST(Recovery, ADamagedOpenIntentsFileOnlyCostsTime) {
  ScratchFolder scratch;
  {
    auto log = open_log(scratch);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(append_and_wait(*log, intent("op-" + std::to_string(i))));
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(append_and_wait(*log, outcome("op-" + std::to_string(i))));
  }
  std::string saved = read_file(scratch.log() / "open-intents");
  saved.replace(saved.find("\"op-4\":4"), 8, "\"op-9\":4");
  write_file(scratch.log() / "open-intents", saved);
  EXPECT_FALSE(verify(scratch.log())->ok());
  auto log = open_log(scratch);
  EXPECT_EQ(log->repairs().scanned_records, 9U);
  EXPECT_EQ(log->repairs().closed_intents, 1U);
}

TEST(Recovery, MissingSegmentsAreRefused) {
  ScratchFolder scratch;
  Options options = quiet();
  options.segment_bytes = 500;
  {
    auto log = open_log(scratch, options);
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(append_and_wait(*log, admin_entry("x")));
  }
  fs::remove(scratch.log() / "open-intents");
  auto segments = list_segments(scratch.log()).value();
  ASSERT_GT(segments.size(), 3U);
  for (const Segment& segment : segments) {
    fs::rename(segment.path, scratch.path() / "held");
    EXPECT_EQ(reopen(scratch).error().code, "audit.corrupt");
    auto report = verify(scratch.log());
    EXPECT_FALSE(report->ok());
    EXPECT_TRUE(names_record(*report, segment.first)) << segment.first << report->text();
    fs::rename(scratch.path() / "held", segment.path);
  }
  EXPECT_TRUE(reopen(scratch));
}

}  // namespace
}  // namespace countersign::audit
