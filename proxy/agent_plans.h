// What an agent does about its plans (approvals/plans.h), on the agents listener:
//
//   POST   /.countersign/plans?upstream=NAME&ttl=2h   submits what `terraform show -json p.bin` wrote: the body, at
//   most
//                                                     16 MiB. In force at once, in the place of the one before it.
//   GET    /.countersign/plans/ID                     what it announced, and whether it is in force
//   DELETE /.countersign/plans/ID                     withdraws it
//
// For callers of one lineage; to others a plan does not exist. Answers are JSON; errors are those of
// approvals/terraform_plan.h and approvals/plans.h, plan.upstream, plan.ttl, plan.query, plan.method, scope.upstream.
#pragma once

#include "proxy/parts.h"

namespace countersign::proxy {

[[nodiscard]] bool is_about_a_plan(const RequestHead& head);

Task<void> answer_about_a_plan(Parts* parts, http1::Exchange* exchange, const Trail* trail, const auth::Caller* caller);

}  // namespace countersign::proxy
