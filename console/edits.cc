// /api/v1/requests/{id}/edit: an approver changes a held request, and somebody else decides about what it is now.
#include "console/api.h"
#include "console/views.h"

namespace countersign::console {
namespace {

constexpr std::size_t kFingerprintCharacters = 64;
constexpr TimeMs kFreshSignIn = 10LL * 60'000;

// An edit ends the request as it was, as a denial does. Where that takes a passkey, so does this: it is the passkey
// that the session was signed in with, or stepped up with, a moment ago. Whoever has stolen a session has none.
Status check_signed(const Principal& principal, const approvals::Demands& demands, TimeMs now) {
  if (!demands.signature) return {};
  const bool by_passkey = principal.session != nullptr && principal.session->how == auth::SignInMethod::passkey &&
                          now - principal.signed_in <= kFreshSignIn;
  if (by_passkey) return {};
  return fail(ErrorKind::forbidden, "approval.signature_required",
              "this request is decided with a passkey only: sign in with yours first, at most ten minutes before");
}

}  // namespace

Result<Answer> AdminApi::edit_request(const Call& call) {
  auto body = object_body(call, {"change", "reason", "fingerprint"});
  if (!body) return fail(body.error());
  auto reason = reason_in(*body);
  if (!reason) return fail(reason.error());
  const Json* change = find_member(*body, "change");
  const std::string fingerprint = string_or(*body, "fingerprint", "");
  if (change == nullptr || !change->is_object() || fingerprint.size() != kFingerprintCharacters) {
    return fail(ErrorKind::invalid, "admin.bad_body",
                "`change` is an object, and `fingerprint` that of the request you changed");
  }
  auto text = canonical_json(*change);
  if (!text) return fail(text.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto ruleset = services_.rulesets.current();
  auto person = approver_of(call.principal, *ruleset);
  if (!person)
    return fail(ErrorKind::forbidden, "approval.person_required", "a request is edited by a person with a name");
  auto before = services_.queue.get(call.arguments[0]);
  if (!before) return fail(before.error());
  const TimeMs now = services_.clock.now();
  auto eligible = approvals::eligibility(*before, *person, approvals::Choice::approve, *ruleset->approvals, now);
  if (!eligible) return fail(eligible.error());
  const approvals::Demands demands = approvals::demands_of(before->rules, *ruleset->approvals);
  if (auto proven = check_signed(call.principal, demands, now); !proven) return fail(proven.error());

  audit::Entry entry = request_entry(entry_of(call, audit::Phase::approval), *before);
  entry.action = "approval:edit";
  entry.comment = *reason;
  entry.detail = *text;
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  auto after = services_.edit({.request = before->id,
                               .change = std::move(*text),
                               .reason = std::move(*reason),
                               .fingerprint = fingerprint,
                               .editor = std::move(*person)});
  if (!after) return fail(after.error());
  return json_answer({{"id", after->id},
                      {"state", approvals::state_name(after->state)},
                      {"supersedes", before->id},
                      {"fingerprint", after->fingerprint},
                      {"missing", missing_sentences(*after, *ruleset->approvals, now)}},
                     201);
}

}  // namespace countersign::console
