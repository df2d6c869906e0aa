#include "policies/session_json.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/json_writer.h"

namespace countersign::policies {
namespace {

using Counts = Session::Counts;
using Thing = Session::Thing;

// In the order of their names, as they are written.
constexpr std::array<std::pair<std::string_view, std::int64_t Counts::*>, 5> kCounts = {
    {{"changes", &Counts::changes},
     {"denials", &Counts::denials},
     {"destroys", &Counts::destroys},
     {"holds", &Counts::holds},
     {"reads", &Counts::reads}}};
constexpr std::array<std::pair<std::string_view, bool Thing::*>, 5> kFacts = {{{"created", &Thing::created},
                                                                               {"denied", &Thing::denied},
                                                                               {"listed", &Thing::listed},
                                                                               {"recreates", &Thing::recreates},
                                                                               {"unprotected", &Thing::unprotected}}};
constexpr std::string_view kSiblings = "siblings_destroyed";

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::malformed, "session.invalid", std::move(message));
}

Status read_number(JsonValue value, std::int64_t& out) {
  const auto number = value.integer();
  if (!number || *number < 0) return wrong("`" + std::string(value.key()) + "` of `session` must be a number from 0");
  out = *number;
  return {};
}

Status read_counts(JsonValue json, Counts& out) {
  if (!json.is_object()) return wrong("`" + std::string(json.key()) + "` of `session` must be an object");
  for (JsonValue member = json.first(); member; member = member.next()) {
    const auto known =
        std::ranges::find(kCounts, member.key(), &std::pair<std::string_view, std::int64_t Counts::*>::first);
    if (known == kCounts.end())
      return wrong("`session` counts reads, changes, destroys, denials and holds, not `" + std::string(member.key()) +
                   "`");
    if (Status read = read_number(member, out.*known->second); !read) return read;
  }
  return {};
}

// Whether it was a member about a thing.
Result<bool> read_fact(JsonValue member, Thing& out) {
  if (member.key() == kSiblings) {
    if (Status read = read_number(member, out.siblings_destroyed); !read) return fail(read.error());
    return true;
  }
  const auto known = std::ranges::find(kFacts, member.key(), &std::pair<std::string_view, bool Thing::*>::first);
  if (known == kFacts.end()) return false;
  const auto flag = member.boolean();
  if (!flag) return wrong("`" + std::string(member.key()) + "` of `session` must be true or false");
  out.*known->second = *flag;
  return true;
}

Status read_things(JsonValue list, std::size_t accesses, std::vector<Thing>& out) {
  if (!list.is_array() || list.size() > accesses)
    return wrong("`things` of `session` must be a list of objects, one for each thing the operation touches");
  std::size_t at = 0;
  for (JsonValue item = list.first(); item; item = item.next(), ++at) {
    if (!item.is_object()) return wrong("`things` of `session` must be a list of objects");
    for (JsonValue member = item.first(); member; member = member.next()) {
      const auto read = read_fact(member, out[at]);
      if (!read) return fail(read.error());
      if (!*read) return wrong("a thing of `session` has no member `" + std::string(member.key()) + "`");
    }
  }
  return {};
}

void write_counts(std::string_view name, const Counts& counts, JsonWriter& w) {
  if (counts == Counts()) return;
  w.key(name).begin_object();
  for (const auto& [key, count] : kCounts) {
    if (counts.*count != 0) w.member(key, counts.*count);
  }
  w.end_object();
}

}  // namespace

Result<Session> parse_session(JsonValue json, std::size_t accesses) {
  if (!json.is_object()) return wrong("`session` must be an object");
  Session out;
  Thing all;
  JsonValue things;
  for (JsonValue member = json.first(); member; member = member.next()) {
    Status read;
    if (member.key() == "hour" || member.key() == "minutes") {
      read = read_counts(member, member.key() == "hour" ? out.hour : out.minutes);
    } else if (member.key() == "age") {
      read = read_number(member, out.age);
    } else if (member.key() == "things") {
      things = member;
    } else {
      const auto known = read_fact(member, all);
      if (!known) return fail(known.error());
      if (!*known) return wrong("`session` has no member `" + std::string(member.key()) + "`");
    }
    if (!read) return fail(read.error());
  }
  if (all != Thing() || things) out.things.assign(accesses, all);
  if (!things) return out;
  if (Status read = read_things(things, accesses, out.things); !read) return fail(read.error());
  return out;
}

std::string session_text(const Session& session) {
  std::string out;
  JsonWriter w(out);
  w.begin_object();
  if (session.age != 0) w.member("age", session.age);
  write_counts("hour", session.hour, w);
  write_counts("minutes", session.minutes, w);
  const auto told = std::ranges::find_if_not(session.things, [](const Thing& thing) { return thing == Thing(); });
  if (told != session.things.end()) {
    w.key("things").begin_array();
    for (const Thing& thing : session.things) {
      w.begin_object();
      for (const auto& [key, flag] : kFacts) {
        if (key > kSiblings) continue;
        if (thing.*flag) w.member(key, true);
      }
      if (thing.siblings_destroyed != 0) w.member(kSiblings, thing.siblings_destroyed);
      if (thing.unprotected) w.member("unprotected", true);
      w.end_object();
    }
    w.end_array();
  }
  w.end_object();
  return out == "{}" ? std::string() : out;
}

}  // namespace countersign::policies
