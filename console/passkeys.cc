// /api/v1/passkeys: a person's own passkeys. Enrolment and removal are audit records that `audit verify` checks signed
// votes by (docs/formats/signed-votes.md), so nothing is enrolled before its record is durable.
#include "auth/webauthn.h"
#include "console/api.h"
#include "core/config_notifications.h"
#include "core/id.h"

namespace countersign::console {
namespace {

// A new key lets its holder sign for this person, and one that is gone cannot be replaced at once where keys must be of
// some age (break_glass.key_age): whoever does either has just shown who they are. A stolen session is not enough.
constexpr TimeMs kFreshSignIn = 10LL * 60'000;

Status check_fresh(const Principal& principal, TimeMs now) {
  if (now - principal.signed_in <= kFreshSignIn) return {};
  return fail(
      ErrorKind::unauthenticated, "passkey.sign_in_too_old",
      "sign in again first: a passkey is added or removed within ten minutes of signing in (or of a token's issue)");
}

Json passkey_json(const auth::Passkey& key, std::string_view name, TimeMs created) {
  return {{"id", key.id},
          {"name", name},
          {"created", format_time(created)},
          {"last_used", Json()},
          {"backed_up", key.backed_up}};
}

}  // namespace

audit::Entry AdminApi::passkey_entry(const Call& call, std::string_view action,
                                     const auth::StoredPasskey& passkey) const {
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = action;
  entry.actor = passkey.user;  // whose signatures the key's are, whoever takes it away
  entry.resources = {"User::" + passkey.user};
  entry.comment = passkey.name;
  auto detail = canonical_json({{"credential", passkey.key.id},
                                {"origin", relying_party_.origins.front()},
                                {"public_key", passkey.key.public_key},
                                {"rp_id", relying_party_.id}});
  if (detail) entry.detail = std::move(*detail);
  return entry;
}

Result<Answer> AdminApi::passkey_challenge(const Call& call) {
  if (auto body = object_body(call, {}); !body) return fail(body.error());
  auto stored = services_.people.passkeys_of(call.principal.name);
  if (!stored) return fail(stored.error());
  Json exclude = Json::array();
  for (const auth::StoredPasskey& each : *stored) exclude.push_back(each.key.id);
  const TimeMs now = services_.clock.now();
  const std::string challenge = PendingChallenges::new_key();
  pending_.add(PendingChallenges::Purpose::passkey, challenge, call.principal.name, challenge, now + kChallengeLife);
  // The handle by which a device keeps one account per person; a digest, since a device shows it to whoever holds it.
  const Digest handle = FieldDigest("countersign/user-handle/v1").field(call.principal.name).finish();
  return json_answer({{"challenge", challenge},
                      {"rp", {{"id", relying_party_.id}, {"name", "Countersign"}}},
                      {"origin", relying_party_.origins.front()},
                      {"user", {{"id", to_base64url(handle)}, {"name", call.principal.name}}},
                      {"origin", relying_party_.origins.front()},
                      {"exclude", std::move(exclude)},
                      {"algorithms", {-7, -8, -257}},
                      {"timeout_ms", kChallengeLife}});
}

Result<Answer> AdminApi::add_passkey(const Call& call) {
  auto body =
      object_body(call, {"name", "client_data", "attestation_object"}, {.bytes = 256U << 10, .depth = 4, .values = 16});
  if (!body) return fail(body.error());
  const TimeMs now = services_.clock.now();
  if (auto fresh = check_fresh(call.principal, now); !fresh) return fail(fresh.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  const std::string client_data = string_or(*body, "client_data", "");
  const std::string name = string_or(*body, "name", "");
  std::string challenge;
  if (auto bytes = from_base64url(client_data); bytes && bytes->size() <= auth::kMaxClientData) {
    if (auto json = parse_json(as_text(*bytes))) challenge = string_or(*json, "challenge", "");
  }
  auto ours = pending_.take(PendingChallenges::Purpose::passkey, challenge, call.principal.name, now);
  if (!ours) return fail(ours.error());
  auto expected = from_base64url(*ours);
  if (!expected) return fail(expected.error());
  auto key =
      auth::verify_registration(client_data, string_or(*body, "attestation_object", ""), relying_party_, *expected);
  if (!key) return fail(key.error());
  if (services_.people.find_passkey(key->id))
    return fail(ErrorKind::conflict, "passkey.known", "this passkey is enrolled already");
  // Its record comes first: a key without one could sign votes that nobody can check.
  const auth::StoredPasskey enrolled{.user = call.principal.name, .key = *key, .name = name};
  if (auto durable = record(passkey_entry(call, "passkey:enrol", enrolled)); !durable) return fail(durable.error());
  if (auto stored = services_.people.add_passkey(call.principal.name, *key, name, now); !stored) {
    std::ignore = record(passkey_entry(call, "passkey:remove", enrolled));
    return fail(stored.error());
  }
  // The person hears of it, too, in case it was somebody else (core/config_notifications.h). The key is there by now: a
  // message that cannot be noted does not take it away.
  std::ignore = services_.queue.note(config::kPasskeyAdded, new_uuid(now) + " " + call.principal.name);
  return json_answer(passkey_json(*key, name, now), 201);
}

Result<Answer> AdminApi::remove_passkey(const Call& call) {
  if (auto body = object_body(call, {}); !body) return fail(body.error());
  if (auto fresh = check_fresh(call.principal, services_.clock.now()); !fresh) return fail(fresh.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto removed = services_.people.remove_passkey(call.principal.name, call.arguments[0]);
  if (!removed) return fail(removed.error());
  if (auto durable = record(passkey_entry(call, "passkey:remove", *removed)); !durable) {
    return fail(ErrorKind::unavailable, durable.error().code,
                "the passkey is removed, but that could not be recorded: " + durable.error().message);
  }
  return json_answer({{"id", removed->key.id}, {"state", "removed"}});
}

}  // namespace countersign::console
