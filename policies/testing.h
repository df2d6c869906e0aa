// Tests of policies: JSON cases, what they expect, what came out instead.
//
// A file is a list of cases, or { "upstreams": […], "defaults": { … }, "cases": [ … ] }. A case is
//   { "name", "request", "entities", "decision": "allow" or "deny", "reason": [ids], "num_errors": n }
// as the official command line's run-tests reads it (plain Cedar: it has `entities`), or, in the gateway's words, one
// without `entities` whose request is a Question. Beyond the official form: decision "hold", and the members
// `approvals`, `errors` and `code`. docs/formats/policy-tests.md is the contract.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/json.h"
#include "policies/coverage.h"
#include "policies/plain.h"
#include "policies/question.h"

namespace countersign::policies {

struct TestFile {
  std::filesystem::path path;
  std::optional<std::vector<config::Upstream>> upstreams;  // name, protocol, labels, and `types` of what tools touch
  Json defaults = Json::object();                          // of each request in the gateway's words
  std::vector<Json> cases;
};

// Errors: test.invalid (malformed) with the file's name.
[[nodiscard]] Result<TestFile> read_test_file(const std::filesystem::path& path, const Json& json);

struct TestOutcome {
  std::string name;  // of the case, or "case 3"
  std::string expected;
  std::string got;
  std::vector<std::string> policies;   // that decided
  std::vector<std::string> approvals;  // hold
  std::vector<std::string> errors;     // policies that could not be evaluated
  std::vector<std::string> differences;
  // Why it came out so: one of the two.
  std::optional<Question> question;
  std::variant<Explanation, PlainExplanation> explanation;
  [[nodiscard]] bool has_passed() const { return differences.empty(); }
};

class TestRunner {
 public:
  // Tests of a policy folder. `now`: when requests happen that do not say when.
  TestRunner(const Snapshot& snapshot, TimeMs now)
      : policies_(snapshot.policies()), snapshot_(&snapshot), schema_(nullptr), now_(now) {}
  // Tests of plain Cedar policies. `schema` may be null.
  TestRunner(const cedar::PolicySet& policies, const cedar::Schema* schema)
      : policies_(policies), snapshot_(nullptr), schema_(schema), now_(0) {}

  // Runs the case and counts what it reaches. Errors: test.invalid and those of reading the request: the case means
  // nothing.
  [[nodiscard]] Result<TestOutcome> run(const TestFile& file, std::size_t number, Coverage& coverage) const;

 private:
  struct Expected;
  [[nodiscard]] Result<TestOutcome> run_plain(const TestFile& file, const Json& json, const Expected& expected,
                                              Coverage& coverage) const;
  [[nodiscard]] Result<TestOutcome> run_gateway(const TestFile& file, const Json& json, Coverage& coverage) const;
  [[nodiscard]] bool names(const std::string& written, const std::string& id) const;
  void compare(const Expected& expected, const std::string& code, TestOutcome& outcome) const;

  const cedar::PolicySet& policies_;
  const Snapshot* snapshot_;
  const cedar::Schema* schema_;
  TimeMs now_;
};

}  // namespace countersign::policies
