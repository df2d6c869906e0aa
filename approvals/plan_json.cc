#include "approvals/plan_json.h"

#include <algorithm>

namespace countersign::approvals {
namespace {

// What is destroyed first, then what is changed, then what is new.
int urgency(const PlannedChange& change) {
  return change.deletes ? (change.creates ? 1 : 0) : change.updates ? 2 : 3;
}

}  // namespace

std::string_view plan_state(const Plan& plan, TimeMs now) {
  if (plan.in_force(now)) return "in_force";
  if (plan.ended == 0) return "expired";
  return plan.ended_by == "withdrawn" ? "withdrawn" : "superseded";
}

Json plan_json(const Plan& plan, TimeMs now) {
  const PlanCounts counts = plan.counts();
  Json out = {
      {"plan", plan.id},
      {"upstream", plan.upstream},
      {"agent", plan.agent},
      {"owner", plan.owner},
      {"state", plan_state(plan, now)},
      {"submitted", format_time(plan.submitted)},
      {"until", format_time(plan.until)},
      {"sha256", plan.sha256},
      {"terraform_version", plan.terraform_version},
      {"counts",
       {{"add", counts.add}, {"change", counts.change}, {"destroy", counts.destroy}, {"replace", counts.replace}}},
      {"summary", counts_sentence(counts)}};
  if (plan.ended != 0) out["ended"] = format_time(plan.ended);
  if (plan.ended != 0 && plan.ended_by != "withdrawn") out["superseded_by"] = plan.ended_by;
  std::vector<const PlannedChange*> changes;
  for (int urgent = 0; urgent < 4; ++urgent) {
    for (const PlannedChange& change : plan.index->changes()) {
      if (urgency(change) == urgent) changes.push_back(&change);
    }
  }
  const std::size_t shown = std::min(changes.size(), kMostShownChanges);
  Json list = Json::array();
  for (std::size_t i = 0; i < shown; ++i) {
    const PlannedChange& change = *changes[i];
    Json one = {{"address", change.address}, {"type", change.type}, {"action", action_word(change)}};
    if (!change.reason.empty()) one["reason"] = change.reason;
    if (!change.deposed.empty()) one["deposed"] = change.deposed;
    if (!change.changed.empty()) one["attributes"] = change.changed;
    list.push_back(std::move(one));
  }
  out["changes"] = std::move(list);
  out["left_out"] = changes.size() - shown;
  return out;
}

}  // namespace countersign::approvals
