// policy test: JSON cases against a policy folder or plain Cedar policies, and what they cover.
#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/policy_sources.h"
#include "cli/render.h"
#include "cli/render_tests.h"
#include "cli/report.h"

namespace countersign::cli {
namespace {

// Cases that say nothing about the time happen at noon, so that a test does not depend on when it is run.
constexpr TimeMs kNoon = 1'767'268'800'000;  // 2026-01-01T12:00:00Z

// Files as named; of a folder, its tests/*.json, sorted.
Result<std::vector<std::filesystem::path>> list_files(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> out;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      out.emplace_back(path);
      continue;
    }
    std::vector<std::filesystem::path> found;
    std::filesystem::path folder = std::filesystem::path(path) / "tests";
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".json") found.push_back(it->path());
    }
    if (found.empty())
      return fail(ErrorKind::invalid, "test.none", "there is no test in " + folder.string() + "/*.json");
    std::ranges::sort(found);
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

Result<policies::TestFile> read_tests(const std::filesystem::path& path) {
  auto json = read_json_argument(path.string());
  if (!json) return fail(json.error());
  return policies::read_test_file(path, *json);
}

// Runs the cases of one file; an entities file beside the tests is no test.
TestedFile run_file(const policies::TestRunner& runner, const policies::TestFile& file, policies::Coverage& coverage) {
  TestedFile out{file.path.string(), {}, {}};
  for (std::size_t i = 0; i < file.cases.size(); ++i) {
    auto outcome = runner.run(file, i, coverage);
    if (outcome) {
      out.outcomes.push_back(std::move(*outcome));
    } else {
      out.unreadable.push_back(outcome.error().message);
    }
  }
  return out;
}

int conclude(const PolicyTestOptions& options, const std::vector<TestedFile>& files,
             const policies::Coverage& coverage) {
  int code = coverage.percent() < options.coverage_min ? kNo : kDone;
  for (const TestedFile& file : files) {
    for (const policies::TestOutcome& outcome : file.outcomes) code = outcome.has_passed() ? code : std::max(code, kNo);
    if (!file.unreadable.empty()) code = kUsage;
  }
  if (options.output == Output::json) return finish(render_json(tests_json(files, coverage)), code);
  CoverageRows rows = options.coverage ? CoverageRows::all : CoverageRows::incomplete;
  std::string text = render_tests(files, coverage, rows, Terminal::standard_output());
  if (coverage.percent() < options.coverage_min)
    text += "less than the " + std::to_string(options.coverage_min) + " % that --coverage-min asks for\n";
  return finish(text, code);
}

int test_cedar(const PolicyTestOptions& options, const std::vector<std::filesystem::path>& paths) {
  auto text = read_argument(options.cedar);
  if (!text) return report(text.error()), kUsage;
  auto set = policies::parse_plain_policies({{options.cedar, std::move(*text)}});
  if (!set) return report(set.error()), kUsage;
  std::optional<cedar::Schema> schema;
  if (!options.schema.empty()) {
    auto schema_text = read_argument(options.schema);
    if (!schema_text) return report(schema_text.error()), kUsage;
    auto parsed = policies::parse_plain_schema(options.schema, std::move(*schema_text));
    if (!parsed) return report(parsed.error()), kUsage;
    schema = std::move(*parsed);
  }
  policies::TestRunner runner(*set, schema ? &*schema : nullptr);
  policies::Coverage coverage(*set, nullptr);
  std::vector<TestedFile> done;
  for (const std::filesystem::path& path : paths) {
    auto file = read_tests(path);
    if (!file) return report(file.error()), kUsage;
    done.push_back(run_file(runner, *file, coverage));
  }
  return conclude(options, done, coverage);
}

// The folder that a path's tests are about, when none is named.
std::string folder_of(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return path;
  std::filesystem::path parent = std::filesystem::absolute(path, ignored).parent_path();
  return parent.filename() == "tests" ? parent.parent_path().string() : std::string();
}

}  // namespace

int run_policy_test(const PolicyTestOptions& options) {
  std::string folder = options.policies;
  if (folder.empty() && !options.paths.empty()) folder = folder_of(options.paths.front());
  std::vector<std::string> wanted = options.paths;
  std::optional<PolicySource> source;
  if (options.cedar.empty()) {
    auto found = find_policies(folder, options.config);
    if (!found) return report(found.error());
    if (wanted.empty()) wanted.push_back(found->folder.string());
    source = std::move(*found);
  }
  if (wanted.empty())
    return report_usage("name the files with the tests", "countersign policy test --cedar p.cedar t.json");
  auto paths = list_files(wanted);
  if (!paths) return report(paths.error());
  if (!source) return test_cedar(options, *paths);

  std::optional<policies::Coverage> coverage;
  std::vector<TestedFile> done;
  for (const std::filesystem::path& path : *paths) {
    auto file = read_tests(path);
    if (!file) return report(file.error()), kUsage;
    // Labels of upstreams are part of what is tested, so each file has the policies loaded with its own.
    PolicySource with{source->folder, file->upstreams ? *file->upstreams : source->upstreams};
    auto snapshot = load_policies(with);
    if (snapshot == nullptr) return kUsage;
    if (!coverage) coverage.emplace(snapshot->policies(), snapshot.get());
    done.push_back(run_file(policies::TestRunner(*snapshot, kNoon), *file, *coverage));
  }
  return conclude(options, done, *coverage);
}

}  // namespace countersign::cli
