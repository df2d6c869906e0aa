#include "proxy/adapters/terraform_story.h"

#include "core/json.h"
#include "core/json_writer.h"
#include "core/visible.h"
#include "proxy/adapters/preview.h"
#include "proxy/adapters/sentence.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMostName = 80;  // characters of a state or an address in a sentence

bool is_lock(const TerraformStory& story) {
  return story.action == "terraform:lock";
}

bool is_unlock(const TerraformStory& story) {
  return story.action == "terraform:unlock" || story.action == "terraform:force_unlock";
}

bool touches_state(const TerraformStory& story) {
  return story.action == "terraform:write_state" || story.action == "terraform:delete_state";
}

void write_number(JsonWriter& writer, std::string_view name, std::optional<std::int64_t> number) {
  if (number) writer.member(name, *number);
}

// What is not known is left out, and so unknown to policies.
std::string input_of_change(const TerraformStory& story) {
  const StateChange& change = story.change;
  const bool writes = story.action == "terraform:write_state";
  const bool comparable = story.known && !change.has("opaque");
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  if (story.known) writer.strings("flags", change.flags);
  if (comparable) writer.member("lost", change.lost);
  if (comparable && change.unnamed == 0)
    writer.strings("lost_resources", change.lost_resources).strings("lost_types", change.lost_types);
  if (writes) {
    writer.member("operation", story.locked_for).member("own_lock", story.own_lock == StateLock::own);
  }
  write_number(writer, "previous_serial", change.previous_serial);
  write_number(writer, "resources", change.resources);
  if (writes) write_number(writer, "serial", change.serial);
  writer.end_object();
  return out;
}

std::string input_of(const TerraformStory& story) {
  if (touches_state(story)) return input_of_change(story);
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  if (is_lock(story)) {
    writer.member("info", story.lock.info).member("operation", story.lock.operation);
    writer.member("version", story.lock.version).member("who", story.lock.who);
  } else if (is_unlock(story)) {
    writer.member("lock", story.lock.id);
  }
  writer.end_object();
  return out;
}

std::string verb_of(const TerraformStory& story) {
  const std::string state = said(story.state, kMostName);
  if (is_lock(story)) return command_of(story.lock.operation) + ": lock " + state;
  if (story.action == "terraform:unlock") return "Release one's own lock of " + state;
  if (story.action == "terraform:force_unlock") return "Break somebody else's lock of " + state;
  if (story.action == "terraform:delete_state") return "Delete the state " + state;
  if (story.action == "terraform:write_state") return "Write the state " + state;
  return "Read the state " + state;
}

std::string serials(const StateChange& change) {
  if (change.has("created")) return "its first, serial " + std::to_string(change.serial.value_or(0));
  if (!change.serial || !change.previous_serial) return {};
  return "serial " + std::to_string(*change.previous_serial) + " → " + std::to_string(*change.serial);
}

std::vector<std::string> warnings(const TerraformStory& story) {
  const StateChange& change = story.change;
  std::vector<std::string> out;
  if (change.has("opaque")) out.emplace_back("it cannot be read, so what is lost is not known");
  if (change.has("serial_regression")) out.emplace_back("OLDER than what is there");
  if (change.has("lineage_changed")) out.emplace_back("the state of SOMETHING ELSE");
  if (story.action == "terraform:write_state" && story.own_lock == StateLock::none)
    out.emplace_back("without its lock");
  return out;
}

std::string lost_lines(const StateChange& change) {
  std::string out;
  for (const std::string& each : change.lost_resources) out += each + "\n";
  if (change.unnamed > 0) out += "… and more than can be named here\n";
  return out;
}

std::string facts(const TerraformStory& story) {
  const StateChange& change = story.change;
  std::string out =
      "serial before: " + (change.previous_serial ? std::to_string(*change.previous_serial) : "not known");
  out += "\nserial now: " + (change.serial ? std::to_string(*change.serial) : "none, or not known");
  out += "\ninstances now: " + (change.resources ? std::to_string(*change.resources) : "not known");
  out += "\nadded: " + std::to_string(change.added) + "\nlost: " + std::to_string(change.lost);
  if (story.action == "terraform:write_state") {
    out += "\nlock: " + (story.own_lock == StateLock::own ? "its own, taken for " + command_of(story.locked_for)
                                                          : std::string("none of its own"));
  }
  for (const std::string& flag : change.flags) out += "\n" + flag;
  return out + "\n";
}

std::vector<std::string> strings_in(const Json& object, std::string_view name) {
  std::vector<std::string> out;
  const Json* list = find_member(object, name);
  if (!list || !list->is_array()) return out;
  for (const Json& each : *list) {
    if (each.is_string()) out.push_back(each.get<std::string>());
  }
  return out;
}

std::optional<std::int64_t> number_in(const Json& object, std::string_view name) {
  const Json* number = find_member(object, name);
  if (!number || !number->is_number_integer()) return std::nullopt;
  return number->get<std::int64_t>();
}

}  // namespace

Operation operation_of(const TerraformStory& story, std::string_view upstream) {
  Operation out;
  out.protocol = "terraform";
  out.upstream = upstream;
  out.action = story.action;
  out.summary = terraform_sentence(story, upstream, {});
  if (out.summary.ends_with('.')) out.summary.pop_back();
  out.accesses.push_back({{"TerraformState", std::string(upstream) + "/" + story.state, story.state}, story.effect});
  out.input = input_of(story);
  out.under_lock = is_lock(story) || story.action == "terraform:unlock" || story.own_lock == StateLock::own;
  return out;
}

std::string terraform_sentence(const TerraformStory& story, std::string_view upstream, std::string_view environment) {
  std::string out = verb_of(story) + place(upstream, environment);
  if (is_lock(story) && !story.lock.who.empty()) out += ", by " + said(story.lock.who, kMostName / 2);
  if (is_unlock(story) && !story.lock.id.empty()) out += ", " + said(story.lock.id, kMostName);
  if (touches_state(story) && story.known) {
    std::vector<std::string> parts = warnings(story);
    if (std::string of = serials(story.change); !of.empty()) parts.insert(parts.begin(), std::move(of));
    say(out, ": ", parts, kMaxSentence * 2 / 3);
    if (story.change.lost > 0) {
      out += (parts.empty() ? ": " : "; ") + count_of(static_cast<std::uint64_t>(story.change.lost), "instance") +
             " no longer tracked";
      std::vector<std::string> lost;
      for (const std::string& each : story.change.lost_resources) lost.push_back(said(each, kMostName));
      say(out, ": ", lost, kMaxSentence - 1);
    }
  }
  return out + ".";
}

std::vector<PreviewPart> terraform_preview(const TerraformStory& story) {
  std::vector<PreviewPart> out;
  auto add = [&](std::string title, const std::string& text) {
    out.push_back({std::move(title), "text/plain", printable(text, kMaxPreviewBytes)});
  };
  if (touches_state(story)) {
    add("What changes", facts(story));
    if (!story.change.lost_resources.empty()) add("No longer tracked", lost_lines(story.change));
  } else {
    add("Lock", "operation: " + story.lock.operation + "\nwho: " + story.lock.who + "\nversion: " + story.lock.version +
                    "\ninfo: " + story.lock.info + "\nid: " + story.lock.id + "\n");
  }
  return out;
}

std::string freeze_story(const TerraformStory& story) {
  const StateChange& change = story.change;
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("action", story.action).member("added", change.added);
  writer.member("effect", effect_name(story.effect)).strings("flags", change.flags).member("id", story.lock.id);
  writer.member("info", story.lock.info).member("known", story.known).member("locked_for", story.locked_for);
  writer.member("lost", change.lost).strings("lost_resources", change.lost_resources);
  writer.strings("lost_types", change.lost_types).member("operation", story.lock.operation);
  writer.member("own_lock", story.own_lock == StateLock::own);
  write_number(writer, "previous_serial", change.previous_serial);
  write_number(writer, "resources", change.resources);
  write_number(writer, "serial", change.serial);
  writer.member("state", story.state).member("unnamed", change.unnamed);
  writer.member("version", story.lock.version).member("who", story.lock.who);
  writer.end_object();
  return out;
}

Result<TerraformStory> thaw_story(std::string_view shown) {
  Result<Json> json = parse_json(shown);
  if (!json || !json->is_object())
    return fail(ErrorKind::internal, "request.malformed", "the stored request cannot be read");
  auto text = [&](std::string_view name) { return string_or(*json, name, ""); };
  auto flag = [&](std::string_view name) {
    const Json* value = find_member(*json, name);
    return value && value->is_boolean() && value->get<bool>();
  };
  TerraformStory out;
  out.action = text("action");
  out.state = text("state");
  out.effect = effect_from_name(text("effect")).value_or(Effect::destroy);
  out.lock = {text("id"), text("operation"), text("info"), text("who"), text("version")};
  out.own_lock = flag("own_lock") ? StateLock::own : StateLock::none;
  out.locked_for = text("locked_for");
  out.known = flag("known");
  out.change.flags = strings_in(*json, "flags");
  out.change.serial = number_in(*json, "serial");
  out.change.previous_serial = number_in(*json, "previous_serial");
  out.change.resources = number_in(*json, "resources");
  out.change.lost = integer_or(*json, "lost", 0);
  out.change.lost_resources = strings_in(*json, "lost_resources");
  out.change.lost_types = strings_in(*json, "lost_types");
  out.change.unnamed = integer_or(*json, "unnamed", 0);
  out.change.added = integer_or(*json, "added", 0);
  return out;
}

}  // namespace countersign::adapters
