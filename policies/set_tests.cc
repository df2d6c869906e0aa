#include "policies/set_tests.h"

#include <memory>

#include "policies/testing.h"

namespace countersign::policies {
namespace {

// As `countersign policy test`: cases that say nothing about the time happen at noon.
constexpr TimeMs kNoon = 1'767'268'800'000;  // 2026-01-01T12:00:00Z

class Run {
 public:
  Run(const SnapshotSource& source, const std::vector<config::Upstream>& upstreams)
      : source_(source), upstreams_(upstreams) {}

  void file(const FileText& text) {
    auto json = parse_json(text.text);
    if (!json) return failure(text.name, "", json.error().message);
    auto read = read_test_file(text.name, *json);
    if (!read) return failure(text.name, "", read.error().message);
    auto snapshot = load(read->upstreams);
    if (!snapshot) return failure(text.name, "", "the policies do not load with the upstreams of these tests");
    TestRunner runner(*snapshot, kNoon);
    Coverage coverage(snapshot->policies(), snapshot.get());
    for (std::size_t i = 0; i < read->cases.size(); ++i) {
      if (++cases_ > kMostCases) return failure(text.name, "", "more than 10,000 cases in all");
      auto outcome = runner.run(*read, i, coverage);
      if (!outcome) {
        failure(text.name, "case " + std::to_string(i + 1), outcome.error().message);
      } else if (!outcome->has_passed()) {
        std::string why;
        for (const std::string& each : outcome->differences) why += (why.empty() ? "" : "; ") + each;
        failure(text.name, outcome->name, why);
      } else {
        ++out.passed;
      }
    }
  }

  SetTests out;

 private:
  std::shared_ptr<const Snapshot> load(const std::optional<std::vector<config::Upstream>>& upstreams) {
    Problems ignored;
    if (upstreams) return Snapshot::load(source_, *upstreams, ignored);
    if (!own_) own_ = Snapshot::load(source_, upstreams_, ignored);
    return own_;
  }
  void failure(std::string file, std::string name, std::string message) {
    ++out.failed;
    if (out.failures.size() < kMostFailures)
      out.failures.push_back({std::move(file), std::move(name), std::move(message)});
  }

  const SnapshotSource& source_;
  const std::vector<config::Upstream>& upstreams_;
  std::shared_ptr<const Snapshot> own_;
  std::size_t cases_ = 0;
};

}  // namespace

SetTests run_set_tests(const SnapshotSource& source, const std::vector<config::Upstream>& upstreams) {
  Run run(source, upstreams);
  for (const FileText& file : source.tests) run.file(file);
  return std::move(run.out);
}

Json set_tests_json(const SetTests& tests) {
  Json failures = Json::array();
  for (const SetTestFailure& failure : tests.failures)
    failures.push_back({{"file", failure.file}, {"name", failure.name}, {"message", failure.message}});
  return {{"passed", tests.passed}, {"failed", tests.failed}, {"failures", std::move(failures)}};
}

}  // namespace countersign::policies
