#include "cli/policy_sources.h"

#include <cstdio>
#include <iostream>
#include <iterator>

#include "cli/diagnostics.h"
#include "core/config_load.h"

namespace countersign::cli {
namespace {

constexpr std::size_t kLargest = 16U << 20;

}  // namespace

Result<PolicySource> find_policies(const std::string& policies, const std::string& config) {
  std::error_code ignored;
  PolicySource out;
  std::filesystem::path file = config.empty() ? "countersign.yaml" : config;
  bool configured = !config.empty() || (policies.empty() && std::filesystem::exists(file, ignored));
  if (configured) {
    config::Loaded loaded = config::load(file, {.files = config::Check::no, .secrets = config::Check::no});
    if (!loaded.ok()) return fail(ErrorKind::invalid, "cli.config", format_problems(loaded.problems));
    out.folder = loaded.config.policies;
    out.upstreams = loaded.config.upstreams;
  }
  if (!policies.empty()) out.folder = policies;
  // As people would name it: what is below the working folder without the way there.
  std::filesystem::path near = std::filesystem::proximate(out.folder, ignored);
  if (!ignored && !near.empty() && *near.begin() != "..") out.folder = near;
  if (out.folder.empty()) {
    return fail(ErrorKind::invalid, "cli.policies", "say where the policies are: --policies DIR, or --config FILE");
  }
  if (!std::filesystem::is_directory(out.folder, ignored))
    return fail(ErrorKind::invalid, "cli.policies", "`" + out.folder.string() + "` is not a folder");
  return out;
}

std::shared_ptr<const policies::Snapshot> load_policies(const PolicySource& source) {
  Problems problems;
  auto snapshot = policies::Snapshot::load(source.folder, source.upstreams, problems);
  // Warnings are what `policy check` is for.
  std::erase_if(problems, [](const Problem& problem) { return problem.severity == Severity::warning; });
  if (!problems.empty()) std::fputs(render_problems(problems).c_str(), stderr);
  return snapshot;
}

Result<std::string> read_argument(const std::string& path) {
  if (path != "-") return read_file(path, kLargest);
  std::string text;
  std::istreambuf_iterator<char> at(std::cin);
  for (std::istreambuf_iterator<char> end; at != end; ++at) {
    if (text.size() == kLargest) return fail(ErrorKind::too_large, "file.too_large", "standard input is too long");
    text += *at;
  }
  return text;
}

Result<Json> read_json_argument(const std::string& path) {
  auto text = read_argument(path);
  if (!text) return fail(text.error());
  auto json = parse_json(*text, {.bytes = kLargest, .values = 2'000'000});
  if (!json) {
    Error error = json.error();
    error.message = (path == "-" ? "standard input" : path) + ": " + error.message;
    return fail(std::move(error));
  }
  return std::move(*json);
}

}  // namespace countersign::cli
