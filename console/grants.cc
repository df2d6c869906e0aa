// /api/v1/grants: permissions to repeat what was approved, and /api/v1/requests/{id}/grants, where they are proposed.
#include "console/api.h"
#include "console/views.h"

namespace countersign::console {
namespace {

constexpr std::size_t kUsesShown = 100;

const char* state_of(const approvals::Grant& grant, TimeMs now) {
  if (grant.revoked != 0) return "revoked";
  if (grant.activated == 0) return "proposed";
  if (grant.uses >= grant.terms.max_uses) return "used_up";
  return now >= grant.terms.until ? "expired" : "active";
}

Json time_or_null(TimeMs time) {
  return time == 0 ? Json() : Json(format_time(time));
}

Json grant_json(const approvals::Grant& grant, TimeMs now) {
  Json arguments = Json::object();
  for (const auto& [pointer, text] : grant.terms.arguments) {
    auto value = parse_json(text);
    arguments[pointer] = value ? std::move(*value) : Json(text);
  }
  Json out = {{"id", grant.id},
              {"state", state_of(grant, now)},
              {"digest", grant.digest},
              {"request", grant.request},
              {"agent", grant.agent},
              {"owner", grant.owner},
              {"upstream", grant.upstream},
              {"action", grant.action},
              {"effect", grant.effect},
              {"environment", grant.environment},
              {"rules", grant.rules},
              {"resources", grant.terms.resources},
              {"arguments", std::move(arguments)},
              {"max_uses", grant.terms.max_uses},
              {"uses", grant.uses},
              {"until", format_time(grant.terms.until)},
              {"proposed_by", grant.proposed_by},
              {"proposed", format_time(grant.proposed)},
              {"activated", time_or_null(grant.activated)},
              {"revoked", Json()}};
  if (grant.revoked != 0)
    out["revoked"] = {{"at", format_time(grant.revoked)}, {"by", grant.revoked_by}, {"reason", grant.revoke_reason}};
  return out;
}

Result<approvals::GrantTerms> terms_in(const Json& body) {
  auto bad = [](std::string message) { return fail(ErrorKind::invalid, "grant.terms", std::move(message)); };
  approvals::GrantTerms terms;
  const Json* resources = find_member(body, "resources");
  if (resources == nullptr || !resources->is_array()) return bad("`resources` lists what the grant is for");
  for (const Json& each : *resources) {
    if (!each.is_string()) return bad("`resources` lists texts");
    terms.resources.push_back(each.get<std::string>());
  }
  if (const Json* arguments = find_member(body, "arguments"); arguments != nullptr && !arguments->is_null()) {
    if (!arguments->is_object()) return bad("`arguments` is an object of JSON pointers");
    for (auto it = arguments->begin(); it != arguments->end(); ++it) {
      auto text = canonical_json(it.value());
      if (!text) return fail(text.error());
      terms.arguments[it.key()] = std::move(*text);
    }
  }
  terms.max_uses = integer_or(body, "max_uses", 0);
  auto until = parse_time(string_or(body, "until", ""));
  if (!until) return bad("`until`: " + until.error().message);
  terms.until = *until;
  return terms;
}

}  // namespace

Result<Answer> AdminApi::list_grants(const Call& call) {
  if (auto known = only_parameters(call, {"agent", "request", "state", "before", "limit"}); !known)
    return fail(known.error());
  auto limit = number_in(call, "limit", 100, 1, 1000);
  if (!limit) return fail(limit.error());
  std::string state = text_in(call, "state");
  if (!state.empty() && state != "all" && state != "active")
    return fail(ErrorKind::invalid, "admin.bad_query", "`state` is `active` or `all`");
  using Which = approvals::GrantFilter::Which;
  approvals::GrantFilter filter{.agent = text_in(call, "agent"),
                                .request = text_in(call, "request"),
                                .which = state == "all" ? Which::all : Which::active,
                                .before = text_in(call, "before"),
                                .limit = *limit};
  const TimeMs now = services_.clock.now();
  auto grants = services_.queue.list_grants(filter, now);
  if (!grants) return fail(grants.error());
  Json list = Json::array();
  for (const approvals::Grant& grant : *grants) list.push_back(grant_json(grant, now));
  const bool more = grants->size() == *limit;
  return json_answer({{"grants", std::move(list)}, {"before", more ? Json(grants->back().id) : Json()}});
}

Result<Answer> AdminApi::show_grant(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  const TimeMs now = services_.clock.now();
  auto grant = services_.queue.get_grant(call.arguments[0]);
  if (!grant) return fail(grant.error());
  auto uses = services_.queue.grant_uses(call.arguments[0], kUsesShown);
  if (!uses) return fail(uses.error());
  Json out = grant_json(*grant, now);
  out["last_uses"] = Json::array();
  for (const approvals::UseRecord& use : *uses)
    out["last_uses"].push_back({{"number", use.number}, {"at", format_time(use.at)}, {"operation", use.operation}});
  return json_answer(out);
}

Result<Answer> AdminApi::propose_grant(const Call& call) {
  auto body = object_body(call, {"resources", "arguments", "max_uses", "until"});
  if (!body) return fail(body.error());
  auto terms = terms_in(*body);
  if (!terms) return fail(terms.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto ruleset = services_.rulesets.current();
  auto person = approver_of(call.principal, *ruleset);
  if (!person)
    return fail(ErrorKind::forbidden, "admin.unknown_person", "you are not a user in entities.yaml any more");
  const TimeMs now = services_.clock.now();
  auto grant = services_.queue.propose_grant(call.arguments[0], std::move(*terms), *person, *ruleset->approvals, now);
  if (!grant) return fail(grant.error());
  // A proposal opens nothing: what makes it a grant are votes, each recorded before it counts.
  auto request = services_.queue.get(call.arguments[0]);
  if (!request) return fail(request.error());
  audit::Entry entry = request_entry(entry_of(call, audit::Phase::admin), *request);
  entry.action = "grant:propose";
  entry.detail = grant->id + " " + grant->digest;
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  return json_answer(grant_json(*grant, now), 201);
}

Result<Answer> AdminApi::revoke_grant(const Call& call) {
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  auto reason = reason_in(*body);
  if (!reason) return fail(reason.error());
  if (call.principal.is_person() && !may(call.principal, Permission::vote)) {
    return fail(ErrorKind::forbidden, "admin.not_permitted", "a grant is revoked by whoever may vote");
  }
  const TimeMs now = services_.clock.now();
  // In force before it is written down, as with tokens: less is allowed from now on.
  auto grant = services_.queue.revoke_grant(call.arguments[0], call.principal.name, *reason, now);
  if (!grant) return fail(grant.error());
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = "grant:revoke";
  entry.agent = grant->agent;
  entry.owner = grant->owner;
  entry.request = grant->request;
  entry.detail = grant->id + " " + grant->digest;
  entry.comment = *reason;
  if (auto durable = record(std::move(entry)); !durable) {
    return fail(ErrorKind::unavailable, durable.error().code,
                "the grant is revoked, but that could not be recorded: " + durable.error().message);
  }
  return json_answer(grant_json(*grant, now));
}

}  // namespace countersign::console
