// /api/v1/plans: the Terraform plans that agents announced their changes with, and what announced a request.
#include "approvals/plan_json.h"
#include "console/api.h"

namespace countersign::console {

Result<Answer> AdminApi::list_plans(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  if (services_.plans == nullptr) return json_answer({{"plans", Json::array()}});
  auto plans = services_.plans->list("");
  if (!plans) return fail(plans.error());
  Json list = Json::array();
  for (const approvals::Plan& plan : *plans) {
    Json one = approvals::plan_json(plan, services_.clock.now());
    one.erase("changes");
    one.erase("left_out");
    list.push_back(std::move(one));
  }
  return json_answer({{"plans", std::move(list)}});
}

Result<Answer> AdminApi::show_plan(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  if (services_.plans == nullptr) return fail(ErrorKind::not_found, "plan.unknown", "there is no such plan");
  auto plan = services_.plans->get(call.arguments[0]);
  if (!plan) return fail(plan.error());
  return json_answer(approvals::plan_json(*plan, services_.clock.now()));
}

Json AdminApi::announced_json(const approvals::HeldRequest& request) const {
  if (services_.plans == nullptr) return {};
  auto note = services_.plans->note_of(request.id);
  if (!note || !*note) return {};
  return {{"plan", (*note)->plan}, {"announced_as", (*note)->addresses}};
}

}  // namespace countersign::console
