// A plan as agents, approvers and programs see it; docs/terraform.md has the members. Pure functions, any thread.
#pragma once

#include "approvals/plans.h"
#include "core/json.h"

namespace countersign::approvals {

inline constexpr std::size_t kMostShownChanges = 2'000;

// {"plan","upstream","agent","owner","state","submitted","until","sha256","terraform_version","counts","summary",
//  "changes":[{"address","type","action","reason"}], "left_out"}: what is destroyed first.
[[nodiscard]] Json plan_json(const Plan& plan, TimeMs now);
// "in_force", "withdrawn", "superseded", "expired".
[[nodiscard]] std::string_view plan_state(const Plan& plan, TimeMs now);

}  // namespace countersign::approvals
