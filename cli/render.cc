#include "cli/render.h"
#include "cli/render_plan.h"

namespace countersign::cli {
namespace {

// A string member made harmless, or "".
std::string text_of(const Json& object, std::string_view key) {
  return one_line(string_or(object, key, ""));
}

TimeMs time_of(const Json& object, std::string_view key) {
  auto time = parse_time(string_or(object, key, ""));
  return time ? *time : 0;
}

const Json& list_of(const Json& object, std::string_view key) {
  static const Json kEmpty = Json::array();
  const Json* list = find_member(object, key);
  return list != nullptr && list->is_array() ? *list : kEmpty;
}

std::string joined(const Json& list, std::string_view separator) {
  std::string out;
  for (const Json& item : list) {
    if (!item.is_string()) continue;
    if (!out.empty()) out += separator;
    out += one_line(item.get_ref<const std::string&>());
  }
  return out;
}

// "first, +2" for a list that must stay short.
std::string first_of(const Json& list) {
  if (list.empty() || !list[0].is_string()) return "";
  std::string out = one_line(list[0].get_ref<const std::string&>());
  if (list.size() > 1) out += " +" + std::to_string(list.size() - 1);
  return out;
}

Style style_of(std::string_view state) {
  if (state == "held" || state == "hold" || state == "approved" || state == "executing") return Style::yellow;
  if (state == "allow" || state == "done" || state == "ok" || state == "active") return Style::green;
  if (state == "deny" || state == "denied" || state == "failed" || state == "unknown" || state == "revoked")
    return Style::red;
  return Style::plain;
}

void field(std::string& out, const Terminal& terminal, std::string_view name, const std::string& text) {
  if (text.empty()) return;
  std::string label(name);
  label.resize(std::max<std::size_t>(label.size() + 1, 14), ' ');
  out.append("  ").append(terminal.styled(Style::dim, label)).append(text).append("\n");
}

std::string when(const Json& object, std::string_view key, TimeMs now) {
  TimeMs at = time_of(object, key);
  return at == 0 ? "" : relative_time(at, now) + "  (" + absolute_time(at) + " UTC)";
}

std::string who_asks(const Json& request) {
  std::string out = "agent " + text_of(request, "agent");
  std::string delegates = joined(list_of(request, "delegates"), " > ");
  if (!delegates.empty()) out += " > " + delegates;
  return out + " for " + text_of(request, "owner");
}

void heading(std::string& out, const Terminal& terminal, std::string_view text) {
  out.append("\n").append(terminal.styled(Style::bold, text)).append("\n");
}

void render_policies(std::string& out, const Json& request, const Terminal& terminal) {
  const Json& policies = list_of(request, "policies");
  if (policies.empty()) return;
  heading(out, terminal, "Held by");
  for (const Json& policy : policies) {
    out.append("  ").append(text_of(policy, "id"));
    if (std::string source = text_of(policy, "source"); !source.empty())
      out.append("  ").append(terminal.styled(Style::dim, source));
    out += "\n";
    if (std::string says = string_or(policy, "says", ""); !says.empty()) out += indented(many_lines(says), 6);
  }
}

void render_content(std::string& out, const Json& request, Shown shown, const Terminal& terminal) {
  const Json* preview = find_member(request, "preview");
  const Json* input = find_member(request, "input");
  const Json& parts = preview == nullptr ? Json() : list_of(*preview, "parts");
  if (parts.empty() && input != nullptr && !input->is_null()) {
    heading(out, terminal, "Arguments");
    out += indented(many_lines(input->is_string() ? input->get<std::string>()
                                                  : input->dump(2, ' ', false, Json::error_handler_t::replace)),
                    2);
  }
  out += render_preview(parts, text_of(request, "id"), shown, terminal);
}

void render_approvals(std::string& out, const Json& request, const Terminal& terminal) {
  heading(out, terminal, "Approvals");
  for (const Json& rule : list_of(request, "approvals")) {
    out.append("  ").append(text_of(rule, "rule")).append(": ").append(text_of(rule, "progress")).append("\n");
    std::string names = joined(list_of(rule, "may_approve"), ", ");
    if (!names.empty()) out.append("    may approve now: ").append(names).append("\n");
  }
  for (const Json& vote : list_of(request, "votes")) {
    const Json* approves = find_member(vote, "approves");
    bool yes = approves != nullptr && approves->is_boolean() && approves->get<bool>();
    out.append("  ").append(terminal.styled(yes ? Style::green : Style::red, yes ? "approved" : "denied"));
    out.append(" by ").append(text_of(vote, "by")).append(" (").append(text_of(vote, "level")).append(") at ");
    out.append(absolute_time(time_of(vote, "at"))).append(": ").append(text_of(vote, "reason")).append("\n");
  }
}

// What the agent says about its request.
void render_documentation(std::string& out, const Json& request, const Terminal& terminal) {
  const Json* documentation = find_member(request, "documentation");
  if (documentation == nullptr || !documentation->is_object()) return;
  for (const char* name : {"intent", "ticket", "rollback"}) field(out, terminal, name, text_of(*documentation, name));
  for (const Json& reference : list_of(*documentation, "references"))
    field(out, terminal, "reference", text_of(reference, "url") + ", updated " + text_of(reference, "updated"));
}

}  // namespace

std::string render_json_list(const Json& list) {
  if (list.empty()) return "[]\n";
  std::string out = "[\n";
  for (std::size_t at = 0; at < list.size(); ++at) {
    out += list[at].dump(-1, ' ', false, Json::error_handler_t::replace);
    out += at + 1 < list.size() ? ",\n" : "\n";
  }
  return out + "]\n";
}

std::string render_json(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string render_requests(const Json& requests, TimeMs now, const Terminal& terminal) {
  Table table(
      {{"ID", 20}, {"STATE", 8}, {"ASKED", 8}, {"WHO", 12}, {"WHAT", 24}, {"EFFECT", 6}, {"WHERE", 8}, {"EXPIRES", 8}});
  for (const Json& request : requests) {
    std::string state = text_of(request, "state");
    table.add({text_of(request, "id"), state, relative_time(time_of(request, "created"), now),
               text_of(request, "agent") + " for " + text_of(request, "owner"), text_of(request, "summary"),
               text_of(request, "effect"), text_of(request, "environment"),
               state == "held" ? relative_time(time_of(request, "expires"), now) : ""},
              style_of(state), 1);
  }
  return table.empty() ? "no requests\n" : table.render(terminal);
}

std::string render_request(const Json& request, TimeMs now, const Terminal& terminal, Shown shown) {
  std::string id = text_of(request, "id");
  std::string state = text_of(request, "state");
  std::string out = terminal.styled(Style::bold, id) + "  " + terminal.styled(style_of(state), state) + "\n\n";
  out.append("  ").append(who_asks(request)).append(" wants to:\n");
  const Json* preview = find_member(request, "preview");
  std::string sentence = preview == nullptr ? "" : text_of(*preview, "sentence");
  out.append("    ").append(terminal.styled(Style::bold, sentence.empty() ? text_of(request, "summary") : sentence));
  out += "\n\n";
  field(out, terminal, "effect", text_of(request, "effect"));
  field(out, terminal, "environment", text_of(request, "environment"));
  field(out, terminal, "upstream", text_of(request, "upstream") + " (" + text_of(request, "protocol") + ")");
  field(out, terminal, "action", text_of(request, "action"));
  for (const Json& resource : list_of(request, "resources"))
    field(out, terminal, "touches", resource.is_string() ? one_line(resource.get_ref<const std::string&>()) : "");
  field(out, terminal, "announced by", render_announced(request));
  field(out, terminal, "asked", when(request, "created", now));
  if (state == "held" || state == "approved") field(out, terminal, "expires", when(request, "expires", now));
  field(out, terminal, "decided", when(request, "decided", now));
  field(out, terminal, "finished", when(request, "finished", now));
  field(out, terminal, "reason", text_of(request, "reason"));
  field(out, terminal, "fingerprint", text_of(request, "fingerprint"));
  if (const Json* reply = find_member(request, "reply"); reply != nullptr && reply->is_object()) {
    field(out, terminal, "answer",
          "status " + std::to_string(integer_or(*reply, "status", 0)) + ", " +
              std::to_string(integer_or(*reply, "bytes", 0)) + " bytes");
  }
  render_documentation(out, request, terminal);
  render_policies(out, request, terminal);
  render_content(out, request, shown, terminal);
  render_approvals(out, request, terminal);
  if (state == "held") {
    const Json* demands = find_member(request, "demands");
    const Json* must_sign = demands == nullptr ? nullptr : find_member(*demands, "signature");
    const bool sign = must_sign != nullptr && must_sign->is_boolean() && must_sign->get<bool>();
    const char* rest = sign ? " --sign --reason TEXT\n" : " --reason TEXT\n";
    out.append("\n  countersign approve ").append(id).append(rest);
    out.append("  countersign deny ").append(id).append(rest);
  }
  return out;
}

std::string render_vote(const Json& answer, const Terminal& terminal) {
  std::string state = text_of(answer, "state");
  std::string out = text_of(answer, "id") + " is " + (state == "held" ? "still " : "now ") +
                    terminal.styled(style_of(state), state) + "\n";
  for (const Json& line : list_of(answer, "missing")) {
    if (line.is_string()) out.append("  ").append(one_line(line.get_ref<const std::string&>())).append("\n");
  }
  return out;
}

std::string render_records(const Json& records, const Terminal& terminal) {
  Table table(
      {{"SEQ", 4}, {"TIME", 14}, {"WHO", 9}, {"WHAT", 13}, {"ON WHAT", 30}, {"DECISION", 8}, {"OUTCOME / WHY", 18}});
  for (const Json& record : records) {
    TimeMs at = time_of(record, "ts");
    std::string who = text_of(record, "actor");
    if (who.empty()) who = text_of(record, "agent");
    if (who.empty()) who = text_of(record, "owner");
    std::string phase = text_of(record, "phase");
    std::string what = text_of(record, "action");
    if (what.empty()) what = phase;
    std::string on = first_of(list_of(record, "resources"));
    if (auto type = on.find("::"); type != std::string::npos) on.erase(0, type + 2);  // the id says more than its type
    if (on.empty()) on = text_of(record, "request");
    if (on.empty()) on = text_of(record, "upstream");
    std::string decision = text_of(record, "decision");
    std::string why = text_of(record, "outcome");
    if (std::int64_t status = integer_or(record, "status", 0); status != 0) why += " " + std::to_string(status);
    // The first thing that says why; `audit show` has the rest.
    for (const char* key : {"comment", "code", "detail"}) {
      std::string more = text_of(record, key);
      if (more.empty()) continue;
      why += (why.empty() ? "" : ": ") + more;
      break;
    }
    table.add({std::to_string(integer_or(record, "seq", -1)), at == 0 ? "" : absolute_time(at).substr(5), who, what, on,
               decision.empty() ? "(" + phase + ")" : decision, why},
              style_of(decision), 5);
  }
  return table.empty() ? "no records\n" : table.render(terminal);
}

std::string render_record(const Json& record, const Terminal& terminal) {
  std::string out;
  for (auto it = record.begin(); it != record.end(); ++it) {
    const Json& value = it.value();
    std::string text = value.is_string()  ? one_line(value.get_ref<const std::string&>())
                       : value.is_array() ? joined(value, ", ")
                                          : one_line(value.dump(-1, ' ', false, Json::error_handler_t::replace));
    field(out, terminal, one_line(it.key()), text);
  }
  return out;
}

std::string render_tokens(const Json& tokens, TimeMs now, const Terminal& terminal) {
  Table table({{"ID", 32}, {"FOR", 8}, {"STATE", 7}, {"EXPIRES", 8}, {"ISSUED BY", 9}, {"MAY", 16}});
  for (const Json& token : tokens) {
    std::string agent = text_of(token, "agent");
    std::string owner = text_of(token, "owner");
    std::string state = text_of(token, "state");
    table.add({text_of(token, "id"), agent.empty() ? owner + " (a person)" : agent + " for " + owner, state,
               relative_time(time_of(token, "expires"), now), text_of(token, "issued_by"), text_of(token, "scope")},
              style_of(state), 2);
  }
  return table.empty() ? "no tokens\n" : table.render(terminal);
}

}  // namespace countersign::cli
