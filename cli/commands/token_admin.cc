// token issue, revoke and list: what the server does about tokens, asked over its admin socket.
#include "auth/token.h"
#include "cli/client.h"
#include "cli/commands/commands.h"
#include "cli/render.h"
#include "cli/report.h"
#include "cli/token_options.h"

namespace countersign::cli {
namespace {

Json issue_body(const TokenIssueOptions& options, TimeMs ttl) {
  Json body = {{"ttl_seconds", ttl / 1000}};
  if (!options.user.empty()) {
    body["user"] = options.user;
    return body;
  }
  body["agent"] = options.agent;
  body["owner"] = options.owner;
  Json rule = Json::object();
  auto list = [&](const char* name, const std::vector<std::string>& values) {
    if (!values.empty()) rule[name] = values;
  };
  list("upstreams", options.scope.upstreams);
  list("effects", options.scope.effects);
  list("actions", options.scope.actions);
  list("resources", options.scope.resources);
  list("environments", options.scope.environments);
  body["scope"] = Json::array({std::move(rule)});
  return body;
}

}  // namespace

int run_token_issue(const TokenIssueOptions& options) {
  bool personal = !options.user.empty();
  if (personal && (!options.agent.empty() || !options.owner.empty() || !is_open(options.scope)))
    return report_usage("--user makes a personal token, which has no agent, owner or scope");
  if (!personal && (options.agent.empty() || options.owner.empty()))
    return report_usage("--agent and --owner are both needed", "for a human's personal token use --user NAME");
  auto ttl = parse_duration(options.ttl.empty() ? (personal ? "12h" : "1h") : options.ttl);
  if (!ttl) return report(ttl.error(), "--ttl takes 30s, 15m, 1h or 7d");
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto answer = client->post("/api/v1/tokens", issue_body(options, *ttl));
  if (!answer) return report(*client, answer.error());
  Secret token(string_or(*answer, "token", ""));
  if (options.seal && !personal) {
    auto sealed = auth::seal(token.expose());
    if (!sealed) return report(sealed.error());
    token = std::move(*sealed);
    (*answer)["token"] = std::string(token.expose());
    (*answer)["form"] = "bearer";
  }
  if (options.output == Output::json) return finish(render_json(*answer));
  return finish(std::string(token.expose()) + "\n");
}

int run_token_revoke(const TokenRevokeOptions& options) {
  if (options.reason.find_first_not_of(" \t\r\n") == std::string::npos) return report_usage("the reason is empty");
  if (options.id.starts_with("cs"))
    return report_usage("that is a token, and its id is wanted", "`countersign token inspect` shows the id");
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto answer = client->post("/api/v1/tokens/" + escape(options.id) + "/revoke", Json{{"reason", options.reason}});
  if (!answer) return report(*client, answer.error());
  return finish("revoked " + one_line(options.id) + " and everything narrowed from it\n");
}

int run_token_list(const TokenListOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto answer = client->get(options.all ? "/api/v1/tokens?state=all" : "/api/v1/tokens");
  if (!answer) return report(*client, answer.error());
  const Json* tokens = find_member(*answer, "tokens");
  Json list = tokens != nullptr ? *tokens : Json::array();
  if (options.output == Output::json) return finish(render_json_list(list));
  return finish(render_tokens(list, SystemClock().now(), Terminal::standard_output()));
}

}  // namespace countersign::cli
