// People: who may sign in to the console and how, on disk in <state>/people.db: passwords, passkeys, sessions,
// invitations, subjects of an identity provider, and failed attempts.
//
// Who exists is said elsewhere (entities.yaml): `is_listed` of PeopleOptions is asked every time, so a person who is
// taken off the list is signed out with that, and comes back to the same passkeys when listed again.
//
// Secrets on disk. Passwords are Argon2id; session cookies and invitation codes are random (256 and 128 bits) and only
// their SHA-256 is stored, so a stolen copy of the file lets nobody in.
//
// Time is the caller's. A session that has been seen expired, rotated or ended stays dead whatever the clock does; one
// that was last used more than five minutes in the future (the clock went back) ends.
//
// What an audit record needs comes back from every change as PersonEvents; of a failed attempt, `failed_sign_in` makes
// one from the error. A caller that cannot record a sign-in ends the session again. Names that are not listed are never
// part of an event: people type passwords into name fields.
//
// Any thread may call any method, many at a time; they block on the disk, and on the processor where a password is
// hashed. What has been returned is durable.
//
// Errors, besides those of core/sql.h:
//   sign_in.failed           (unauthenticated) wrong name or password; which of them is not said
//   sign_in.too_many         (forbidden) too many failed attempts for this name or from this network; the message says
//                            when to try again. Passkeys, invitations and the identity provider still work
//   sign_in.busy             (unavailable) too many passwords are being checked
//   sign_in.not_listed       (forbidden) not a user of entities.yaml
//   sign_in.bound_to_other   (forbidden) the identity provider's subject belongs to another person here, or the person
//                            to another subject
//   sign_in.bad_subject      (invalid) issuer or subject is not printable ASCII, or too long
//   session.none             (unauthenticated) no such session: never was, ended, rotated, or the person is not listed
//   session.expired          (unauthenticated) not used for too long, or too long since it was begun or stepped up
//   session.other_person     (forbidden) a step-up by somebody else than the session's person
//   session.logged_out       (forbidden) the identity provider has ended its session, and said so meanwhile
//   session.logout_used      (conflict) this logout token was used before
//   invitation.invalid       (forbidden) no such invitation: never was, used, replaced, or expired
//   password.*               see auth/passwords.h
//   passkey.known            (conflict) this credential is somebody's already
//   passkey.too_many         (conflict) the person has kMaxPasskeys
//   passkey.unknown          (not_found)
//   passkey.name             (invalid) empty, too long, or with characters that are not seen
//   passkey.used             (conflict) the passkey was used or removed since it was looked up
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/webauthn.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/secret.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxPasskeys = 20;      // of a person
inline constexpr std::size_t kMaxSessions = 50;      // of a person; one more ends the one unused for longest
inline constexpr std::size_t kMaxPasskeyName = 100;  // bytes
inline constexpr TimeMs kInvitationLife = 24LL * 3'600'000;

enum class SignInMethod : std::uint8_t { password, oidc, passkey, invitation };
[[nodiscard]] std::string_view name_of(SignInMethod method);  // "password", …

// One thing that happened, for the audit log. `action` is one of
//   person:sign-in  person:sign-in-failed      person:step-up  person:sign-out
//   person:invite   person:accept-invitation  person:bind     person:reset
// (passkey:enrol and passkey:remove are the caller's: their records need the relying party.)
struct PersonEvent {
  std::string action;
  std::string user;    // whom it is about; empty when it is nobody who is listed
  std::string detail;  // for people; no secret in it
  std::string code;    // of a failure: the error's
};
using PersonEvents = std::vector<PersonEvent>;

// A session at the identity provider: empty when one began here.
struct ProviderSession {
  std::string issuer;
  std::string subject;
  std::string sid;  // the provider's name for it; empty: not said
};

// Somebody who has just shown who they are.
struct Authenticated {
  std::string user;
  SignInMethod how = SignInMethod::password;
  TimeMs at = 0;     // when they did: now, or the identity provider's auth_time; 0: not known, so long ago
  std::string peer;  // "ip:port"
  ProviderSession provider = {};
};

struct Session {
  std::string id;  // "ses_…": a name for it that opens nothing
  std::string user;
  SignInMethod how = SignInMethod::password;
  TimeMs signed_in = 0;  // the last authentication: Authenticated::at
  TimeMs created = 0;    // of the session, before any step-up
  TimeMs last_seen = 0;  // to the minute
  TimeMs expires = 0;    // at the latest
  TimeMs idle_expires = 0;
  std::string csrf;  // base64url, 256 bits; empty in lists
  std::string peer;  // where the last authentication came from
  ProviderSession provider;
};

// What an identity provider ends: its session `sid` of the subject, of whomever (no subject), or all of the subject's
// (no sid).
struct ProviderLogout {
  ProviderSession session;
  std::string token_id;  // which works once
  TimeMs until = 0;      // when the token is accepted nowhere any more
};

struct LoggedOut {
  std::vector<Session> sessions;
  PersonEvents events;  // one for each
};

// A new session. The cookie's value is shown once and kept nowhere.
struct SignedIn {
  Secret cookie;  // 43 characters of base64url
  Session session;
  PersonEvents events;
};

struct StoredPasskey {
  std::string user;
  Passkey key;
  std::string name;  // the person's own word for it
  TimeMs created = 0;
  TimeMs last_used = 0;  // 0: never
};

struct Invitation {
  Secret code;  // 22 characters of base64url
  std::string user;
  TimeMs expires = 0;
  PersonEvents events;
};

// A subject of an identity provider and the person it is here.
struct Binding {
  std::string issuer;
  std::string subject;
  std::string user;
  TimeMs bound = 0;
};

struct Bound {
  Binding binding;
  PersonEvents events;  // empty when it was known
};

// What is known of one person, for lists.
struct PersonSummary {
  std::string user;
  bool listed = false;
  bool has_password = false;
  std::size_t passkeys = 0;
  std::size_t sessions = 0;
  std::vector<std::string> issuers;  // identity providers they are bound at
  TimeMs last_signed_in = 0;         // 0: never
  TimeMs invited_until = 0;          // 0: no open invitation
  TimeMs locked_until = 0;           // 0: passwords are accepted
};

// What a reset took away.
struct ResetDone {
  std::vector<StoredPasskey> passkeys;  // each wants its own record
  std::size_t sessions = 0;
  PersonEvents events;
};

struct PeopleOptions {
  TimeMs idle = 30LL * 60'000;
  TimeMs absolute = 12LL * 3'600'000;
  std::function<bool(std::string_view user)> is_listed;  // any thread; must not call back
};

class PeopleStore;
class PasswordHasher;

class People {
 public:
  // Opens or creates <state>/people.db, mode 0600. invalid ("people.options") without `is_listed`.
  static Result<std::unique_ptr<People>> open(const std::filesystem::path& state, PeopleOptions options);
  ~People();
  People(const People&) = delete;
  People& operator=(const People&) = delete;

  // --- signing in ---
  // Each takes the value of the browser's session cookie, or empty: that session dies with the sign-in, whoever it
  // belonged to. `peer` is "ip:port"; only its prefix (IPv4 /24, IPv6 /56) is kept for counting.

  // The attempt is counted before the password is looked at, so that many at once gain nothing. A name that does not
  // exist costs and answers the same as a wrong password.
  Result<SignedIn> sign_in_with_password(std::string_view user, const Secret& password, std::string_view peer,
                                         TimeMs now, std::string_view old_cookie = {});
  // For a person somebody else has authenticated: with a passkey (verify_assertion, then use_passkey) or at the
  // identity provider (Oidc::finish, then bind_subject). sign_in.not_listed.
  Result<SignedIn> start_session(const Authenticated& who, TimeMs now, std::string_view old_cookie = {});
  // Sets the password, ends every session of the person and starts a new one. The code works once, also when many try
  // at the same time; it is not used up by a password that breaks the rules. `record`, when given, is handed the events
  // once all is sure and nothing is done yet: its error undoes everything, and what it has recorded is not among the
  // events of the answer. It may block, and must not call this.
  using Record = std::function<Status(const PersonEvents& events)>;
  Result<SignedIn> accept_invitation(const Secret& code, const Secret& password, std::string_view peer, TimeMs now,
                                     const Record& record = {});

  // A name and an error of the above as an event.
  [[nodiscard]] PersonEvent failed_sign_in(std::string_view user, SignInMethod how, const Error& error) const;
  // The name if it is listed, else empty: what may stand in a record.
  [[nodiscard]] std::string recordable(std::string_view user) const;

  // --- sessions ---
  // Notes that it is in use.
  Result<Session> find_session(std::string_view cookie, TimeMs now);
  // Step-up: the person of this session has authenticated once more. A new cookie and CSRF token; the old are dead when
  // this returns. Of two at once one gets session.none.
  Result<SignedIn> touch_authentication(std::string_view cookie, const Authenticated& who, TimeMs now);
  // Ends it. session.none when there was none.
  Result<PersonEvents> end_session(std::string_view cookie, TimeMs now);
  // Ends one of the person's sessions by its id, or all of them.
  Result<PersonEvents> end_session_of(std::string_view user, std::string_view id, TimeMs now);
  Result<PersonEvents> end_sessions_of(std::string_view user, TimeMs now);
  // Ends what began at the identity provider, also where a passkey has stepped it up since. A session whose sid the
  // provider never said ends with any of its subject. A sid that has ended begins no session until the token is too
  // old. session.logout_used.
  Result<LoggedOut> end_provider_sessions(const ProviderLogout& logout, TimeMs now);
  // Those that work now, last used first.
  Result<std::vector<Session>> sessions_of(std::string_view user, TimeMs now);
  // Removes what is over. Once a minute or so; nothing depends on it.
  Status clean_up(TimeMs now);

  // --- passkeys ---
  Status add_passkey(std::string_view user, const Passkey& key, std::string_view name, TimeMs now);
  Result<std::vector<StoredPasskey>> passkeys_of(std::string_view user);  // oldest first
  Result<StoredPasskey> find_passkey(std::string_view credential);        // also of people who are not listed
  // After an assertion was verified against `before`: takes over the counter, if it still is what it was then.
  Status use_passkey(const StoredPasskey& before, const AssertionFacts& facts, TimeMs now);
  // What was removed, for the record. passkey.unknown when it is not this person's.
  Result<StoredPasskey> remove_passkey(std::string_view user, std::string_view credential);

  // --- accounts ---
  // A new one-time code; earlier ones of the person are void. sign_in.not_listed.
  Result<Invitation> invite(std::string_view user, TimeMs now);
  // Takes everything away that lets the person in: password, passkeys, sessions, invitations, bindings; and forgets
  // failed attempts. Works for people who are not listed any more. not_found ("person.unknown") when there is nothing
  // and nobody of this name.
  Result<ResetDone> reset(std::string_view user, TimeMs now);
  // Everybody there is something about, by name; people who never did anything here are not among them.
  Result<std::vector<PersonSummary>> list(TimeMs now);

  // --- identity providers ---
  // Whom (issuer, subject) stands for. A subject that is known is that person, whatever the provider calls them now;
  // one that is new is bound to `claimed` for good, if that is a listed person without another subject there.
  // would_bind says what bind_subject will do, events included, and does nothing: a binding is recorded before it is
  // there, so that a crash between leaves a record without a binding, never the other way round.
  Result<Bound> would_bind(std::string_view issuer, std::string_view subject, std::string_view claimed, TimeMs now);
  Result<Bound> bind_subject(std::string_view issuer, std::string_view subject, std::string_view claimed, TimeMs now);

 private:
  People(PeopleOptions options, std::unique_ptr<PeopleStore> store, std::unique_ptr<PasswordHasher> hasher);
  // Inside transact(). The events are empty when the subject is known.
  Result<Bound> find_subject(std::string_view issuer, std::string_view subject, std::string_view claimed, TimeMs now);

  const PeopleOptions options_;
  const std::unique_ptr<PeopleStore> store_;
  const std::unique_ptr<PasswordHasher> hasher_;
};

}  // namespace countersign::auth
