// check: everything that would stop `serve`, as file:line: message, without starting anything.
#include "approvals/ruleset.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "core/config_load.h"

namespace countersign::cli {

int run_check(const CheckOptions& options) {
  config::Loaded loaded = config::load(options.config, {.run_as = config::Check::yes});
  Problems problems = loaded.problems;
  // Policies are looked at even when the file has errors, so that one run shows everything. What it names as policies
  // folder is usable as soon as it could be read at all.
  std::error_code ignored;
  if (std::filesystem::is_directory(loaded.config.policies, ignored)) {
    Problems of_policies;
    static_cast<void>(
        approvals::load_ruleset(loaded.config.policies, loaded.config.upstreams, SystemClock().now(), of_policies));
    problems.insert(problems.end(), of_policies.begin(), of_policies.end());
  }
  std::string text = format_problems(problems);
  if (has_errors(problems)) return finish(text, kUsage);
  text += options.config + ": ok, " + std::to_string(loaded.config.upstreams.size()) + " upstreams\n";
  return finish(text);
}

}  // namespace countersign::cli
