// audit.append: durable records a second, and what one record costs in CPU. Real files, real fdatasync, in $TMPDIR.
#include <benchmark/benchmark.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "audit/log.h"
#include "core/id.h"

namespace countersign::audit {
namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "countersign-bench-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path log() const { return path_ / "log"; }

 private:
  std::filesystem::path path_;
};

Entry typical_intent(TimeMs now) {
  Entry entry;
  entry.phase = Phase::intent;
  entry.operation = new_uuid(now);
  entry.agent = "release-builder";
  entry.owner = "platform-team";
  entry.chain = {"0102030405060708090a0b0c0d0e0f10", "1102030405060708090a0b0c0d0e0f10"};
  entry.peer = "10.20.30.40:51234";
  entry.upstream = "files";
  entry.protocol = "mcp";
  entry.action = "mcp:call_tool";
  entry.effect = "write";
  entry.resources = {"Tool::write_file", "Path::/staging/releases/2026-11-21/notes.md"};
  entry.environment = "staging";
  entry.input_sha256 = std::string(64, 'a');
  entry.input_bytes = 1'024;
  entry.decision = Decision::allow;
  entry.policies = {"staging-writes"};
  entry.policy_digest = std::string(64, 'b');
  return entry;
}

// Each of `waiting` clients sends its next record when its last one is durable, as requests do.
void append(benchmark::State& state) {
  Folder folder;
  SystemClock clock;
  auto log = Log::open(folder.log(), Options{}, SigningKey::generate(), clock);
  if (!log) return state.SkipWithError(log.error().message.c_str());
  std::mutex mutex;
  std::condition_variable room;
  std::int64_t in_flight = 0;
  bool failed = false;
  for (auto _ : state) {
    {
      std::unique_lock lock(mutex);
      room.wait(lock, [&] { return in_flight < state.range(0); });
      ++in_flight;
    }
    (*log)->append(typical_intent(clock.now()), [&](Result<Receipt> receipt) {
      std::lock_guard guard(mutex);
      failed = failed || !receipt;
      --in_flight;
      room.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  room.wait(lock, [&] { return in_flight == 0; });
  if (failed) state.SkipWithError("an append failed");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(append)->Name("audit.append")->Arg(1)->Arg(8)->Arg(32)->Arg(128)->UseRealTime()->MeasureProcessCPUTime();

void render_record(benchmark::State& state) {
  Entry entry = typical_intent(1'800'000'000'000);
  for (auto _ : state) benchmark::DoNotOptimize(render(entry));
}
BENCHMARK(render_record)->Name("audit.render");

void hash_and_finish(benchmark::State& state) {
  RecordText record = render(typical_intent(1'800'000'000'000));
  CompactRange tree;
  for (auto _ : state) {
    std::string line;
    complete(record, tree.size(), "2026-11-21T09:30:00.123Z", line);
    tree.add(leaf_hash(line));
  }
}
BENCHMARK(hash_and_finish)->Name("audit.hash");

}  // namespace
}  // namespace countersign::audit

BENCHMARK_MAIN();
