#include "policies/question.h"

#include <algorithm>
#include <initializer_list>

#include "core/problem.h"
#include "policies/cedar/parser.h"
#include "policies/session_json.h"
#include "scopes/protocols.h"

namespace countersign::policies {
namespace {

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::invalid, "question.invalid", std::move(message));
}

Status only_members(const Json& object, std::string_view what, const std::vector<std::string_view>& known) {
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    std::string_view near = closest(key, known);
    return wrong(std::string(what) + " has no member `" + bounded(key, 60) + "`" +
                 (near.empty() ? "" : "; did you mean `" + std::string(near) + "`?"));
  }
  return {};
}

Status read_text(const Json& object, std::string_view key, std::string& out) {
  const Json* member = find_member(object, key);
  if (member == nullptr) return {};
  if (!member->is_string()) return wrong("`" + std::string(key) + "` must be text");
  out = member->get<std::string>();
  return {};
}

Status read_texts(const Json& object, std::string_view key, std::vector<std::string>& out) {
  const Json* member = find_member(object, key);
  if (member == nullptr) return {};
  bool texts = member->is_array() && std::ranges::all_of(*member, [](const Json& item) { return item.is_string(); });
  if (!texts) return wrong("`" + std::string(key) + "` must be a list of texts");
  out = member->get<std::vector<std::string>>();
  return {};
}

Status read_time(const Json& object, std::string_view key, TimeMs& out) {
  std::string text;
  if (auto read = read_text(object, key, text); !read) return read;
  if (text.empty()) return {};
  auto time = parse_time(text);
  if (!time) return wrong("`" + std::string(key) + "` must be a time like 2026-11-21T09:30:00Z");
  out = *time;
  return {};
}

Result<Effect> read_effect(const std::string& text) {
  auto effect = effect_from_name(text);
  if (!effect) {
    return wrong(text.empty()
                     ? "`effect` is missing: read, write, execute, mint, administer or destroy"
                     : "`" + bounded(text, 40) + "` is no effect: read, write, execute, mint, administer or destroy");
  }
  return *effect;
}

Result<ScopeRule> read_rule(const Json& json) {
  if (!json.is_object()) return wrong("a rule of `scope` must be an object");
  if (auto known =
          only_members(json, "a rule of `scope`", {"upstreams", "effects", "actions", "resources", "environments"});
      !known)
    return fail(known.error());
  ScopeRule rule;
  std::vector<std::string> effects;
  for (auto [key, list] : {std::pair("upstreams", &rule.upstreams), std::pair("actions", &rule.actions),
                           std::pair("resources", &rule.resources), std::pair("environments", &rule.environments),
                           std::pair("effects", &effects)}) {
    if (auto read = read_texts(json, key, *list); !read) return fail(read.error());
  }
  for (const std::string& name : effects) {
    if (name == "change") {
      rule.effects.add(EffectSet::change());
      continue;
    }
    auto effect = read_effect(name);
    if (!effect) return fail(effect.error());
    rule.effects.add(*effect);
  }
  return rule;
}

Result<Scope> read_scope(const Json& question) {
  ScopeBlock block;
  const Json* json = find_member(question, "scope");
  if (json == nullptr) {
    block.rules.emplace_back();
    return Scope({block});
  }
  for (const Json& each : json->is_array() ? *json : Json::array({*json})) {
    auto rule = read_rule(each);
    if (!rule) return fail(rule.error());
    block.rules.push_back(std::move(*rule));
  }
  return Scope({block});
}

Result<ApprovalFact> read_approval(const Json& json, const Directory& directory, TimeMs now) {
  // Somebody who may approve everything: enough where no policy asks who it was.
  if (json.is_string()) return ApprovalFact{json.get<std::string>(), "somebody", "vp", now};
  if (!json.is_object()) return wrong("an approval is the name of its rule, or an object with `rule` and `by`");
  if (auto known = only_members(json, "an approval", {"rule", "by", "level", "at"}); !known) return fail(known.error());
  ApprovalFact fact;
  fact.at = now;
  for (auto [key, text] : {std::pair("rule", &fact.rule), std::pair("by", &fact.by), std::pair("level", &fact.level)}) {
    if (auto read = read_text(json, key, *text); !read) return fail(read.error());
  }
  if (auto read = read_time(json, "at", fact.at); !read) return fail(read.error());
  if (fact.rule.empty() || fact.by.empty()) return wrong("an approval needs `rule` and `by`");
  if (fact.level.empty()) {
    const User* user = directory.find_user(fact.by);
    if (user == nullptr) return wrong("`" + bounded(fact.by, 60) + "` is not in entities.yaml: say its `level`");
    fact.level = level_name(user->level);
  }
  if (!level_from_name(fact.level)) return wrong("`" + bounded(fact.level, 40) + "` is no level");
  return fact;
}

Result<Session> session_of(const Json& json, std::size_t accesses) {
  auto document = JsonDocument::parse(json.dump());
  if (!document) return wrong("`session` cannot be read: " + document.error().message);
  auto session = parse_session(document->root(), accesses);
  if (!session) return wrong(session.error().message);
  return session;
}

Result<Resource> read_resource_member(const Json& object) {
  const Json* json = find_member(object, "resource");
  if (json == nullptr) return wrong("`resource` is missing: File::files/production/config.json");
  if (json->is_string()) return read_resource(json->get_ref<const std::string&>());
  if (!json->is_object()) return wrong("`resource` must be text, or an object with `type` and `id`");
  if (auto known = only_members(*json, "`resource`", {"type", "id"}); !known) return fail(known.error());
  return read_resource(string_or(*json, "type", "") + "::" + string_or(*json, "id", ""));
}

// `Action::"mcp:call_tool"` or `mcp:call_tool`.
Status read_action(const Json& object, std::string& out) {
  if (auto read = read_text(object, "action", out); !read) return read;
  if (!out.starts_with("Action::")) return {};
  auto uid = cedar::parse_entity_uid(out);
  if (!uid) return wrong("`action` must be Action::\"mcp:call_tool\" or mcp:call_tool");
  out = uid->id();
  return {};
}

Status read_input(const Json& object, std::string& out) {
  const Json* input = find_member(object, "input");
  if (input == nullptr) return {};
  if (!input->is_object()) return wrong("`input` must be an object");
  out = input->dump();
  return {};
}

// What the thing's own tags say: {"environment": "dev", "owner": "platform", "tier": 2}, or less.
Status read_tags(const Json& object, std::optional<config::LabelSet>& out) {
  const Json* tags = find_member(object, "tags");
  if (tags == nullptr) return {};
  if (!tags->is_object()) return wrong("`tags` must be an object: what the thing's own tags say");
  if (auto known = only_members(*tags, "`tags`", {"environment", "owner", "tier"}); !known) return known;
  out.emplace();
  for (auto [key, label] : {std::pair("environment", &out->environment), std::pair("owner", &out->owner)}) {
    std::string text;
    if (auto read = read_text(*tags, key, text); !read) return read;
    if (!text.empty()) *label = std::move(text);
  }
  if (const Json* tier = find_member(*tags, "tier")) {
    if (!tier->is_number_integer()) return wrong("`tier` must be a number");
    out->tier = tier->get<std::int64_t>();
  }
  return {};
}

Status read_accesses(const Json& json, Operation& operation) {
  const Json* list = find_member(json, "accesses");
  if (list != nullptr && (find_member(json, "resource") != nullptr || find_member(json, "effect") != nullptr))
    return wrong("`accesses` stands instead of `resource` and `effect`");
  if (list != nullptr && (!list->is_array() || list->empty()))
    return wrong("`accesses` must be a list of {resource, effect}");
  for (const Json& each : list != nullptr ? *list : Json::array({json})) {
    if (!each.is_object()) return wrong("`accesses` must be a list of {resource, effect}");
    Access access;
    if (list != nullptr) {
      if (auto known = only_members(each, "an access", {"resource", "effect", "action", "input", "tags"}); !known)
        return known;
      if (auto read = read_action(each, access.action); !read) return read;
      if (auto read = read_input(each, access.input); !read) return read;
    }
    if (auto read = read_tags(each, access.tags); !read) return read;
    auto resource = read_resource_member(each);
    if (!resource) return fail(resource.error());
    std::string name;
    if (auto read = read_text(each, "effect", name); !read) return read;
    auto effect = read_effect(name);
    if (!effect) return fail(effect.error());
    access.resource = std::move(*resource);
    access.effect = *effect;
    operation.accesses.push_back(std::move(access));
  }
  return {};
}

// An operation whose accesses all say their own action has theirs, or, where they differ, the group they are in.
Status settle_action(Operation& operation) {
  for (const Access& access : operation.accesses) {
    if (!operation.action.empty()) break;
    if (access.action.empty()) return wrong("`action` is missing: mcp:call_tool, http:PUT, git:update_ref");
  }
  auto differs = [&](const Access& access) { return access.action != operation.accesses.front().action; };
  if (operation.action.empty()) {
    operation.action = operation.accesses.front().action;
    const std::string protocol = operation.action.substr(0, operation.action.find(':'));
    std::string_view group = group_of(protocol, operation.action);
    if (!group.empty() && std::ranges::any_of(operation.accesses, differs)) operation.action = group;
  }
  if (operation.protocol.empty()) operation.protocol = operation.action.substr(0, operation.action.find(':'));
  return {};
}

// Every resource is of one upstream, whose name its id begins with.
Status settle_upstream(Operation& operation) {
  const std::string& first = operation.accesses.front().resource.id;
  if (operation.upstream.empty()) operation.upstream = first.substr(0, first.find('/'));
  for (Access& access : operation.accesses) {
    const std::string& id = access.resource.id;
    bool inside = id.starts_with(operation.upstream + "/");
    if (!inside && id != operation.upstream)
      return wrong("the id of a resource begins with its upstream: " + operation.upstream + "/…, not `" +
                   bounded(id, 80) + "`");
    access.resource.name = inside ? id.substr(operation.upstream.size() + 1) : "";
  }
  return {};
}

Result<Operation> read_operation(const Json& json) {
  Operation out;
  for (auto [key, text] : {std::pair("upstream", &out.upstream), std::pair("protocol", &out.protocol)}) {
    if (auto read = read_text(json, key, *text); !read) return fail(read.error());
  }
  if (auto read = read_action(json, out.action); !read) return fail(read.error());
  if (out.action.empty() && find_member(json, "accesses") == nullptr)
    return wrong("`action` is missing: mcp:call_tool, http:PUT, git:update_ref");
  if (auto read = read_accesses(json, out); !read) return fail(read.error());
  if (auto settled = settle_action(out); !settled) return fail(settled.error());
  if (auto settled = settle_upstream(out); !settled) return fail(settled.error());
  if (auto read = read_input(json, out.input); !read) return fail(read.error());
  return out;
}

}  // namespace

Result<Resource> read_resource(std::string_view text) {
  std::size_t colons = text.find("::");
  Resource out;
  // A type may have a namespace; an id of the log's form is what follows the type, so the last `::"` wins.
  if (std::size_t quoted = text.find("::\""); quoted != std::string_view::npos) {
    auto uid = cedar::parse_entity_uid(text);
    if (!uid) return wrong("`" + bounded(text, 80) + "` is no entity: File::\"files/a.txt\"");
    out.type = uid->type_name();
    out.id = uid->id();
  } else if (colons != std::string_view::npos) {
    out.type = text.substr(0, colons);
    out.id = text.substr(colons + 2);
  }
  if (!cedar::is_entity_type_name(out.type) || out.id.empty())
    return wrong("`" + bounded(text, 80) + "` is no resource: File::files/production/config.json");
  return out;
}

Result<Question> read_question(const Json& json, const Directory& directory, TimeMs now) {
  if (!json.is_object()) return wrong("a question is an object");
  const Json* nested = find_member(json, "operation");
  std::vector<std::string_view> about = {"upstream", "protocol", "action", "effect",
                                         "resource", "accesses", "input",  "tags"};
  std::vector<std::string_view> known = {"agent", "principal", "owner", "delegates", "token",
                                         "scope", "approvals", "now",   "operation", "session"};
  if (nested == nullptr) known.insert(known.end(), about.begin(), about.end());
  if (auto read = only_members(json, "the question", known); !read) return fail(read.error());
  if (nested != nullptr) {
    if (!nested->is_object()) return wrong("`operation` must be an object");
    if (auto read = only_members(*nested, "`operation`", about); !read) return fail(read.error());
  }

  Question out;
  out.now = now;
  if (auto read = read_time(json, "now", out.now); !read) return fail(read.error());
  std::string principal;
  for (auto [key, text] : {std::pair("agent", &out.agent), std::pair("principal", &principal),
                           std::pair("owner", &out.owner), std::pair("token", &out.token)}) {
    if (auto read = read_text(json, key, *text); !read) return fail(read.error());
  }
  if (!principal.empty()) {
    auto uid = cedar::parse_entity_uid(principal);
    if (!uid || uid->type_name() != "Agent") return wrong("`principal` must be Agent::\"name\"");
    if (out.agent.empty()) out.agent = uid->id();
    if (out.agent != uid->id()) return wrong("`principal` and `agent` name two agents");
  }
  if (out.agent.empty()) return wrong("`agent` is missing: who asks?");
  if (out.owner.empty()) {
    const Agent* agent = directory.find_agent(out.agent);
    if (agent == nullptr)
      return wrong("`" + bounded(out.agent, 60) + "` is not in entities.yaml: say its `owner`, a user or team");
    out.owner = agent->owner;
  }
  if (auto read = read_texts(json, "delegates", out.delegates); !read) return fail(read.error());
  auto scope = read_scope(json);
  if (!scope) return fail(scope.error());
  out.scope = std::move(*scope);
  auto operation = read_operation(nested != nullptr ? *nested : json);
  if (!operation) return fail(operation.error());
  out.operation = std::move(*operation);
  if (const Json* said = find_member(json, "session")) {
    auto session = session_of(*said, out.operation.accesses.size());
    if (!session) return fail(session.error());
    out.session = std::move(*session);
  }
  if (const Json* approvals = find_member(json, "approvals")) {
    if (!approvals->is_array()) return wrong("`approvals` must be a list");
    for (const Json& each : *approvals) {
      auto fact = read_approval(each, directory, out.now);
      if (!fact) return fail(fact.error());
      out.approvals.push_back(std::move(*fact));
    }
  }
  return out;
}

}  // namespace countersign::policies
