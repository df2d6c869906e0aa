#include "auth/sessions.h"

#include <algorithm>

#include "core/id.h"

namespace countersign::auth {
namespace {

constexpr std::size_t kCookieBytes = 32;
constexpr std::size_t kCookieText = 43;
constexpr TimeMs kSeenStep = 60'000;  // how exactly `last_seen` is kept: not every request writes to the disk
constexpr std::size_t kMaxPeer = 100;

constexpr std::size_t kMaxLogouts = 10'000;  // that are remembered; past that the oldest goes

constexpr std::string_view kColumns =
    "SELECT id, user, how, signed_in, begun, created, last_seen, peer, issuer, subject, sid FROM sessions ";

// Follows from the cookie, so it is as secret, and another one after every rotation, without being stored.
std::string csrf_of(std::string_view cookie) {
  const Digest digest = hmac_sha256(as_bytes(cookie), {as_bytes("countersign/csrf")});
  return to_base64url(ByteView(digest));
}

bool has_cookie_form(std::string_view cookie) {
  return cookie.size() == kCookieText && from_base64url(cookie).has_value();
}

std::unexpected<Error> no_session() {
  return fail(ErrorKind::unauthenticated, "session.none", "you are not signed in");
}

std::unexpected<Error> expired_session() {
  return fail(ErrorKind::unauthenticated, "session.expired", "your session is over; sign in again");
}

Session session_of(const sql::Statement& row, const PeopleOptions& options) {
  Session session;
  session.id = row.text(0);
  session.user = row.text(1);
  session.how = static_cast<SignInMethod>(row.integer(2));
  session.signed_in = row.integer(3);
  const TimeMs begun = row.integer(4);
  session.created = row.integer(5);
  session.last_seen = row.integer(6);
  session.peer = row.text(7);
  session.provider = {row.text(8), row.text(9), row.text(10)};
  session.expires = begun + options.absolute;
  session.idle_expires = std::min(session.last_seen + options.idle, session.expires);
  return session;
}

// Over, or from the future: the clock went back, and how long it has been unused cannot be known.
bool is_over(const Session& session, const PeopleOptions& options, TimeMs now) {
  const TimeMs begun = session.expires - options.absolute;
  return now >= session.idle_expires || session.last_seen > now + kClockSlack || begun > now + kClockSlack;
}

PersonEvent signed_out(std::string_view user, std::string detail) {
  return {.action = "person:sign-out", .user = std::string(user), .detail = std::move(detail), .code = {}};
}

Result<std::optional<Session>> read_session(PeopleStore& store, const PeopleOptions& options, std::string_view cookie) {
  Result<sql::Statement> found = store.select(std::string(kColumns) + "WHERE cookie = ?", StoredHash(cookie).blob());
  if (!found) return fail(found.error());
  Result<sql::Step> step = found->step();
  if (!step) return fail(step.error());
  if (*step == sql::Step::done) return std::nullopt;
  return session_of(*found, options);
}

// What became of a look at a cookie. A dead session is removed, and that must be kept although the answer is an error.
struct Found {
  std::optional<Session> session;
  bool over = false;
};

Result<Found> find_live(PeopleStore& store, const PeopleOptions& options, std::string_view cookie, TimeMs now) {
  Result<std::optional<Session>> session = read_session(store, options, cookie);
  if (!session) return fail(session.error());
  if (!*session) return Found{};
  if (!options.is_listed((*session)->user)) {
    Status removed = store.run("DELETE FROM sessions WHERE user = ?", (*session)->user);
    if (!removed) return fail(removed.error());
    return Found{};
  }
  if (is_over(**session, options, now)) {
    Status removed = store.run("DELETE FROM sessions WHERE cookie = ?", StoredHash(cookie).blob());
    if (!removed) return fail(removed.error());
    return Found{.session = std::nullopt, .over = true};
  }
  return Found{.session = std::move(*session)};
}

// The provider may end its session while the person is on the way from there to here.
Status check_not_logged_out(PeopleStore& store, const ProviderSession& provider, TimeMs now) {
  if (provider.sid.empty()) return {};
  Result<sql::Statement> row = store.select("SELECT 1 FROM provider_logouts WHERE issuer = ? AND sid = ? AND until > ?",
                                            provider.issuer, provider.sid, now);
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->step();
  if (!step) return fail(step.error());
  if (*step == sql::Step::done) return {};
  return fail(ErrorKind::forbidden, "session.logged_out", "you have signed out at the identity provider meanwhile");
}

Status note_logout(PeopleStore& store, const ProviderLogout& logout) {
  Status noted = store.run("INSERT INTO provider_logouts VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                           logout.session.issuer, logout.token_id, logout.session.sid, logout.until);
  if (!noted) return noted;
  if (store.changes() == 0)
    return fail(ErrorKind::conflict, "session.logout_used", "this logout token was used before");
  return store.run(
      "DELETE FROM provider_logouts WHERE rowid IN"
      " (SELECT rowid FROM provider_logouts ORDER BY until DESC LIMIT -1 OFFSET ?)",
      kMaxLogouts);
}

Status note_sign_in(PeopleStore& store, std::string_view user, TimeMs now) {
  return store.run(
      "INSERT INTO accounts (user, last_signed_in) VALUES (?, ?)"
      " ON CONFLICT (user) DO UPDATE SET last_signed_in = excluded.last_signed_in",
      user, now);
}

}  // namespace

Result<SignedIn> insert_session(PeopleStore& store, const PeopleOptions& options, const Authenticated& who, TimeMs now,
                                std::string_view old_cookie) {
  if (!options.is_listed(who.user))
    return fail(ErrorKind::forbidden, "sign_in.not_listed", "you are not among the users of this gateway");
  if (Status open = check_not_logged_out(store, who.provider, now); !open) return fail(open.error());
  if (!old_cookie.empty()) {
    Status ended = store.run("DELETE FROM sessions WHERE cookie = ?", StoredHash(old_cookie).blob());
    if (!ended) return fail(ended.error());
  }
  Status bounded = store.run(
      "DELETE FROM sessions WHERE cookie IN"
      " (SELECT cookie FROM sessions WHERE user = ? ORDER BY last_seen DESC LIMIT -1 OFFSET ?)",
      who.user, kMaxSessions - 1);
  if (!bounded) return fail(bounded.error());

  SignedIn out;
  const Bytes value = random_bytes(kCookieBytes);
  out.cookie = Secret(to_base64url(value));
  Session& session = out.session;
  session.id = new_short_id("ses_", now);
  session.user = who.user;
  session.how = who.how;
  session.signed_in = std::min(who.at, now);
  session.created = session.last_seen = now;
  session.expires = now + options.absolute;
  session.idle_expires = std::min(now + options.idle, session.expires);
  session.csrf = csrf_of(out.cookie.expose());
  session.peer = who.peer.substr(0, kMaxPeer);
  session.provider = who.provider;
  Status kept = store.run(
      "INSERT INTO sessions (cookie, id, user, how, signed_in, begun, created, last_seen, peer, issuer, subject, sid)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      StoredHash(out.cookie.expose()).blob(), session.id, session.user, static_cast<std::int64_t>(session.how),
      session.signed_in, now, now, now, session.peer, session.provider.issuer, session.provider.subject,
      session.provider.sid);
  if (!kept) return fail(kept.error());
  if (Status noted = note_sign_in(store, who.user, now); !noted) return fail(noted.error());
  out.events.push_back({.action = "person:sign-in",
                        .user = who.user,
                        .detail = std::string(name_of(who.how)) + "; session " + session.id,
                        .code = {}});
  return out;
}

Result<std::vector<Session>> live_sessions(PeopleStore& store, const PeopleOptions& options, std::string_view user,
                                           TimeMs now) {
  std::vector<Session> out;
  if (!options.is_listed(user)) return out;
  Result<sql::Statement> rows =
      store.select(std::string(kColumns) + "WHERE user = ? ORDER BY last_seen DESC, id DESC", user);
  if (!rows) return fail(rows.error());
  for (;;) {
    Result<sql::Step> step = rows->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return out;
    Session session = session_of(*rows, options);
    if (!is_over(session, options, now)) out.push_back(std::move(session));
  }
}

Result<std::size_t> delete_sessions(PeopleStore& store, const PeopleOptions& options, std::string_view user,
                                    TimeMs now) {
  Result<std::vector<Session>> live = live_sessions(store, options, user, now);
  if (!live) return fail(live.error());
  if (Status removed = store.run("DELETE FROM sessions WHERE user = ?", user); !removed) return fail(removed.error());
  return live->size();
}

Result<SignedIn> People::start_session(const Authenticated& who, TimeMs now, std::string_view old_cookie) {
  return store_->transact([&] { return insert_session(*store_, options_, who, now, old_cookie); });
}

Result<Session> People::find_session(std::string_view cookie, TimeMs now) {
  if (!has_cookie_form(cookie)) return no_session();
  Result<Found> found = store_->transact([&]() -> Result<Found> {
    Result<Found> live = find_live(*store_, options_, cookie, now);
    if (!live || !live->session) return live;
    Session& session = *live->session;
    if (now - session.last_seen < std::min(kSeenStep, options_.idle / 10)) return live;
    Status noted = store_->run("UPDATE sessions SET last_seen = ? WHERE cookie = ?", now, StoredHash(cookie).blob());
    if (!noted) return fail(noted.error());
    session.last_seen = now;
    session.idle_expires = std::min(now + options_.idle, session.expires);
    return live;
  });
  if (!found) return fail(found.error());
  if (found->over) return expired_session();
  if (!found->session) return no_session();
  found->session->csrf = csrf_of(cookie);
  return std::move(*found->session);
}

Result<SignedIn> People::touch_authentication(std::string_view cookie, const Authenticated& who, TimeMs now) {
  if (!has_cookie_form(cookie)) return no_session();
  struct Rotated {
    Found found;
    SignedIn out;
  };
  Result<Rotated> rotated = store_->transact([&]() -> Result<Rotated> {
    Result<Found> found = find_live(*store_, options_, cookie, now);
    if (!found) return fail(found.error());
    if (!found->session) return Rotated{.found = std::move(*found), .out = {}};
    const Session& before = *found->session;
    if (before.user != who.user) {
      return fail(ErrorKind::forbidden, "session.other_person",
                  "somebody else than the person of this session has authenticated");
    }
    // What began at the provider ends with it, however it was stepped up.
    Authenticated same = who;
    if (who.how != SignInMethod::oidc) same.provider = before.provider;
    Result<SignedIn> out = insert_session(*store_, options_, same, now, cookie);
    if (!out) return fail(out.error());
    // The same session as before, with another cookie.
    Status kept =
        store_->run("UPDATE sessions SET id = ?, created = ? WHERE id = ?", before.id, before.created, out->session.id);
    if (!kept) return fail(kept.error());
    out->session.id = before.id;
    out->session.created = before.created;
    out->events = {{.action = "person:step-up",
                    .user = who.user,
                    .detail = std::string(name_of(who.how)) + "; session " + before.id,
                    .code = {}}};
    return Rotated{.found = std::move(*found), .out = std::move(*out)};
  });
  if (!rotated) return fail(rotated.error());
  if (rotated->found.over) return expired_session();
  if (!rotated->found.session) return no_session();
  return std::move(rotated->out);
}

Result<PersonEvents> People::end_session(std::string_view cookie, TimeMs now) {
  if (!has_cookie_form(cookie)) return no_session();
  Result<Found> found = store_->transact([&]() -> Result<Found> {
    Result<Found> live = find_live(*store_, options_, cookie, now);
    if (!live || !live->session) return live;
    Status removed = store_->run("DELETE FROM sessions WHERE cookie = ?", StoredHash(cookie).blob());
    if (!removed) return fail(removed.error());
    return live;
  });
  if (!found) return fail(found.error());
  if (!found->session) return no_session();
  return PersonEvents{signed_out(found->session->user, "session " + found->session->id)};
}

Result<PersonEvents> People::end_session_of(std::string_view user, std::string_view id, TimeMs now) {
  return store_->transact([&]() -> Result<PersonEvents> {
    Result<std::vector<Session>> live = live_sessions(*store_, options_, user, now);
    if (!live) return fail(live.error());
    if (std::ranges::find(*live, id, &Session::id) == live->end())
      return fail(ErrorKind::not_found, "session.none", "there is no such session");
    Status removed = store_->run("DELETE FROM sessions WHERE user = ? AND id = ?", user, id);
    if (!removed) return fail(removed.error());
    return PersonEvents{signed_out(user, "session " + std::string(id))};
  });
}

Result<PersonEvents> People::end_sessions_of(std::string_view user, TimeMs now) {
  return store_->transact([&]() -> Result<PersonEvents> {
    Result<std::size_t> ended = delete_sessions(*store_, options_, user, now);
    if (!ended) return fail(ended.error());
    if (*ended == 0) return PersonEvents{};
    return PersonEvents{signed_out(user, "all sessions: " + std::to_string(*ended))};
  });
}

Result<LoggedOut> People::end_provider_sessions(const ProviderLogout& logout, TimeMs now) {
  return store_->transact([&]() -> Result<LoggedOut> {
    if (Status noted = note_logout(*store_, logout); !noted) return fail(noted.error());
    const auto& [issuer, subject, sid] = logout.session;
    Result<sql::Statement> rows =
        subject.empty() ? store_->select(std::string(kColumns) + "WHERE issuer = ? AND sid = ?", issuer, sid)
        : sid.empty()
            ? store_->select(std::string(kColumns) + "WHERE issuer = ? AND subject = ?", issuer, subject)
            : store_->select(std::string(kColumns) + "WHERE issuer = ? AND subject = ? AND (sid = ? OR sid = '')",
                             issuer, subject, sid);
    if (!rows) return fail(rows.error());
    LoggedOut out;
    for (;;) {
      Result<sql::Step> step = rows->step();
      if (!step) return fail(step.error());
      if (*step == sql::Step::done) break;
      out.sessions.push_back(session_of(*rows, options_));
    }
    // What is over goes as well: a clock that goes back must not bring it back.
    for (const Session& each : out.sessions) {
      if (Status removed = store_->run("DELETE FROM sessions WHERE id = ?", each.id); !removed)
        return fail(removed.error());
    }
    std::erase_if(out.sessions, [&](const Session& each) { return is_over(each, options_, now); });
    for (const Session& each : out.sessions)
      out.events.push_back(signed_out(each.user, "by the identity provider; session " + each.id));
    return out;
  });
}

Result<std::vector<Session>> People::sessions_of(std::string_view user, TimeMs now) {
  return store_->transact([&] { return live_sessions(*store_, options_, user, now); });
}

}  // namespace countersign::auth
