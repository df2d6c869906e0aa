#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/commands/commands.h"
#include "cli/report.h"

namespace countersign::cli {
namespace {

using Action = std::function<int()>;

// A subcommand with its option struct, which lives as long as the command line does.
template <class Options>
struct Command {
  CLI::App* app;
  std::shared_ptr<Options> options;
};

template <class Options>
Command<Options> command(CLI::App& parent, Action& action, int (*run)(const Options&), const char* name,
                         const char* description, const char* example, Options initial = {}) {
  CLI::App* app = parent.add_subcommand(name, description);
  app->footer(std::string("Example:\n  ") + example);
  auto options = std::make_shared<Options>(std::move(initial));
  app->callback([&action, run, options] { action = [run, options] { return run(*options); }; });
  return {app, options};
}

CLI::App* group(CLI::App& parent, const char* name, const char* description) {
  CLI::App* app = parent.add_subcommand(name, description);
  app->require_subcommand(1);
  return app;
}

void server_options(CLI::App* app, ServerOptions& options) {
  const char* where = "Reaching the server";
  app->add_option("--server", options.server, "Address of the admin listener (or COUNTERSIGN_SERVER)")
      ->type_name("URL")
      ->group(where);
  app->add_option("--state", options.state, "State folder, whose admin.sock is used")->type_name("DIR")->group(where);
  app->add_option("--config", options.config, "Configuration file that names the state folder")
      ->type_name("FILE")
      ->group(where);
}

void output_option(CLI::App* app, Output& output) {
  static const std::map<std::string, Output> kOutputs{{"table", Output::table}, {"json", Output::json}};
  app->add_option("--output", output, "table (for people) or json")
      ->transform(CLI::CheckedTransformer(kOutputs, CLI::ignore_case))
      ->option_text("table|json");
}

void device_option(CLI::App* app, std::string& device) {
  app->add_option("--device", device, "Which security key, when several are plugged in")->type_name("PATH");
}

CLI::Option* list_option(CLI::App* app, const char* name, std::vector<std::string>& values, const char* description) {
  return app->add_option(name, values, description)->delimiter(',')->type_name("A,B");
}

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
  show.app->add_option("id", show.options->id, "Id of the request")->required();
  show.app->add_flag("--full", show.options->full, "Print every line of what it would do, however long");
  output_option(show.app, show.options->output);
  server_options(show.app, show.options->server);

  auto vote = [&](Vote kind, const char* name, const char* description, const char* example) {
    auto made = command<VoteOptions>(root, action, run_vote, name, description, example, VoteOptions{.vote = kind});
    made.app->add_option("id", made.options->id, "Id of the request")->required();
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

struct AuditFilter {
  const char* option;
  const char* name;
  const char* description;
};
constexpr AuditFilter kAuditFilters[] = {
    {"--agent", "agent", "Only of this agent"},
    {"--owner", "owner", "Only of agents of this owner"},
    {"--upstream", "upstream", "Only to this upstream"},
    {"--action", "action", "Only this action, as mcp:call_tool"},
    {"--effect", "effect", "Only this effect"},
    {"--decision", "decision", "allow, hold or deny"},
    {"--phase", "phase", "intent, outcome, refused, approval, admin, recovered or heartbeat"},
    {"--request", "request", "Only of this held request"},
    {"--operation", "operation", "Only of this operation"},
    {"--resource", "resource", "Only that touch this resource, as File::files/a.txt"},
};

void audit_filters(const Command<AuditQueryOptions>& made) {
  for (const AuditFilter& filter : kAuditFilters) {
    auto add = [options = made.options, name = std::string(filter.name)](const std::string& value) {
      options->filters.emplace_back(name, value);
    };
    made.app->add_option_function<std::string>(filter.option, add, filter.description)
        ->type_name("TEXT")
        ->group("Filters");
  }
  made.app
      ->add_option("--since", made.options->since, "From this time on: 2026-11-21T09:30:00Z, or 2h for two hours ago")
      ->type_name("TIME")
      ->group("Filters");
  made.app->add_option("--until", made.options->until, "Before this time, written likewise")
      ->type_name("TIME")
      ->group("Filters");
  auto no_looks = [options = made.options](std::int64_t) { options->filters.emplace_back("looks", "false"); };
  made.app->add_flag_function("--no-looks", no_looks, "Without the records of people reading requests and this log")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->group("Filters");
  server_options(made.app, made.options->server);
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

void add_audit_commands(CLI::App& root, Action& action) {
  CLI::App* audit = group(root, "audit", "Search, export and verify the audit log");

  auto query = command<AuditQueryOptions>(*audit, action, run_audit_query, "query", "Search the log, newest first",
                                          "countersign audit query --agent builder --decision deny --since 24h");
  query.app->add_option("--limit", query.options->limit, "At most this many records")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  output_option(query.app, query.options->output);
  audit_filters(query);

  auto exported = command<AuditQueryOptions>(*audit, action, run_audit_export, "export",
                                             "Print every matching record as JSON, one a line, oldest first",
                                             "countersign audit export --since 7d > week.jsonl");
  audit_filters(exported);

  auto record = [&](const char* name, int (*run)(const AuditRecordOptions&), const char* text, const char* example) {
    auto made = command<AuditRecordOptions>(*audit, action, run, name, text, example);
    made.app->add_option("seq", made.options->seq, "Number of the record")->required();
    output_option(made.app, made.options->output);
    server_options(made.app, made.options->server);
  };
  record("show", run_audit_show, "Show one record whole", "countersign audit show 42");
  record("proof", run_audit_proof, "Print the receipt that proves a record is in the log (C2SP tlog-proof)",
         "countersign audit proof 42 > record-42.tlog-proof");

  auto verify = command<AuditVerifyOptions>(
      *audit, action, run_audit_verify, "verify", "Check the whole log on this machine, without the server",
      "countersign audit verify --dir /backup/audit --key \"$(cat countersign.vkey)\"");
  CLI::Option* dir =
      verify.app
          ->add_option("--dir", verify.options->directory, "The log's folder (default: audit in the state folder)")
          ->type_name("DIR");
  verify.app->add_option("--key", verify.options->key, "Verifier key kept from before (default: the one in the folder)")
      ->type_name("VKEY|FILE");
  CLI::Option* since =
      verify.app
          ->add_option("--since", verify.options->since, "Checkpoint kept from before, which the log must contain")
          ->type_name("FILE");
  verify.app->add_option("--receipt", verify.options->receipt, "Check this receipt (audit proof) alone; needs --key")
      ->type_name("FILE")
      ->excludes(dir, since);
  output_option(verify.app, verify.options->output);
  server_options(verify.app, verify.options->server);
}

void add_verify_commits(CLI::App& root, Action& action) {
  auto verify = command<VerifyCommitsOptions>(
      root, action, run_verify_commits, "verify-commits",
      "Check that the AI-assisted commits of a range were approved, offline (docs/git-attestations.md)",
      "countersign verify-commits refs/remotes/origin/main..HEAD --key countersign.vkey --branch main");
  CLI::App* app = verify.app;
  VerifyCommitsOptions& options = *verify.options;
  app->add_option("range", options.range, "The commits: BASE..HEAD, or one revision for its whole history")
      ->required()
      ->type_name("BASE..HEAD");
  app->add_option("--key", options.keys, "Verifier key of the gateway's log, or a file of such keys; may be repeated")
      ->required()
      ->allow_extra_args(false)
      ->type_name("VKEY|FILE");
  app->add_option("--repo", options.repo, "A folder in the git repository")->type_name("DIR")->capture_default_str();
  app->add_option("--attestations", options.attestations,
                  "Attestations in files (default: refs/countersign/attestations/*); may be repeated")
      ->allow_extra_args(false)
      ->type_name("FILE|DIR");
  app->add_flag("--all", options.all, "Every commit must be covered, not only those that name an assistant");
  const char* demands = "What an attestation must be";
  app->add_option("--upstream", options.upstream, "For this upstream")->type_name("NAME")->group(demands);
  app->add_option("--repository", options.repository, "For this repository, as team/app")
      ->type_name("NAME")
      ->group(demands);
  CLI::Option* ref = app->add_option("--ref", options.ref, "For this ref")->type_name("REF")->group(demands);
  app->add_option("--branch", options.branch, "The same as --ref refs/heads/NAME")
      ->excludes(ref)
      ->type_name("NAME")
      ->group(demands);
  app->add_option("--require-level", options.require_level, "The most senior approver has at least this level")
      ->check(CLI::IsMember({"junior", "mid", "senior", "principal", "director", "vp"}))
      ->option_text("LEVEL")
      ->group(demands);
  app->add_option("--min-approvals", options.min_approvals, "At least so many people approved")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->group(demands);
  output_option(app, options.output);
}

void add_attestation_commands(CLI::App& root, Action& action) {
  add_verify_commits(root, action);
  CLI::App* attestation = group(root, "attestation", "What the gateway has attested about approved pushes");
  auto filters = [](const Command<AttestationOptions>& made) {
    made.app->add_option("--commit", made.options->commit, "Only those that name this commit")->type_name("ID");
    made.app->add_option("--request", made.options->request, "Only that of this request")->type_name("ID");
    server_options(made.app, made.options->server);
  };
  auto list =
      command<AttestationOptions>(*attestation, action, run_attestation_list, "list", "List attestations, newest first",
                                  "countersign attestation list --commit $(git rev-parse HEAD)");
  list.app->add_option("--limit", list.options->limit, "At most so many")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  output_option(list.app, list.options->output);
  filters(list);
  auto exported = command<AttestationOptions>(*attestation, action, run_attestation_export, "export",
                                              "Print the signed attestations themselves, one a line",
                                              "countersign attestation export > attestations.jsonl");
  filters(exported);
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

void add_policy_explain(CLI::App& policy, Action& action) {
  auto explain = command<PolicyExplainOptions>(
      policy, action, run_policy_explain, "explain",
      "Say which policies decide a request, which clause with which values, and what would have to change",
      "countersign policy explain --policies ./policies --request request.json\n"
      "  countersign policy explain --held req_01jd3v9k4t8w2m6x\n"
      "  countersign policy explain --cedar p.cedar --entities e.json --principal 'User::\"alice\"' "
      "--action 'Action::\"view\"' --resource 'Photo::\"a.jpg\"'");
  CLI::App* app = explain.app;
  PolicyExplainOptions& options = *explain.options;
  app->add_option("--policies", options.policies, "Policy folder (default: the one the configuration names)")
      ->type_name("DIR");
  app->add_option("--request", options.request, "The request as JSON (docs/formats/explain.md); - is standard input")
      ->type_name("FILE");
  app->add_option("--record", options.record, "Explain this record of the audit log, as far as it says enough")
      ->check(CLI::NonNegativeNumber)
      ->type_name("SEQ");
  app->add_option("--held", options.held, "Explain this held request")->type_name("ID");
  app->add_flag("--all", options.all, "Show policies about something else too, with what does not match");
  const char* cedar = "Plain Cedar";
  app->add_option("--cedar", options.cedar, "Policies; the answer is Cedar's own, without hold")
      ->type_name("FILE")
      ->group(cedar);
  for (auto [name, value, text] : {std::tuple("--schema", &options.schema, "Schema, in either syntax"),
                                   std::tuple("--entities", &options.entities, "Entities as JSON"),
                                   std::tuple("--context", &options.context, "Context as JSON")}) {
    app->add_option(name, *value, text)->type_name("FILE")->group(cedar);
  }
  for (auto [name, value] : {std::pair("--principal", &options.principal), std::pair("--action", &options.action),
                             std::pair("--resource", &options.resource)}) {
    app->add_option(name, *value)->type_name("'TYPE::\"id\"'")->group(cedar);
  }
  output_option(app, options.output);
  server_options(app, options.server);
}

void add_policy_test(CLI::App& policy, Action& action) {
  auto test = command<PolicyTestOptions>(policy, action, run_policy_test, "test",
                                         "Run the tests of a policy folder, and say what they cover",
                                         "countersign policy test ./policies --coverage-min 100\n"
                                         "  countersign policy test --cedar p.cedar --schema s.cedarschema tests.json");
  CLI::App* app = test.app;
  PolicyTestOptions& options = *test.options;
  app->add_option("path", options.paths, "Policy folder, whose tests/*.json are run, or a file of tests")
      ->type_name("DIR|FILE");
  app->add_option("--policies", options.policies, "Policy folder the files are about (default: the one above tests/)")
      ->type_name("DIR");
  app->add_option("--config", options.config, "Configuration whose upstreams' labels count, unless a file has its own")
      ->type_name("FILE");
  app->add_option("--coverage-min", options.coverage_min, "Exit 1 when fewer of the policies' outcomes are reached")
      ->check(CLI::Range(0, 100))
      ->type_name("PERCENT");
  app->add_flag("--coverage", options.coverage, "Show what is covered, not only what is missing");
  app->add_option("--cedar", options.cedar, "Plain Cedar policies; cases in the format of cedar run-tests")
      ->type_name("FILE")
      ->group("Plain Cedar");
  app->add_option("--schema", options.schema, "Schema, in either syntax")->type_name("FILE")->group("Plain Cedar");
  output_option(app, options.output);
}

void add_policy_syntax(CLI::App& policy, Action& action) {
  auto format = command<PolicyFormatOptions>(policy, action, run_policy_format, "format",
                                             "Lay policies out as the official formatter does; comments stay",
                                             "countersign policy format --write ./policies\n"
                                             "  countersign policy format - < draft.cedar");
  format.app->add_option("path", format.options->paths, "Policy file, folder of *.cedar files, or - for standard input")
      ->required()
      ->type_name("FILE|DIR|-");
  format.app->add_flag("--check", format.options->check, "Change nothing; name the files that would, and exit 1");
  format.app->add_flag("--write", format.options->write, "Rewrite the files, and name those that changed");
  format.app->add_option("--line-width", format.options->line_width, "Columns a line should not exceed")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  format.app->add_option("--indent", format.options->indent, "Columns of one level")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();

  auto translate = command<PolicyTranslateOptions>(policy, action, run_policy_translate, "translate",
                                                   "Turn policies into Cedar's JSON, or back into text",
                                                   "countersign policy translate --to json team.cedar");
  static const std::map<std::string, Syntax> kSyntaxes{{"cedar", Syntax::cedar}, {"json", Syntax::json}};
  translate.app->add_option("--to", translate.options->to, "What to write: cedar or json")
      ->transform(CLI::CheckedTransformer(kSyntaxes, CLI::ignore_case))
      ->option_text("cedar|json")
      ->required();
  translate.app->add_option("file", translate.options->file, "What to read; - or absent: standard input");
}

void add_policy_drafts(CLI::App& policy, Action& action) {
  auto diff = command<PolicyDiffOptions>(policy, action, run_policy_diff, "diff",
                                         "Compare two policy folders, or one with what the server runs; 1: they differ",
                                         "countersign policy diff ./policies ./draft");
  diff.app->add_option("before", diff.options->before, "Policy folder")->type_name("DIR")->required();
  diff.app->add_option("after", diff.options->after, "The later one; absent: `before`, compared with the server's")
      ->type_name("DIR");
  output_option(diff.app, diff.options->output);
  server_options(diff.app, diff.options->server);

  auto replay =
      command<PolicyReplayOptions>(policy, action, run_policy_replay, "replay",
                                   "Say what a draft would have decided otherwise on recorded operations; 1: something",
                                   "countersign policy replay ./draft --days 14");
  replay.app->add_option("dir", replay.options->directory, "Policy folder of the draft")->type_name("DIR")->required();
  replay.app->add_option("--journal", replay.options->journal, "Folder with recorded operations, read without a server")
      ->type_name("DIR");
  replay.app->add_option("--days", replay.options->days, "How many days back")->check(CLI::Range(1, 366));
  replay.app->add_option("--limit", replay.options->limit, "At most this many operations, the newest")
      ->check(CLI::Range(1, 1'000'000));
  replay.app->add_option("--against", replay.options->against, "Compare with what was recorded, or what runs now")
      ->check(CLI::IsMember({"recorded", "running"}));
  output_option(replay.app, replay.options->output);
  server_options(replay.app, replay.options->server);
}

void add_policy_commands(CLI::App& root, Action& action) {
  CLI::App* policy = group(root, "policy", "Work on policies");
  auto check = command<PolicyCheckOptions>(*policy, action, run_policy_check, "check",
                                           "Check a policy folder offline, and show everything that is wrong",
                                           "countersign policy check ./policies");
  check.app
      ->add_option("dir", check.options->directory,
                   "Folder with *.cedar, floor/, entities.yaml, inputs.cedarschema, approvals.yaml")
      ->type_name("DIR");
  check.app->add_option("--config", check.options->config, "Configuration whose upstreams the policies are about")
      ->type_name("FILE");
  output_option(check.app, check.options->output);
  auto schema = command<PolicySchemaOptions>(*policy, action, run_policy_schema, "schema",
                                             "Print the Cedar schema of what policies see, for other Cedar tools",
                                             "countersign policy schema --config countersign.yaml > all.cedarschema");
  schema.app->add_option("dir", schema.options->directory, "Policy folder (default: the one the configuration names)")
      ->type_name("DIR");
  schema.app->add_option("--config", schema.options->config, "Configuration whose upstreams the policies are about")
      ->type_name("FILE");

  add_policy_explain(*policy, action);
  add_policy_test(*policy, action);
  add_policy_drafts(*policy, action);
  add_policy_syntax(*policy, action);

  auto authorize =
      command<PolicyAuthorizeOptions>(*policy, action, run_policy_authorize, "authorize",
                                      "Answer Cedar requests read as JSON lines, by plain Cedar, without a server",
                                      "countersign policy authorize --jsonl < cases.jsonl");
  authorize.app->add_flag("--jsonl", authorize.options->jsonl, "One JSON object a line, in and out")->required();
  authorize.app->add_option("file", authorize.options->file, "File of JSON lines; - or absent: standard input");
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
