// Votes: on one request, on a batch, signed with a passkey or not.
//
// A signed vote goes in two steps. The server makes the statement from its own data (vote_challenge) and keeps it; the
// browser has it signed and votes with it. Then the signed text must be, byte for byte, the one kept for this person
// and used by nobody yet, and for each request the server makes its part of the statement anew and compares: whatever
// has changed meanwhile (the preview, the documentation, the stage that waits) is a conflict, and nobody has voted for
// something that they were not shown.
#include <algorithm>
#include <set>

#include "console/views.h"
#include "console/votes_parts.h"
#include "core/sha256.h"

namespace countersign::console {
namespace {

constexpr TimeMs kLongestView = 24LL * 3'600'000;
constexpr std::size_t kAssertionBytes = 12U << 10;  // room for what is signed with; base64url, escaped

std::string digest_of(std::string_view text) {
  return text.empty() ? std::string() : to_hex(sha256(text));
}

Error person_required() {
  return {ErrorKind::forbidden, "approval.person_required",
          "an approval or denial needs a person: vote with a personal token"};
}

Error invalid_signature(std::string_view why) {
  return {ErrorKind::forbidden, "approval.signature_invalid", "the signature does not count: " + std::string(why)};
}

Result<approvals::Choice> choice_in(const Json& body) {
  std::string decision = string_or(body, "decision", "");
  if (decision == "approve") return approvals::Choice::approve;
  if (decision == "deny") return approvals::Choice::deny;
  return fail(ErrorKind::invalid, "admin.bad_body", "`decision` is approve or deny");
}

// At 200 words a minute, at most two minutes: nobody reads a long diff word by word, but nobody knows it after a second
// either.
TimeMs reading_time(const Json& preview) {
  constexpr TimeMs kPerWord = 60'000 / 200;
  constexpr TimeMs kMost = 120'000;
  TimeMs words = 0;
  auto count = [&](std::string_view text) {
    bool inside = false;
    for (char c : text) {
      const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
      if (!blank && !inside) ++words;
      inside = !blank;
    }
  };
  count(string_or(preview, "sentence", ""));
  if (const Json* parts = find_member(preview, "parts")) {
    for (const Json& part : *parts) count(string_or(part, "text", ""));
  }
  return std::min(kMost, words * kPerWord);
}

// "requests" of a challenge: ids; of a batch: {"id","preview_sha256"}.
struct Named {
  std::string id;
  std::string preview_sha256;
};
Result<std::vector<Named>> requests_in(const Json& body) {
  auto bad = [](std::string message) { return fail(ErrorKind::invalid, "admin.bad_body", std::move(message)); };
  const Json* list = find_member(body, "requests");
  if (list == nullptr || !list->is_array() || list->empty() || list->size() > approvals::kMostStatedRequests)
    return bad("`requests` names 1 to 100 requests");
  std::vector<Named> out;
  std::set<std::string> seen;
  for (const Json& each : *list) {
    Named named;
    if (each.is_string()) {
      named.id = each.get<std::string>();
    } else if (each.is_object()) {
      named = {string_or(each, "id", ""), string_or(each, "preview_sha256", "")};
    }
    if (named.id.empty()) return bad("`requests` names 1 to 100 requests");
    if (!seen.insert(named.id).second) return bad("`requests` names a request twice");
    out.push_back(std::move(named));
  }
  return out;
}

}  // namespace

Result<AdminApi::Stated> AdminApi::stated(const Intent& intent, const approvals::Approver& person,
                                          const approvals::HeldRequest& request, const approvals::Rules& rules) const {
  auto openings = approvals::eligibility(request, person, intent.choice, rules, services_.clock.now(), intent.for_whom);
  if (!openings) return fail(openings.error());
  const Json preview = preview_json(request);
  Stated out{.request = {.id = request.id,
                         .fingerprint = request.fingerprint,
                         .preview_sha256 = preview_digest(preview),
                         .documentation_sha256 = digest_of(request.documentation),
                         .grant_sha256 = intent.grant,
                         .stages = {},
                         .expires = request.expires},
             .reading = reading_time(preview)};
  for (const approvals::Opening& opening : *openings) out.request.stages.push_back(opening.rule + "/" + opening.stage);
  return out;
}

Result<Answer> AdminApi::vote_challenge(const Call& call) {
  if (!call.principal.is_person()) return fail(person_required());
  auto body = object_body(call, {"requests", "decision", "reason", "for", "grant"});
  if (!body) return fail(body.error());
  auto choice = choice_in(*body);
  if (!choice) return fail(choice.error());
  auto reason = reason_in(*body);
  if (!reason) return fail(reason.error());
  auto named = requests_in(*body);
  if (!named) return fail(named.error());
  const TimeMs now = services_.clock.now();
  auto passkeys = services_.people.passkeys_of(call.principal.name);
  if (!passkeys) return fail(passkeys.error());
  if (passkeys->empty())
    return fail(ErrorKind::conflict, "passkey.none", "you have no passkey to sign with: add one first");
  auto ruleset = services_.rulesets.current();
  auto person = approver_of(call.principal, *ruleset);
  if (!person)
    return fail(ErrorKind::forbidden, "admin.unknown_person", "you are not a user in entities.yaml any more");

  Intent intent{.choice = *choice,
                .reason = *reason,
                .for_whom = string_or(*body, "for", ""),
                .grant = string_or(*body, "grant", "")};
  approvals::Statement statement{.by = call.principal.name,
                                 .for_whom = intent.for_whom,
                                 .decision = intent.choice,
                                 .reason_sha256 = to_hex(sha256(intent.reason)),
                                 .nonce = PendingChallenges::new_key(),
                                 .expires = now + kChallengeLife,
                                 .requests = {}};
  Status old_enough;
  for (const Named& each : *named) {
    auto request = services_.queue.get(each.id);
    if (!request) return fail(request.error());
    const approvals::Demands demands = approvals::demands_of(request->rules, *ruleset->approvals);
    // Only keys that would count are asked for.
    std::erase_if(*passkeys, [&](const auth::StoredPasskey& key) {
      Status fits = approvals::check_key(demands, intent.choice, key.created, now);
      if (!fits) old_enough = fits;
      return !fits;
    });
    if (passkeys->empty()) return fail(old_enough.error());
    auto part = stated(intent, *person, *request, *ruleset->approvals);
    if (!part) return fail(part.error().kind, part.error().code, each.id + ": " + part.error().message);
    statement.requests.push_back(std::move(part->request));
  }
  std::string text = approvals::text(statement);
  // What is signed has to fit into the record of each vote, whole.
  if (text.empty() ||
      !audit::signature_fits(canonical_json({{"statement", text}}).value_or("") + std::string(kAssertionBytes, 'x'))) {
    return fail(ErrorKind::too_large, "approval.batch_too_large", "too many requests for one signature: decide fewer");
  }
  pending_.add(PendingChallenges::Purpose::vote, statement.nonce, call.principal.name, text, statement.expires);
  Json credentials = Json::array();
  for (const auth::StoredPasskey& each : *passkeys) credentials.push_back(each.key.id);
  return json_answer({{"statement", text},
                      {"challenge", to_base64url(approvals::challenge_of(text))},
                      {"credentials", std::move(credentials)},
                      {"rp_id", relying_party_.id},
                      {"origin", relying_party_.origins.front()},
                      {"expires", format_time(statement.expires)}});
}

Status AdminApi::verify_signature(const Call& call, const Json& signature, Intent& intent) {
  auto given = auth::signed_text_from_json(signature);
  if (!given) return fail(invalid_signature(given.error().message));
  auto statement = approvals::parse_statement(given->statement);
  if (!statement) return fail(invalid_signature(statement.error().message));
  const TimeMs now = services_.clock.now();
  // From here on the nonce is spent, whatever comes of the vote.
  auto ours = pending_.take(PendingChallenges::Purpose::vote, statement->nonce, call.principal.name, now);
  if (!ours) return fail(invalid_signature(ours.error().message));
  if (*ours != given->statement)
    return fail(invalid_signature("it is for another statement than the one you asked for"));
  if (statement->by != call.principal.name || statement->for_whom != intent.for_whom ||
      statement->decision != intent.choice || statement->reason_sha256 != to_hex(sha256(intent.reason))) {
    return fail(invalid_signature("decision, reason or person are not those that were signed"));
  }
  auto passkey = services_.people.find_passkey(given->assertion.credential);
  if (!passkey || passkey->user != call.principal.name) return fail(invalid_signature("the passkey is not yours"));
  const Digest challenge = approvals::challenge_of(*ours);
  auto facts = auth::verify_assertion(given->assertion, passkey->key, relying_party_, challenge);
  if (!facts) return fail(invalid_signature(facts.error().message));
  if (auto used = services_.people.use_passkey(*passkey, *facts, now); !used)
    return fail(invalid_signature(used.error().message));
  intent.signature = auth::signed_text_json(*given);
  intent.key_enrolled = passkey->created;
  intent.statement = std::move(*statement);
  return {};
}

Result<AdminApi::Intent> AdminApi::intent_of(const Call& call, const Json& body, approvals::Choice choice) {
  if (!call.principal.is_person()) return fail(person_required());
  auto reason = reason_in(body);
  if (!reason) return fail(reason.error());
  Intent intent{.choice = choice,
                .reason = std::move(*reason),
                .for_whom = string_or(body, "for", ""),
                .grant = string_or(body, "grant", "")};
  if (const Json* viewed = find_member(body, "viewed_ms"); viewed != nullptr && !viewed->is_null()) {
    if (!viewed->is_number_integer() || viewed->get<std::int64_t>() < 0)
      return fail(ErrorKind::invalid, "admin.bad_body", "`viewed_ms` is a number of milliseconds");
    intent.viewed_ms = std::min(viewed->get<std::int64_t>(), kLongestView);
  }
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  if (const Json* signature = find_member(body, "signature"); signature != nullptr && !signature->is_null()) {
    if (auto verified = verify_signature(call, *signature, intent); !verified) return fail(verified.error());
  }
  return intent;
}

Result<approvals::Approver> AdminApi::voter(const Call& call, const approvals::Ruleset& ruleset) const {
  auto person = approver_of(call.principal, ruleset);
  if (person) return std::move(*person);
  return fail(ErrorKind::forbidden, "admin.unknown_person", "you are not a user in entities.yaml any more");
}

Result<AdminApi::Prepared> AdminApi::prepare_vote(const Call& call, const Intent& intent,
                                                  const approvals::Approver& person,
                                                  const approvals::HeldRequest& before, const approvals::Rules& rules,
                                                  std::string_view seen_sha256) const {
  const TimeMs now = services_.clock.now();
  auto today = stated(intent, person, before, rules);
  if (!today) return fail(today.error());
  const approvals::StatedRequest& part = today->request;
  const approvals::Demands demands = approvals::demands_of(before.rules, rules);
  if (auto met = approvals::check_demands(demands, person, intent.choice, intent.signature, now); !met)
    return fail(met.error());
  if (auto met = approvals::check_key(demands, intent.choice, intent.key_enrolled, now); !met) return fail(met.error());
  auto changed = [] {
    return fail(ErrorKind::conflict, "approval.preview_changed",
                "what this request would do is not what you were shown: look at it again");
  };
  if (!seen_sha256.empty() && seen_sha256 != part.preview_sha256) return changed();
  if (intent.statement) {
    auto was = std::ranges::find(intent.statement->requests, before.id, &approvals::StatedRequest::id);
    if (was == intent.statement->requests.end())
      return fail(invalid_signature("this request is not among those that were signed"));
    if (was->preview_sha256 != part.preview_sha256) return changed();
    if (*was != part) {
      return fail(ErrorKind::conflict, "approval.statement_changed",
                  "the request has moved on since you signed: look at it again, and sign anew");
    }
  }

  audit::Entry entry = request_entry(entry_of(call, audit::Phase::approval), before);
  entry.action = intent.choice == approvals::Choice::approve ? "approval:approve" : "approval:deny";
  entry.comment = intent.reason;
  entry.signature = intent.signature;
  Json detail = {{"preview_sha256", part.preview_sha256}, {"stages", part.stages}};
  if (!intent.for_whom.empty()) detail["for"] = intent.for_whom;
  if (!intent.grant.empty()) detail["grant"] = intent.grant;
  if (intent.viewed_ms >= 0) {
    detail["viewed_ms"] = intent.viewed_ms;
    detail["unread"] = intent.viewed_ms < today->reading;
  }
  if (!before.burst.empty()) detail["burst"] = before.burst;
  detail["waited_ms"] = std::max<TimeMs>(0, now - before.created);
  if (auto text = canonical_json(detail)) entry.detail = std::move(*text);
  approvals::Ballot ballot{.approver = person,
                           .choice = intent.choice,
                           .reason = intent.reason,
                           .for_whom = intent.for_whom,
                           .signature = intent.signature,
                           .key_enrolled = intent.key_enrolled,
                           .viewed_ms = intent.viewed_ms,
                           .grant = intent.grant,
                           .fingerprint = part.fingerprint};
  return Prepared{std::move(entry), std::move(ballot)};
}

Json AdminApi::voted_json(const Call& call, const Intent& intent, const approvals::HeldRequest& after,
                          const approvals::Rules& rules) const {
  return {{"id", after.id},
          {"state", approvals::state_name(after.state)},
          {"vote", intent.choice == approvals::Choice::approve ? "approve" : "deny"},
          {"by", call.principal.name},
          {"for", intent.for_whom},
          {"signed", !intent.signature.empty()},
          {"missing", missing_sentences(after, rules, services_.clock.now())}};
}

Result<Json> AdminApi::vote_one(const Call& call, const Intent& intent, const std::string& id,
                                std::string_view seen_sha256) {
  auto ruleset = services_.rulesets.current();
  const approvals::Rules& rules = *ruleset->approvals;
  auto person = voter(call, *ruleset);
  if (!person) return fail(person.error());
  auto before = services_.queue.get(id);
  if (!before) return fail(before.error());
  auto prepared = prepare_vote(call, intent, *person, *before, rules, seen_sha256);
  if (!prepared) return fail(prepared.error());
  // The vote is written down before it counts: nothing is ever approved that the log does not know about.
  if (auto durable = record(std::move(prepared->entry)); !durable) return fail(durable.error());
  auto after = services_.queue.vote(id, prepared->ballot, rules, services_.clock.now());
  if (!after) return fail(after.error());
  record_move(call, *before, *after);
  return voted_json(call, intent, *after, rules);
}

Result<Answer> AdminApi::approve_request(const Call& call) {
  return vote(call, approvals::Choice::approve);
}

Result<Answer> AdminApi::deny_request(const Call& call) {
  return vote(call, approvals::Choice::deny);
}

Result<Answer> AdminApi::vote(const Call& call, approvals::Choice choice) {
  auto body = object_body(call, {"reason", "preview_sha256", "for", "viewed_ms", "signature", "grant"});
  if (!body) return fail(body.error());
  auto intent = intent_of(call, *body, choice);
  if (!intent) return fail(intent.error());
  auto done = vote_one(call, *intent, call.arguments[0], string_or(*body, "preview_sha256", ""));
  if (!done) return fail(done.error());
  return json_answer(*done);
}

Result<Answer> AdminApi::vote_batch(const Call& call) {
  auto body = object_body(call, {"requests", "decision", "reason", "for", "viewed_ms", "signature"},
                          {.bytes = 256U << 10, .depth = 8, .values = 1'000});
  if (!body) return fail(body.error());
  auto choice = choice_in(*body);
  if (!choice) return fail(choice.error());
  auto named = requests_in(*body);
  if (!named) return fail(named.error());
  auto intent = intent_of(call, *body, *choice);
  if (!intent) return fail(intent.error());
  Json results = Json::array();
  for (const Named& each : *named) {
    if (auto done = vote_one(call, *intent, each.id, each.preview_sha256)) {
      results.push_back(std::move(*done));
    } else {
      // Each answers for itself, and each refusal has a record that names its request.
      Call one = call;
      one.arguments = {each.id};
      record_refusal(one, done.error());
      results.push_back({{"id", each.id},
                         {"error",
                          {{"status", http_status(done.error().kind)},
                           {"code", done.error().code},
                           {"detail", done.error().message}}}});
    }
  }
  return json_answer({{"results", std::move(results)}});
}

}  // namespace countersign::console
