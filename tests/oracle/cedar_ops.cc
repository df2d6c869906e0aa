// Operations of the Cedar library that `policy authorize` does not show, for the oracle: a line {"ops": [{"op", …}]}
// in, a line {"ops": [answer]} out. An answer is {"ok": true, …} or {"ok": false, "message"}; oracle_ops.mjs answers
// the same.
#include <iostream>
#include <map>
#include <string>

#include "core/json.h"
#include "policies/cedar/est.h"
#include "policies/cedar/format.h"
#include "policies/cedar/parser.h"
#include "policies/cedar/policy_set.h"
#include "policies/cedar/printer.h"
#include "policies/cedar/schema/print.h"
#include "policies/cedar/schema/schema.h"

namespace {

using countersign::Json;
using countersign::string_or;

Json refused(const std::string& message) {
  return {{"ok", false}, {"message", message}};
}
Json refused(const std::vector<cedar::SourceDiagnostic>& problems) {
  return refused(problems.front().to_text());
}

Json refused(const cedar::Diagnostics& problems) {
  return refused(problems.front().message);
}

// One policy or template, in JSON.
Json to_json(const Json& op) {
  auto parsed = cedar::parse_policies(string_or(op, "text", ""));
  if (!parsed) return refused(parsed.error());
  if (parsed->size() != 1) return refused("not one policy");
  auto json = cedar::write_policy_json(parsed->front());
  if (!json) return refused(json.error().message);
  // What was written must read as what it was written from; only the order of members may differ.
  auto again = cedar::read_policy_json(*json);
  if (!again) return refused("cannot read what was written: " + again.error().message);
  auto rewritten = cedar::write_policy_json(*again);
  Json first = Json::parse(*json);
  if (!rewritten || Json::parse(*rewritten) != first) return refused("reads as something else");
  return {{"ok", true}, {"json", std::move(first)}};
}

// One policy or template in JSON, as text.
Json to_text(const Json& op) {
  auto policy = cedar::read_policy_json(op.at("json").dump());
  if (!policy) return refused(policy.error().message);
  return {{"ok", true}, {"text", cedar::print(*policy)}};
}

// A text laid out anew.
Json format(const Json& op) {
  cedar::FormatOptions options{.line_width = op.value("width", std::size_t{80}),
                               .indent_width = op.value("indent", std::size_t{2})};
  auto text = cedar::format_policies(string_or(op, "text", ""), options);
  if (!text) return refused(text.error());
  auto again = cedar::format_policies(*text, options);
  return {{"ok", true}, {"text", *text}, {"stable", again && *again == *text}};
}

// Whether a policy set text parses.
Json policies(const Json& op) {
  auto parsed = cedar::PolicySet::parse(string_or(op, "text", ""));
  return parsed ? Json{{"ok", true}} : refused(parsed.error());
}

// Whether a schema text parses, in either syntax.
Json schema(const Json& op) {
  auto parsed = cedar::Schema::parse(string_or(op, "text", ""));
  return parsed ? Json{{"ok", true}} : refused(parsed.error());
}

// A schema in the other syntax.
Json schema_to_json(const Json& op) {
  auto made = cedar::schema_to_json(string_or(op, "text", ""));
  return made ? Json{{"ok", true}, {"json", Json::parse(*made)}} : refused(made.error());
}
Json schema_to_cedar(const Json& op) {
  auto made = cedar::schema_to_cedar(string_or(op, "text", ""));
  return made ? Json{{"ok", true}, {"text", *made}} : refused(made.error());
}

const std::map<std::string, Json (*)(const Json&), std::less<>> kOperations = {
    {"format", format},
    {"policies", policies},
    {"schema", schema},
    {"schema_to_json", schema_to_json},
    {"schema_to_cedar", schema_to_cedar},
    {"to_json", to_json},
    {"to_text", to_text},
};

Json answer(const Json& op) {
  auto found = kOperations.find(string_or(op, "op", ""));
  return found == kOperations.end() ? refused("no such operation") : found->second(op);
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    Json out = {{"ops", Json::array()}};
    auto parsed = countersign::parse_json(line, {.bytes = 64U << 20, .depth = 1000, .values = 5'000'000});
    if (!parsed) {
      std::cerr << "cedar_ops: " << parsed.error().message << "\n";
      return 2;
    }
    for (const Json& op : parsed->value("ops", Json::array())) out["ops"].push_back(answer(op));
    std::cout << out.dump() << std::endl;
  }
  return 0;
}
