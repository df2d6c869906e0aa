#include "policies/explain_json.h"

#include <algorithm>

namespace countersign::policies {
namespace {

Json place_json(const Place& place) {
  return {{"file", place.file}, {"line", place.line}, {"column", place.column}, {"source", place.source}};
}

Json values_json(const std::vector<Seen>& all) {
  Json out = Json::array();
  for (const Seen& seen : all) {
    Json value = {{"expression", seen.what}, {"value", seen.value}};
    if (!seen.note.empty()) value["note"] = seen.note;
    out.push_back(std::move(value));
  }
  return out;
}

// Recursive: the parser bounds the height of every expression.
Json proof_json(const Proof& proof) {
  Json out = {{"expression", proof.text}, {"result", came_name(proof.came)}};
  if (!proof.message.empty()) out["message"] = proof.message;
  if (!proof.seen.empty()) out["values"] = values_json(proof.seen);
  for (const Proof& part : proof.parts) out["parts"].push_back(proof_json(part));
  if (proof.omitted > 0) out["omitted"] = proof.omitted;
  return out;
}

Json obstacles_json(const std::vector<Obstacle>& all) {
  Json out = Json::array();
  for (const Obstacle& obstacle : all) {
    Json one = {{"where", obstacle.where},
                {"wanted", obstacle.condition.wanted},
                {"proof", proof_json(obstacle.condition.proof)}};
    one.update(place_json(obstacle.place));
    out.push_back(std::move(one));
  }
  return out;
}

Json policy_json(const PolicyExplanation& policy) {
  Json out = {{"id", policy.id},
              {"effect", policy.effect == cedar::Effect::permit ? "permit" : "forbid"},
              {"standing", standing_name(policy.standing)},
              {"floor", policy.floor}};
  if (!policy.approval.empty()) out["approval"] = policy.approval;
  if (policy.reveals) out["secrets"] = "reveal";
  if (!policy.reason.empty()) out["reason"] = policy.reason;
  out.update(place_json(policy.place));
  for (const HeadPart& part : policy.head) {
    Json one = {{"name", part.name}, {"expression", part.text}, {"result", came_name(part.came)}};
    one["value"] = part.seen.value;
    if (!part.seen.note.empty()) one["note"] = part.seen.note;
    out["head"].push_back(std::move(one));
  }
  out["clauses"] = Json::array();
  for (const ClauseExplanation& clause : policy.clauses) {
    Json one = {{"kind", clause.kind == cedar::ast::ClauseKind::when ? "when" : "unless"},
                {"holds", clause.holds},
                {"proof", proof_json(clause.proof)}};
    one.update(place_json(clause.place));
    out["clauses"].push_back(std::move(one));
  }
  return out;
}

Json remedy_json(const Remedy& remedy, const std::vector<PolicyExplanation>& policies) {
  Json out = {{"must_not_apply", Json::array()},
              {"must_be_evaluable", Json::array()},
              {"approvals", Json::array()},
              {"permit_needed", remedy.unpermitted},
              {"nearest_permits", Json::array()}};
  for (std::size_t i : remedy.hard)
    out["must_not_apply"].push_back({{"policy", policies[i].id}, {"because", obstacles_json(policies[i].met)}});
  for (std::size_t i : remedy.failing)
    out["must_be_evaluable"].push_back({{"policy", policies[i].id}, {"unmet", obstacles_json(policies[i].unmet)}});
  for (const Remedy::Approval& approval : remedy.approvals) {
    Json forbids = Json::array();
    for (std::size_t i : approval.policies) forbids.push_back(policies[i].id);
    out["approvals"].push_back({{"rule", approval.rule}, {"policies", std::move(forbids)}});
  }
  for (std::size_t i : remedy.permits)
    out["nearest_permits"].push_back({{"policy", policies[i].id}, {"unmet", obstacles_json(policies[i].unmet)}});
  return out;
}

Json policies_json(const std::vector<PolicyExplanation>& policies, Show show, std::size_t& others) {
  Json out = Json::array();
  others = 0;
  for (const PolicyExplanation& policy : policies) {
    bool elsewhere = policy.standing == Standing::elsewhere;
    if (elsewhere) ++others;
    if (!elsewhere || show == Show::all) out.push_back(policy_json(policy));
  }
  return out;
}

}  // namespace

Json to_json(const Explanation& explanation, const Question& question, Show show) {
  Json out = {{"language", "countersign"}, {"accesses", Json::array()}};
  if (question.recorded) {
    const Recorded& recorded = *question.recorded;
    out["recorded"] = {{"what", recorded.what},
                       {"verdict", recorded.decision},
                       {"code", recorded.code},
                       {"policy_digest", recorded.policy_digest},
                       {"not_recorded", recorded.missing}};
  }
  if (question.input == InputKnown::yes) {
    const Decision& decision = explanation.decision;
    out["decision"] = {{"verdict", verdict_name(decision.verdict)},
                       {"code", decision.code},
                       {"reason", decision.reason},
                       {"policies", decision.policies},
                       {"approvals", decision.approvals},
                       {"reveals_secrets", decision.reveals_secrets},
                       {"policy_digest", decision.policy_digest}};
  }
  if (!explanation.problem.empty()) out["problem"] = explanation.problem;
  if (!explanation.misfits.empty()) out["misfits"] = explanation.misfits;
  for (const AccessExplanation& access : explanation.accesses) {
    std::size_t others = 0;
    Json one = {{"resource", access.access.resource.type + "::" + access.access.resource.id},
                {"action", question.operation.action_of(access.access)},
                {"effect", effect_name(access.access.effect)},
                {"labels",
                 {{"environment", access.labels.environment},
                  {"tier", access.labels.tier},
                  {"owner", access.labels.owner},
                  {"free", access.labels.free}}},
                {"policies", policies_json(access.policies, show, others)},
                {"to_allow", remedy_json(access.remedy, access.policies)},
                {"once_approved", Json::array()}};
    one["others"] = others;
    for (const PolicyExplanation& policy : access.once_approved) one["once_approved"].push_back(policy_json(policy));
    out["accesses"].push_back(std::move(one));
  }
  return out;
}

Json to_json(const PlainExplanation& explanation, Show show) {
  std::size_t others = 0;
  Json access = {{"policies", policies_json(explanation.policies, show, others)},
                 {"to_allow", remedy_json(explanation.remedy, explanation.policies)}};
  access["others"] = others;
  bool allow = explanation.response.decision == cedar::Decision::allow;
  return {{"language", "cedar"},
          {"decision",
           {{"verdict", allow ? "allow" : "deny"},
            {"policies", explanation.response.reason},
            {"errors", explanation.response.errors}}},
          {"accesses", Json::array({std::move(access)})}};
}

}  // namespace countersign::policies
