#include "policies/schema.h"

#include <algorithm>

#include "policies/cedar/unescape.h"
#include "policies/cedar/value.h"
#include "policies/mentions.h"
#include "policies/problems.h"
#include "policies/snapshot.h"
#include "scopes/catalogue/aws_actions.h"
#include "scopes/openapi.h"
#include "scopes/protocols.h"

namespace countersign::policies {
namespace {

using cedar::Type;
using cedar::TypeKind;
using cedar::TypePtr;

// Type::to_text is for messages and may be cut short.
std::string text_of(const Type& type) {
  if (type.is(TypeKind::entity)) return type.entity_name();
  if (type.is(TypeKind::set)) return "Set<" + text_of(*type.element()) + ">";
  if (!type.is(TypeKind::record)) return type.to_text();
  if (type.attributes().empty()) return "{}";
  std::string out = "{ ";
  for (const cedar::AttributeType& attribute : type.attributes()) {
    if (out.size() > 2) out += ", ";
    out += attribute_text(attribute.name);
    out += attribute.requirement == cedar::Requirement::optional ? "?: " : ": ";
    out += text_of(*attribute.type);
  }
  return out + " }";
}

TypePtr type_of(const AgentAttribute& attribute) {
  if (std::holds_alternative<std::string>(attribute)) return Type::primitive(TypeKind::string);
  return Type::primitive(std::holds_alternative<bool>(attribute) ? TypeKind::boolean : TypeKind::integer);
}

void collect_agents(const std::string& file, const Directory& directory, SchemaParts& out, Problems& problems) {
  for (const cedar::AttributeType& attribute : out.declared.agent->attributes())
    out.agent.emplace(attribute.name, attribute.type);
  for (const auto& [name, agent] : directory.agents()) {
    for (const auto& [key, value] : agent.attributes) {
      auto [found, fresh] = out.agent.emplace(key, type_of(value));
      if (*found->second == *type_of(value)) continue;
      problems.push_back({.file = file,
                          .message = "the agent `" + name + "` has a `" + key + "` that is a " +
                                     type_of(value)->to_text() + ", elsewhere it is a " + found->second->to_text(),
                          .code = "schema.agent_attribute",
                          .help = "give an attribute one type everywhere; quotes make a number text"});
    }
  }
}

void collect_upstream(const config::Upstream& upstream, SchemaParts& out, Problems& problems) {
  for (const auto& [label, value] : upstream.labels.free) out.labels.insert(label);
  for (const config::ToolRule& rule : upstream.tools) {
    if (!rule.resources.empty()) out.resource_types[upstream.protocol].insert(rule.resource_type);
  }
  for (const config::HttpRule& rule : upstream.operations) {
    if (!rule.action.empty()) out.actions[upstream.protocol].insert(upstream.protocol + ":" + rule.action);
  }
  if (upstream.openapi.empty()) return;
  Result<std::vector<OpenApiOperation>> document = load_openapi(upstream.openapi);
  if (!document) {
    problems.push_back({.file = upstream.openapi, .message = document.error().message, .code = document.error().code});
    return;
  }
  for (const OpenApiOperation& operation : *document) {
    if (!operation.operation_id.empty())
      out.actions[upstream.protocol].insert(upstream.protocol + ":" + operation.operation_id);
  }
}

bool is_known_type(std::string_view type) {
  if (is_reserved_type(type)) return true;
  return std::ranges::any_of(protocols(), [&](const Protocol& protocol) {
    return std::ranges::any_of(protocol.actions, [&](const ProtocolAction& action) {
      return std::ranges::find(action.resources, type) != action.resources.end();
    });
  });
}

// With no configuration at hand, what it would name is taken from the policies.
class Assumed {
 public:
  Assumed(SchemaParts& out, Problems& problems) : out_(out), problems_(problems) {}

  void read(const cedar::Source& source, const cedar::ast::Policy& policy) {
    using namespace cedar::ast;
    source_ = &source;
    const Scope& resource = policy.resource;
    if (resource.kind == ScopeKind::is || resource.kind == ScopeKind::is_in) type(resource.type, resource.span);
    if (resource.kind == ScopeKind::equal && !resource.entities.empty())
      type(resource.entities.front().type, resource.span);
    for (const Expr& expr : policy.exprs) {
      if (expr.kind == ExprKind::is || expr.kind == ExprKind::entity) type(expr.text, expr.span);
      if (expr.kind == ExprKind::attribute) label(policy.exprs, expr.operands.front(), expr.text, expr.span);
      if (expr.kind == ExprKind::has && !expr.path.empty())
        label(policy.exprs, expr.operands.front(), expr.path.front(), expr.span);
      bool via_path = expr.kind == ExprKind::has && expr.path.size() > 1 && expr.path.front() == "labels";
      if (via_path && policy.exprs[expr.operands.front()].kind == ExprKind::variable) assume(expr.path[1], expr.span);
    }
  }

 private:
  void type(const std::string& name, cedar::Span span) {
    if (is_known_type(name) || !cedar::is_entity_type_name(name)) return;
    if (out_.resource_types["mcp"].insert(name).second)
      warn(span, "`" + name + "` is no resource type of any protocol; it is taken to be one that a tool rule names");
  }
  // `….labels` of the resource or an upstream, then `name`.
  void label(const std::vector<cedar::ast::Expr>& exprs, cedar::ast::ExprId target, const std::string& name,
             cedar::Span span) {
    const cedar::ast::Expr& labels = exprs[target];
    if (labels.kind == cedar::ast::ExprKind::attribute && labels.text == "labels") assume(name, span);
  }
  void assume(const std::string& label, cedar::Span span) {
    if (out_.labels.insert(label).second)
      warn(span, "nothing in entities.yaml has the label `" + label + "`; it is taken to be one of an upstream");
  }
  void warn(cedar::Span span, std::string message) {
    problems_.push_back(problem_at(*source_, span, "schema.assumed", std::move(message),
                                   "give the configuration to check against it: --config countersign.yaml",
                                   Severity::warning));
  }

  SchemaParts& out_;
  Problems& problems_;
  const cedar::Source* source_ = nullptr;
};

}  // namespace

std::string attribute_text(std::string_view name) {
  bool plain = cedar::is_entity_type_name(name) && name.find(':') == std::string_view::npos;
  return plain ? std::string(name) : cedar::quote(name);
}

void collect_named_actions(const cedar::PolicySet& policies, SchemaParts& out) {
  for (const std::string& name : named_actions(policies)) {
    if (!name.starts_with("aws:")) continue;
    if (find_aws_action(name)) out.actions["aws"].insert(name);
    for (std::string& example : examples_of_aws_group(name)) out.actions["aws"].insert(std::move(example));
  }
}

SchemaParts collect_schema(const std::string& entities_file, const Declarations& declared, const Directory& directory,
                           const Inventory& inventory, const std::vector<config::Upstream>& upstreams,
                           const cedar::PolicySet& policies, Problems& problems) {
  SchemaParts out;
  collect_named_actions(policies, out);
  out.declared = declared;
  collect_agents(entities_file, directory, out, problems);
  for (const cedar::AttributeType& label : declared.labels->attributes()) out.labels.insert(label.name);
  for (const InventoryRule& rule : inventory.rules()) {
    for (const auto& [label, value] : rule.labels.free) out.labels.insert(label);
  }
  for (const config::Upstream& upstream : upstreams) collect_upstream(upstream, out, problems);
  if (!upstreams.empty()) return out;
  out.upstreams = SchemaParts::Upstreams::assumed;
  Assumed assumed(out, problems);
  for (const cedar::Policy& policy : policies.all()) assumed.read(policy.source(), policy.syntax());
  for (const cedar::Template& each : policies.templates()) assumed.read(each.source(), each.syntax());
  return out;
}

namespace {

// Entities of one namespace's worth of types; Cedar writes `A::B` as B inside `namespace A`.
std::string resource_declaration(const std::string& type, const std::string& attributes) {
  std::size_t cut = type.rfind("::");
  std::string name = cut == std::string::npos ? type : type.substr(cut + 2);
  std::string entity = "entity " + name + " in [Upstream] = " + attributes + ";\n";
  return cut == std::string::npos ? entity : "namespace " + type.substr(0, cut) + " {\n  " + entity + "}\n";
}

std::string list(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return "[" + out + "]";
}

void append_action(std::string& out, const Protocol& protocol, std::string_view name, const ProtocolAction& shape,
                   const SchemaParts& parts, std::optional<Effect> only) {
  std::vector<std::string> groups = {cedar::quote(protocol.name)};
  if (!shape.group.empty()) groups.push_back(cedar::quote(shape.group));
  bool change = false;
  bool applies = false;
  for (std::size_t i = 0; i < kEffectCount; ++i) {
    Effect effect = static_cast<Effect>(i);
    if (!shape.effects.contains(effect) || (only && *only != effect)) continue;
    groups.push_back(cedar::quote(effect_name(effect)));
    change = change || is_change(effect);
    applies = true;
  }
  if (change) groups.push_back(cedar::quote("change"));
  out.append("action ").append(cedar::quote(name)).append(" in ").append(list(groups));
  if (!applies) {
    out += ";\n";
    return;
  }
  std::vector<std::string> resources(shape.resources.begin(), shape.resources.end());
  if (auto found = parts.resource_types.find(std::string(protocol.name)); found != parts.resource_types.end()) {
    for (const std::string& type : found->second) {
      if (std::ranges::find(resources, type) == resources.end()) resources.push_back(type);
    }
  }
  out += " appliesTo {\n  principal: [Agent],\n  resource: " + list(resources) + ",\n  context: {\n";
  out += "    now: datetime, effect: String, upstream: String, protocol: String,\n";
  out += "    caller: { token: String, delegated: Bool }, approval: Approval, session: Session,\n";
  out.append("    input: ").append(shape.input).append(",\n  },\n};\n");
}

// Listed actions, and those that upstreams name, which are like the first.
std::vector<std::pair<std::string, const ProtocolAction*>> actions_of(const Protocol& protocol,
                                                                      const SchemaParts& parts) {
  std::vector<std::pair<std::string, const ProtocolAction*>> out;
  for (const ProtocolAction& action : protocol.actions) out.emplace_back(action.name, &action);
  auto extra = parts.actions.find(std::string(protocol.name));
  if (extra == parts.actions.end()) return out;
  for (const std::string& name : extra->second) {
    if (std::ranges::find(protocol.actions, name, &ProtocolAction::name) == protocol.actions.end())
      out.emplace_back(name, protocol.find(name));
  }
  return out;
}

std::set<std::string, std::less<>> resource_types_of(const SchemaParts& parts) {
  std::set<std::string, std::less<>> out;
  for (const Protocol& protocol : protocols()) {
    for (const ProtocolAction& action : protocol.actions) out.insert(action.resources.begin(), action.resources.end());
  }
  for (const auto& [protocol, types] : parts.resource_types) out.insert(types.begin(), types.end());
  return out;
}

}  // namespace

std::string schema_text(const SchemaParts& parts, const SchemaFocus& focus) {
  std::string out =
      "// What policies see: generated, not to be edited. What a folder adds stands in its inputs.cedarschema.\n\n";
  out += "type Arguments = " + text_of(*parts.declared.arguments) + ";\n";
  out += "type Query = " + text_of(*parts.declared.query) + ";\n";
  out += "type Parameters = " + text_of(*parts.declared.parameters) + ";\n\n";
  const std::string counts = "{ changes: Long, denials: Long, destroys: Long, holds: Long, reads: Long }";
  out += "type Session = {\n  age: Long, hour: " + counts + ",\n  minutes: " + counts + ",\n";
  out +=
      "  created: Bool, denied: Bool, listed: Bool, recreates: Bool, siblings_destroyed: Long, unprotected: "
      "Bool,\n};\n\n";
  out += "entity Team in [Team] = { name: String };\n";
  out += "entity User in [Team] = { name: String, level: String, rank: Long };\n";
  out += "entity Agent in [User, Team] = {\n  name: String, owner?: User, team?: Team, delegates: Set<String>,\n";
  for (const auto& [name, type] : parts.agent) out += "  " + attribute_text(name) + "?: " + text_of(*type) + ",\n";
  out += "};\n";
  out += "entity Approval tags { by: User, level: String, rank: Long, at: datetime };\n\n";
  std::string attributes = "{\n  name: String, environment: String, tier: Long, owner: String,\n  labels: {";
  for (const std::string& label : parts.labels) attributes += " " + attribute_text(label) + "?: String,";
  attributes += parts.labels.empty() ? "},\n}" : " },\n}";
  out += "entity Upstream = " + attributes + ";\n";
  for (const std::string& type : resource_types_of(parts)) out += resource_declaration(type, attributes);
  out += "\naction \"change\"";
  for (std::size_t i = 0; i < kEffectCount; ++i) out += ", " + cedar::quote(effect_name(static_cast<Effect>(i)));
  for (const Protocol& protocol : protocols()) {
    out += ", " + cedar::quote(protocol.name);
    std::set<std::string_view> groups;
    for (const auto& [name, shape] : actions_of(protocol, parts)) groups.insert(shape->group);
    groups.erase("");
    for (std::string_view group : groups) out += ", " + cedar::quote(group);
  }
  out += ";\n";
  for (const Protocol& protocol : protocols()) {
    out += "\n";
    for (const auto& [name, shape] : actions_of(protocol, parts)) {
      bool left_out = focus.actions && protocol.names == ActionNames::open && name != protocol.actions.front().name &&
                      !focus.actions->contains(name);
      if (!left_out) append_action(out, protocol, name, *shape, parts, focus.effect);
    }
  }
  return out;
}

std::shared_ptr<const PolicySchema> PolicySchema::make(SchemaParts parts, Problems& problems) {
  std::string text = schema_text(parts);
  auto parsed = cedar::Schema::parse({{"generated.cedarschema", text}});
  if (!parsed) {
    for (const cedar::SourceDiagnostic& found : parsed.error())
      problems.push_back({.file = "generated.cedarschema",
                          .line = static_cast<int>(found.source->locate(found.diagnostic.span).line),
                          .message = found.diagnostic.message,
                          .code = "schema.generated",
                          .help = "a resource type or label of the configuration cannot be a name in Cedar"});
    return nullptr;
  }
  std::shared_ptr<PolicySchema> out(new PolicySchema(std::move(*parsed)));
  out->text_ = std::move(text);
  out->resource_types_ = resource_types_of(parts);
  out->parts_ = std::move(parts);
  for (const Protocol& protocol : protocols()) {
    for (const cedar::ActionInfo& action : out->schema_.actions()) {
      const ProtocolAction* shape = protocol.find(action.uid.id());
      if (!shape || !action.context) continue;
      const cedar::AttributeType* input = action.context->find("input");
      if (!input) continue;
      Action known{input->type, shape->effects, std::nullopt};
      if (!shape->group.empty()) known.group.emplace(vocabulary().action, shape->group);
      if (protocol.names != ActionNames::listed && shape == &protocol.actions.front())
        out->unlisted_.emplace(protocol.name, known);
      out->actions_.emplace(action.uid, std::move(known));
    }
  }
  return out;
}

bool PolicySchema::is_resource_type(std::string_view type) const {
  if (resource_types_.contains(type)) return true;
  return parts_.upstreams == SchemaParts::Upstreams::assumed && cedar::is_entity_type_name(type) &&
         !is_reserved_type(type);
}

const PolicySchema::Action* PolicySchema::find(std::string_view protocol, const cedar::EntityUid& action) const {
  std::string_view id = action.id();
  bool named = !protocol.empty() && id.size() > protocol.size() + 1 && id.starts_with(protocol) &&
               id[protocol.size()] == ':' && action.type_name() == "Action";
  if (!named) return nullptr;
  if (auto found = actions_.find(action); found != actions_.end()) return &found->second;
  auto found = unlisted_.find(protocol);
  if (found == unlisted_.end()) return nullptr;
  const Protocol* known = find_protocol(protocol);
  return known->names == ActionNames::catalogue ? find_in_catalogue(*known, id, found->second) : &found->second;
}

const PolicySchema::Action* PolicySchema::find_in_catalogue(const Protocol& protocol, std::string_view action,
                                                            const Action& like) const {
  const ProtocolAction* shape = protocol.find(action);
  if (!shape) return nullptr;
  std::call_once(catalogued_once_, [&] {
    for (const ProtocolAction& each : aws_action_shapes())
      catalogued_.emplace(&each, Action{like.input, each.effects, cedar::EntityUid(vocabulary().action, each.group)});
  });
  auto found = catalogued_.find(shape);
  return found == catalogued_.end() ? nullptr : &found->second;
}

}  // namespace countersign::policies
