// approvals.*: the queue with 100,000 open requests of 500 agents, and beside it one with 1,000: what a request costs
// must not depend on how many there are. Real files, real fsync, in $TMPDIR.
#include <benchmark/benchmark.h>

#include <malloc.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "approvals/bursts.h"
#include "approvals/fingerprint.h"
#include "approvals/queue.h"
#include "core/id.h"

namespace countersign::approvals {
namespace {

constexpr int kOpen = 100'000;
constexpr int kFew = 1'000;
constexpr int kAgents = 500;
constexpr int kTogether = 100;  // requests of a burst, where there are some
constexpr BurstLimits kBursts{.window = 30'000};
constexpr TimeMs kNow = 1'795'000'000'000;
constexpr TimeMs kDay = 86'400'000;

HeldRequest draft(int number) {
  HeldRequest request;
  std::string text = std::to_string(number);
  std::string agent = std::to_string(number % kAgents);
  request.id = new_short_id("req_", kNow);
  request.created = kNow + number;
  request.expires = kNow + kDay;
  request.requester = {.agent = "builder-" + agent,
                       .owner = "alice",
                       .issuer = "zoe",
                       .delegates = {},
                       .chain = {"root-" + agent, "leaf-" + agent},
                       .scope = std::string(400, 's')};
  request.action = "mcp:call_tool";
  request.effect = "write";
  request.environment = "production";
  request.summary = "write_file /data/releases/" + text + ".md";
  request.resources = {"Tool::files/write_file", "Path::files/data/releases/" + text + ".md"};
  request.input = R"({"path":"/data/releases/)" + text + R"(.md","content":")" + std::string(600, 'x') + R"("})";
  request.frozen.protocol = "mcp";
  request.frozen.upstream = "files";
  request.frozen.head = std::string(300, 'h');
  request.frozen.identity = "call " + text;
  request.policies = {"production-changes"};
  request.rules = {number % 4 == 0 ? "tier-1" : "production-change"};
  request.policy_digest = std::string(64, 'd');
  request.operation = new_uuid(kNow);
  request.fingerprint = fingerprint(request);
  request.retry_key = retry_key(request.frozen, request.requester);
  return request;
}

Rules house_rules() {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", R"(
rules:
  production-change:
    expires: 24h
    remind: [30m]
    stages: [ { name: platform, group: "team:platform", min_level: senior, escalate: { after: 1h, add: ["team:sre"] } } ]
  tier-1:
    expires: 24h
    stages:
      - { name: platform, group: "team:platform", min_level: senior }
      - { name: director, group: anyone, min_level: director }
)",
                                           problems);
  if (!rules) std::abort();
  return *rules;
}

Approver person(std::string name, Level level, std::string team) {
  return {.name = std::move(name), .level = level, .teams = {std::move(team)}, .chain = {}};
}

Queue::Options roomy() {
  Queue::Options options;
  options.max_open = 10 * kOpen;
  options.max_open_of_agent = kOpen;
  return options;
}

// Filled once a program, by rows in one transaction: what is measured comes afterwards.
class House {
 public:
  enum class Made : std::uint8_t { one_by_one, in_bursts };
  explicit House(int open, Made made = Made::one_by_one) : open_(open), next_(open) {
    std::string pattern = (std::filesystem::temp_directory_path() / "countersign-bench-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    Result<Store> store = Store::open(database(), {}, *BodyFiles::open(bodies()));
    if (!store) std::abort();
    Result<sql::Transaction> transaction = store->begin();
    std::map<std::string, std::pair<std::string, int>> bursts;  // of each agent and rule, with how many it has
    for (int i = 0; i < open; ++i) {
      HeldRequest request = draft(i);
      auto& [burst, members] = bursts[request.requester.agent + request.rules.front()];
      if (made == Made::one_by_one || members++ % kTogether == 0) burst = burst_begun_by(request.id);
      request.burst = burst;
      if (!store->insert(request)) std::abort();
    }
    if (!transaction->commit()) std::abort();
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;
  ~House() {
    queue_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Queue& queue() {
    if (!queue_) reopen();
    return *queue_;
  }
  void reopen() {
    queue_.reset();
    queue_ = std::move(*Queue::open(database(), bodies(), roomy()));
  }
  // Bytes the program holds for each open request.
  double bytes_per_request() {
    queue_.reset();
    ::malloc_trim(0);
    const std::size_t before = ::mallinfo2().uordblks;
    reopen();
    return static_cast<double>(::mallinfo2().uordblks - before) / open_;
  }
  int next() { return ++next_; }
  const Rules rules = house_rules();

 private:
  [[nodiscard]] std::filesystem::path database() const { return path_ / "store.db"; }
  [[nodiscard]] std::filesystem::path bodies() const { return path_ / "requests"; }
  std::filesystem::path path_;
  std::unique_ptr<Queue> queue_;
  int open_;
  int next_;
};

House& house(int open = kOpen) {
  static std::map<int, House> houses;
  return houses.try_emplace(open, open).first->second;
}
House& house_of_bursts() {
  static House house(kOpen, House::Made::in_bursts);
  return house;
}

void inbox(benchmark::State& state, const Approver& approver, House& (*which)()) {
  House& here = which();
  here.queue();
  for (auto _ : state) {
    Result<std::vector<HeldRequest>> page = here.queue().waiting_for(approver, here.rules, kNow + kDay / 2, 100);
    if (!page) return state.SkipWithError(page.error().message.c_str());
    benchmark::DoNotOptimize(page->size());
  }
}
House& ordinary() {
  return house();
}
BENCHMARK_CAPTURE(inbox, asked, person("bob", Level::senior, "platform"), ordinary)
    ->Name("approvals.inbox_page")
    ->Unit(benchmark::kMillisecond);
// Belongs to nothing that is asked: all of it is passed over.
BENCHMARK_CAPTURE(inbox, not_asked, person("joe", Level::junior, "design"), ordinary)
    ->Name("approvals.inbox_of_nobody")
    ->Unit(benchmark::kMillisecond);
// A director's turn comes when the platform team has approved: every request is looked at, and none waits for them.
BENCHMARK_CAPTURE(inbox, not_yet, person("dave", Level::director, "board"), ordinary)
    ->Name("approvals.inbox_not_yet")
    ->Unit(benchmark::kMillisecond);

// 1,000 bursts of 100: one entry each.
BENCHMARK_CAPTURE(inbox, bursts, person("bob", Level::senior, "platform"), house_of_bursts)
    ->Name("approvals.inbox_page_bursts")
    ->Unit(benchmark::kMillisecond);

void count(benchmark::State& state) {
  House& here = house();
  here.queue();
  const Approver bob = person("bob", Level::senior, "platform");
  for (auto _ : state) {
    benchmark::DoNotOptimize(here.queue().count_waiting(bob, here.rules, kNow + kDay / 2, 1'000));
  }
}
BENCHMARK(count)->Name("approvals.count_waiting_1000")->Unit(benchmark::kMillisecond);

void list(benchmark::State& state) {
  House& here = house();
  here.queue();
  Filter filter;
  filter.states = {State::held, State::approved, State::executing};
  for (auto _ : state) {
    Result<std::vector<HeldRequest>> page = here.queue().list(filter);
    if (!page || page->empty()) return state.SkipWithError("no page");
  }
}
BENCHMARK(list)->Name("approvals.list_page")->Unit(benchmark::kMillisecond);

void upkeep(benchmark::State& state) {
  House& here = house();
  here.queue();
  for (auto _ : state) {
    Result<std::vector<HeldRequest>> due = here.queue().upkeep(kNow, here.rules);
    if (!due) return state.SkipWithError(due.error().message.c_str());
  }
}
BENCHMARK(upkeep)->Name("approvals.upkeep")->Unit(benchmark::kMillisecond);

// What the overview counts, and the list of agents.
void overview(benchmark::State& state) {
  House& here = house();
  here.queue();
  std::size_t denied = 0;
  for (auto _ : state) {
    Result<std::size_t> told = here.queue().each_outcome(
        0, 10 * kOpen, [&](const Outcome& one) { denied += one.state == State::denied ? 1 : 0; });
    if (!told) return state.SkipWithError(told.error().message.c_str());
    benchmark::DoNotOptimize(here.queue().held());
    benchmark::DoNotOptimize(here.queue().open_by_agent());
  }
  benchmark::DoNotOptimize(denied);
}
BENCHMARK(overview)->Name("approvals.overview")->Unit(benchmark::kMillisecond);

// The agent asks again with the identical request.
void find_retry(benchmark::State& state) {
  House& here = house();
  const std::string known = draft(kOpen / 2).retry_key;
  here.queue();
  for (auto _ : state) {
    Result<std::optional<HeldRequest>> found = here.queue().find_by_retry(known, kNow);
    if (!found || !*found) return state.SkipWithError("not found");
  }
}
BENCHMARK(find_retry)->Name("approvals.find_retry")->Unit(benchmark::kMicrosecond);

// As asked before every change: a tool that all open requests touch, and a path that one does.
void conflicts(benchmark::State& state) {
  House& here = house();
  here.queue();
  const std::vector<std::string> resources{"Tool::files/write_file", "Path::files/data/releases/7.md"};
  for (auto _ : state) {
    std::vector<std::string> found = here.queue().open_on(resources, "files", "root-3", kNow);
    if (found.size() != Conflicts::kMostTold) return state.SkipWithError("not found");
  }
}
BENCHMARK(conflicts)->Name("approvals.conflicts")->Unit(benchmark::kMicrosecond);

void hold(benchmark::State& state, int open) {
  House& here = house(open);
  here.queue();
  for (auto _ : state) {
    Result<Holding> held = here.queue().hold(draft(here.next()), kNow, kBursts);
    if (!held) return state.SkipWithError(held.error().message.c_str());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(hold, many, kOpen)->Name("approvals.hold")->UseRealTime();
BENCHMARK_CAPTURE(hold, few, kFew)->Name("approvals.hold_of_1000")->UseRealTime();

// Three durable steps each, after the hold: approve, begin, finish.
void release(benchmark::State& state, int open) {
  House& here = house(open);
  Queue& queue = here.queue();
  const Ballot yes{.approver = person("bob", Level::senior, "platform"), .choice = Choice::approve, .reason = "fine"};
  for (auto _ : state) {
    state.PauseTiming();
    int number = here.next();
    HeldRequest request = draft(number);
    request.rules = {"production-change"};
    Result<Holding> held = queue.hold(request, kNow, kBursts);
    if (!held) return state.SkipWithError(held.error().message.c_str());
    const std::string id = held->request.id;
    state.ResumeTiming();
    Ending ending{.state = State::done,
                  .reply = StoredReply{.status = 200, .head = "{}", .body = std::string(500, 'r'), .truncated = false},
                  .code = "",
                  .reason = ""};
    if (!queue.vote(id, yes, here.rules, kNow) || !queue.begin_execution(id, kNow) ||
        !queue.finish(id, std::move(ending), kNow)) {
      return state.SkipWithError("a step was refused");
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(release, many, kOpen)->Name("approvals.release")->UseRealTime();
BENCHMARK_CAPTURE(release, few, kFew)->Name("approvals.release_of_1000")->UseRealTime();

// One vote on the 100 requests of a burst: one durable step.
void vote_burst(benchmark::State& state) {
  House& here = house(kFew);
  Queue& queue = here.queue();
  const Ballot yes{.approver = person("bob", Level::senior, "platform"), .choice = Choice::approve, .reason = "fine"};
  TimeMs now = kNow;
  for (auto _ : state) {
    state.PauseTiming();
    now += 60'000;
    std::vector<Seen> seen;
    std::string burst;
    for (int i = 0; i < kTogether; ++i) {
      HeldRequest request = draft(here.next());
      request.requester.agent = "terraform";
      request.requester.chain = {"root-terraform"};
      request.rules = {"production-change"};
      Result<Holding> held = queue.hold(request, now, kBursts);
      if (!held) return state.SkipWithError(held.error().message.c_str());
      seen.push_back({held->request.id, held->request.fingerprint});
      burst = held->request.burst;
    }
    state.ResumeTiming();
    if (!queue.vote_burst(burst, seen, yes, here.rules, now)) return state.SkipWithError("the vote was refused");
  }
  state.SetItemsProcessed(state.iterations() * kTogether);
}
BENCHMARK(vote_burst)
    ->Name("approvals.vote_burst_of_100")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(20);

void use_grant(benchmark::State& state) {
  House& here = house();
  here.queue();
  const GrantQuestion question{.agent = "builder-1", .root = "root-1", .resources = {"Tool::x"}, .rules = {"tier-1"}};
  for (auto _ : state) benchmark::DoNotOptimize(here.queue().use_grant(question, "op", kNow));
}
BENCHMARK(use_grant)->Name("approvals.no_grant");

void open(benchmark::State& state) {
  House& here = house();
  here.queue();
  for (auto _ : state) here.reopen();
  state.counters["bytes_per_request"] = here.bytes_per_request();
}
BENCHMARK(open)->Name("approvals.open")->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace countersign::approvals

BENCHMARK_MAIN();
