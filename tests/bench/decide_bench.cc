// policies.decide: what the decision of one tool call costs with the default policies: scope, labels, entities,
// context, Cedar, and the sentence for the agent. policies.journal_note: what recording it costs the request; the rest
// is done by a thread of the journal's own.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "policies/decide.h"
#include "policies/journal.h"
#include "policies/snapshot.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'795'000'600'000;

std::shared_ptr<const Snapshot> load_default() {
  config::Upstream files;
  files.name = "files";
  files.protocol = "mcp";
  files.tools.push_back({.tool = "*", .resources = {{.pointer = "/path"}}, .resource_type = "File"});
  Problems problems;
  auto snapshot = Snapshot::load(COUNTERSIGN_SOURCE_DIR "/policies/default", {files}, problems);
  if (!snapshot) std::abort();
  return snapshot;
}

Operation write_to(std::string_view name) {
  Operation operation;
  operation.protocol = "mcp";
  operation.upstream = "files";
  operation.action = "mcp:call_tool";
  operation.accesses.push_back({{"File", "files/" + std::string(name), std::string(name)}, Effect::write});
  operation.input = R"({"arguments":{"content":"hello","path":"x"},"tool":"write_file"})";
  return operation;
}

void decide_call(benchmark::State& state, std::string_view name, Verdict expected) {
  auto snapshot = load_default();
  const Scope scope({ScopeBlock{.rules = {ScopeRule{.upstreams = {"files"}}}}});
  const Session session;
  const Subject subject{
      .agent = "builder", .owner = "olivia", .delegates = {}, .token = "t", .scope = &scope, .session = &session};
  const Operation operation = write_to(name);
  if (decide(*snapshot, subject, operation, {}, kNow).verdict != expected) std::abort();
  for (auto step : state) {
    static_cast<void>(step);
    Decision decision = decide(*snapshot, subject, operation, {}, kNow);
    benchmark::DoNotOptimize(decision);
  }
}

// Notes are timed alone: the queue is emptied in between.
void note_call(benchmark::State& state) {
  auto snapshot = load_default();
  const Scope scope({ScopeBlock{.rules = {ScopeRule{.upstreams = {"files"}}}}});
  const Session session;
  const Subject subject{
      .agent = "builder", .owner = "olivia", .delegates = {}, .token = "t", .scope = &scope, .session = &session};
  const Operation operation = write_to("staging/app.conf");
  const Decision decision = decide(*snapshot, subject, operation, {}, kNow);
  std::string pattern = (std::filesystem::temp_directory_path() / "countersign-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) std::abort();
  const std::filesystem::path folder = pattern;
  {
    SystemClock clock;
    Log log(LogLevel::off);
    JournalLimits limits{.queue = 1U << 20, .queue_bytes = 1U << 30};
    auto journal = Journal::open(folder, limits, clock, log);
    if (!journal) std::abort();
    constexpr int kBatch = 1'000;
    while (state.KeepRunningBatch(kBatch)) {
      for (int i = 0; i < kBatch; ++i) (*journal)->note(snapshot, subject, operation, decision, kNow);
      state.PauseTiming();
      (*journal)->flush();
      state.ResumeTiming();
    }
    if ((*journal)->dropped() > 0) std::abort();
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace countersign::policies

int main(int argc, char** argv) {
  using countersign::policies::decide_call;
  using countersign::policies::Verdict;
  benchmark::Initialize(&argc, argv);
  benchmark::RegisterBenchmark("policies.decide/allow", decide_call, "staging/app.conf", Verdict::allow);
  benchmark::RegisterBenchmark("policies.decide/hold", decide_call, "production/app.conf", Verdict::hold);
  benchmark::RegisterBenchmark("policies.journal_note", countersign::policies::note_call);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
