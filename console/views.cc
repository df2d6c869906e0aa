#include "console/views.h"

#include <algorithm>

#include "approvals/documentation.h"
#include "approvals/record.h"
#include "core/sha256.h"

namespace countersign::console {
namespace {

Json time_or_null(TimeMs time) {
  return time == 0 ? Json() : Json(format_time(time));
}

Json vote_json(const approvals::Vote& vote) {
  return {{"rule", vote.rule},
          {"stage", vote.stage},
          {"by", vote.by},
          {"for", vote.for_whom},
          {"level", vote.level},
          {"approves", vote.approves},
          {"reason", vote.reason},
          {"signed", !vote.signature.empty()},
          {"viewed_ms", vote.viewed_ms < 0 ? Json() : Json(vote.viewed_ms)},
          {"grant", vote.grant},
          {"at", format_time(vote.at)}};
}

// Users whose approval would count for this rule now.
std::vector<std::string> who_may_approve(const approvals::HeldRequest& request, const std::string& rule,
                                         const approvals::Rules& rules, const std::vector<approvals::Approver>& people,
                                         TimeMs now) {
  constexpr std::size_t kMostNames = 50;
  std::vector<std::string> names;
  for (const approvals::Approver& user : people) {
    auto openings = approvals::eligibility(request, user, approvals::Choice::approve, rules, now);
    if (openings && std::ranges::find(*openings, rule, &approvals::Opening::rule) != openings->end())
      names.push_back(user.name);
    if (names.size() == kMostNames) break;
  }
  return names;
}

Json progress_json(const approvals::HeldRequest& request, const approvals::Progress& progress,
                   const approvals::Rules& rules, const std::vector<approvals::Approver>& people, TimeMs now) {
  Json out = {{"rule", progress.rule}, {"satisfied", progress.satisfied}, {"progress", progress.sentence}};
  if (const approvals::Rule* rule = rules.find(progress.rule)) out["description"] = rule->description;
  out["may_approve"] = who_may_approve(request, progress.rule, rules, people, now);
  if (progress.open) {
    out["open"] = {{"stage", progress.open->name},
                   {"need", progress.open->count},
                   {"have", progress.have},
                   {"group", approvals::text_of(progress.asked)},
                   {"min_level", approvals::level_name(progress.open->min_level)}};
  }
  return out;
}

}  // namespace

std::string group_of(const approvals::HeldRequest& request) {
  FieldDigest digest("countersign/request-group/v1");
  for (const std::string* field : {&request.requester.agent, &request.requester.owner, &request.frozen.protocol,
                                   &request.frozen.upstream, &request.action, &request.effect, &request.environment}) {
    digest.field(*field);
  }
  for (const std::string& rule : request.rules) digest.field(rule);
  return to_hex(digest.finish()).substr(0, 32);
}

std::vector<std::string> missing_documentation_of(const approvals::HeldRequest& request, const approvals::Rules& rules,
                                                  TimeMs now) {
  return approvals::missing_documentation(rules, request.rules, request.documentation,
                                          request.documented != 0 ? request.documented : now);
}

Json request_summary(const approvals::HeldRequest& request, const approvals::Rules& rules, TimeMs now,
                     const std::vector<std::string>& conflicts) {
  return {{"id", request.id},
          {"state", approvals::state_name(request.state)},
          {"created", format_time(request.created)},
          {"expires", format_time(request.expires)},
          {"decided", time_or_null(request.decided)},
          {"finished", time_or_null(request.finished)},
          {"decided_by", request.decided_by},
          {"agent", request.requester.agent},
          {"owner", request.requester.owner},
          {"delegates", request.requester.delegates},
          {"protocol", request.frozen.protocol},
          {"upstream", request.frozen.upstream},
          {"action", request.action},
          {"effect", request.effect},
          {"environment", request.environment},
          {"summary", request.summary},
          {"resources", request.resources},
          {"rules", request.rules},
          {"missing", missing_sentences(request, rules, now)},
          {"group", group_of(request)},
          {"documented", missing_documentation_of(request, rules, now).empty()},
          {"demands", {{"signature", approvals::demands_of(request.rules, rules).signature}}},
          {"conflicts", conflicts},
          {"edited_by", request.edited_by},
          {"supersedes", request.supersedes},
          {"superseded_by", request.superseded_by},
          {"code", request.code},
          {"reason", request.reason}};
}

void add_request_details(Json& out, const approvals::HeldRequest& request, const approvals::Rules& rules,
                         const std::vector<approvals::Approver>& people, TimeMs now) {
  out["input"] = Json();
  if (!request.input.empty()) {
    auto input = parse_json(request.input);
    out["input"] = input ? std::move(*input) : Json(request.input);
  }
  out["body"] = {{"sha256", request.frozen.body_sha256}, {"bytes", request.frozen.body_size}};
  out["fingerprint"] = request.fingerprint;
  out["policy_digest"] = request.policy_digest;
  out["operation"] = request.operation;
  out["delivered"] = request.delivered;
  out["reply"] = Json();
  if (request.reply) {
    out["reply"] = {{"status", request.reply->status},
                    {"bytes", request.reply->body.size()},
                    {"truncated", request.reply->truncated}};
  }
  out["documentation"] = Json();
  if (!request.documentation.empty()) {
    if (auto documentation = parse_json(request.documentation)) out["documentation"] = std::move(*documentation);
  }
  out["documentation_missing"] = missing_documentation_of(request, rules, now);
  out["edited"] = request.edited;
  const approvals::Demands demands = approvals::demands_of(request.rules, rules);
  out["demands"] = {{"signature", demands.signature},
                    {"max_sign_in_age_ms", demands.max_sign_in_age == 0 ? Json() : Json(demands.max_sign_in_age)}};
  Json votes = Json::array();
  for (const approvals::Vote& vote : request.votes) votes.push_back(vote_json(vote));
  out["votes"] = std::move(votes);
  Json approvals_json = Json::array();
  for (const approvals::Progress& progress : approvals::progress_of(request, rules, now))
    approvals_json.push_back(progress_json(request, progress, rules, people, now));
  out["approvals"] = std::move(approvals_json);
}

std::vector<std::string> missing_sentences(const approvals::HeldRequest& request, const approvals::Rules& rules,
                                           TimeMs now) {
  std::vector<std::string> out;
  if (request.state != approvals::State::held) return out;
  for (const approvals::Progress& progress : approvals::progress_of(request, rules, now)) {
    if (!progress.satisfied) out.push_back(progress.rule + ": " + progress.sentence);
  }
  return out;
}

Json policies_json(const approvals::HeldRequest& request, const policies::Snapshot& snapshot,
                   const std::filesystem::path& folder) {
  Json out = Json::array();
  for (const std::string& id : request.policies) {
    Json entry = {{"id", id}, {"source", ""}, {"says", ""}};
    for (std::size_t at = 0; at < snapshot.policies().size(); ++at) {
      auto ref = static_cast<cedar::PolicyRef>(at);
      const policies::PolicyFacts& facts = snapshot.facts(ref);
      if (facts.id != id) continue;
      const cedar::Policy& policy = snapshot.policies()[ref];
      std::filesystem::path file = policy.source().name();
      entry["source"] = file.lexically_proximate(folder).string() + ":" + std::to_string(policy.position().line);
      entry["says"] = facts.reason.empty() ? std::string(policy.text()) : facts.reason;
    }
    out.push_back(std::move(entry));
  }
  return out;
}

audit::Entry request_entry(audit::Entry entry, const approvals::HeldRequest& request) {
  approvals::name_request(entry, request);
  entry.operation = request.operation;
  return entry;
}

}  // namespace countersign::console
