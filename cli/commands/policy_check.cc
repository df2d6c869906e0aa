// policy check: everything there is to say about a policy folder, as compilers print it. policy schema: what policies
// see, as a Cedar schema.
#include "approvals/ruleset.h"
#include "cli/commands/commands.h"
#include "cli/diagnostics.h"
#include "cli/policy_sources.h"
#include "cli/report.h"
#include "core/problem_json.h"

namespace countersign::cli {

int run_policy_check(const PolicyCheckOptions& options) {
  Result<PolicySource> source = find_policies(options.directory, options.config);
  if (!source) return report_usage(source.error().message, "name the folder that holds the *.cedar files");
  Problems problems;
  auto ruleset = approvals::load_ruleset(source->folder, source->upstreams, SystemClock().now(), problems);
  int code = ruleset ? kDone : kNo;
  if (options.output == Output::json) {
    Json out = {{"ok", ruleset != nullptr}, {"problems", problems_json(problems)}};
    if (ruleset) {
      out["policies"] = ruleset->policies->policies().size();
      out["approval_rules"] = ruleset->approvals->rules.size();
      out["digest"] = ruleset->policies->digest();
    }
    return finish(out.dump(2) + "\n", code);
  }
  std::string text = render_problems(problems);
  if (ruleset)
    text += "ok: " + std::to_string(ruleset->policies->policies().size()) + " policies, " +
            std::to_string(ruleset->approvals->rules.size()) + " approval rules, digest " +
            ruleset->policies->digest() + "\n";
  return finish(text, code);
}

int run_policy_schema(const PolicySchemaOptions& options) {
  Result<PolicySource> source = find_policies(options.directory, options.config);
  if (!source) return report_usage(source.error().message, "name the folder that holds the *.cedar files");
  Problems problems;
  auto schema = policies::Snapshot::load_schema(source->folder, source->upstreams, problems);
  if (!schema) return finish(render_problems(problems), kNo);
  return finish(schema->text());
}

}  // namespace countersign::cli
