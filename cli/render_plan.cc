#include "cli/render_plan.h"

namespace countersign::cli {
namespace {

std::string text_of(const Json& object, std::string_view key) {
  return one_line(string_or(object, key, ""));
}

Style style_of(std::string_view action) {
  if (action == "delete" || action == "replace") return Style::red;
  return action == "update" ? Style::yellow : Style::plain;
}

std::string state_sentence(const Json& plan) {
  const std::string state = string_or(plan, "state", "");
  if (state == "in_force")
    return "changes of this token on " + text_of(plan, "upstream") + " outside of it are refused until " +
           text_of(plan, "until") + " (plan withdraw ends it)";
  if (state == "superseded") return "not in force any more: " + text_of(plan, "superseded_by") + " took its place";
  return "not in force any more: " + one_line(state);
}

}  // namespace

std::string render_plan(const Json& plan, TimeMs, const Terminal& terminal, PlanShown shown) {
  std::string out =
      "plan " + text_of(plan, "plan") + ": " + text_of(plan, "summary") + "; " + state_sentence(plan) + "\n";
  if (shown == PlanShown::summary) return out;
  out += "submitted by " + text_of(plan, "agent") + " at " + text_of(plan, "submitted") + ", sha256 " +
         text_of(plan, "sha256") + "\n\n";
  Table table({{"ACTION", 7}, {"RESOURCE", 20}, {"BECAUSE", 12}});
  const Json* changes = find_member(plan, "changes");
  if (changes == nullptr || !changes->is_array()) return out;
  for (const Json& change : *changes) {
    const std::string action = text_of(change, "action");
    table.add({action, text_of(change, "address"), text_of(change, "reason")}, style_of(action), 0);
  }
  if (!table.empty()) out += table.render(terminal);
  if (const std::int64_t more = integer_or(plan, "left_out", 0); more > 0)
    out += "and " + std::to_string(more) + " more\n";
  return out;
}

std::string render_announced(const Json& request) {
  const Json* plan = find_member(request, "plan");
  if (plan == nullptr || !plan->is_object()) return "";
  std::string out = text_of(*plan, "plan") + " as ";
  const Json* as = find_member(*plan, "announced_as");
  bool first = true;
  for (const Json& each : as != nullptr && as->is_array() ? *as : Json::array()) {
    if (!each.is_string()) continue;
    out += (first ? "" : ", ") + one_line(each.get_ref<const std::string&>());
    first = false;
  }
  return out;
}

}  // namespace countersign::cli
