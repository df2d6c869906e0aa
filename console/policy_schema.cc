#include "console/policy_schema.h"

#include "policies/roles.h"

namespace countersign::console {
namespace {

constexpr int kDeepest = 6;

Json attributes_json(const cedar::Type& record, int depth);

Json type_json(const cedar::Type& type, int depth) {
  Json out = {{"type", type.to_text()}};
  if (type.is(cedar::TypeKind::record) && depth < kDeepest) out["attributes"] = attributes_json(type, depth + 1);
  return out;
}

Json attributes_json(const cedar::Type& record, int depth) {
  Json out = Json::object();
  for (const cedar::AttributeType& attribute : record.attributes()) {
    Json one = type_json(*attribute.type, depth);
    one["optional"] = attribute.requirement == cedar::Requirement::optional;
    out[attribute.name] = std::move(one);
  }
  return out;
}

// What stands under one name in several actions is put together: a completion is an offer, not a promise.
void merge(Json& into, const Json& from) {
  for (const auto& [name, value] : from.items()) {
    if (!into.contains(name)) {
      into[name] = value;
    } else if (value.contains("attributes")) {
      if (!into[name].contains("attributes")) into[name]["attributes"] = Json::object();
      merge(into[name]["attributes"], value["attributes"]);
    }
  }
}

template <class Map>
Json names_of(const Map& map) {
  Json out = Json::array();
  for (const auto& [name, value] : map) out.push_back(name);
  return out;
}

}  // namespace

Json schema_json(const approvals::Ruleset& ruleset) {
  const policies::PolicySchema& schema = ruleset.policies->schema();
  const policies::Directory& directory = ruleset.policies->directory();
  Json entities = Json::object();
  for (const auto& [name, type] : schema.schema().entity_types())
    entities[name] = {{"attributes", attributes_json(*type.attributes, 0)}};
  entities["Agent"]["ids"] = names_of(directory.agents());
  entities["User"]["ids"] = names_of(directory.users());
  entities["Team"]["ids"] = names_of(directory.teams());
  entities["Upstream"]["ids"] = ruleset.policies->upstreams();
  Json actions = Json::array();
  Json context = Json::object();
  for (const cedar::ActionInfo& action : schema.schema().actions()) {
    actions.push_back(action.uid.id());
    if (action.context) merge(context, attributes_json(*action.context, 0));
  }
  return {{"text", schema.text()},
          {"entities", std::move(entities)},
          {"actions", std::move(actions)},
          {"context", {{"attributes", std::move(context)}}},
          {"annotations", {"id", "approval", "reason", "description", "allow", "shadow"}},
          {"rules", names_of(ruleset.approvals->rules)},
          {"roles", policies::roles_schema_text()}};
}

}  // namespace countersign::console
