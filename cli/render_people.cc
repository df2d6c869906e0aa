#include "cli/render_people.h"

namespace countersign::cli {
namespace {

std::string text_of(const Json& object, std::string_view key) {
  return one_line(string_or(object, key, ""));
}

TimeMs time_of(const Json& object, std::string_view key) {
  auto time = parse_time(string_or(object, key, ""));
  return time ? *time : 0;
}

bool is_true(const Json& object, std::string_view key) {
  const Json* value = find_member(object, key);
  return value != nullptr && *value == true;
}

// "password, 2 passkeys, login.example.com": what lets the person in.
std::string ways_in(const Json& person) {
  std::string out;
  auto add = [&](const std::string& way) { out += (out.empty() ? "" : ", ") + way; };
  if (is_true(person, "password")) add("password");
  const std::int64_t passkeys = integer_or(person, "passkeys", 0);
  if (passkeys > 0) add(std::to_string(passkeys) + (passkeys == 1 ? " passkey" : " passkeys"));
  if (const Json* issuers = find_member(person, "identity_providers"); issuers != nullptr && issuers->is_array()) {
    for (const Json& issuer : *issuers) {
      if (issuer.is_string()) add(one_line(issuer.get_ref<const std::string&>()));
    }
  }
  return out.empty() ? "none" : out;
}

// The one thing about them that somebody should know.
std::string note(const Json& person, TimeMs now) {
  if (!is_true(person, "listed")) return "not in entities.yaml: cannot sign in";
  if (TimeMs until = time_of(person, "locked_until"); until > now)
    return "password locked, accepted again " + relative_time(until, now);
  if (TimeMs until = time_of(person, "invited_until"); until > now)
    return "invited, expires " + relative_time(until, now);
  return "";
}

}  // namespace

std::string render_people(const Json& people, TimeMs now, const Terminal& terminal) {
  Table table({{"NAME", 8}, {"LEVEL", 6}, {"SIGNS IN WITH", 14}, {"SESSIONS", 8}, {"LAST", 8}, {"NOTE", 10}});
  for (const Json& person : people) {
    const TimeMs last = time_of(person, "last_signed_in");
    const std::string remark = note(person, now);
    table.add(
        {text_of(person, "user"), text_of(person, "level"), ways_in(person),
         std::to_string(integer_or(person, "sessions", 0)), last == 0 ? "never" : relative_time(last, now), remark},
        is_true(person, "listed") ? (remark.empty() ? Style::plain : Style::yellow) : Style::red, 5);
  }
  return table.empty() ? "no people\n" : table.render(terminal);
}

std::string render_sessions(const Json& sessions, TimeMs now, const Terminal& terminal) {
  Table table({{"ID", 20}, {"SIGNED IN", 9}, {"WITH", 8}, {"FROM", 12}, {"LAST USED", 9}, {"ENDS", 8}});
  for (const Json& session : sessions) {
    table.add({text_of(session, "id"), relative_time(time_of(session, "signed_in"), now), text_of(session, "how"),
               text_of(session, "peer"), relative_time(time_of(session, "last_seen"), now),
               relative_time(time_of(session, "expires"), now)});
  }
  return table.empty() ? "no sessions\n" : table.render(terminal);
}

std::string render_invitation(const Json& invitation, TimeMs now, const Terminal& terminal) {
  std::string out = text_of(invitation, "link") + "\n";
  out +=
      terminal.styled(Style::dim, "Hand this link to " + text_of(invitation, "user") +
                                      " yourself, over a way that nobody else reads: whoever opens it first sets the "
                                      "password. It works once and expires " +
                                      relative_time(time_of(invitation, "expires"), now) + ".");
  return out + "\n";
}

}  // namespace countersign::cli
