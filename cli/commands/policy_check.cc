// policy check, and the part of check that looks at policies: problems as compilers print them.
#include <filesystem>
#include <map>

#include "approvals/ruleset.h"
#include "cli/commands/commands.h"
#include "cli/diagnostics.h"
#include "cli/report.h"

namespace countersign::cli {

int run_policy_check(const PolicyCheckOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.directory, ignored))
    return report_usage("`" + options.directory + "` is not a folder", "name the folder that holds the *.cedar files");
  Problems problems;
  auto ruleset = approvals::load_ruleset(options.directory, {}, SystemClock().now(), problems);
  std::string text = render_problems(problems);
  if (ruleset == nullptr) return finish(text, kNo);
  text += "ok: " + std::to_string(ruleset->policies->policies().size()) + " policies, " +
          std::to_string(ruleset->approvals->rules.size()) + " approval rules, digest " + ruleset->policies->digest() +
          "\n";
  return finish(text);
}

}  // namespace countersign::cli
