// /api/v1/people: accounts, for whoever may manage them.
#include <algorithm>

#include "console/api.h"

namespace countersign::console {
namespace {

Json time_or_null(TimeMs time) {
  return time == 0 ? Json() : Json(format_time(time));
}

}  // namespace

Result<Answer> AdminApi::list_people(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  auto summaries = services_.people.list(services_.clock.now());
  if (!summaries) return fail(summaries.error());
  auto ruleset = services_.rulesets.current();
  const policies::Directory& directory = ruleset->policies->directory();
  Json people = Json::array();
  auto add = [&](const auth::PersonSummary& person) {
    const policies::User* user = directory.find_user(person.user);
    people.push_back({{"user", person.user},
                      {"listed", user != nullptr},
                      {"level", user == nullptr ? "" : policies::level_name(user->level)},
                      {"teams", directory.teams_of(person.user)},
                      {"password", person.has_password},
                      {"passkeys", person.passkeys},
                      {"sessions", person.sessions},
                      {"identity_providers", person.issuers},
                      {"last_signed_in", time_or_null(person.last_signed_in)},
                      {"invited_until", time_or_null(person.invited_until)},
                      {"locked_until", time_or_null(person.locked_until)}});
  };
  for (const auth::PersonSummary& person : *summaries) add(person);
  for (const auto& [name, user] : directory.users()) {
    if (std::ranges::find(*summaries, name, &auth::PersonSummary::user) == summaries->end()) {
      auth::PersonSummary nothing_yet;
      nothing_yet.user = name;
      add(nothing_yet);
    }
  }
  return json_answer({{"people", std::move(people)}});
}

Result<Answer> AdminApi::invite_person(const Call& call) {
  if (auto body = object_body(call, {}); !body) return fail(body.error());
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto invitation = services_.people.invite(call.arguments[0], services_.clock.now());
  if (!invitation) return fail(invitation.error());
  if (auto durable = record_events(call, invitation->events); !durable) return fail(durable.error());
  std::string url = services_.config.public_url;
  while (url.ends_with('/')) url.pop_back();
  std::string code(invitation->code.expose());
  // Behind the '#': browsers keep it to themselves, so that it stands in no log on the way.
  return json_answer({{"user", invitation->user},
                      {"code", code},
                      {"link", url + "/invitation#" + code},
                      {"expires", format_time(invitation->expires)}},
                     201);
}

Result<Answer> AdminApi::reset_person(const Call& call) {
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  std::string reason = string_or(*body, "reason", "");
  if (reason.find_first_not_of(" \t\r\n") == std::string::npos)
    return fail(ErrorKind::invalid, "admin.bad_body", "say why: `reason` must not be empty");
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  auto done = services_.people.reset(call.arguments[0], services_.clock.now());
  if (!done) return fail(done.error());
  events_.end_person(call.arguments[0]);
  Status durable;
  for (const auth::StoredPasskey& passkey : done->passkeys) {
    audit::Entry entry = passkey_entry(call, "passkey:remove", passkey);
    entry.comment = "reset by " + call.principal.name;
    if (Status kept = record(std::move(entry)); !kept) durable = kept;
  }
  // A removed passkey has the record above, in the form that signed votes are checked by.
  std::erase_if(done->events, [](const auth::PersonEvent& event) { return event.action == "passkey:remove"; });
  for (auth::PersonEvent& event : done->events)
    event.detail = event.detail.empty() ? reason : reason + "; " + event.detail;
  if (Status kept = record_events(call, done->events); !kept) durable = kept;
  if (!durable) {
    return fail(ErrorKind::unavailable, durable.error().code,
                "the account is reset, but that could not be recorded: " + durable.error().message);
  }
  return json_answer({{"user", call.arguments[0]}, {"passkeys", done->passkeys.size()}, {"sessions", done->sessions}});
}

}  // namespace countersign::console
