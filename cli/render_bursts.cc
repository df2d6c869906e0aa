#include "cli/render_bursts.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace countersign::cli {
namespace {

constexpr std::array<std::string_view, 6> kMildFirst{"read", "write", "execute", "mint", "administer", "destroy"};

std::string text_of(const Json& object, std::string_view key) {
  return one_line(string_or(object, key, ""));
}

const Json& list_of(const Json& object, std::string_view key) {
  static const Json kEmpty = Json::array();
  const Json* list = find_member(object, key);
  return list != nullptr && list->is_array() ? *list : kEmpty;
}

Style style_of_effect(std::string_view effect) {
  if (effect == "destroy") return Style::red;
  if (effect == "read" || effect == "write") return Style::plain;
  return Style::yellow;
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t has = columns(text);
  return has < width ? text + std::string(width - has, ' ') : text;
}

// The most dangerous of those that the burst counts.
std::string worst_effect(const Json& burst) {
  const Json* effects = find_member(burst, "effects");
  std::string worst;
  if (effects == nullptr || !effects->is_object()) return worst;
  for (std::string_view effect : kMildFirst) {
    if (effects->contains(effect)) worst = effect;
  }
  return worst;
}

std::string sentence_of(const Json& request) {
  std::string sentence = text_of(request, "sentence");
  return sentence.empty() ? text_of(request, "summary") : sentence;
}

}  // namespace

std::string render_members(const std::vector<const Json*>& requests, const Terminal& terminal) {
  std::string out;
  for (const Json* request : requests) {
    const std::string effect = text_of(*request, "effect");
    out += "  " + terminal.styled(style_of_effect(effect), padded(effect, 10)) + "  " + sentence_of(*request) + "\n";
    std::string line = text_of(*request, "id") + "  " + text_of(*request, "fingerprint");
    if (std::string state = text_of(*request, "state"); state != "held") line += "  " + state;
    out += "              " + terminal.styled(Style::dim, line) + "\n";
  }
  return out;
}

std::string render_burst(const Json& burst, TimeMs now, const Terminal& terminal) {
  std::vector<const Json*> held;
  std::vector<const Json*> others;
  TimeMs expires = 0;
  for (const Json& request : list_of(burst, "requests")) {
    const bool waits = string_or(request, "state", "") == "held";
    (waits ? held : others).push_back(&request);
    const TimeMs until = parse_time(string_or(request, "expires", "")).value_or(0);
    if (waits && (expires == 0 || until < expires)) expires = until;
  }
  const std::string id = text_of(burst, "id");
  std::string out = terminal.styled(Style::bold, id) + "  " + terminal.styled(Style::bold, text_of(burst, "sentence"));
  out += "\n  asked for by " + text_of(burst, "owner");
  if (expires != 0) out += ", expires " + relative_time(expires, now) + "  (" + absolute_time(expires) + " UTC)";
  out += "\n";
  if (!held.empty()) {
    out += "\n" + terminal.styled(Style::bold, "Held") + "\n" + render_members(held, terminal);
    std::set<std::string> missing;
    for (const Json* request : held) {
      for (const Json& sentence : list_of(*request, "missing")) {
        if (sentence.is_string()) missing.insert(one_line(sentence.get_ref<const std::string&>()));
      }
    }
    out += "\n" + terminal.styled(Style::bold, "Approvals") + "\n";
    for (const std::string& sentence : missing) out += "  " + sentence + "\n";
  }
  if (!others.empty()) {
    out += "\n" + terminal.styled(Style::bold, "Not held any more") + "\n" + render_members(others, terminal);
  }
  if (!held.empty()) {
    const Json* demands = find_member(burst, "demands");
    const Json* sign = demands == nullptr ? nullptr : find_member(*demands, "signature");
    const char* rest =
        sign != nullptr && sign->is_boolean() && sign->get<bool>() ? " --sign --reason TEXT\n" : " --reason TEXT\n";
    out += "\n  countersign request show " + text_of(*held.front(), "id") + "    (each by itself)\n";
    out += "  countersign approve " + id + rest;
    out += "  countersign deny " + id + rest;
  }
  return out;
}

std::string render_burst_vote(const Json& answer, const Terminal& terminal) {
  std::map<std::string, std::size_t> states;
  std::set<std::string> missing;
  std::string not_decided;
  for (const Json& one : list_of(answer, "results")) {
    if (const Json* error = find_member(one, "error"); error != nullptr && error->is_object()) {
      not_decided += "  " + text_of(one, "id") + ": " + text_of(*error, "detail") + "\n";
      continue;
    }
    ++states[text_of(one, "state")];
    for (const Json& sentence : list_of(one, "missing")) {
      if (sentence.is_string()) missing.insert(one_line(sentence.get_ref<const std::string&>()));
    }
  }
  std::string out;
  for (const auto& [state, count] : states) {
    const Style style = state == "held" ? Style::yellow : state == "denied" ? Style::red : Style::green;
    out += std::to_string(count) + (count == 1 ? " request is " : " requests are ") +
           (state == "held" ? "still " : "now ") + terminal.styled(style, state) + "\n";
  }
  for (const std::string& sentence : missing) out += "  " + sentence + "\n";
  out += not_decided;
  if (const std::int64_t left = integer_or(answer, "held", 0); left > 0 && !states.contains("held")) {
    out += std::to_string(left) + " more of " + text_of(answer, "id") + " still held: countersign request show " +
           text_of(answer, "id") + "\n";
  }
  return out;
}

Json grouped_by_burst(const Json& requests, const Json& bursts) {
  std::map<std::string, std::size_t> held;
  for (const Json& request : requests) {
    if (string_or(request, "state", "") == "held") ++held[string_or(request, "burst", "")];
  }
  Json out = Json::array();
  std::map<std::string, std::size_t> lines;
  for (const Json& request : requests) {
    const std::string id = string_or(request, "burst", "");
    const Json* burst = id.empty() ? nullptr : find_member(bursts, id);
    if (burst == nullptr || held[id] < 2 || string_or(request, "state", "") != "held") {
      out.push_back(request);
      continue;
    }
    auto [line, is_new] = lines.try_emplace(id, out.size());
    if (is_new) {
      Json one = request;
      one["id"] = id;
      one["summary"] = string_or(*burst, "sentence", "");
      one["effect"] = worst_effect(*burst);
      out.push_back(std::move(one));
    } else if (std::string until = string_or(request, "expires", "");
               until < string_or(out[line->second], "expires", "")) {
      out[line->second]["expires"] = until;
    }
  }
  return out;
}

}  // namespace countersign::cli
