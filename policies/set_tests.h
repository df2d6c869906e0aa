// The tests that a policy set brings along (tests/*.json), run on itself. Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "core/json.h"
#include "policies/folder.h"

namespace countersign::policies {

struct SetTestFailure {
  std::string file;  // "tests/production.json"
  std::string name;  // of the case; empty when the file means nothing
  std::string message;
};

struct SetTests {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::vector<SetTestFailure> failures;  // at most kMostFailures
};
inline constexpr std::size_t kMostFailures = 100;
inline constexpr std::size_t kMostCases = 10'000;

// Runs every case. A file that names upstreams is run with those, any other with `upstreams`. A file that cannot be
// read, or a set that does not load with its upstreams, counts as a failure.
[[nodiscard]] SetTests run_set_tests(const SnapshotSource& source, const std::vector<config::Upstream>& upstreams);

// {"passed","failed","failures":[{"file","name","message"}]}
[[nodiscard]] Json set_tests_json(const SetTests& tests);

}  // namespace countersign::policies
