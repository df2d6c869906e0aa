// /api/v1/sign-in, /api/v1/session, /api/v1/sign-out: how people get in, how they prove once more who they are, and
// how they leave. Every sign-in, failure and sign-out is an audit record.
#include "auth/webauthn.h"
#include "console/api.h"
#include "console/cookies.h"

namespace countersign::console {
namespace {

constexpr TimeMs kPasskeyTimeout = kChallengeLife;

Error missing(std::string_view names) {
  return {ErrorKind::invalid, "admin.bad_body", std::string(names) + " must be given"};
}

// The challenge that the browser signed, as it says itself: which of ours it is, is looked up by it.
std::string challenge_in(std::string_view client_data) {
  if (client_data.size() > 2 * auth::kMaxClientData) return "";
  auto bytes = from_base64url(client_data);
  if (!bytes) return "";
  auto json = parse_json(as_text(*bytes), {.bytes = auth::kMaxClientData, .depth = 8, .values = 100});
  return json ? string_or(*json, "challenge", "") : "";
}

// The assertion as a body: exactly its four members.
Result<auth::Assertion> assertion_of(const Call& call) {
  auto body = object_body(call, {"credential", "authenticator_data", "client_data", "signature"});
  if (!body) return fail(body.error());
  return auth::assertion_from_json(*body);
}

std::string how_name(const auth::Session& session) {
  return std::string(auth::name_of(session.how));
}

}  // namespace

Status AdminApi::record_events(const Call& call, const auth::PersonEvents& events) {
  for (const auth::PersonEvent& event : events) {
    audit::Entry entry = entry_of(call, audit::Phase::admin);
    entry.action = event.action;
    if (entry.actor.empty()) entry.actor = event.user;
    if (!event.user.empty()) entry.resources = {"User::" + event.user};
    entry.code = event.code;
    entry.detail = event.detail;
    if (auto durable = record(std::move(entry)); !durable) return durable;
  }
  return {};
}

Answer AdminApi::sign_in_failed(const Call& call, const auth::PersonEvent& event, const Error& error) {
  audit::Entry entry = entry_of(call, audit::Phase::refused);
  entry.action = event.action;
  if (!event.user.empty()) entry.resources = {"User::" + event.user};
  entry.decision = audit::Decision::deny;
  entry.code = error.code;
  entry.reason = error.message;
  entry.status = http_status(error.kind);
  entry.detail = event.detail;
  append_refusal(call, std::move(entry));
  return problem_answer(error);
}

Result<Answer> AdminApi::signed_in(const Call& call, Result<auth::SignedIn> signed_in, std::string_view redirect) {
  if (!signed_in) return fail(signed_in.error());
  if (auto durable = record_events(call, signed_in->events); !durable) {
    // Nobody is signed in without a record of it.
    static_cast<void>(services_.people.end_session(signed_in->cookie.expose(), services_.clock.now()));
    return fail(durable.error());
  }
  Answer answer = json_answer(session_json(signed_in->session));
  if (!redirect.empty()) {
    answer = text_answer("");
    answer.status = 302;
    answer.headers.add("location", redirect);
  }
  answer.headers.add("set-cookie", set_cookie(kSessionCookie, signed_in->cookie.expose(), 0));
  return answer;
}

Json AdminApi::session_json(const auth::Session& session) const {
  auto ruleset = services_.rulesets.current();
  const policies::Directory& directory = ruleset->policies->directory();
  Json permissions = Json::array();
  for (Permission each : ruleset->roles->permissions_of(directory, session.user))
    permissions.push_back(policies::permission_name(each));
  Json passkeys = Json::array();
  if (auto stored = services_.people.passkeys_of(session.user)) {
    for (const auth::StoredPasskey& each : *stored) {
      passkeys.push_back({{"id", each.key.id},
                          {"name", each.name},
                          {"created", format_time(each.created)},
                          {"last_used", each.last_used == 0 ? Json() : Json(format_time(each.last_used))},
                          {"backed_up", each.key.backed_up}});
    }
  }
  const policies::User* user = directory.find_user(session.user);
  return {{"user", session.user},
          {"level", user == nullptr ? "" : policies::level_name(user->level)},
          {"teams", directory.teams_of(session.user)},
          {"csrf", session.csrf},
          {"how", how_name(session)},
          {"signed_in", format_time(session.signed_in)},
          {"expires", format_time(session.expires)},
          {"idle_expires", format_time(session.idle_expires)},
          {"permissions", std::move(permissions)},
          {"passkeys", std::move(passkeys)},
          {"rp_id", relying_party_.id}};
}

Result<Answer> AdminApi::sign_in_methods(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  Json oidc;
  if (services_.oidc != nullptr) oidc = {{"name", services_.oidc->name()}};
  return json_answer({{"passwords", services_.config.sign_in.passwords}, {"passkeys", true}, {"oidc", oidc}});
}

Result<Answer> AdminApi::sign_in_password(const Call& call) {
  auto body = object_body(call, {"user", "password"});
  if (!body) return fail(body.error());
  if (!services_.config.sign_in.passwords)
    return fail(ErrorKind::forbidden, "sign_in.no_passwords", "this gateway does not let people in by password");
  std::string user = string_or(*body, "user", "");
  Secret password(string_or(*body, "password", ""));
  if (user.empty() || password.empty()) return fail(missing("`user` and `password`"));
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto old = find_cookie(call.head, kSessionCookie);
  if (!old) return fail(old.error());
  auto done = services_.people.sign_in_with_password(user, password, call.peer, services_.clock.now(), *old);
  if (!done) {
    return sign_in_failed(call, services_.people.failed_sign_in(user, auth::SignInMethod::password, done.error()),
                          done.error());
  }
  return signed_in(call, std::move(done), "");
}

Result<Answer> AdminApi::sign_in_passkey_challenge(const Call& call) {
  if (auto body = object_body(call, {}); !body) return fail(body.error());
  return json_answer({{"challenge", sign_in_challenges_.make(services_.clock.now())},
                      {"rp_id", relying_party_.id},
                      {"timeout_ms", kPasskeyTimeout}});
}

Result<Answer> AdminApi::sign_in_passkey(const Call& call) {
  auto assertion = assertion_of(call);
  if (!assertion) return fail(assertion.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto old = find_cookie(call.head, kSessionCookie);
  if (!old) return fail(old.error());
  const TimeMs now = services_.clock.now();
  auto refuse = [&](std::string_view user, const Error& error) {
    return sign_in_failed(call, services_.people.failed_sign_in(user, auth::SignInMethod::passkey, error), error);
  };

  std::string challenge = challenge_in(assertion->client_data);
  if (auto ours = sign_in_challenges_.check(challenge, now); !ours) return refuse("", ours.error());
  auto stored = services_.people.find_passkey(assertion->credential);
  if (!stored) return refuse("", stored.error());
  auto expected = from_base64url(challenge);
  if (!expected) return refuse("", expected.error());
  auto facts = auth::verify_assertion(*assertion, stored->key, relying_party_, *expected);
  if (!facts) return refuse(stored->user, facts.error());
  // Only now: what anybody may send must neither use up a challenge nor take up the room for those that are used.
  if (auto once = sign_in_challenges_.use(challenge, now); !once) return refuse(stored->user, once.error());
  if (auto used = services_.people.use_passkey(*stored, *facts, now); !used) return refuse(stored->user, used.error());

  const auth::Authenticated who{stored->user, auth::SignInMethod::passkey, now, call.peer};
  // A step-up when the same person has a session already: a new cookie for it, with a fresh time of authentication.
  auto session = old->empty() ? Result<auth::Session>(fail(ErrorKind::unauthenticated, "session.none", "no session"))
                              : services_.people.find_session(*old, now);
  const bool step_up = session && session->user == stored->user;
  auto done =
      step_up ? services_.people.touch_authentication(*old, who, now) : services_.people.start_session(who, now, *old);
  if (!done) return refuse(stored->user, done.error());
  return signed_in(call, std::move(done), "");
}

Result<Answer> AdminApi::sign_in_oidc(const Call& call) {
  if (auto known = only_parameters(call, {"return", "fresh"}); !known) return fail(known.error());
  if (services_.oidc == nullptr)
    return fail(ErrorKind::not_found, "sign_in.no_oidc", "this gateway has no identity provider");
  std::string to = text_in(call, "return");
  if (to.empty()) to = "/inbox";
  const TimeMs now = services_.clock.now();
  auto cookie = find_cookie(call.head, kSessionCookie);
  if (!cookie) return fail(cookie.error());
  std::string stepping_up;
  if (!cookie->empty()) {
    if (auto session = services_.people.find_session(*cookie, now)) stepping_up = session->id;
  }
  const auto freshness = text_in(call, "fresh") == "1" ? auth::Freshness::now : auth::Freshness::any;
  auto start = services_.oidc->begin(to, freshness, stepping_up, now);
  if (!start) return fail(start.error());
  Answer answer = text_answer("");
  answer.status = 302;
  answer.headers.add("location", start->location);
  answer.headers.add("set-cookie", set_cookie(kOidcCookie, start->browser.expose(), auth::Oidc::kPendingLife));
  return answer;
}

Result<Answer> AdminApi::sign_in_oidc_callback(const Call& call) {
  if (services_.oidc == nullptr)
    return fail(ErrorKind::not_found, "sign_in.no_oidc", "this gateway has no identity provider");
  const TimeMs now = services_.clock.now();
  // The browser gets a page whatever happens: the console's own, which says what went wrong by its code.
  auto refuse = [&](std::string_view user, const Error& error) {
    Answer answer = sign_in_failed(call, services_.people.failed_sign_in(user, auth::SignInMethod::oidc, error), error);
    answer = text_answer("");
    answer.status = 302;
    answer.headers.add("location", "/sign-in?error=" + error.code);
    answer.headers.add("set-cookie", clear_cookie(kOidcCookie));
    return answer;
  };
  if (auto allowed = may_change(); !allowed) return refuse("", allowed.error());
  auto browser = find_cookie(call.head, kOidcCookie);
  if (!browser) return refuse("", browser.error());
  auto old = find_cookie(call.head, kSessionCookie);
  if (!old) return refuse("", old.error());
  auto identity = services_.oidc->finish(call.query, *browser, now);
  if (!identity) return refuse("", identity.error());
  auto& people = services_.people;
  auto planned = people.would_bind(identity->issuer, identity->subject, identity->user, now);
  if (!planned) return refuse(identity->user, planned.error());
  if (auto durable = record_events(call, planned->events); !durable) return refuse("", durable.error());
  auto bound = people.bind_subject(identity->issuer, identity->subject, identity->user, now);
  if (!bound) return refuse(identity->user, bound.error());

  const std::string& user = bound->binding.user;
  const auth::Authenticated who{user,
                                auth::SignInMethod::oidc,
                                identity->auth_time.value_or(0),
                                call.peer,
                                {identity->issuer, identity->subject, identity->provider_session}};
  auto session = old->empty() ? Result<auth::Session>(fail(ErrorKind::unauthenticated, "session.none", "no session"))
                              : services_.people.find_session(*old, now);
  const bool step_up = session && session->user == user && session->id == identity->session;
  auto done =
      step_up ? services_.people.touch_authentication(*old, who, now) : services_.people.start_session(who, now, *old);
  if (!done) return refuse(user, done.error());
  auto answer = signed_in(call, std::move(done), identity->return_to);
  if (!answer) return refuse(user, answer.error());
  answer->headers.add("set-cookie", clear_cookie(kOidcCookie));
  return answer;
}

// OpenID Connect Back-Channel Logout 1.0, sections 2.5 to 2.8: the provider itself asks, so there is no browser and no
// cookie; the token's signature says who it is.
Result<Answer> AdminApi::oidc_backchannel_logout(const Call& call) {
  if (services_.oidc == nullptr)
    return fail(ErrorKind::not_found, "sign_in.no_oidc", "this gateway has no identity provider");
  auto refuse = [&](const Error& error) {
    std::ignore =
        sign_in_failed(call, {.action = "person:sign-out", .user = "", .detail = "logout token", .code = ""}, error);
    // Whatever is wrong, the specification has one status for it.
    return json_answer({{"error", "invalid_request"}, {"error_description", error.message}, {"code", error.code}}, 400);
  };
  auto form = parse_query(call.body);
  if (!form) return refuse({ErrorKind::invalid, "admin.bad_body", "the body is not a form"});
  const auto token = form->find("logout_token");
  if (token == form->end()) return refuse({ErrorKind::invalid, "admin.bad_body", "`logout_token` must be given"});
  const TimeMs now = services_.clock.now();
  auto logout = services_.oidc->logout(token->second, now);
  if (!logout) return refuse(logout.error());
  auto ended = services_.people.end_provider_sessions(
      {{logout->issuer, logout->subject, logout->session}, logout->token_id, logout->until}, now);
  if (!ended) return refuse(ended.error());
  for (const auth::Session& each : ended->sessions) events_.end_session(each.id);
  if (auto durable = record_events(call, ended->events); !durable) return refuse(durable.error());
  Answer answer = text_answer("");
  answer.status = 200;
  return answer;
}

Result<Answer> AdminApi::sign_in_invitation(const Call& call) {
  auto body = object_body(call, {"code", "password"});
  if (!body) return fail(body.error());
  Secret code(string_or(*body, "code", ""));
  Secret password(string_or(*body, "password", ""));
  if (code.empty() || password.empty()) return fail(missing("`code` and `password`"));
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto record = [&](const auth::PersonEvents& events) { return record_events(call, events); };
  auto done = services_.people.accept_invitation(code, password, call.peer, services_.clock.now(), record);
  if (!done) {
    return sign_in_failed(call, services_.people.failed_sign_in("", auth::SignInMethod::invitation, done.error()),
                          done.error());
  }
  events_.end_person(done->session.user);
  return signed_in(call, std::move(done), "");
}

Result<Answer> AdminApi::sign_out(const Call& call) {
  if (auto body = object_body(call, {}); !body) return fail(body.error());
  if (!call.principal.session) return fail(ErrorKind::invalid, "session.none", "a token has no session to end");
  auto cookie = find_cookie(call.head, kSessionCookie);
  if (!cookie) return fail(cookie.error());
  auto ended = services_.people.end_session(*cookie, services_.clock.now());
  events_.end_session(call.principal.session->id);
  if (!ended) return fail(ended.error());
  if (auto durable = record_events(call, *ended); !durable) return fail(durable.error());
  Answer answer = text_answer("");
  answer.status = 204;
  answer.headers.add("set-cookie", clear_cookie(kSessionCookie));
  return answer;
}

Result<Answer> AdminApi::show_session(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  if (call.principal.session) return json_answer(session_json(*call.principal.session));
  // A token is no session, but its owner may ask the same of themselves.
  auth::Session session;
  session.user = call.principal.name;
  session.signed_in = call.principal.signed_in;
  session.expires = session.idle_expires = call.principal.expires;
  Json out = session_json(session);
  out["how"] = "token";
  out["csrf"] = "";
  return json_answer(out);
}

Result<Answer> AdminApi::list_sessions(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  auto sessions = services_.people.sessions_of(call.principal.name, services_.clock.now());
  if (!sessions) return fail(sessions.error());
  Json list = Json::array();
  for (const auth::Session& each : *sessions) {
    const bool current = call.principal.session && call.principal.session->id == each.id;
    list.push_back({{"id", each.id},
                    {"how", how_name(each)},
                    {"peer", each.peer},
                    {"current", current},
                    {"signed_in", format_time(each.signed_in)},
                    {"last_seen", format_time(each.last_seen)},
                    {"expires", format_time(each.expires)}});
  }
  return json_answer({{"sessions", std::move(list)}});
}

Result<Answer> AdminApi::end_session(const Call& call) {
  if (auto body = object_body(call, {}); !body) return fail(body.error());
  auto ended = services_.people.end_session_of(call.principal.name, call.arguments[0], services_.clock.now());
  if (!ended) return fail(ended.error());
  events_.end_session(call.arguments[0]);
  if (auto durable = record_events(call, *ended); !durable) return fail(durable.error());
  return json_answer({{"id", call.arguments[0]}, {"state", "ended"}});
}

}  // namespace countersign::console
