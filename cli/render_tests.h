// Results of policy tests, for people and for programs (docs/formats/policy-tests.md). Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"
#include "policies/testing.h"

namespace countersign::cli {

struct TestedFile {
  std::string path;
  std::vector<policies::TestOutcome> outcomes;
  std::vector<std::string> unreadable;  // cases that mean nothing, a sentence each
};

enum class CoverageRows { incomplete, all };

[[nodiscard]] std::string render_tests(const std::vector<TestedFile>& files, const policies::Coverage& coverage,
                                       CoverageRows rows, const Terminal& terminal);
[[nodiscard]] Json tests_json(const std::vector<TestedFile>& files, const policies::Coverage& coverage);

}  // namespace countersign::cli
