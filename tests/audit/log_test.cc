#include "audit/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <latch>
#include <thread>

#include "support.h"

namespace countersign::audit {
namespace {

using namespace testing;

TEST(Log, ANewLogIsSignedAtOnce) {
  ScratchFolder scratch;
  auto log = open_log(scratch);
  EXPECT_EQ(log->size(), 0U);
  EXPECT_EQ(log->origin(), "example.com/audit");
  auto checkpoint = Reader::open(scratch.log())->checkpoint();
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->checkpoint, (Checkpoint{"example.com/audit", 0, empty_root()}));
  auto report = verify(scratch.log());
  EXPECT_TRUE(report && report->ok()) << problems_of(report);
  struct stat info{};
  ASSERT_EQ(::stat(scratch.log().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST(Log, ReceiptsSayWhereARecordIs) {
  ScratchFolder scratch;
  auto log = open_log(scratch);
  for (std::uint64_t i = 0; i < 5; ++i) {
    auto receipt = append_and_wait(*log, admin_entry(std::to_string(i)));
    ASSERT_TRUE(receipt);
    EXPECT_EQ(receipt->seq, i);
    auto record = Reader::open(scratch.log())->get(i);
    ASSERT_TRUE(record);
    EXPECT_EQ(receipt->leaf, leaf_hash(record->line));
  }
  auto checkpoint = log->checkpoint();
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->checkpoint.size, 5U);
}

TEST(Log, ChoosesAndKeepsARandomOrigin) {
  ScratchFolder scratch;
  Options options = quiet();
  options.origin.clear();
  std::string origin = open_log(scratch, options)->origin();
  EXPECT_TRUE(origin.starts_with("countersign/"));
  EXPECT_EQ(origin.size(), 28U);
  EXPECT_EQ(open_log(scratch, options)->origin(), origin);
  options.origin = "other";
  EXPECT_EQ(Log::open(scratch.log(), options, key_of(scratch), system_clock()).error().code, "audit.origin");
  options.origin = origin;
  EXPECT_EQ(Log::open(scratch.log(), options, SigningKey::generate(), system_clock()).error().code,
            "audit.key_mismatch");
}

TEST(Log, HasOneWriter) {
  ScratchFolder scratch;
  auto log = open_log(scratch);
  auto second = Log::open(scratch.log(), quiet(), key_of(scratch), system_clock());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "audit.locked");
  log.reset();
  EXPECT_TRUE(Log::open(scratch.log(), quiet(), key_of(scratch), system_clock()));
}

TEST(Log, ManyThreadsOneOrderEach) {
  constexpr int kThreads = 8;
  constexpr int kEach = 400;
  ScratchFolder scratch;
  FaultyFiles files;
  Options options = quiet();
  options.files = &files;
  options.segment_bytes = 100'000;
  options.checkpoint_interval = std::chrono::milliseconds(5);
  auto log = open_log(scratch, options);
  std::latch all(kThreads * kEach);
  std::mutex mutex;
  std::map<std::uint64_t, std::string> acknowledged;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          std::string name = std::to_string(t) + "/" + std::to_string(i);
          log->append(admin_entry(name), [&, name](Result<Receipt> receipt) {
            if (receipt) {
              std::lock_guard guard(mutex);
              acknowledged[receipt->seq] = name;
            }
            all.count_down();
          });
        }
      });
    }
  }
  all.wait();
  EXPECT_EQ(acknowledged.size(), std::size_t{kThreads} * kEach);
  EXPECT_LT(files.syncs, kThreads * kEach) << "one sync must answer many";
  std::vector<int> last(kThreads, -1);
  Reader reader = Reader::open(scratch.log()).value();
  auto records = reader.range(0, kThreads * kEach);
  ASSERT_TRUE(records) << records.error().message;
  for (const StoredRecord& record : *records) {
    std::string_view name = raw_string(record.line, "detail");
    EXPECT_EQ(name, acknowledged.at(record.seq));
    auto thread = static_cast<std::size_t>(name[0] - '0');
    int number = std::stoi(std::string(name.substr(2)));
    EXPECT_EQ(number, last[thread] + 1);
    last[thread] = number;
  }
  log.reset();
  auto report = verify(scratch.log());
  EXPECT_TRUE(report && report->ok()) << problems_of(report);
  EXPECT_EQ(report->signed_records, std::uint64_t{kThreads} * kEach);
}

TEST(Log, VerifiesWhileItIsWrittenTo) {
  ScratchFolder scratch;
  Options options = quiet();
  options.segment_bytes = 20'000;
  options.checkpoint_records = 50;
  auto log = open_log(scratch, options);
  std::jthread writer([&](std::stop_token stop) {
    for (int i = 0; i < 3'000 && !stop.stop_requested(); ++i)
      static_cast<void>(append_and_wait(*log, admin_entry(std::to_string(i))));
  });
  for (int i = 0; i < 20; ++i) {
    auto report = verify(scratch.log());
    ASSERT_TRUE(report && report->ok()) << problems_of(report);
  }
}

TEST(Log, AFullQueueRefusesAndTheLossIsRecorded) {
  // The first sync waits until the queue is full.
  class SlowFiles final : public FileOps {
   public:
    std::promise<void> release;
    std::shared_future<void> released = release.get_future().share();
    std::atomic<bool> armed = false;
    std::latch waiting{1};
    int sync(int fd) override {
      if (armed.exchange(false)) {
        waiting.count_down();
        released.wait();
      }
      return FileOps::sync(fd);
    }
  };
  ScratchFolder scratch;
  SlowFiles files;
  Options options = quiet();
  options.files = &files;
  options.queue_bytes = 20'000;
  auto log = open_log(scratch, options);
  files.armed = true;
  std::promise<Result<Receipt>> first;
  log->append(admin_entry("first"), [&](Result<Receipt> receipt) { first.set_value(std::move(receipt)); });
  files.waiting.wait();
  int refused = 0;
  int accepted = 0;
  for (int i = 0; i < 50; ++i) {
    log->append(admin_entry(std::string(1'000, 'q')), [&](Result<Receipt> receipt) {
      if (receipt) {
        ++accepted;
      } else {
        EXPECT_EQ(receipt.error().code, "audit.backlog");
        ++refused;
      }
    });
  }
  EXPECT_GT(refused, 20);
  EXPECT_TRUE(log->health()) << "a caller who was told is not a loss";
  log->append(admin_entry(std::string(19'999, 'q')));
  EXPECT_EQ(log->health().error().code, "audit.backlog");
  files.release.set_value();
  EXPECT_TRUE(first.get_future().get());
  ASSERT_TRUE(log->checkpoint());
  EXPECT_TRUE(log->health());
  log.reset();
  EXPECT_EQ(accepted + refused, 50);
  auto record = Reader::open(scratch.log())->range(0, static_cast<std::uint64_t>(accepted) + 2);
  ASSERT_TRUE(record);
  bool told = std::ranges::any_of(
      *record, [](const StoredRecord& r) { return r.line.contains("1 records nobody waited for were refused"); });
  EXPECT_TRUE(told);
}

TEST(Log, RefusesIdsThatAreNone) {
  ScratchFolder scratch;
  auto log = open_log(scratch);
  for (std::string id :
       {std::string(65, 'a'), std::string("a b"), std::string("a\""), std::string("\xff"), std::string("a\n")}) {
    EXPECT_EQ(append_and_wait(*log, intent(id)).error().code, "audit.bad_entry");
    Entry entry = admin_entry("x");
    entry.request = id;
    EXPECT_EQ(append_and_wait(*log, entry).error().code, "audit.bad_entry");
  }
  EXPECT_TRUE(append_and_wait(*log, intent(new_uuid(0))));
  EXPECT_TRUE(append_and_wait(*log, intent(std::string(64, 'a'))));
  Entry vote = admin_entry("x");
  vote.signature = std::string(kMaxSignatureBytes - 1, 'x');
  EXPECT_EQ(append_and_wait(*log, vote).error().code, "audit.bad_entry");
  vote.signature.pop_back();
  EXPECT_TRUE(append_and_wait(*log, vote));
  EXPECT_EQ(log->size(), 3U);
}

TEST(Log, SignsByItselfAndBeatsWhenIdle) {
  ScratchFolder scratch;
  Options options = quiet();
  options.checkpoint_interval = std::chrono::milliseconds(2);
  options.heartbeat_interval = std::chrono::milliseconds(5);
  auto log = open_log(scratch, options);
  Reader reader = Reader::open(scratch.log()).value();
  while (reader.checkpoint()->checkpoint.size < 3) std::this_thread::yield();
  EXPECT_EQ(raw_string(reader.get(0)->line, "phase"), "heartbeat");
  log.reset();
  auto report = verify(scratch.log());
  EXPECT_TRUE(report && report->ok()) << problems_of(report);
}

TEST(Log, SignsEveryNRecords) {
  ScratchFolder scratch;
  Options options = quiet();
  options.checkpoint_records = 4;
  auto log = open_log(scratch, options);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append_and_wait(*log, admin_entry("x")));
  log.reset();
  auto report = verify(scratch.log());
  ASSERT_TRUE(report && report->ok()) << problems_of(report);
  EXPECT_EQ(report->checkpoints, 4U);  // 0, 4, 8, and 10 at the end
}

TEST(Log, TimesNeverGoBack) {
  ScratchFolder scratch;
  ManualClock clock(1'800'000'000'000);
  {
    auto log = open_log(scratch, quiet(), clock);
    ASSERT_TRUE(append_and_wait(*log, admin_entry("a")));
    clock.advance(-4'000);
    ASSERT_TRUE(append_and_wait(*log, admin_entry("b")));
    Reader reader = Reader::open(scratch.log()).value();
    EXPECT_EQ(reader.get(1)->time, reader.get(0)->time);
    clock.advance(-4'000);
    auto stepped = append_and_wait(*log, admin_entry("c"));
    ASSERT_FALSE(stepped);
    EXPECT_EQ(stepped.error().code, "audit.unavailable");
    EXPECT_TRUE(stepped.error().message.contains("clock stepped back"));
    clock.advance(60'000);
    EXPECT_FALSE(append_and_wait(*log, admin_entry("d"))) << "sticky";
  }
  clock.advance(-120'000);
  EXPECT_EQ(Log::open(scratch.log(), quiet(), key_of(scratch), clock).error().code, "audit.clock");
  clock.advance(180'000);
  EXPECT_TRUE(Log::open(scratch.log(), quiet(), key_of(scratch), clock));
}

}  // namespace
}  // namespace countersign::audit
