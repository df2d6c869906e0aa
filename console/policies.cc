// /api/v1/policies: what is in force, and loading it anew.
#include <set>

#include "console/api.h"
#include "core/problem_json.h"

namespace countersign::console {
namespace {

Json ruleset_json(const approvals::Ruleset& ruleset, const std::filesystem::path& folder) {
  std::set<std::string> files;
  for (const cedar::Policy& policy : ruleset.policies->policies().all()) {
    std::filesystem::path file = policy.source().name();
    files.insert(file.lexically_proximate(folder).string());
  }
  Json rules = Json::array();
  for (const auto& [name, rule] : ruleset.approvals->rules)
    rules.push_back({{"name", name}, {"description", rule.description}});
  return {{"digest", ruleset.policies->digest()},
          {"loaded", format_time(ruleset.loaded)},
          {"files", files},
          {"policies", ruleset.policies->policies().size()},
          {"rules", std::move(rules)}};
}

}  // namespace

Result<Answer> AdminApi::show_policies(const Call&) {
  return json_answer(ruleset_json(*services_.rulesets.current(), services_.rulesets.folder()));
}

Result<Answer> AdminApi::reload_policies(const Call& call) {
  auto body = object_body(call, {});
  if (!body) return fail(body.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto reloaded = services_.reload();
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = "policies:reload";
  entry.policy_digest = reloaded.digest;
  entry.code = reloaded.replaced ? "policies.replaced" : "policies.kept";
  entry.detail = std::to_string(reloaded.problems.size()) + " problems";
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  Json out = ruleset_json(*services_.rulesets.current(), services_.rulesets.folder());
  out["outcome"] = reloaded.replaced ? "replaced" : "kept";
  out["problems"] = problems_json(reloaded.problems);
  // Not an error of the request: it was carried out, and the answer says what came of it.
  return json_answer(out);
}

}  // namespace countersign::console
