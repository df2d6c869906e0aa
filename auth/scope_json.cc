#include "auth/scope_json.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "auth/block.h"
#include "core/words.h"

namespace countersign::auth {
namespace {

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorKind::invalid, "scope.malformed", std::move(message));
}

Status only_members(const Json& json, std::string_view what, std::initializer_list<std::string_view> known) {
  if (!json.is_object()) return malformed(std::string(what) + " is not an object");
  for (const auto& member : json.items()) {
    if (std::ranges::find(known, member.key()) == known.end()) {
      return malformed(std::string(what) + " has an unknown member " + member.key());
    }
  }
  return {};
}

// The strings of one condition; absent is empty, which is "any".
Result<std::vector<std::string>> strings(const Json& rule, const char* name) {
  std::vector<std::string> out;
  const Json* list = find_member(rule, name);
  if (!list) return out;
  if (!list->is_array() || list->empty() || list->size() > kMaxListEntries) {
    return malformed(std::string(name) + " is not a list of 1 to 64 entries");
  }
  for (const Json& entry : *list) {
    if (!entry.is_string()) return malformed(std::string(name) + " has an entry that is not a string");
    const auto& text = entry.get_ref<const std::string&>();
    if (!is_pattern(text)) {
      return malformed(std::string(name) + " has an entry that is empty, too long or has control characters");
    }
    out.push_back(text);
  }
  return out;
}

void put_strings(Json& rule, const char* name, const std::vector<std::string>& values) {
  if (!values.empty()) rule[name] = values;
}

Result<std::optional<TimeMs>> time_member(const Json& block, const char* name) {
  std::optional<TimeMs> none;
  if (!block.contains(name)) return none;
  Result<TimeMs> time = parse_time(string_or(block, name, ""));
  if (!time) return malformed(std::string(name) + " is not a time");
  return std::optional<TimeMs>(*time);
}

}  // namespace

Json rule_to_json(const ScopeRule& rule) {
  Json json = Json::object();
  put_strings(json, "upstreams", rule.upstreams);
  put_strings(json, "actions", rule.actions);
  put_strings(json, "resources", rule.resources);
  put_strings(json, "environments", rule.environments);
  put_strings(json, "effects", rule.effects.names());
  return json;
}

Result<ScopeRule> rule_from_json(const Json& json) {
  Status known = only_members(json, "a rule", {"upstreams", "actions", "resources", "environments", "effects"});
  if (!known) return fail(known.error());
  ScopeRule rule;
  for (auto [name, list] : {std::pair{"upstreams", &rule.upstreams},
                            {"actions", &rule.actions},
                            {"resources", &rule.resources},
                            {"environments", &rule.environments}}) {
    Result<std::vector<std::string>> values = strings(json, name);
    if (!values) return fail(values.error());
    *list = std::move(*values);
  }
  Result<std::vector<std::string>> effects = strings(json, "effects");
  if (!effects) return fail(effects.error());
  for (const std::string& name : *effects) {
    if (name == "change") {
      rule.effects.add(EffectSet::change());
    } else if (std::optional<Effect> effect = effect_from_name(name)) {
      rule.effects.add(*effect);
    } else {
      return malformed("there is no effect " + name);
    }
  }
  return rule;
}

Json rules_to_json(const std::vector<ScopeRule>& rules) {
  Json json = Json::array();
  for (const ScopeRule& rule : rules) json.push_back(rule_to_json(rule));
  return json;
}

Result<std::vector<ScopeRule>> rules_from_json(const Json& json) {
  if (!json.is_array() || json.empty() || json.size() > kMaxRules) {
    return malformed("a scope is a list of 1 to 32 rules");
  }
  std::vector<ScopeRule> rules;
  for (const Json& entry : json) {
    Result<ScopeRule> rule = rule_from_json(entry);
    if (!rule) return fail(rule.error());
    rules.push_back(std::move(*rule));
  }
  return rules;
}

Json scope_to_json(const Scope& scope) {
  Json json = Json::array();
  for (const ScopeBlock& block : scope.blocks()) {
    Json one{{"rules", rules_to_json(block.rules)}};
    if (block.not_before) one["nbf"] = format_time(*block.not_before);
    if (block.expires) one["exp"] = format_time(*block.expires);
    json.push_back(std::move(one));
  }
  return json;
}

Result<Scope> scope_from_json(const Json& json) {
  if (!json.is_array()) return malformed("a scope is a list of blocks");
  std::vector<ScopeBlock> blocks;
  for (const Json& entry : json) {
    if (Status known = only_members(entry, "a block", {"rules", "nbf", "exp"}); !known) return fail(known.error());
    if (!entry.contains("rules")) return malformed("a block has no rules");
    Result<std::vector<ScopeRule>> rules = rules_from_json(entry["rules"]);
    if (!rules) return fail(rules.error());
    Result<std::optional<TimeMs>> not_before = time_member(entry, "nbf");
    if (!not_before) return fail(not_before.error());
    Result<std::optional<TimeMs>> expires = time_member(entry, "exp");
    if (!expires) return fail(expires.error());
    blocks.push_back({std::move(*rules), *not_before, *expires});
  }
  return Scope(std::move(blocks));
}

std::string scope_summary(const std::vector<ScopeRule>& rules) {
  std::string out;
  for (const ScopeRule& rule : rules) {
    if (!out.empty()) out += "; ";
    if (!rule.effects.empty()) {
      out += rule.effects == EffectSet::change() ? "change" : joined(rule.effects.names());
    } else {
      out += "any operation";
    }
    if (!rule.actions.empty()) out += " (" + joined(rule.actions) + ")";
    out += rule.upstreams.empty() ? " on any upstream" : " on " + joined(rule.upstreams);
    if (!rule.resources.empty()) out += " at " + joined(rule.resources);
    if (!rule.environments.empty()) out += " in " + joined(rule.environments);
  }
  return out;
}

}  // namespace countersign::auth
