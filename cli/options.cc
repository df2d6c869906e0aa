#include "cli/options.h"

#include <cstdio>
#include <memory>

#include "cli/options_parts.h"
#include "cli/report.h"

namespace countersign::cli {
namespace {

void scope_options(CLI::App* app, ScopeOptions& scope) {
  list_option(app, "--upstreams", scope.upstreams, "Only these upstreams");
  list_option(app, "--effects", scope.effects,
              "Only these effects: read, write, execute, mint, administer, destroy; change = all but read")
      ->check(CLI::IsMember({"read", "write", "execute", "mint", "administer", "destroy", "change"}))
      ->option_text("A,B");
  list_option(app, "--actions", scope.actions, "Only actions matching these globs, as mcp:call_tool or http:*");
  list_option(app, "--resources", scope.resources, "Only resources matching these globs, as files/staging/*");
  list_option(app, "--environments", scope.environments, "Only these environments");
}

const char* const kTokenText = "The token; - reads it from standard input; absent: COUNTERSIGN_AGENT_TOKEN";

void add_token_commands(CLI::App& root, Action& action) {
  CLI::App* token = group(root, "token", "Issue, narrow, seal, inspect and revoke tokens");

  auto issue = command<TokenIssueOptions>(
      *token, action, run_token_issue, "issue", "Issue a token for an agent, or a personal token for a human",
      "countersign token issue --agent builder --owner alice --upstreams files --ttl 1h\n"
      "  countersign token issue --user alice --ttl 12h");
  issue.app->add_option("--agent", issue.options->agent, "Name of the agent")->type_name("NAME");
  issue.app->add_option("--owner", issue.options->owner, "The human or team it acts for")->type_name("USER");
  issue.app->add_option("--user", issue.options->user, "Issue a personal token for this human instead")
      ->type_name("NAME");
  scope_options(issue.app, issue.options->scope);
  issue.app->add_option("--ttl", issue.options->ttl, "How long it lives: 30s, 15m, 1h, 7d (default 1h; users 12h)")
      ->type_name("TIME");
  issue.app->add_flag("--seal", issue.options->seal, "Print the bearer form (csb1_), which cannot be narrowed");
  output_option(issue.app, issue.options->output);
  server_options(issue.app, issue.options->server);

  auto narrow = command<TokenNarrowOptions>(*token, action, run_token_narrow, "narrow",
                                            "Make a narrower token from a delegable one, offline",
                                            "countersign token narrow csd1_… --effects read --as reviewer --ttl 10m");
  narrow.app->add_option("token", narrow.options->token, kTokenText);
  scope_options(narrow.app, narrow.options->scope);
  narrow.app->add_option("--ttl", narrow.options->ttl, "Expires this long from now, or earlier if its parent does")
      ->type_name("TIME");
  narrow.app->add_option("--as", narrow.options->as, "Name of the sub-agent it is handed to")->type_name("NAME");

  auto seal = command<TokenSealOptions>(
      *token, action, run_token_seal, "seal",
      "Turn a delegable token into what requests carry, offline: the bearer form, or credentials for AWS tools",
      "countersign token seal csd1_…\n"
      "  eval \"$(countersign token seal --aws csd1_…)\"\n"
      "  credential_process = countersign token seal --aws --output credential-process    (in ~/.aws/config)");
  seal.app->add_option("token", seal.options->token, kTokenText);
  auto aws = seal.app->add_flag("--aws", seal.options->aws,
                                "An access key id, a secret access key and a session token for AWS tools and SDKs");
  static const std::map<std::string, AwsOutput> kAwsOutputs{
      {"env", AwsOutput::env}, {"json", AwsOutput::json}, {"credential-process", AwsOutput::credential_process}};
  seal.app->add_option("--output", seal.options->as, "With --aws: env (for a shell), json, or credential-process")
      ->transform(CLI::CheckedTransformer(kAwsOutputs, CLI::ignore_case))
      ->option_text("env|json|credential-process")
      ->needs(aws);

  auto inspect = command<TokenInspectOptions>(*token, action, run_token_inspect, "inspect",
                                              "Show what a token says about itself, offline and unverified",
                                              "countersign token inspect - < token.txt");
  inspect.app->add_option("token", inspect.options->token, kTokenText);
  output_option(inspect.app, inspect.options->output);

  auto revoke = command<TokenRevokeOptions>(*token, action, run_token_revoke, "revoke",
                                            "Revoke a token and every token narrowed from it",
                                            "countersign token revoke 6f1c2a… --reason \"laptop lost\"");
  revoke.app->add_option("id", revoke.options->id, "Id of the token: 32 hexadecimal digits")->required();
  revoke.app->add_option("--reason", revoke.options->reason, "Why; it is recorded")->type_name("TEXT")->required();
  server_options(revoke.app, revoke.options->server);

  auto list = command<TokenListOptions>(*token, action, run_token_list, "list", "List the tokens issued here",
                                        "countersign token list --all");
  list.app->add_flag("--all", list.options->all, "Expired and revoked ones too");
  output_option(list.app, list.options->output);
  server_options(list.app, list.options->server);
}

void add_git_commands(CLI::App& root, Action& action) {
  auto helper = command<GitCredentialOptions>(
      root, action, run_git_credential, "git-credential",
      "Credential helper of git: passwords that are leaves of the token, for one repository and a short time",
      "git config --global credential.http://127.0.0.1:8700.useHttpPath true\n"
      "  git config --global credential.http://127.0.0.1:8700.helper "
      "'!countersign git-credential --gateway http://127.0.0.1:8700'");
  GitCredentialOptions& options = *helper.options;
  helper.app->add_option("operation", options.operation, "get, store or erase: git appends it")->required();
  helper.app->add_option("--gateway", options.gateway, "Address of the agents listener (or COUNTERSIGN_AGENTS_URL)")
      ->type_name("URL");
  helper.app
      ->add_option("--token-file", options.token_file,
                   "File with the token (default: COUNTERSIGN_AGENT_TOKEN, then COUNTERSIGN_TOKEN)")
      ->type_name("FILE");
  helper.app->add_option("--ttl", options.ttl, "How long a password lives at most: 30s, 15m, 1h")
      ->type_name("TIME")
      ->capture_default_str();
  static const std::map<std::string, GitAccess> kAccess{{"read", GitAccess::read}, {"write", GitAccess::write}};
  helper.app->add_option("--access", options.most, "The most a password allows: read (fetch only) or write (default)")
      ->transform(CLI::CheckedTransformer(kAccess, CLI::ignore_case))
      ->option_text("read|write");
}

void add_request_commands(CLI::App& root, Action& action) {
  auto requests = command<RequestsOptions>(root, action, run_requests, "requests",
                                           "List requests that were held for approval, newest first",
                                           "countersign requests --state held");
  requests.app->add_option("--state", requests.options->state, "Only requests in this state, or `all` (the default)")
      ->check(CLI::IsMember(
          {"all", "held", "approved", "denied", "expired", "cancelled", "executing", "done", "failed", "unknown"}))
      ->type_name("STATE");
  requests.app->add_option("--limit", requests.options->limit, "At most this many")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  output_option(requests.app, requests.options->output);
  // `--state` is the request's state here, so the state folder is named by --state-dir.
  const char* where = "Reaching the server";
  ServerOptions& server = requests.options->server;
  requests.app->add_option("--server", server.server, "Address of the admin listener (or COUNTERSIGN_SERVER)")
      ->type_name("URL")
      ->group(where);
  requests.app->add_option("--state-dir", server.state, "State folder, whose admin.sock is used")
      ->type_name("DIR")
      ->group(where);
  requests.app->add_option("--config", server.config, "Configuration file that names the state folder")
      ->type_name("FILE")
      ->group(where);

  CLI::App* request = group(root, "request", "Look at one held request");
  auto show = command<RequestShowOptions>(*request, action, run_request_show, "show",
                                          "Show a request: who asks, what exactly, and who must approve",
                                          "countersign request show req_01jd3v9k4t8w2m6x");
  show.app->add_option("id", show.options->id, "Id of the request, or of a burst of them: bst_…")->required();
  show.app->add_flag("--full", show.options->full, "Print every line of what it would do, however long");
  output_option(show.app, show.options->output);
  server_options(show.app, show.options->server);

  auto vote = [&](Vote kind, const char* name, const char* description, const char* example) {
    auto made = command<VoteOptions>(root, action, run_vote, name, description, example, VoteOptions{.vote = kind});
    made.app->add_option("id", made.options->id, "Id of the request, or of a burst of them: bst_…")->required();
    made.app->add_option("--reason", made.options->reason, "Why; it is recorded and, on denial, told to the agent")
        ->type_name("TEXT")
        ->required();
    made.app->add_option("--for", made.options->for_whom, "Take the place of this person, who has delegated to you")
        ->type_name("NAME");
    made.app->add_flag("--sign", made.options->sign,
                       "Show the request, and sign the vote with a FIDO2 security key that is enrolled for you");
    device_option(made.app, made.options->device);
    output_option(made.app, made.options->output);
    server_options(made.app, made.options->server);
  };
  vote(Vote::approve, "approve", "Approve a held request, as the person COUNTERSIGN_TOKEN belongs to",
       "countersign approve req_01jd3v9k4t8w2m6x --reason \"agreed in the change meeting\"");
  vote(Vote::deny, "deny", "Deny a held request, as the person COUNTERSIGN_TOKEN belongs to",
       "countersign deny req_01jd3v9k4t8w2m6x --reason \"wrong environment\"");
}

}  // namespace

void add_plan_commands(CLI::App& root, Action& action) {
  CLI::App* plan = group(root, "plan", "Terraform plans that announce an agent's changes (docs/terraform.md)");
  auto door = [](const Command<PlanOptions>& made) {
    made.app
        ->add_option("--gateway", made.options->gateway, "Address of the agents listener (or COUNTERSIGN_AGENTS_URL)")
        ->type_name("URL");
    made.app
        ->add_option("--token-file", made.options->token_file, "File with the token (default: COUNTERSIGN_AGENT_TOKEN)")
        ->type_name("FILE");
    output_option(made.app, made.options->output);
  };
  auto submit = command<PlanOptions>(
      *plan, action, run_plan_submit, "submit",
      "Announce what will change: from now on, other changes of this token and of those narrowed from it are refused",
      "terraform show -json p.bin | countersign plan submit - --upstream aws");
  submit.app->add_option("plan", submit.options->plan, "What `terraform show -json` wrote; - for standard input")
      ->type_name("FILE")
      ->required();
  submit.app->add_option("--upstream", submit.options->upstream, "The upstream it changes")
      ->type_name("NAME")
      ->required();
  submit.app->add_option("--ttl", submit.options->ttl, "How long it is in force: 30m, 2h (default), 24h at most")
      ->type_name("TIME");
  door(submit);
  auto show = command<PlanOptions>(*plan, action, run_plan_show, "show",
                                   "Show a plan: as its agent at the agents listener, as a person at the server",
                                   "countersign plan show pln_01jd3v9k4t8w2m6x");
  show.app->add_option("id", show.options->plan, "Id of the plan")->required();
  door(show);
  server_options(show.app, show.options->server);
  auto withdraw = command<PlanOptions>(*plan, action, run_plan_withdraw, "withdraw",
                                       "End a plan: changes are no longer compared with it",
                                       "countersign plan withdraw pln_01jd3v9k4t8w2m6x");
  withdraw.app->add_option("id", withdraw.options->plan, "Id of the plan")->required();
  door(withdraw);
}

namespace {

void add_key_commands(CLI::App& root, Action& action) {
  CLI::App* key = group(root, "key", "FIDO2 security keys for signed votes (docs/formats/signed-votes.md)");
  auto enrol = command<KeyEnrolOptions>(*key, action, run_key_enrol, "enrol",
                                        "Enrol the security key that is plugged in; asks for your password",
                                        "countersign key enrol --user alice --server https://countersign.example:8701");
  enrol.app->add_option("--user", enrol.options->user, "Your name")->required()->type_name("NAME");
  enrol.app->add_option("--name", enrol.options->name, "What you call the key")
      ->type_name("TEXT")
      ->capture_default_str();
  device_option(enrol.app, enrol.options->device);
  output_option(enrol.app, enrol.options->output);
  server_options(enrol.app, enrol.options->server);
  auto list =
      command<KeyListOptions>(*key, action, run_key_list, "list",
                              "List the keys of the person COUNTERSIGN_TOKEN belongs to", "countersign key list");
  output_option(list.app, list.options->output);
  server_options(list.app, list.options->server);
  auto remove = command<KeyRemoveOptions>(*key, action, run_key_remove, "remove",
                                          "Remove one of your keys: what it signed before stays verifiable",
                                          "countersign key remove AbCd…");
  remove.app->add_option("id", remove.options->id, "Id of the key, as `key list` shows it, or a beginning of it")
      ->required();
  server_options(remove.app, remove.options->server);
}

void add_person_commands(CLI::App& root, Action& action) {
  CLI::App* person = group(root, "person", "Accounts of the people who sign in to the console (docs/sign-in.md)");
  auto list = command<PersonListOptions>(*person, action, run_person_list, "list",
                                         "List everybody who may sign in, and with what", "countersign person list");
  output_option(list.app, list.options->output);
  server_options(list.app, list.options->server);

  auto about = [&](int (*run)(const PersonOptions&), const char* name, const char* description, const char* example) {
    auto one = command<PersonOptions>(*person, action, run, name, description, example);
    one.app->add_option("name", one.options->name, "The person, as entities.yaml names them")->required();
    output_option(one.app, one.options->output);
    server_options(one.app, one.options->server);
    return one;
  };
  about(run_person_invite, "invite", "Make a link, good for one day and once, that lets them set a password",
        "countersign person invite alice");
  about(run_person_sessions, "sessions", "List where they are signed in", "countersign person sessions alice");
  auto sign_out = about(run_person_sign_out, "sign-out", "End all of their sessions",
                        "countersign person sign-out alice --reason \"laptop lost\"");
  auto reset =
      about(run_person_reset, "reset", "Take away whatever lets them in: password, passkeys, sessions, bindings",
            "countersign person reset alice --reason \"account taken over\"");
  for (auto& one : {sign_out, reset})
    one.app->add_option("--reason", one.options->reason, "Why; it is recorded")->type_name("TEXT")->required();
}

void add_server_commands(CLI::App& root, Action& action) {
  auto serve = command<ServeOptions>(root, action, run_serve, "serve", "Run the gateway",
                                     "countersign serve --config countersign.yaml");
  serve.app->add_option("--config", serve.options->config, "Configuration file")
      ->type_name("FILE")
      ->capture_default_str();
  auto check = command<CheckOptions>(root, action, run_check, "check",
                                     "Check the configuration and the policies, and show everything that is wrong",
                                     "countersign check --config countersign.yaml");
  check.app->add_option("--config", check.options->config, "Configuration file")
      ->type_name("FILE")
      ->capture_default_str();
}

void add_classify_command(CLI::App& root, Action& action) {
  auto classify = command<ClassifyOptions>(root, action, run_classify, "classify",
                                           "Say what a request to AWS would do, without a server",
                                           "countersign classify rds:DeleteDBInstance\n"
                                           "  countersign classify --cloudtrail events.json --output json");
  classify.app->add_option("operation", classify.options->operation, "An operation, or an IAM action")
      ->type_name("SERVICE:NAME");
  classify.app
      ->add_option("--request", classify.options->request,
                   "An HTTP request as it goes over the wire; - for standard input")
      ->type_name("FILE");
  classify.app->add_option("--har", classify.options->har, "An HTTP archive, as browsers and proxies write it")
      ->type_name("FILE");
  classify.app->add_option("--cloudtrail", classify.options->cloudtrail, "CloudTrail's JSON, unpacked")
      ->type_name("FILE");
  output_option(classify.app, classify.options->output);
}

}  // namespace

Invocation parse_command_line(int argc, const char* const* argv) {
  auto action = std::make_shared<Action>();
  auto root = std::make_shared<CLI::App>("Countersign: an authenticating proxy between agents and production systems",
                                         "countersign");
  root->require_subcommand(1);
  root->set_version_flag("--version", "countersign " COUNTERSIGN_VERSION);
  root->footer(
      "Exit codes: 0 done, 1 the answer is no, 2 usage or configuration, 3 the server cannot be reached.\n"
      "The server is found by --server or COUNTERSIGN_SERVER (with COUNTERSIGN_TOKEN), else by admin.sock in the "
      "state folder.");
  add_server_commands(*root, *action);
  add_token_commands(*root, *action);
  add_git_commands(*root, *action);
  add_request_commands(*root, *action);
  add_plan_commands(*root, *action);
  add_key_commands(*root, *action);
  add_person_commands(*root, *action);
  add_audit_commands(*root, *action);
  add_attestation_commands(*root, *action);
  add_policy_commands(*root, *action);
  add_classify_command(*root, *action);
  try {
    root->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return root->exit(error) == 0 ? kDone : kUsage;
  }
  return [root, action] { return (*action)(); };
}

}  // namespace countersign::cli
