// /api/v1/bursts: requests that were held together (approvals/bursts.h), and votes on a list of them.
#include <algorithm>
#include <map>
#include <set>

#include "approvals/bursts.h"
#include "console/views.h"
#include "console/votes_parts.h"

namespace countersign::console {
namespace {

constexpr JsonLimits kVoteLimits{.bytes = 256U << 10, .depth = 8, .values = 8'000};

// A request as the voter saw it.
struct Listed {
  approvals::Seen seen;
  std::string preview_sha256;
};

Result<std::vector<Listed>> listed_in(const Json& body) {
  auto bad = [] {
    return fail(ErrorKind::invalid, "admin.bad_body",
                "`requests` is a list of 1 to 500 {id, fingerprint}: those that you saw, each once");
  };
  const Json* list = find_member(body, "requests");
  if (list == nullptr || !list->is_array() || list->empty() || list->size() > approvals::kMostOfBurst) return bad();
  std::vector<Listed> out;
  std::map<std::string, bool> known;
  for (const Json& each : *list) {
    if (!each.is_object()) return bad();
    for (const auto& [name, value] : each.items()) {
      const bool expected = name == "id" || name == "fingerprint" || name == "preview_sha256";
      if (!expected || !value.is_string()) return bad();
    }
    Listed one{.seen = {string_or(each, "id", ""), string_or(each, "fingerprint", "")},
               .preview_sha256 = string_or(each, "preview_sha256", "")};
    if (one.seen.id.empty() || one.seen.fingerprint.empty() || known[one.seen.id]) return bad();
    known[one.seen.id] = true;
    out.push_back(std::move(one));
  }
  return out;
}

std::unexpected<Error> about(const std::string& id, Error error) {
  error.message = id + ": " + error.message;
  return std::unexpected(std::move(error));
}

// Not counting those whose place an edited one took.
std::size_t members_of(const std::vector<approvals::BurstPart>& parts) {
  std::size_t count = 0;
  for (const approvals::BurstPart& part : parts) count += part.state == approvals::State::superseded ? 0 : part.count;
  return count;
}

}  // namespace

std::string AdminApi::burst_shown(const approvals::HeldRequest& request) const {
  if (request.burst.empty()) return {};
  auto parts = services_.queue.count_burst(request.burst);
  return parts && members_of(*parts) > 1 ? request.burst : std::string();
}

Json AdminApi::burst_json(const approvals::HeldRequest& any) const {
  const auto parts = services_.queue.count_burst(any.burst).value_or(std::vector<approvals::BurstPart>());
  approvals::BurstCount held;
  approvals::BurstCount all;
  std::map<std::string, std::size_t> states;
  for (const approvals::BurstPart& part : parts) {
    if (part.state == approvals::State::superseded) continue;
    all.effects[part.effect] += part.count;
    states[approvals::state_name(part.state)] += part.count;
    if (part.state == approvals::State::held) held.effects[part.effect] += part.count;
  }
  const approvals::BurstCount& counted = held.all() > 0 ? held : all;
  return {{"id", any.burst},
          {"sentence", approvals::burst_sentence(any, counted)},
          {"members", all.all()},
          {"held", held.all()},
          {"effects", counted.effects},
          {"states", states},
          {"agent", any.requester.agent},
          {"owner", any.requester.owner},
          {"protocol", any.frozen.protocol},
          {"upstream", any.frozen.upstream},
          {"environment", any.environment},
          {"rules", any.rules}};
}

Result<Answer> AdminApi::show_burst(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  auto members = services_.queue.burst(call.arguments[0]);
  if (!members) return fail(members.error());
  auto ruleset = services_.rulesets.current();
  const TimeMs now = services_.clock.now();
  Json out = burst_json(members->front());
  Json requests = Json::array();
  bool must_be_signed = false;
  for (const approvals::HeldRequest& request : *members) {
    Json one = summary_json(request, *ruleset->approvals, now);
    const Json preview = preview_json(request);
    one["sentence"] = preview["sentence"];
    one["preview_sha256"] = preview_digest(preview);
    one["fingerprint"] = request.fingerprint;
    one["you"] = you_json(call.principal, request, *ruleset);
    if (Json plan = announced_json(request); !plan.is_null()) one["plan"] = std::move(plan);
    if (request.state == approvals::State::held) {
      must_be_signed = must_be_signed || approvals::demands_of(request.rules, *ruleset->approvals).signature;
    }
    requests.push_back(std::move(one));
  }
  out["requests"] = std::move(requests);
  out["demands"] = {{"signature", must_be_signed}};
  out["sign_at_once"] = kMostSigned;
  out["agent_frozen"] = services_.frozen.is_frozen(members->front().requester.agent);
  return json_answer(out);
}

Result<Answer> AdminApi::approve_burst(const Call& call) {
  return vote_burst(call, approvals::Choice::approve);
}

Result<Answer> AdminApi::deny_burst(const Call& call) {
  return vote_burst(call, approvals::Choice::deny);
}

// First everything that could be said against any of the votes, then the records of all, then the votes, in one
// transaction that looks at list and fingerprints once more.
Result<Answer> AdminApi::vote_burst(const Call& call, approvals::Choice choice) {
  auto body = object_body(call, {"requests", "reason", "for", "viewed_ms", "signature"}, kVoteLimits);
  if (!body) return fail(body.error());
  auto listed = listed_in(*body);
  if (!listed) return fail(listed.error());
  const std::string& burst = call.arguments[0];
  auto members = services_.queue.burst(burst);
  if (!members) return fail(members.error());
  auto intent = intent_of(call, *body, choice);
  if (!intent) return fail(intent.error());
  auto ruleset = services_.rulesets.current();
  const approvals::Rules& rules = *ruleset->approvals;
  auto person = voter(call, *ruleset);
  if (!person) return fail(person.error());

  std::vector<approvals::Seen> seen;
  std::map<std::string, approvals::HeldRequest> before;
  std::vector<audit::Entry> entries;
  std::optional<approvals::Ballot> ballot;
  for (const Listed& each : *listed) {
    auto member = std::ranges::find(*members, each.seen.id, &approvals::HeldRequest::id);
    if (member == members->end() || member->fingerprint != each.seen.fingerprint) {
      return fail(ErrorKind::conflict, "approval.changed",
                  each.seen.id + " is not what you were shown, or not of this burst: look at it again");
    }
    seen.push_back(each.seen);
    approvals::HeldRequest& now_there = before[member->id] = *member;
    const bool late = member->state == approvals::State::held && services_.clock.now() >= member->expires;
    if (late) now_there.state = approvals::State::expired;  // which the queue makes it, at the latest with this vote
    if (now_there.state != approvals::State::held) continue;
    auto prepared = prepare_vote(call, *intent, *person, *member, rules, each.preview_sha256);
    if (!prepared) return about(member->id, prepared.error());
    entries.push_back(std::move(prepared->entry));
    if (!ballot) ballot = std::move(prepared->ballot);
  }
  Json results = Json::array();
  std::set<std::string> voted;
  if (ballot) {
    if (auto durable = record(std::move(entries)); !durable) return fail(durable.error());
    auto done = services_.queue.vote_burst(burst, seen, *ballot, rules, services_.clock.now());
    if (!done) return fail(done.error());
    for (const approvals::HeldRequest& after : done->voted) {
      record_move(call, before[after.id], after);
      results.push_back(voted_json(call, *intent, after, rules));
      voted.insert(after.id);
    }
    for (approvals::HeldRequest& after : done->not_held) before[after.id] = std::move(after);
  }
  for (const Listed& each : *listed) {
    if (voted.contains(each.seen.id)) continue;
    const approvals::HeldRequest& now = before[each.seen.id];
    results.push_back(
        {{"id", now.id},
         {"state", approvals::state_name(now.state)},
         {"error",
          {{"status", 409},
           {"code", "approval.not_held"},
           {"detail", std::string("it is ") + approvals::state_name(now.state) + " by now, and stays so"}}}});
  }
  Json out = burst_json(members->front());
  out["results"] = std::move(results);
  return json_answer(out);
}

}  // namespace countersign::console
