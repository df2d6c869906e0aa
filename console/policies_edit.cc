// /api/v1/policies/…: drafts, proposals, activation by a second person, history. What is done is done by the PolicyDesk
// (console/policy_desk.h); here are the JSON of it and the audit log.
#include "console/api.h"
#include "console/policy_desk.h"
#include "policies/draft_json.h"

namespace countersign::console {
namespace {

constexpr std::uint64_t kMostOperations = 1'000'000;
constexpr int kDefaultDays = 7;

std::unexpected<Error> bad_body(std::string message) {
  return fail(ErrorKind::invalid, "admin.bad_body", std::move(message));
}

Result<std::string> text_in(const Json& body, std::string_view key, std::size_t most) {
  const Json* text = find_member(body, key);
  if (text == nullptr) return std::string();
  if (!text->is_string() || text->get_ref<const std::string&>().size() > most)
    return bad_body("`" + std::string(key) + "` must be text of at most " + std::to_string(most) + " bytes");
  return text->get<std::string>();
}

Result<std::uint64_t> number_in(const Json& body, std::string_view key, std::uint64_t fallback, std::uint64_t most) {
  const Json* number = find_member(body, key);
  if (number == nullptr) return fallback;
  if (!number->is_number_unsigned() || number->get<std::uint64_t>() < 1 || number->get<std::uint64_t>() > most)
    return bad_body("`" + std::string(key) + "` must be a number from 1 to " + std::to_string(most));
  return number->get<std::uint64_t>();
}

// What comes with every draft.
struct Draft {
  PolicyDesk* desk = nullptr;
  Json body;
  PolicyDesk::Files files;
};

Result<Draft> draft_in(const Call& call, Result<PolicyDesk*> desk, std::initializer_list<std::string_view> members) {
  if (!desk) return fail(desk.error());
  auto body = object_body(call, members, policies::kDraftJsonLimits);
  if (!body) return fail(body.error());
  auto files = policies::draft_files(*body);
  if (!files) return bad_body(files.error().message);
  return Draft{*desk, std::move(*body), std::move(*files)};
}

Editor editor_of(const Call& call) {
  return {call.principal.name, call.principal.chain};
}

// Who proposed it, what it makes of what, and why: one line of the record.
std::string detail_of(const Proposal& proposal) {
  Json detail = {{"proposal", proposal.id},
                 {"proposed_by", proposal.by},
                 {"before", proposal.base},
                 {"after", proposal.digest},
                 {"description", proposal.description}};
  return detail.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<PolicyDesk*> AdminApi::desk() const {
  if (services_.policy_desk) return services_.policy_desk;
  return fail(ErrorKind::unsupported, "policies.not_editable", "this gateway keeps no proposals of policy edits");
}

Result<Answer> AdminApi::policy_files(const Call&) {
  auto desk = this->desk();
  if (!desk) return fail(desk.error());
  return json_answer((*desk)->files());
}

Result<Answer> AdminApi::policy_schema(const Call&) {
  auto desk = this->desk();
  if (!desk) return fail(desk.error());
  return json_answer((*desk)->schema());
}

Result<Answer> AdminApi::check_policies(const Call& call) {
  auto draft = draft_in(call, desk(), {"files"});
  if (!draft) return fail(draft.error());
  auto out = draft->desk->check(draft->files);
  if (!out) return fail(out.error());
  return json_answer(*out);
}

Result<Answer> AdminApi::diff_policies(const Call& call) {
  auto draft = draft_in(call, desk(), {"files"});
  if (!draft) return fail(draft.error());
  auto out = draft->desk->diff(draft->files);
  if (!out) return fail(out.error());
  return json_answer(*out);
}

Result<Answer> AdminApi::replay_policies(const Call& call) {
  auto draft = draft_in(call, desk(), {"files", "days", "limit", "against"});
  if (!draft) return fail(draft.error());
  auto days = number_in(draft->body, "days", kDefaultDays, PolicyDesk::kMostDays);
  if (!days) return fail(days.error());
  auto limit = number_in(draft->body, "limit", kMostOperations, kMostOperations);
  if (!limit) return fail(limit.error());
  auto against = text_in(draft->body, "against", 20);
  if (!against) return fail(against.error());
  if (!against->empty() && *against != "recorded" && *against != "running")
    return bad_body("`against` must be \"recorded\" or \"running\"");
  auto out = draft->desk->replay(draft->files, static_cast<int>(*days), *limit,
                                 *against == "running" ? PolicyDesk::Against::running : PolicyDesk::Against::recorded);
  if (!out) return fail(out.error());
  record_look(call);  // its examples are what agents did
  return json_answer(*out);
}

Result<Answer> AdminApi::propose_policies(const Call& call) {
  auto draft = draft_in(call, desk(), {"files", "base", "description"});
  if (!draft) return fail(draft.error());
  auto base = text_in(draft->body, "base", 64);
  if (!base) return fail(base.error());
  auto description = text_in(draft->body, "description", PolicyDesk::kMostDescription);
  if (!description) return fail(description.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  return proposed(call, draft->desk->propose(draft->files, *base, *description, editor_of(call)));
}

Result<Answer> AdminApi::roll_back_policies(const Call& call) {
  auto desk = this->desk();
  if (!desk) return fail(desk.error());
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  auto reason = text_in(*body, "reason", 1'000);
  if (!reason) return fail(reason.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  return proposed(call, (*desk)->propose_rollback(call.arguments[0], *reason, editor_of(call)));
}

Result<Answer> AdminApi::proposed(const Call& call, Result<Proposal> proposal) {
  if (!proposal) return fail(proposal.error());
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = "policies:propose";
  entry.policy_digest = proposal->base;
  entry.code = "policies.proposed";
  entry.detail = detail_of(*proposal);
  // A proposal that nobody could find out about must not stay.
  if (auto durable = record(std::move(entry)); !durable) {
    std::ignore = services_.policy_desk->withdraw(proposal->id, "it could not be recorded", editor_of(call));
    return fail(durable.error());
  }
  return json_answer(services_.policy_desk->proposal_json(*proposal), 201);
}

Result<Answer> AdminApi::list_proposals(const Call&) {
  auto desk = this->desk();
  if (!desk) return fail(desk.error());
  return json_answer((*desk)->list());
}

Result<Answer> AdminApi::show_proposal(const Call& call) {
  auto desk = this->desk();
  if (!desk) return fail(desk.error());
  auto out = (*desk)->show(call.arguments[0]);
  if (!out) return fail(out.error());
  return json_answer(*out);
}

Result<Answer> AdminApi::activate_proposal(const Call& call) {
  auto desk = this->desk();
  if (!desk) return fail(desk.error());
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  auto reason = text_in(*body, "reason", 1'000);
  if (!reason) return fail(reason.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());

  // Before a byte is written it is on record who is about to put what into force.
  bool announced = false;
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = "policies:activate";
  entry.comment = *reason;
  auto about_to = [&](const PolicyDesk::Activated& plan) -> Status {
    entry.detail = detail_of(plan.proposal);
    audit::Entry announcement = entry;
    announcement.policy_digest = plan.before;
    announcement.code = "policies.activating";
    Status durable = record(std::move(announcement));
    announced = durable.has_value();
    return durable;
  };
  auto done = (*desk)->activate(call.arguments[0], *reason, editor_of(call), about_to);
  entry.policy_digest = services_.rulesets.current()->digest();
  if (!done) {
    if (!announced) return fail(done.error());
    entry.code = done.error().code;
    entry.reason = done.error().message;
    std::ignore = record(std::move(entry));
    return fail(done.error());
  }
  entry.code = "policies.activated";
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  return json_answer((*desk)->proposal_json(done->proposal));
}

Result<Answer> AdminApi::withdraw_proposal(const Call& call) {
  auto desk = this->desk();
  if (!desk) return fail(desk.error());
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  auto reason = text_in(*body, "reason", 1'000);
  if (!reason) return fail(reason.error());
  auto proposal = (*desk)->find(call.arguments[0]);
  if (!proposal) return fail(proposal.error());
  // One's own; somebody else's is for those who could have activated it.
  if (proposal->by != call.principal.name) {
    if (auto allowed = permit(call, Permission::activate_policies); !allowed) return fail(allowed.error());
  }
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = "policies:withdraw";
  entry.policy_digest = services_.rulesets.current()->digest();
  entry.code = "policies.withdrawn";
  entry.comment = *reason;
  entry.detail = detail_of(*proposal);
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  if (auto done = (*desk)->withdraw(proposal->id, *reason, editor_of(call)); !done) return fail(done.error());
  auto closed = (*desk)->find(proposal->id);
  if (!closed) return fail(closed.error());
  return json_answer((*desk)->proposal_json(*closed));
}

Result<Answer> AdminApi::policy_history(const Call&) {
  auto desk = this->desk();
  if (!desk) return fail(desk.error());
  return json_answer((*desk)->history());
}

}  // namespace countersign::console
