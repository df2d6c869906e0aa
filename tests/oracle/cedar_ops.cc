// Operations of the Cedar library that `policy authorize` does not show, for the oracle: a line {"ops": [{"op", …}]} in, a
// line {"ops": [answer]} out. An answer is {"ok": true, …} or {"ok": false, "message"}; oracle_ops.mjs answers the same.
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "core/json.h"
#include "policies/cedar/policy_set.h"
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
    {"policies", policies},
    {"schema", schema},
    {"schema_to_json", schema_to_json},
    {"schema_to_cedar", schema_to_cedar},
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
