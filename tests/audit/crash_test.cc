// kill -9 at random points: what was acknowledged is there, whatever the moment.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "support.h"

namespace countersign::audit {
namespace {

using namespace testing;

// Writes intents and outcomes as fast as it can, and reports every acknowledged seq on the pipe after the log has said
// so.
[[noreturn]] void write_until_killed(const ScratchFolder& scratch, int pipe) {
  Options options = quiet();
  options.segment_bytes = 30'000;
  options.checkpoint_records = 37;
  options.checkpoint_interval = std::chrono::milliseconds(3);
  auto log = Log::open(scratch.log(), options, std::move(*SigningKey::load_or_create(scratch.path() / "key.pem")),
                       system_clock());
  if (!log) ::_exit(3);
  for (std::uint64_t i = 0;; ++i) {
    std::string operation = new_uuid(system_clock().now());
    auto report = [pipe](Result<Receipt> receipt) {
      if (!receipt || ::write(pipe, &receipt->seq, sizeof receipt->seq) != sizeof receipt->seq) ::_exit(4);
    };
    (*log)->append(intent(operation), report);
    if (i % 3 != 0) (*log)->append(outcome(operation), report);
    if (i % 16 == 0) static_cast<void>(append_and_wait(**log, admin_entry("x")));  // bounds the queue
  }
}

TEST(Crash, KilledAtRandomPoints) {
  ScratchFolder scratch;
  std::mt19937 random(20261121);  // a fixed seed; the scheduler supplies the rest
  static_cast<void>(key_of(scratch));
  std::uint64_t total = 0;
  for (int round = 0; round < 12; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(scratch, ends[1]);
    }
    ::close(ends[1]);
    std::size_t wanted = random() % 400;
    std::vector<std::uint64_t> acknowledged;
    std::uint64_t seq = 0;
    while (acknowledged.size() <= wanted && ::read(ends[0], &seq, sizeof seq) == sizeof seq)
      acknowledged.push_back(seq);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    while (::read(ends[0], &seq, sizeof seq) == sizeof seq) acknowledged.push_back(seq);
    ::close(ends[0]);
    ASSERT_GT(acknowledged.size(), wanted);

    auto before = verify(scratch.log());
    ASSERT_TRUE(before && before->ok()) << problems_of(before);
    auto log = open_log(scratch);
    EXPECT_EQ(log->repairs().closed_intents, before->open.size());
    std::uint64_t last = *std::ranges::max_element(acknowledged);
    ASSERT_GT(log->size(), last);
    ASSERT_TRUE(Reader::open(scratch.log())->range(last, last + 1));
    total += acknowledged.size();
    log.reset();
    auto after = verify(scratch.log());
    ASSERT_TRUE(after && after->ok() && after->open.empty()) << problems_of(after);
    EXPECT_EQ(after->signed_records, after->records);
  }
  EXPECT_GE(verify(scratch.log())->records, total);
}

}  // namespace
}  // namespace countersign::audit
