// Any bytes as a plan: refused, or within the limits, and the same after it was stored; and whatever it announces, it
// announces no destruction where it deletes nothing.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "approvals/plan_answers.h"
#include "approvals/plan_match.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  using namespace countersign::approvals;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (names_in_answer(input, "").size() > 256) std::abort();
  Result<TerraformPlan> plan = parse_terraform_plan(input);
  if (!plan) return 0;
  if (plan->changes.size() > kMostPlannedChanges) std::abort();
  for (const PlannedChange& change : plan->changes) {
    for (const PlannedNames* names : {&change.before, &change.after}) {
      if (names->own.size() > kMostNamesOfChange || names->related.size() > kMostNamesOfChange) std::abort();
    }
  }
  Result<std::vector<PlannedChange>> again = changes_from_text(changes_text(plan->changes));
  if (!again || *again != plan->changes) std::abort();

  const PlanIndex index(std::move(*again));
  const bool deletes = std::ranges::any_of(index.changes(), &PlannedChange::deletes);
  for (const PlannedChange& change : index.changes()) {
    for (const std::string& name : change.before.own) {
      Operation destroy{.protocol = "aws", .upstream = "aws", .action = "aws:s3:DeleteBucket"};
      const std::string arn = name.starts_with("arn:") ? name : "arn:aws:s3:::" + name;
      destroy.accesses.push_back({{"AwsResource", "aws/" + arn, arn}, Effect::destroy});
      if (index.announced(destroy, {}) && !deletes) std::abort();
    }
  }
  return 0;
}
