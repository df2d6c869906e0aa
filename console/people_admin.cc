// /api/v1/people/{name}/sessions and /sign-out: where somebody else is signed in, and an end to it.
#include "console/api.h"

namespace countersign::console {

Result<Answer> AdminApi::list_person_sessions(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  auto sessions = services_.people.sessions_of(call.arguments[0], services_.clock.now());
  if (!sessions) return fail(sessions.error());
  Json list = Json::array();
  for (const auth::Session& session : *sessions) {
    list.push_back({{"id", session.id},
                    {"how", auth::name_of(session.how)},
                    {"peer", session.peer},
                    {"signed_in", format_time(session.signed_in)},
                    {"last_seen", format_time(session.last_seen)},
                    {"expires", format_time(session.expires)}});
  }
  return json_answer({{"user", call.arguments[0]}, {"sessions", std::move(list)}});
}

Result<Answer> AdminApi::sign_out_person(const Call& call) {
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  const std::string reason = string_or(*body, "reason", "");
  if (reason.find_first_not_of(" \t\r\n") == std::string::npos)
    return fail(ErrorKind::invalid, "admin.bad_body", "say why: `reason` must not be empty");
  const std::string& user = call.arguments[0];
  const TimeMs now = services_.clock.now();
  auto before = services_.people.sessions_of(user, now);
  if (!before) return fail(before.error());
  if (before->empty() && services_.people.recordable(user).empty())
    return fail(ErrorKind::not_found, "person.unknown", "there is nobody of this name");
  // Like a revocation it takes effect whether or not it can be recorded: it only takes away.
  auto events = services_.people.end_sessions_of(user, now);
  if (!events) return fail(events.error());
  events_.end_person(user);
  for (auth::PersonEvent& event : *events) event.detail += "; " + reason;
  if (auto durable = record_events(call, *events); !durable) {
    return fail(ErrorKind::unavailable, durable.error().code,
                "the sessions are ended, but that could not be recorded: " + durable.error().message);
  }
  return json_answer({{"user", user}, {"sessions", before->size()}});
}

}  // namespace countersign::console
