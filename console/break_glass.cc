// /api/v1/break-glass: opening, closing and reviewing emergencies (approvals/break_glass.h). Whether one is opened is
// decided by votes on the request it makes, like everything else.
#include "approvals/break_glass.h"

#include <algorithm>

#include "console/api.h"
#include "console/views.h"
#include "core/id.h"

namespace countersign::console {
namespace {

constexpr std::size_t kShown = 200;

Json terms_json(const approvals::EmergencyTerms& terms) {
  auto json = parse_json(approvals::text_of(terms));
  return json ? std::move(*json) : Json();
}

Json emergency_json(const approvals::Emergency& emergency, TimeMs now) {
  const bool open = emergency.is_open(now);
  Json review{{"due", format_time(emergency.review_due)}, {"overdue", emergency.is_overdue(now)}, {"at", Json()}};
  if (emergency.reviewed != 0) {
    review["at"] = format_time(emergency.reviewed);
    review["by"] = emergency.reviewed_by;
    review["comment"] = emergency.review;
  }
  return {{"request", emergency.request},
          {"state", open                      ? "open"
                    : emergency.reviewed != 0 ? "reviewed"
                                              : "to_be_reviewed"},
          {"terms", terms_json(emergency.terms)},
          {"signed_by", emergency.by},
          {"started", format_time(emergency.started)},
          {"until", format_time(emergency.until)},
          {"closed", emergency.closed == 0 ? Json() : Json(format_time(emergency.closed))},
          {"closed_by", emergency.closed_by},
          {"uses", emergency.uses},
          {"review", std::move(review)}};
}

// The agent's owner, who has no say: as entities.yaml lists it, else as the newest of its tokens says.
std::string owner_of(const Services& services, const std::string& agent) {
  auto ruleset = services.rulesets.current();
  if (const policies::Agent* listed = ruleset->policies->directory().find_agent(agent)) return listed->owner;
  for (const auth::ListedToken& each : services.registry.list(services.revocations)) {
    if (each.token.agent == agent) return each.token.owner;
  }
  return {};
}

// Whose the agent is besides, by tokens that still work: they have no say either.
std::vector<std::string> other_owners_of(const Services& services, const std::string& agent, const std::string& owner,
                                         TimeMs now) {
  std::vector<std::string> out;
  for (const auth::ListedToken& each : services.registry.list(services.revocations)) {
    if (each.token.agent != agent || each.revoked || each.token.expires <= now || each.token.owner == owner) continue;
    if (std::ranges::find(out, each.token.owner) == out.end()) out.push_back(each.token.owner);
  }
  return out;
}

}  // namespace

Result<Answer> AdminApi::list_emergencies(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  auto found = services_.emergencies.list(kShown);
  if (!found) return fail(found.error());
  const TimeMs now = services_.clock.now();
  Json list = Json::array();
  for (const approvals::Emergency& emergency : *found) list.push_back(emergency_json(emergency, now));
  auto ruleset = services_.rulesets.current();
  Json rules;
  if (const auto& glass = ruleset->approvals->break_glass) {
    std::vector<std::string> effects;
    for (Effect effect : glass->effects) effects.emplace_back(effect_name(effect));
    rules = {{"rule", glass->rule},
             {"in_debt", glass->in_debt},
             {"longest_ms", glass->longest},
             {"review_within_ms", glass->review_within},
             {"key_age_ms", glass->key_age},
             {"reviewers", approvals::text_of(glass->reviewers)},
             {"environments", glass->environments},
             {"upstreams", glass->upstreams},
             {"effects", effects}};
  }
  return json_answer(
      {{"rules", std::move(rules)}, {"debt", services_.emergencies.debt(now)}, {"emergencies", std::move(list)}});
}

Result<Answer> AdminApi::open_emergency(const Call& call) {
  auto body = object_body(call, {"agent", "upstreams", "effects", "environments", "duration_ms", "reason"});
  if (!body) return fail(body.error());
  auto terms = approvals::parse_terms(body->dump());
  if (!terms) return fail(terms.error());
  if (!call.principal.is_person())
    return fail(ErrorKind::forbidden, "approval.person_required", "a glass is broken by a person with a name");
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  terms->opened_by = call.principal.name;
  auto ruleset = services_.rulesets.current();
  const approvals::Rules& rules = *ruleset->approvals;
  if (auto sound = approvals::check_terms(*terms, rules); !sound) return fail(sound.error());
  const std::string owner = owner_of(services_, terms->agent);
  if (owner.empty())
    return fail(ErrorKind::invalid, "break_glass.terms", "nobody knows an agent of this name, or whose it is");

  const TimeMs now = services_.clock.now();
  const bool debt = services_.emergencies.debt(now) > 0;
  approvals::HeldRequest draft = approvals::emergency_draft(*terms, owner, new_uuid(now), debt, rules, now);
  draft.requester.delegates = other_owners_of(services_, terms->agent, owner, now);
  draft.policies = {};
  draft.policy_digest = ruleset->digest();
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.operation = draft.operation;
  entry.action = approvals::kBreakGlassAction;
  entry.agent = terms->agent;
  entry.owner = owner;
  entry.comment = terms->reason;
  entry.detail = draft.input;
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  auto holding = services_.queue.hold(std::move(draft), now);
  if (!holding) return fail(holding.error());
  return json_answer({{"request", holding->request.id},
                      {"state", approvals::state_name(holding->request.state)},
                      {"rules", holding->request.rules},
                      {"missing", missing_sentences(holding->request, rules, now)}},
                     201);
}

Result<Answer> AdminApi::close_emergency(const Call& call) {
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  auto reason = reason_in(*body);
  if (!reason) return fail(reason.error());
  const TimeMs now = services_.clock.now();
  // In force before it is written down: less is allowed from now on.
  auto emergency = services_.emergencies.close(call.arguments[0], call.principal.name, now);
  if (!emergency) return fail(emergency.error());
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = "break_glass:close";
  entry.request = emergency->request;
  entry.agent = emergency->terms.agent;
  entry.comment = *reason;
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  return json_answer(emergency_json(*emergency, now));
}

Result<Answer> AdminApi::review_emergency(const Call& call) {
  auto body = object_body(call, {"comment"});
  if (!body) return fail(body.error());
  const std::string comment = string_or(*body, "comment", "");
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto ruleset = services_.rulesets.current();
  auto person = approver_of(call.principal, *ruleset);
  if (!person) return fail(ErrorKind::forbidden, "approval.person_required", "a review is somebody's: act as a person");
  auto request = services_.queue.get(call.arguments[0]);
  if (!request) return fail(request.error());
  const TimeMs now = services_.clock.now();
  const approvals::Rules& rules = *ruleset->approvals;
  const std::string& owner = request->requester.owner;
  if (auto sound = services_.emergencies.check_review(call.arguments[0], *person, owner, comment, rules, now); !sound)
    return fail(sound.error());
  // Like a vote: written down before it counts, so that no debt is ever paid without a record.
  audit::Entry entry = request_entry(entry_of(call, audit::Phase::admin), *request);
  entry.action = "break_glass:review";
  entry.comment = comment;
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  auto emergency = services_.emergencies.review(call.arguments[0], *person, owner, comment, rules, now);
  if (!emergency) return fail(emergency.error());
  return json_answer(emergency_json(*emergency, now));
}

}  // namespace countersign::console
