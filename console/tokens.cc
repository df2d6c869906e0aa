// /api/v1/tokens: issue, list, revoke.
#include <algorithm>

#include "auth/scope_json.h"
#include "auth/token.h"
#include "console/api.h"
#include "console/views.h"

namespace countersign::console {
namespace {

Status bad(std::string message) {
  return fail(ErrorKind::invalid, "admin.bad_body", std::move(message));
}

// An owner is a user, by name or as "user:NAME", or "team:NAME".
Status check_owner(const policies::Directory& directory, std::string_view owner) {
  auto named = directory.owner(owner);
  bool known = named.kind == policies::OwnerKind::team ? directory.find_team(named.name) != nullptr
                                                       : directory.find_user(named.name) != nullptr;
  if (known) return {};
  return fail(ErrorKind::invalid, "admin.unknown_owner",
              "`" + std::string(owner) + "` is neither a user nor a team of entities.yaml");
}

// Votes are kept from whoever owns the agent. With a token of another owner, the one that is listed would have a say.
Status check_listed_owner(const policies::Directory& directory, std::string_view agent, std::string_view owner) {
  const policies::Agent* listed = directory.find_agent(agent);
  if (listed == nullptr) return {};
  const auto is = directory.owner(listed->owner);
  const auto asked = directory.owner(owner);
  if (is.kind == asked.kind && is.name == asked.name) return {};
  return fail(ErrorKind::forbidden, "admin.other_owner",
              "entities.yaml says that `" + std::string(agent) + "` belongs to `" + listed->owner + "`, not to `" +
                  std::string(owner) + "`");
}

Status check_upstreams(const config::Config& config, const std::vector<ScopeRule>& rules) {
  for (const ScopeRule& rule : rules) {
    for (const std::string& name : rule.upstreams) {
      if (std::ranges::any_of(config.upstreams, [&](const auto& upstream) { return upstream.name == name; })) continue;
      return fail(ErrorKind::invalid, "admin.unknown_upstream", "there is no upstream `" + name + "`");
    }
  }
  return {};
}

// The claims the body asks for: {"agent","owner","scope","ttl_seconds"} or {"user","ttl_seconds"}.
Result<auth::Claims> claims_of(const Json& body, const policies::Directory& directory, const config::Config& config,
                               TimeMs now) {
  auth::Claims claims;
  std::string user = string_or(body, "user", "");
  bool personal = !user.empty();
  claims.id = auth::random_token_id();
  claims.issued = now;
  std::int64_t seconds = integer_or(body, "ttl_seconds", personal ? 12 * 3600 : 3600);
  TimeMs longest = personal ? kMaxUserTokenLife : kMaxAgentTokenLife;
  if (seconds <= 0 || seconds > longest / 1000)
    return fail(bad("a token lives for 1 second to " + std::to_string(longest / 86'400'000) + " days").error());
  claims.expires = now + seconds * 1000;
  if (personal) {
    if (find_member(body, "agent") != nullptr || find_member(body, "owner") != nullptr ||
        find_member(body, "scope") != nullptr) {
      return fail(bad("a personal token has no agent, owner or scope").error());
    }
    if (directory.find_user(user) == nullptr)
      return fail(ErrorKind::invalid, "admin.unknown_person", "`" + user + "` is not a user of entities.yaml");
    claims.audience = auth::Audience::admin;
    claims.owner = user;
    claims.scope.emplace_back();
    return claims;
  }
  claims.agent = string_or(body, "agent", "");
  claims.owner = string_or(body, "owner", "");
  if (claims.agent.empty() || claims.owner.empty()) return fail(bad("`agent` and `owner` are both needed").error());
  if (auto known = check_owner(directory, claims.owner); !known) return fail(known.error());
  if (auto theirs = check_listed_owner(directory, claims.agent, claims.owner); !theirs) return fail(theirs.error());
  claims.scope.emplace_back();
  if (const Json* scope = find_member(body, "scope")) {
    auto rules = auth::rules_from_json(*scope);
    if (!rules) return fail(rules.error());
    claims.scope = std::move(*rules);
  }
  if (auto known = check_upstreams(config, claims.scope); !known) return fail(known.error());
  return claims;
}

}  // namespace

Json token_json(const auth::ListedToken& listed, TimeMs now) {
  const auth::IssuedToken& token = listed.token;
  const char* state = listed.revoked ? "revoked" : token.expires <= now ? "expired" : "active";
  Json out = {{"id", to_hex(ByteView(token.id))},
              {"kind", token.audience == auth::Audience::admin ? "user" : "agent"},
              {"agent", token.agent},
              {"owner", token.owner},
              {"scope", token.scope},
              {"state", state},
              {"issued", format_time(token.issued)},
              {"expires", format_time(token.expires)},
              {"issued_by", token.issued_by}};
  if (listed.revoked) {
    out["revoked"] = {
        {"at", format_time(listed.revoked->at)}, {"by", listed.revoked->actor}, {"reason", listed.revoked->reason}};
  }
  return out;
}

Result<Answer> AdminApi::list_tokens(const Call& call) {
  if (auto known = only_parameters(call, {"state"}); !known) return fail(known.error());
  auto state = call.query.find("state");
  bool all = state != call.query.end() && state->second == "all";
  if (state != call.query.end() && !all)
    return fail(ErrorKind::invalid, "admin.bad_query",
                "`state` can only be `all`; without it, active tokens are listed");
  TimeMs now = services_.clock.now();
  Json tokens = Json::array();
  for (const auth::ListedToken& listed : services_.registry.list(services_.revocations)) {
    if (all || (!listed.revoked && listed.token.expires > now)) tokens.push_back(token_json(listed, now));
  }
  return json_answer({{"tokens", std::move(tokens)}});
}

Result<Answer> AdminApi::issue_token(const Call& call) {
  auto body = object_body(call, {"user", "agent", "owner", "scope", "ttl_seconds"});
  if (!body) return fail(body.error());
  if (find_member(*body, "user") != nullptr && call.channel != Channel::unix_socket) {
    // Whoever could make one over the network could vote as somebody else, or pass for freshly signed in.
    return fail(ErrorKind::forbidden, "admin.socket_only",
                "personal tokens are issued on the gateway's own machine only, through admin.sock");
  }
  if (auto allowed = may_change(); !allowed) return fail(allowed.error());
  TimeMs now = services_.clock.now();
  auto ruleset = services_.rulesets.current();
  auto claims = claims_of(*body, ruleset->policies->directory(), services_.config, now);
  if (!claims) return fail(claims.error());
  auto keys = services_.keyring.current();
  auto token = auth::issue(*keys, *claims);
  if (!token) return fail(token.error());
  bool personal = claims->audience == auth::Audience::admin;
  if (personal) {
    token = auth::seal(token->expose());
    if (!token) return fail(token.error());
  }
  auto chain = auth::trace(token->expose(), *keys);
  if (!chain) return fail(chain.error());
  auth::IssuedToken issued{.id = chain->back(),
                           .audience = claims->audience,
                           .agent = claims->agent,
                           .owner = claims->owner,
                           .scope = personal ? "acts as this person" : auth::scope_summary(claims->scope),
                           .issued = claims->issued,
                           .expires = claims->expires,
                           .issued_by = call.principal.name};
  if (auto kept = services_.registry.add(issued); !kept) return fail(kept.error());
  std::string id = to_hex(ByteView(issued.id));
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = "token:issue";
  entry.agent = issued.agent;
  entry.owner = issued.owner;
  entry.resources = {"Token::" + id};
  entry.detail = issued.scope + "; expires " + format_time(issued.expires);
  // The token leaves only when both the register and the log know of it.
  if (auto durable = record(std::move(entry)); !durable) return fail(durable.error());
  Answer answer = json_answer({{"id", id},
                               {"token", std::string(token->expose())},
                               {"form", personal ? "bearer" : "delegable"},
                               {"kind", personal ? "user" : "agent"},
                               {"agent", issued.agent},
                               {"owner", issued.owner},
                               {"scope", issued.scope},
                               {"issued", format_time(issued.issued)},
                               {"expires", format_time(issued.expires)}},
                              201);
  return answer;
}

Result<Answer> AdminApi::revoke_token(const Call& call) {
  auto body = object_body(call, {"reason"});
  if (!body) return fail(body.error());
  std::string reason = string_or(*body, "reason", "");
  if (reason.find_first_not_of(" \t\r\n") == std::string::npos)
    return fail(bad("say why: `reason` must not be empty").error());
  auto id = auth::token_id_from_hex(call.arguments[0]);
  if (!id) return fail(ErrorKind::not_found, "token.unknown", "a token is named by 32 hexadecimal digits");
  if (call.channel != Channel::unix_socket && !may(call.principal, Permission::manage_tokens)) {
    // Without that permission people may revoke what was issued to them; tokens narrowed offline are not in the
    // register, so those are revoked by others, or together with their parent.
    auto tokens = services_.registry.list(services_.revocations);
    auto found = std::ranges::find(tokens, *id, [](const auto& listed) { return listed.token.id; });
    bool own = found != tokens.end() &&
               (found->token.owner == call.principal.name || found->token.owner == "user:" + call.principal.name);
    if (!own) {
      return fail(ErrorKind::forbidden, "token.not_owner",
                  "only its owner, and whom the roles give `manage_tokens`, may revoke a token over the network");
    }
  }
  Status revoked = services_.revocations.revoke(*id, call.principal.name, reason, services_.clock.now());
  agents_changed();
  events_.check_all();
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = "token:revoke";
  entry.resources = {"Token::" + call.arguments[0]};
  entry.comment = reason;
  Status durable = record(std::move(entry));
  if (!revoked) return fail(revoked.error());
  if (!durable) {
    return fail(ErrorKind::unavailable, durable.error().code,
                "the token is revoked, but that could not be recorded: " + durable.error().message);
  }
  return json_answer({{"id", call.arguments[0]}, {"state", "revoked"}});
}

}  // namespace countersign::console
