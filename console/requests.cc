// /api/v1/requests: held requests and the votes on them.
#include "console/api.h"
#include "console/people.h"
#include "console/views.h"

namespace countersign::console {
namespace {

constexpr std::size_t kMaxReasonText = 4000;

// The reason of a vote or a cancellation: required, and not blank.
Result<std::string> reason_of(const Call& call) {
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  std::string reason = string_or(*body, "reason", "");
  if (reason.find_first_not_of(" \t\r\n") == std::string::npos)
    return fail(ErrorKind::invalid, "approval.reason_required", "say why: `reason` must not be empty");
  if (reason.size() > kMaxReasonText)
    return fail(ErrorKind::invalid, "approval.reason_too_long", "`reason` is over 4,000 bytes");
  return reason;
}

// "alice" and "user:alice" are the same owner.
bool is_owner(const approvals::Requester& requester, std::string_view name) {
  return requester.owner == name || requester.owner == "user:" + std::string(name);
}

}  // namespace

Result<Answer> AdminApi::list_requests(const Call& call) {
  if (auto known = only_parameters(call, {"state", "agent", "owner", "before", "limit"}); !known)
    return fail(known.error());
  auto limit = number_in(call, "limit", 100, 1, 1000);
  if (!limit) return fail(limit.error());
  approvals::Filter filter;
  filter.limit = *limit;
  auto text = [&](std::string_view name) {
    auto found = call.query.find(name);
    return found == call.query.end() ? std::string() : found->second;
  };
  if (std::string name = text("state"); !name.empty()) {
    auto state = approvals::state_from_name(name);
    if (!state) return fail(ErrorKind::invalid, "admin.bad_query", "`" + name + "` is no state of a request");
    filter.states.push_back(*state);
  }
  filter.agent = text("agent");
  filter.owner = text("owner");
  filter.before = text("before");
  auto found = services_.queue.list(filter);
  if (!found) return fail(found.error());
  auto ruleset = services_.rulesets.current();
  Json requests = Json::array();
  for (const approvals::HeldRequest& request : *found)
    requests.push_back(request_summary(request, *ruleset->approvals));
  bool more = found->size() == filter.limit;
  return json_answer({{"requests", std::move(requests)}, {"before", more ? Json(found->back().id) : Json()}});
}

Result<Answer> AdminApi::show_request(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  auto request = services_.queue.get(call.arguments[0]);
  if (!request) return fail(request.error());
  auto ruleset = services_.rulesets.current();
  Json out = request_summary(*request, *ruleset->approvals);
  auto people = all_approvers(ruleset->policies->directory());
  add_request_details(out, *request, *ruleset->approvals, people, services_.clock.now());
  out["policies"] = policies_json(*request, *ruleset->policies, services_.rulesets.folder());
  auto preview = services_.preview(*request);
  Json parts = Json::array();
  if (preview) {
    for (const PreviewPart& part : preview->parts)
      parts.push_back({{"title", part.title}, {"media_type", part.media_type}, {"text", part.text}});
  } else {
    parts.push_back({{"title", "no preview"}, {"media_type", "text/plain"}, {"text", preview.error().message}});
  }
  out["preview"] = {{"sentence", preview ? preview->sentence : request->summary}, {"parts", std::move(parts)}};
  return json_answer(out);
}

Result<Answer> AdminApi::approve_request(const Call& call) {
  return vote(call, approvals::Choice::approve);
}

Result<Answer> AdminApi::deny_request(const Call& call) {
  return vote(call, approvals::Choice::deny);
}

Result<Answer> AdminApi::vote(const Call& call, approvals::Choice choice) {
  if (!call.principal.is_person()) {
    return fail(ErrorKind::forbidden, "approval.person_required",
                "an approval or denial needs a person: vote with a personal token");
  }
  auto reason = reason_of(call);
  if (!reason) return fail(reason.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto ruleset = services_.rulesets.current();
  const approvals::Rules& rules = *ruleset->approvals;
  auto person = find_approver(ruleset->policies->directory(), call.principal.name);
  if (!person)
    return fail(ErrorKind::forbidden, "admin.unknown_person", "you are not a user in entities.yaml any more");
  person->chain = call.principal.chain;

  auto before = services_.queue.get(call.arguments[0]);
  if (!before) return fail(before.error());
  // The vote is written down before it counts: nothing is ever approved that the log does not know about.
  bool approves = choice == approvals::Choice::approve;
  audit::Entry entry = request_entry(entry_of(call, audit::Phase::approval), *before);
  entry.action = approves ? "approval:approve" : "approval:deny";
  entry.comment = *reason;
  if (auto eligible = approvals::eligibility(*before, *person, choice, rules, services_.clock.now()); !eligible)
    return fail(eligible.error());
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  approvals::Ballot ballot{.approver = std::move(*person), .choice = choice, .reason = std::move(*reason)};
  auto after = services_.queue.vote(call.arguments[0], ballot, rules, services_.clock.now());
  if (!after) return fail(after.error());
  record_move(call, *before, *after);
  Json answer = {{"id", after->id},
                 {"state", approvals::state_name(after->state)},
                 {"vote", approves ? "approve" : "deny"},
                 {"by", call.principal.name},
                 {"missing", missing_sentences(*after, rules)}};
  return json_answer(answer);
}

Result<Answer> AdminApi::cancel_request(const Call& call) {
  auto reason = reason_of(call);
  if (!reason) return fail(reason.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto before = services_.queue.get(call.arguments[0]);
  if (!before) return fail(before.error());
  if (call.principal.is_person() && !is_owner(before->requester, call.principal.name)) {
    return fail(ErrorKind::forbidden, "approval.not_owner",
                "only the owner of the agent, or the administrator of this machine, may cancel its request");
  }
  if (before->state != approvals::State::held)
    return fail(ErrorKind::conflict, "approval.state", "the request does not wait for a decision any more");
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
