// Disks that fail. The rule: an error is told to everybody who waits, is told again for ever, and nothing that was
// acknowledged is lost or damaged.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "support.h"

namespace countersign::audit {
namespace {

using namespace testing;

class Fault : public ::testing::Test {
 protected:
  Options faulty() {
    Options options = quiet();
    options.files = &files_;
    return options;
  }
  // Refused now, and from now on, whatever the disk does.
  void expect_dead(Log& log, std::string_view reason) {
    auto refused = append_and_wait(log, admin_entry("refused"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(refused.error().code, "audit.unavailable");
    EXPECT_TRUE(refused.error().message.contains(reason)) << refused.error().message;
    heal();
    EXPECT_FALSE(append_and_wait(log, admin_entry("still refused")));
    EXPECT_EQ(log.health().error().code, "audit.unavailable");
    EXPECT_FALSE(log.checkpoint());
  }
  void heal() {
    files_.write_error = 0;
    files_.sync_error = 0;
    files_.budget = INT64_MAX;
    files_.space = UINT64_MAX / 2;
  }
  // After reopening everything acknowledged is there, the log verifies, and it takes records again.
  void expect_recovers(std::uint64_t acknowledged) {
    auto log = open_log(scratch_);
    EXPECT_GE(log->size(), acknowledged);
    Reader reader = Reader::open(scratch_.log()).value();
    for (std::uint64_t seq = 0; seq < acknowledged; ++seq) {
      EXPECT_EQ(raw_string(reader.get(seq)->line, "detail"), "kept " + std::to_string(seq));
    }
    EXPECT_TRUE(append_and_wait(*log, admin_entry("again")));
    log.reset();
    auto report = verify(scratch_.log());
    EXPECT_TRUE(report && report->ok()) << problems_of(report);
  }
  void keep(Log& log, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i)
      ASSERT_TRUE(append_and_wait(log, admin_entry("kept " + std::to_string(i))));
  }

  ScratchFolder scratch_;
  FaultyFiles files_;
};

TEST_F(Fault, SyncFails) {
  auto log = open_log(scratch_, faulty());
  keep(*log, 3);
  files_.sync_error = EIO;
  expect_dead(*log, "fdatasync");
  log.reset();
  expect_recovers(3);
}

TEST_F(Fault, WriteFails) {
  auto log = open_log(scratch_, faulty());
  keep(*log, 3);
  files_.write_error = EIO;
  expect_dead(*log, "write");
  log.reset();
  expect_recovers(3);
}

TEST_F(Fault, ShortWritesAreContinued) {
  files_.largest = 7;
  auto log = open_log(scratch_, faulty());
  keep(*log, 20);
  log.reset();
  expect_recovers(20);
}

TEST_F(Fault, TheDiskIsFullAfterAnyByte) {
  for (std::int64_t budget = 0; budget < 1'200; budget += 31) {
    fs::remove_all(scratch_.log());
    heal();
    auto log = open_log(scratch_, faulty());
    keep(*log, 2);
    files_.budget = budget;
    std::uint64_t acknowledged = 2;
    while (append_and_wait(*log, admin_entry("kept " + std::to_string(acknowledged)))) ++acknowledged;
    EXPECT_FALSE(log->health());
    log.reset();
    heal();
    expect_recovers(acknowledged);
  }
}

TEST_F(Fault, SpaceRunsLow) {
  Options options = faulty();
  options.reserve_bytes = 1'000'000;
  files_.space = 2'000'000;
  auto log = open_log(scratch_, options);
  keep(*log, 2);
  files_.space = 1'000'100;
  expect_dead(*log, "nearly full");
  log.reset();
  expect_recovers(2);
}

TEST_F(Fault, CheckpointsCannotBeWritten) {
  Options options = faulty();
  auto log = open_log(scratch_, options);
  keep(*log, 2);
  files_.sync_error = EIO;
  EXPECT_FALSE(log->checkpoint());
  expect_dead(*log, "fdatasync");
  log.reset();
  expect_recovers(2);
}

TEST_F(Fault, AnOpeningLogThatCannotBeWrittenIsRefused) {
  files_.sync_error = EIO;
  auto refused = Log::open(scratch_.log(), faulty(), key_of(scratch_), system_clock());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "audit.unavailable");
  heal();
  expect_recovers(0);
}

TEST_F(Fault, DeletedMovedReplacedCutOrExtendedFiles) {
  fs::path segment = scratch_.log() / segment_name(0);
  struct Case {
    std::string_view reason;
    std::function<void()> harm;
  };
  std::vector<Case> cases = {
      {"was deleted", [&] { fs::remove(segment); }},
      {"was moved away", [&] { fs::rename(segment, scratch_.path() / "elsewhere"); }},
      {"was replaced",
       [&] {
         fs::path held = scratch_.path() / "held";
         fs::rename(segment, held);
         fs::copy_file(held, segment);
       }},
      {"was changed", [&] { fs::resize_file(segment, fs::file_size(segment) - 1); }},
      {"was changed", [&] { std::ofstream(segment, std::ios::app) << "{}\n"; }},
      {"was deleted", [&] { fs::remove(scratch_.log() / "hashes"); }},
      {"was changed", [&] { fs::resize_file(scratch_.log() / "hashes", 32); }},
      {"was moved away", [&] { fs::rename(scratch_.log(), scratch_.path() / "gone"); }},
  };
  for (const Case& one : cases) {
    fs::remove_all(scratch_.log());
    fs::remove_all(scratch_.path() / "gone");
    fs::remove_all(scratch_.path() / "held");
    auto log = open_log(scratch_, faulty());
    keep(*log, 3);
    one.harm();
    expect_dead(*log, one.reason);
  }
}

TEST_F(Fault, ADeletedCheckpointFileIsNoticedWhenSigning) {
  auto log = open_log(scratch_, faulty());
  keep(*log, 1);
  fs::remove(scratch_.log() / "checkpoints");
  EXPECT_FALSE(log->checkpoint());
  expect_dead(*log, "checkpoints was deleted");
}

// The real thing, where the test may mount: a file system of 256 KiB.
TEST(FaultDisk, ARealFullFileSystem) {
  ScratchFolder scratch;
  fs::path small = scratch.path() / "small";
  fs::create_directory(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=256k") != 0) GTEST_SKIP() << "needs the right to mount";
  struct Unmount {
    fs::path path;
    ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
  } unmount{small};
  Options options = quiet();
  auto opened = Log::open(small / "log", options, key_of(scratch), system_clock());
  ASSERT_TRUE(opened) << opened.error().message;
  std::uint64_t acknowledged = 0;
  Result<Receipt> last;
  while ((last = append_and_wait(**opened, admin_entry(std::string(2'000, 'f'))))) ++acknowledged;
  EXPECT_EQ(last.error().code, "audit.unavailable");
  EXPECT_GT(acknowledged, 20U);
  opened->reset();
  fs::copy(small / "log", scratch.log(), fs::copy_options::recursive);
  auto log = open_log(scratch);
  EXPECT_GE(log->size(), acknowledged);
  log.reset();
  auto report = verify(scratch.log());
  EXPECT_TRUE(report && report->ok()) << problems_of(report);
}

}  // namespace
}  // namespace countersign::audit
