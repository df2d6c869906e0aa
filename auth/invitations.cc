// The invitations of People: how a first password is set, or a forgotten one replaced.
#include "auth/attempts.h"
#include "auth/passwords.h"
#include "auth/people.h"
#include "auth/people_store.h"
#include "auth/sessions.h"

namespace countersign::auth {
namespace {

constexpr std::size_t kCodeBytes = 16;

std::unexpected<Error> invalid_invitation() {
  return fail(ErrorKind::forbidden, "invitation.invalid", "this invitation is not valid, or not any more");
}

// Whose invitation it is; empty: nobody's.
Result<std::string> invited(PeopleStore& store, const PeopleOptions& options, const Secret& code, TimeMs now) {
  Result<sql::Statement> row =
      store.select("SELECT user, created FROM invitations WHERE code = ?", StoredHash(code.expose()).blob());
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->step();
  if (!step) return fail(step.error());
  if (*step == sql::Step::done) return std::string();
  const TimeMs created = row->integer(1);
  const bool live = now < created + kInvitationLife && created <= now + kClockSlack;
  std::string user = row->text(0);
  if (live && options.is_listed(user)) return user;
  Status removed = store.run("DELETE FROM invitations WHERE code = ?", StoredHash(code.expose()).blob());
  if (!removed) return fail(removed.error());
  return std::string();
}

}  // namespace

Result<Invitation> People::invite(std::string_view user, TimeMs now) {
  if (recordable(user).empty())
    return fail(ErrorKind::forbidden, "sign_in.not_listed", "there is no user of this name in entities.yaml");
  Invitation out;
  const Bytes value = random_bytes(kCodeBytes);
  out.code = Secret(to_base64url(value));
  out.user = user;
  out.expires = now + kInvitationLife;
  Status kept = store_->transact([&] {
    return store_->run("INSERT OR REPLACE INTO invitations (user, code, created) VALUES (?, ?, ?)", user,
                       StoredHash(out.code.expose()).blob(), now);
  });
  if (!kept) return fail(kept.error());
  out.events.push_back(
      {.action = "person:invite", .user = out.user, .detail = "until " + format_time(out.expires), .code = {}});
  return out;
}

Result<SignedIn> People::accept_invitation(const Secret& code, const Secret& password, std::string_view peer,
                                           TimeMs now, const Record& record) {
  // Looked up first, so that only those with a code make us hash.
  Result<std::string> user = store_->transact([&] { return invited(*store_, options_, code, now); });
  if (!user) return fail(user.error());
  if (user->empty()) return invalid_invitation();
  if (Status sound = check_password(*user, password); !sound) return fail(sound.error());
  Result<std::string> hashed = hasher_->hash(password);
  if (!hashed) return fail(hashed.error());
  return store_->transact([&]() -> Result<SignedIn> {
    Status used = store_->run("DELETE FROM invitations WHERE code = ?", StoredHash(code.expose()).blob());
    if (!used) return fail(used.error());
    if (store_->changes() != 1) return invalid_invitation();
    Result<std::size_t> ended = delete_sessions(*store_, options_, *user, now);
    if (!ended) return fail(ended.error());
    Status kept = store_->run(
        "INSERT INTO accounts (user, password) VALUES (?, ?)"
        " ON CONFLICT (user) DO UPDATE SET password = excluded.password",
        *user, *hashed);
    if (!kept) return fail(kept.error());
    if (Status forgotten = forget_attempts(*store_, *user); !forgotten) return fail(forgotten.error());
    const Authenticated who{*user, SignInMethod::invitation, now, std::string(peer)};
    Result<SignedIn> out = insert_session(*store_, options_, who, now, {});
    if (!out) return out;
    out->events.insert(out->events.begin(), {.action = "person:accept-invitation",
                                             .user = *user,
                                             .detail = "a new password; " + std::to_string(*ended) + " sessions ended",
                                             .code = {}});
    if (!record) return out;
    if (Status recorded = record(out->events); !recorded) return fail(recorded.error());
    out->events.clear();
    return out;
  });
}

}  // namespace countersign::auth
