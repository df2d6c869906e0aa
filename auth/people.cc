#include "auth/people.h"

#include <algorithm>
#include <set>

#include "auth/attempts.h"
#include "auth/passwords.h"
#include "auth/people_store.h"
#include "auth/sessions.h"

namespace countersign::auth {
namespace {

constexpr std::size_t kMaxName = 200;  // bytes; as in entities.yaml
constexpr std::size_t kMaxIssuer = 2048;
constexpr std::size_t kMaxSubject = 255;  // OpenID Connect Core section 2

std::unexpected<Error> wrong_password() {
  return fail(ErrorKind::unauthenticated, "sign_in.failed", "the name or the password is wrong");
}

std::unexpected<Error> not_listed() {
  return fail(ErrorKind::forbidden, "sign_in.not_listed", "you are not among the users of this gateway");
}

// The rows of a query with one text column.
Result<std::vector<std::string>> texts(sql::Statement rows) {
  std::vector<std::string> out;
  for (;;) {
    Result<sql::Step> step = rows.step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return out;
    out.push_back(rows.text(0));
  }
}

// The first column of the only row, or the fallback.
Result<std::int64_t> number(Result<sql::Statement> row, std::int64_t fallback) {
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->step();
  if (!step) return fail(step.error());
  return *step == sql::Step::row ? row->integer(0) : fallback;
}

Result<std::string> read_password(PeopleStore& store, std::string_view user) {
  Result<sql::Statement> row = store.select("SELECT password FROM accounts WHERE user = ?", user);
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->step();
  if (!step) return fail(step.error());
  return *step == sql::Step::row ? row->text(0) : std::string();
}

Result<std::vector<StoredPasskey>> credentials_of(PeopleStore& store, std::string_view user) {
  Result<sql::Statement> rows =
      store.select("SELECT credential, public_key, name, created FROM passkeys WHERE user = ? ORDER BY created", user);
  if (!rows) return fail(rows.error());
  std::vector<StoredPasskey> out;
  for (;;) {
    Result<sql::Step> step = rows->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return out;
    StoredPasskey passkey;
    passkey.user = user;
    passkey.key.id = rows->text(0);
    passkey.key.public_key = rows->text(1);
    passkey.name = rows->text(2);
    passkey.created = rows->integer(3);
    out.push_back(std::move(passkey));
  }
}

Result<PersonSummary> summary_of(PeopleStore& store, const PeopleOptions& options, std::string_view user, TimeMs now) {
  PersonSummary out;
  out.user = user;
  out.listed = options.is_listed(user);
  Result<std::string> password = read_password(store, user);
  if (!password) return fail(password.error());
  out.has_password = !password->empty();
  auto passkeys = number(store.select("SELECT count(*) FROM passkeys WHERE user = ?", user), 0);
  if (!passkeys) return fail(passkeys.error());
  out.passkeys = static_cast<std::size_t>(*passkeys);
  Result<std::vector<Session>> sessions = live_sessions(store, options, user, now);
  if (!sessions) return fail(sessions.error());
  out.sessions = sessions->size();
  auto rows = store.select("SELECT issuer FROM subjects WHERE user = ? ORDER BY issuer", user);
  if (!rows) return fail(rows.error());
  Result<std::vector<std::string>> issuers = texts(std::move(*rows));
  if (!issuers) return fail(issuers.error());
  out.issuers = std::move(*issuers);
  auto last = number(store.select("SELECT last_signed_in FROM accounts WHERE user = ?", user), 0);
  if (!last) return fail(last.error());
  out.last_signed_in = *last;
  auto invited = number(store.select("SELECT created FROM invitations WHERE user = ?", user), -kInvitationLife);
  if (!invited) return fail(invited.error());
  out.invited_until = *invited + kInvitationLife > now ? *invited + kInvitationLife : 0;
  Result<TimeMs> locked = locked_until(store, user, now);
  if (!locked) return fail(locked.error());
  out.locked_until = *locked;
  return out;
}

bool is_plain_ascii(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

std::string_view name_of(SignInMethod method) {
  switch (method) {
    case SignInMethod::password:
      return "password";
    case SignInMethod::oidc:
      return "oidc";
    case SignInMethod::passkey:
      return "passkey";
    case SignInMethod::invitation:
      return "invitation";
  }
  return "";
}

People::People(PeopleOptions options, std::unique_ptr<PeopleStore> store, std::unique_ptr<PasswordHasher> hasher)
    : options_(std::move(options)), store_(std::move(store)), hasher_(std::move(hasher)) {}
People::~People() = default;

Result<std::unique_ptr<People>> People::open(const std::filesystem::path& state, PeopleOptions options) {
  if (!options.is_listed || options.idle <= 0 || options.absolute <= 0)
    return fail(ErrorKind::invalid, "people.options", "people need to know who is listed, and for how long");
  Result<std::unique_ptr<PeopleStore>> store = PeopleStore::open(state / "people.db");
  if (!store) return fail(store.error());
  return std::unique_ptr<People>(new People(std::move(options), std::move(*store), std::make_unique<PasswordHasher>()));
}

std::string People::recordable(std::string_view user) const {
  return user.size() <= kMaxName && options_.is_listed(user) ? std::string(user) : std::string();
}

PersonEvent People::failed_sign_in(std::string_view user, SignInMethod how, const Error& error) const {
  return {.action = "person:sign-in-failed",
          .user = recordable(user),
          .detail = std::string(name_of(how)) + ": " + error.message,
          .code = error.code};
}

Result<SignedIn> People::sign_in_with_password(std::string_view user, const Secret& password, std::string_view peer,
                                               TimeMs now, std::string_view old_cookie) {
  const bool listed = !recordable(user).empty();
  struct Before {
    TimeMs wait_until = 0;
    std::string stored;
  };
  Result<Before> before = store_->transact([&]() -> Result<Before> {
    Result<TimeMs> wait = begin_attempt(*store_, user, listed ? NameKind::listed : NameKind::unknown, peer, now);
    if (!wait) return fail(wait.error());
    Result<std::string> stored = listed ? read_password(*store_, user) : std::string();
    if (!stored) return fail(stored.error());
    return Before{*wait, std::move(*stored)};
  });
  if (!before) return fail(before.error());
  if (before->wait_until > 0) {
    return fail(ErrorKind::forbidden, "sign_in.too_many",
                "too many failed attempts; passwords are accepted again after " + format_time(before->wait_until));
  }
  if (password.expose().size() > kMaxPassword) return wrong_password();

  Result<PasswordHasher::Verdict> verdict = hasher_->verify(password, before->stored);
  if (!verdict) return fail(verdict.error());
  if (*verdict == PasswordHasher::Verdict::wrong) return wrong_password();
  std::string stronger = before->stored;
  if (*verdict == PasswordHasher::Verdict::right_but_old) {
    Result<std::string> hashed = hasher_->hash(password);
    if (!hashed) return fail(hashed.error());
    stronger = std::move(*hashed);
  }
  return store_->transact([&]() -> Result<SignedIn> {
    // A reset or a new password in the meantime wins.
    Status same =
        store_->run("UPDATE accounts SET password = ? WHERE user = ? AND password = ?", stronger, user, before->stored);
    if (!same) return fail(same.error());
    if (store_->changes() != 1) return wrong_password();
    if (Status counted = attempt_succeeded(*store_, user, peer); !counted) return fail(counted.error());
    const Authenticated who{std::string(user), SignInMethod::password, now, std::string(peer)};
    return insert_session(*store_, options_, who, now, old_cookie);
  });
}

Status People::clean_up(TimeMs now) {
  return store_->transact([&]() -> Status {
    Status sessions =
        store_->run("DELETE FROM sessions WHERE begun <= ? OR last_seen <= ? OR begun > ? OR last_seen > ?",
                    now - options_.absolute, now - options_.idle, now + kClockSlack, now + kClockSlack);
    if (!sessions) return sessions;
    Status invitations = store_->run("DELETE FROM invitations WHERE created <= ?", now - kInvitationLife);
    if (!invitations) return invitations;
    Status logouts = store_->run("DELETE FROM provider_logouts WHERE until <= ?", now);
    if (!logouts) return logouts;
    return clean_up_attempts(*store_, now);
  });
}

Result<ResetDone> People::reset(std::string_view user, TimeMs now) {
  return store_->transact([&]() -> Result<ResetDone> {
    auto known = number(store_->select("SELECT 1 FROM accounts WHERE user = ?1 UNION SELECT 1 FROM passkeys WHERE user"
                                       " = ?1 UNION SELECT 1 FROM invitations WHERE user = ?1 UNION SELECT 1 FROM"
                                       " subjects WHERE user = ?1",
                                       user),
                        0);
    if (!known) return fail(known.error());
    if (*known == 0 && !options_.is_listed(user))
      return fail(ErrorKind::not_found, "person.unknown", "there is nobody of this name");
    ResetDone done;
    Result<std::vector<StoredPasskey>> passkeys = credentials_of(*store_, user);
    if (!passkeys) return fail(passkeys.error());
    done.passkeys = std::move(*passkeys);
    Result<std::size_t> sessions = delete_sessions(*store_, options_, user, now);
    if (!sessions) return fail(sessions.error());
    done.sessions = *sessions;
    for (std::string_view table : {"accounts", "passkeys", "invitations", "subjects"}) {
      Status removed = store_->run("DELETE FROM " + std::string(table) + " WHERE user = ?", user);
      if (!removed) return fail(removed.error());
    }
    if (Status forgotten = forget_attempts(*store_, user); !forgotten) return fail(forgotten.error());
    done.events.push_back({.action = "person:reset",
                           .user = std::string(user),
                           .detail = std::to_string(done.passkeys.size()) + " passkeys, " +
                                     std::to_string(done.sessions) + " sessions, the password and every binding",
                           .code = {}});
    return done;
  });
}

Result<std::vector<PersonSummary>> People::list(TimeMs now) {
  return store_->transact([&]() -> Result<std::vector<PersonSummary>> {
    Result<sql::Statement> rows = store_->select(
        "SELECT user FROM accounts UNION SELECT user FROM passkeys UNION SELECT user FROM invitations"
        " UNION SELECT user FROM subjects ORDER BY user");
    if (!rows) return fail(rows.error());
    Result<std::vector<std::string>> users = texts(std::move(*rows));
    if (!users) return fail(users.error());
    std::vector<PersonSummary> out;
    for (const std::string& user : *users) {
      Result<PersonSummary> summary = summary_of(*store_, options_, user, now);
      if (!summary) return fail(summary.error());
      out.push_back(std::move(*summary));
    }
    return out;
  });
}

Result<Bound> People::find_subject(std::string_view issuer, std::string_view subject, std::string_view claimed,
                                   TimeMs now) {
  if (!is_plain_ascii(issuer, kMaxIssuer) || !is_plain_ascii(subject, kMaxSubject))
    return fail(ErrorKind::invalid, "sign_in.bad_subject",
                "the identity provider names people in a way that is not OpenID's");
  Result<sql::Statement> row =
      store_->select("SELECT user, bound FROM subjects WHERE issuer = ? AND subject = ?", issuer, subject);
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->step();
  if (!step) return fail(step.error());
  Bound out{.binding = {std::string(issuer), std::string(subject), std::string(claimed), now}, .events = {}};
  if (*step == sql::Step::row) {
    out.binding.user = row->text(0);
    out.binding.bound = row->integer(1);
    if (!options_.is_listed(out.binding.user)) return not_listed();
    return out;
  }
  if (recordable(claimed).empty()) return not_listed();
  auto other = number(store_->select("SELECT 1 FROM subjects WHERE issuer = ? AND user = ?", issuer, claimed), 0);
  if (!other) return fail(other.error());
  if (*other != 0) {
    return fail(ErrorKind::forbidden, "sign_in.bound_to_other",
                "the identity provider knows you as somebody else than the person of this name here");
  }
  out.events.push_back({.action = "person:bind",
                        .user = out.binding.user,
                        .detail = "subject " + out.binding.subject + " of " + out.binding.issuer,
                        .code = {}});
  return out;
}

Result<Bound> People::would_bind(std::string_view issuer, std::string_view subject, std::string_view claimed,
                                 TimeMs now) {
  return store_->transact([&] { return find_subject(issuer, subject, claimed, now); });
}

Result<Bound> People::bind_subject(std::string_view issuer, std::string_view subject, std::string_view claimed,
                                   TimeMs now) {
  return store_->transact([&]() -> Result<Bound> {
    Result<Bound> found = find_subject(issuer, subject, claimed, now);
    if (!found || found->events.empty()) return found;
    Status bound = store_->run("INSERT INTO subjects (issuer, subject, user, bound) VALUES (?, ?, ?, ?)", issuer,
                               subject, claimed, now);
    if (!bound) return fail(bound.error());
    return found;
  });
}

}  // namespace countersign::auth
