// /api/v1/agents: who acts here with which tokens, and the switch that stops them.
#include <algorithm>
#include <map>
#include <set>

#include "console/api.h"
#include "console/views.h"

namespace countersign::console {
namespace {

constexpr std::size_t kMostAgents = 5'000;
constexpr TimeMs kPatience = 2'000;

bool is_same(std::string_view owner, std::string_view person) {
  return owner == person || (owner.starts_with("user:") && owner.substr(5) == person);
}

Json frozen_json(const std::optional<auth::Freeze>& freeze) {
  if (!freeze) return {};
  return {{"by", freeze->by}, {"at", format_time(freeze->at)}, {"reason", freeze->reason}};
}

Json attributes_json(const policies::Agent& agent) {
  Json out = Json::object();
  for (const auto& [name, value] : agent.attributes)
    std::visit([&, &key = name](const auto& each) { out[key] = each; }, value);
  return out;
}

}  // namespace

// What the parts of the program know about agents of this moment.
struct AdminApi::Agents {
  std::shared_ptr<const approvals::Ruleset> ruleset;
  std::vector<auth::ListedToken> tokens;  // of agents
  TimeMs now = 0;

  [[nodiscard]] const policies::Agent* listed(std::string_view name) const {
    return ruleset->policies->directory().find_agent(name);
  }
  [[nodiscard]] std::vector<const auth::ListedToken*> tokens_of(std::string_view name) const {
    std::vector<const auth::ListedToken*> out;
    for (const auth::ListedToken& each : tokens) {
      if (each.token.agent == name) out.push_back(&each);
    }
    return out;
  }
  [[nodiscard]] std::string owner_of(std::string_view name) const {
    if (const policies::Agent* agent = listed(name)) return agent->owner;
    auto own = tokens_of(name);
    return own.empty() ? std::string() : own.front()->token.owner;
  }
  [[nodiscard]] std::size_t active_tokens(std::string_view name) const {
    auto own = tokens_of(name);
    return static_cast<std::size_t>(
        std::ranges::count_if(own, [&](const auto* each) { return !each->revoked && each->token.expires > now; }));
  }
};

AdminApi::Agents AdminApi::agents() const {
  Agents out{services_.rulesets.current(), services_.registry.list(services_.revocations), services_.clock.now()};
  std::erase_if(out.tokens,
                [](const auth::ListedToken& each) { return each.token.audience != auth::Audience::agents; });
  return out;
}

Json AdminApi::agent_json(const Agents& agents, const std::string& name, std::size_t open) const {
  auto seen = statistics_.last_seen(name);
  return {{"name", name},
          {"owner", agents.owner_of(name)},
          {"listed", agents.listed(name) != nullptr},
          {"frozen", frozen_json(services_.frozen.find(name))},
          {"tokens", agents.active_tokens(name)},
          {"last_seen", seen ? Json(format_time(*seen)) : Json()},
          {"open_requests", open}};
}

Result<Answer> AdminApi::list_agents(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  if (auto read = statistics_.catch_up(kPatience); !read) return fail(read.error());
  const Agents all = agents();
  const std::map<std::string, std::size_t> open = services_.queue.open_by_agent();
  std::set<std::string> names;
  for (const auto& [name, agent] : all.ruleset->policies->directory().agents()) names.insert(name);
  for (const auth::Freeze& freeze : services_.frozen.list()) names.insert(freeze.agent);
  for (const auth::ListedToken& each : all.tokens) names.insert(each.token.agent);
  for (const std::string& name : statistics_.agents()) names.insert(name);
  Json list = Json::array();
  for (const std::string& name : names) {
    if (list.size() == kMostAgents) break;
    auto requests = open.find(name);
    list.push_back(agent_json(all, name, requests == open.end() ? 0 : requests->second));
  }
  return json_answer({{"agents", std::move(list)}, {"complete", names.size() <= kMostAgents}});
}

bool AdminApi::is_known_agent(const Agents& agents, const std::string& name) const {
  return agents.listed(name) != nullptr || !agents.tokens_of(name).empty() || services_.frozen.is_frozen(name) ||
         statistics_.last_seen(name).has_value();
}

Result<Answer> AdminApi::show_agent(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  if (auto read = statistics_.catch_up(kPatience); !read) return fail(read.error());
  const Agents all = agents();
  const std::string& name = call.arguments[0];
  if (!is_known_agent(all, name)) return fail(ErrorKind::not_found, "agent.unknown", "nothing is known of this agent");
  Json out = agent_json(all, name, services_.queue.open_of(name));
  if (const policies::Agent* listed = all.listed(name)) out["attributes"] = attributes_json(*listed);
  Json tokens = Json::array();
  for (const auth::ListedToken* each : all.tokens_of(name)) {
    Json token = token_json(*each, all.now);
    token["children"] = Json::array();
    token["seen"] = Json();
    for (const SeenToken& seen : statistics_.tokens_of(to_hex(ByteView(each->token.id)))) {
      Json use = {{"id", seen.id},
                  {"parent", seen.parent},
                  {"first_seen", format_time(seen.first_seen)},
                  {"last_seen", format_time(seen.last_seen)},
                  {"uses", seen.uses},
                  {"revoked", false}};
      if (auto id = auth::token_id_from_hex(seen.id)) use["revoked"] = services_.revocations.find(*id).has_value();
      if (seen.parent.empty()) {
        token["seen"] = {{"first", use["first_seen"]}, {"last", use["last_seen"]}, {"uses", use["uses"]}};
      } else {
        token["children"].push_back(std::move(use));
      }
    }
    tokens.push_back(std::move(token));
  }
  out["active_tokens"] = out["tokens"];
  out["tokens"] = std::move(tokens);
  auto since = statistics_.complete_since();
  out["seen_since"] = since ? Json(format_time(*since)) : Json();
  out["you"] = {{"may_freeze", may_freeze(call.principal, all, name)},
                {"may_thaw", may(call.principal, Permission::freeze_agents)},
                {"may_revoke", may(call.principal, Permission::manage_tokens)}};
  return json_answer(out);
}

bool AdminApi::may_freeze(const Principal& principal, const Agents& agents, const std::string& name) const {
  if (may(principal, Permission::freeze_agents)) return true;
  // Whose agent it is may always stop it.
  if (!principal.is_person()) return false;
  if (const policies::Agent* listed = agents.listed(name); listed && is_same(listed->owner, principal.name))
    return true;
  auto own = agents.tokens_of(name);
  return !own.empty() &&
         std::ranges::all_of(own, [&](const auto* each) { return is_same(each->token.owner, principal.name); });
}

Result<Answer> AdminApi::freeze_agent(const Call& call) {
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  auto reason = reason_in(*body);
  if (!reason) return fail(reason.error());
  const std::string& name = call.arguments[0];
  const Agents all = agents();
  if (!may_freeze(call.principal, all, name)) {
    return fail(ErrorKind::forbidden, "admin.not_permitted",
                "an agent is frozen by its owner, or by whom the roles give `freeze_agents`");
  }
  static_cast<void>(statistics_.catch_up(0));
  if (!is_known_agent(all, name)) return fail(ErrorKind::not_found, "agent.unknown", "nothing is known of this agent");
  // In force before it is written down: what has to stop must not wait for a disk.
  Status frozen = services_.frozen.freeze(name, call.principal.name, *reason, services_.clock.now());
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = "agent:freeze";
  entry.agent = name;
  entry.owner = all.owner_of(name);
  entry.comment = *reason;
  Status durable = record(std::move(entry));
  agents_changed();
  if (!frozen) return fail(frozen.error());
  if (!durable) {
    return fail(ErrorKind::unavailable, durable.error().code,
                "the agent is frozen, but that could not be recorded: " + durable.error().message);
  }
  return json_answer({{"name", name}, {"frozen", frozen_json(services_.frozen.find(name))}});
}

Result<Answer> AdminApi::thaw_agent(const Call& call) {
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  auto reason = reason_in(*body);
  if (!reason) return fail(reason.error());
  const std::string& name = call.arguments[0];
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  if (!services_.frozen.is_frozen(name))
    return fail(ErrorKind::conflict, "agent.not_frozen", "the agent is not frozen");
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = "agent:unfreeze";
  entry.agent = name;
  entry.owner = agents().owner_of(name);
  entry.comment = *reason;
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  if (auto thawed = services_.frozen.thaw(name, call.principal.name, *reason, services_.clock.now()); !thawed)
    return fail(thawed.error());
  agents_changed();
  return json_answer({{"name", name}, {"frozen", Json()}});
}

}  // namespace countersign::console
