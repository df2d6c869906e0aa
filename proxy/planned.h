// Changes beside the plan that announced them (approvals/plans.h): refused where it did not, counted where what it
// announced has no name yet, and what is new is noted, so that what follows on it is announced too.
#pragma once

#include <string>
#include <string_view>

#include "approvals/plans.h"
#include "proxy/parts.h"

namespace countersign::proxy {

// What the plan in force for this lineage and upstream says of a change. No disk; away from the worker, for a large
// plan and a request for many things take some milliseconds.
Task<Result<approvals::PlanVerdict>> judge_by_plan(Parts* parts, const std::vector<std::string>* chain,
                                                   const Operation* operation);
// plan.unannounced (forbidden), with what the agent can do about it.
[[nodiscard]] Status check_plan(const approvals::PlanVerdict& verdict, const Operation& operation);
// For records: "announced by pln_… as aws_s3_bucket.logs (delete)"; empty where no plan is in force.
[[nodiscard]] std::string announced_as(const approvals::PlanVerdict& verdict);

// Before an announced change leaves: takes one of the plan's creations where it is counted. plan.unannounced when there
// is none left. `key` is the operation's id, or the held request's.
Task<Status> take_announced(Parts* parts, const approvals::PlanVerdict* verdict, std::string key);
// Once it is over, and before its answer is seen by anybody. `answer` and `request` are bodies, or their beginnings.
Task<void> settle_announced(Parts* parts, const approvals::PlanVerdict* verdict, std::string key,
                            const adapters::Forwarded* forwarded, std::string answer, std::string request);

}  // namespace countersign::proxy
