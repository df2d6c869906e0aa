// /api/v1/requests: held requests, whole and in lists. The votes on them are in votes.cc.
#include <algorithm>
#include <functional>

#include "console/api.h"
#include "console/people.h"
#include "console/views.h"
#include "core/sha256.h"

namespace countersign::console {
namespace {

constexpr std::size_t kMaxReasonText = 4000;
constexpr std::size_t kHistory = 200;  // requests of the agent that its history is counted over
constexpr std::size_t kLast = 5;
constexpr std::size_t kMostConflicts = 20;

// "alice" and "user:alice" are the same owner.
bool is_owner(const approvals::Requester& requester, std::string_view name) {
  return requester.owner == name || requester.owner == "user:" + std::string(name);
}

// "held,approved" as states.
Result<std::vector<approvals::State>> states_in(std::string_view text) {
  std::vector<approvals::State> states;
  while (!text.empty()) {
    std::size_t end = std::min(text.find(','), text.size());
    auto state = approvals::state_from_name(text.substr(0, end));
    if (!state)
      return fail(ErrorKind::invalid, "admin.bad_query", "`state` names states of a request, separated by commas");
    states.push_back(*state);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return states;
}

// Open requests of others on what this one touches: those that were open when it was held, and those that came since.
std::vector<std::string> conflicts_of(const approvals::HeldRequest& request, const approvals::Queue& queue,
                                      TimeMs now) {
  if (approvals::is_final(request.state)) return request.conflicts;
  const auto& chain = request.requester.chain;
  return queue.open_on(request.resources, request.frozen.upstream, chain.empty() ? "" : chain.front(), now);
}

// What came of an agent's latest requests, this one left out.
Json history_of(const approvals::HeldRequest& request, const std::vector<approvals::HeldRequest>& of_agent,
                const std::function<Json(const approvals::HeldRequest&)>& summary) {
  using approvals::State;
  std::size_t requests = 0;
  std::size_t approved = 0;
  std::size_t denied = 0;
  Json last = Json::array();
  for (const approvals::HeldRequest& each : of_agent) {
    if (each.id == request.id) continue;
    ++requests;
    if (each.state == State::denied) ++denied;
    if (each.state == State::approved || each.state == State::executing || each.state == State::done ||
        each.state == State::failed || each.state == State::unknown) {
      ++approved;
    }
    if (last.size() < kLast) last.push_back(summary(each));
  }
  return {{"requests", requests}, {"approved", approved}, {"denied", denied}, {"last", std::move(last)}};
}

// Text that came from an agent may hold bytes that are no text.
Json with_valid_text(const Json& value) {
  auto parsed = parse_json(value.dump(-1, ' ', false, Json::error_handler_t::replace), {.bytes = 64U << 20});
  return parsed ? std::move(*parsed) : Json::object();
}

}  // namespace

std::optional<approvals::Approver> AdminApi::approver_of(const Principal& principal,
                                                         const approvals::Ruleset& ruleset) const {
  if (!principal.is_person()) return std::nullopt;
  return approvals::find_approver(ruleset.policies->directory(), principal.name, {principal.chain, principal.signed_in},
                                  *ruleset.approvals);
}

Json AdminApi::summary_json(const approvals::HeldRequest& request, const approvals::Rules& rules, TimeMs now,
                            const std::vector<std::string>& conflicts) const {
  Json out = request_summary(request, rules, now, conflicts);
  out["burst"] = burst_shown(request);
  if (std::string sentence = services_.sentence ? services_.sentence(request) : ""; !sentence.empty())
    out["summary"] = std::move(sentence);
  return out;
}

Json AdminApi::preview_json(const approvals::HeldRequest& request) const {
  auto preview = services_.preview(request);
  Json parts = Json::array();
  if (preview) {
    for (const PreviewPart& part : preview->parts)
      parts.push_back({{"title", part.title}, {"media_type", part.media_type}, {"text", part.text}});
  } else {
    parts.push_back({{"title", "no preview"}, {"media_type", "text/plain"}, {"text", preview.error().message}});
  }
  return with_valid_text({{"sentence", preview ? preview->sentence : request.summary}, {"parts", std::move(parts)}});
}

std::string preview_digest(const Json& preview) {
  auto text = canonical_json(preview);
  return text ? to_hex(sha256(*text)) : std::string();
}

Result<std::string> reason_in(const Json& body) {
  std::string reason = string_or(body, "reason", "");
  if (reason.find_first_not_of(" \t\r\n") == std::string::npos)
    return fail(ErrorKind::invalid, "approval.reason_required", "say why: `reason` must not be empty");
  if (reason.size() > kMaxReasonText)
    return fail(ErrorKind::invalid, "approval.reason_too_long", "`reason` is over 4,000 bytes");
  return reason;
}

Result<Answer> AdminApi::list_requests(const Call& call) {
  if (auto known = only_parameters(call, {"state", "waiting_for", "agent", "owner", "upstream", "before", "limit"});
      !known) {
    return fail(known.error());
  }
  auto limit = number_in(call, "limit", 100, 1, 1000);
  if (!limit) return fail(limit.error());
  auto states = states_in(text_in(call, "state"));
  if (!states) return fail(states.error());
  auto ruleset = services_.rulesets.current();
  const TimeMs now = services_.clock.now();
  approvals::Filter filter{.states = *states,
                           .agent = text_in(call, "agent"),
                           .owner = text_in(call, "owner"),
                           .upstream = text_in(call, "upstream"),
                           .before = text_in(call, "before"),
                           .limit = *limit};
  Json out = Json::object();
  Result<std::vector<approvals::HeldRequest>> found = std::vector<approvals::HeldRequest>();
  if (std::string whom = text_in(call, "waiting_for"); whom.empty()) {
    found = services_.queue.list(filter);
  } else {
    auto person = approver_of(call.principal, *ruleset);
    if (whom != "me" || !person)
      return fail(ErrorKind::invalid, "admin.bad_query", "`waiting_for` can only be `me`, asked by a person");
    if (!filter.states.empty() || !filter.agent.empty() || !filter.owner.empty() || !filter.upstream.empty())
      return fail(ErrorKind::invalid, "admin.bad_query", "`waiting_for` goes with `limit` and `before` only");
    found = services_.queue.waiting_for(*person, *ruleset->approvals, now, *limit, filter.before);
    out["waiting"] = services_.queue.count_waiting(*person, *ruleset->approvals, now, 1'000);
  }
  if (!found) return fail(found.error());
  Json requests = Json::array();
  Json bursts = Json::object();
  for (const approvals::HeldRequest& request : *found) {
    requests.push_back(summary_json(request, *ruleset->approvals, now, conflicts_of(request, services_.queue, now)));
    const std::string burst = requests.back()["burst"].get<std::string>();
    if (!burst.empty() && !bursts.contains(burst)) bursts[burst] = burst_json(request);
  }
  out["bursts"] = std::move(bursts);
  out["requests"] = std::move(requests);
  out["before"] = found->size() == *limit ? Json(found->back().id) : Json();
  return json_answer(out);
}

Result<Answer> AdminApi::show_request(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  auto request = services_.queue.get(call.arguments[0]);
  if (!request) return fail(request.error());
  auto ruleset = services_.rulesets.current();
  const approvals::Rules& rules = *ruleset->approvals;
  const TimeMs now = services_.clock.now();
  Json out = summary_json(*request, rules, now);
  add_request_details(out, *request, rules, all_approvers(ruleset->policies->directory(), rules), now);
  out["policies"] = policies_json(*request, *ruleset->policies, services_.rulesets.folder());
  out["preview"] = preview_json(*request);
  out["preview_sha256"] = preview_digest(out["preview"]);

  Json conflicts = Json::array();
  for (const std::string& id : conflicts_of(*request, services_.queue, now)) {
    if (conflicts.size() == kMostConflicts) break;
    if (auto other = services_.queue.get(id)) conflicts.push_back(summary_json(*other, rules, now));
  }
  out["conflicts"] = std::move(conflicts);

  approvals::Filter of_agent;
  of_agent.agent = request->requester.agent;
  of_agent.limit = kHistory;
  auto history = services_.queue.list(of_agent);
  if (!history) return fail(history.error());
  out["agent_history"] =
      history_of(*request, *history, [&](const auto& each) { return summary_json(each, rules, now); });
  if (Json plan = announced_json(*request); !plan.is_null()) out["plan"] = std::move(plan);
  out["agent_frozen"] = services_.frozen.is_frozen(request->requester.agent);
  out["you"] = you_json(call.principal, *request, *ruleset);
  return json_answer(out);
}

Json AdminApi::you_json(const Principal& principal, const approvals::HeldRequest& request,
                        const approvals::Ruleset& ruleset) const {
  Json you = {{"may_approve", false}, {"may_deny", false},    {"why_not", ""},
              {"code", ""},           {"for", Json::array()}, {"own", false}};
  auto refuse = [&](std::string_view code, std::string_view why) {
    you["code"] = code;
    you["why_not"] = why;
  };
  auto person = approver_of(principal, ruleset);
  if (!person) {
    refuse("approval.person_required", "an approval or denial needs a person");
    return you;
  }
  const approvals::Rules& rules = *ruleset.approvals;
  const TimeMs now = services_.clock.now();
  you["own"] = approvals::is_own_request(request.requester, *person);
  if (!may(principal, Permission::vote)) {
    refuse("admin.not_permitted", "the roles of this gateway do not let you vote");
    return you;
  }
  auto approve = approvals::eligibility(request, *person, approvals::Choice::approve, rules, now);
  you["for"] = approvals::may_vote_for(request, *person, rules, now);
  you["may_approve"] = approve.has_value() || !you["for"].empty();
  you["may_deny"] = approvals::eligibility(request, *person, approvals::Choice::deny, rules, now).has_value();
  if (!approve) {
    refuse(approve.error().code, approve.error().message);
  } else if (auto fresh = approvals::check_demands(
                 {.max_sign_in_age = approvals::demands_of(request.rules, rules).max_sign_in_age}, *person,
                 approvals::Choice::approve, "", now);
             !fresh) {
    refuse(fresh.error().code, fresh.error().message);  // may approve, after having signed in again
  }
  return you;
}

Result<Answer> AdminApi::cancel_request(const Call& call) {
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  auto reason = reason_in(*body);
  if (!reason) return fail(reason.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto before = services_.queue.get(call.arguments[0]);
  if (!before) return fail(before.error());
  if (call.principal.is_person() && !is_owner(before->requester, call.principal.name)) {
    return fail(ErrorKind::forbidden, "approval.not_owner",
                "only the owner of the agent, or the administrator of this machine, may cancel its request");
  }
  if (!approvals::may_move(before->state, approvals::State::cancelled))
    return fail(ErrorKind::conflict, "approval.state", "the request does not wait for anything any more");
  audit::Entry entry = request_entry(entry_of(call, audit::Phase::approval), *before);
  entry.action = "approval:cancel";
  entry.comment = *reason;
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  auto after = services_.queue.cancel(call.arguments[0], call.principal.name, *reason, services_.clock.now());
  if (!after) return fail(after.error());
  record_move(call, *before, *after);
  return json_answer({{"id", after->id}, {"state", approvals::state_name(after->state)}});
}

void AdminApi::record_move(const Call& call, const approvals::HeldRequest& before,
                           const approvals::HeldRequest& after) {
  if (before.state == after.state) return;
  audit::Entry entry = request_entry(entry_of(call, audit::Phase::approval), after);
  entry.action = after.action;
  entry.code = std::string("approval.") + approvals::state_name(after.state);
  entry.detail = std::string(approvals::state_name(before.state)) + " → " + approvals::state_name(after.state);
  // Nobody waits: the vote behind it is on disk already, and the state is in the store.
  services_.log.append(std::move(entry));
}

}  // namespace countersign::console
