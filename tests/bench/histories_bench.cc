// What the history of a lineage costs a request: looking and noting, for a read and for a change.
#include <benchmark/benchmark.h>

#include "proxy/histories.h"

namespace countersign::proxy {
namespace {

constexpr TimeMs kNow = 1'767'268'800'000;

Operation operation_of(Effect effect, const std::string& arn) {
  Operation out;
  out.protocol = "aws";
  out.upstream = "aws";
  out.action = effect == Effect::read ? "aws:s3:GetObject" : "aws:s3:DeleteObject";
  out.accesses.push_back({{"AwsResource", "aws/" + arn, arn}, effect});
  out.input =
      R"({"account":"111122223333","flags":[],"iam_action":"s3:DeleteObject","operation":"DeleteObject","parameters":)"
      R"({"Bucket":"orders","Key":"2026/01/01/orders.csv"},"region":"eu-central-1","service":"s3"})";
  return out;
}

void one_request(benchmark::State& state, Effect effect) {
  Histories histories;
  policies::Decision decision;
  decision.verdict = policies::Verdict::allow;
  const std::string root = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
  for (int i = 0; i < 2'000; ++i)
    histories.note(root, operation_of(effect, "arn:aws:s3:::orders/" + std::to_string(i)), decision, kNow - i * 1'000);
  const Operation operation = operation_of(effect, "arn:aws:s3:::orders/2026/01/01/orders.csv");
  for (auto step : state) {
    static_cast<void>(step);
    policies::Session session = histories.look(root, operation, kNow);
    benchmark::DoNotOptimize(session);
    histories.note(root, operation, decision, kNow);
  }
}

BENCHMARK_CAPTURE(one_request, read, Effect::read)->Name("histories.read");
BENCHMARK_CAPTURE(one_request, change, Effect::destroy)->Name("histories.change");

}  // namespace
}  // namespace countersign::proxy

BENCHMARK_MAIN();
