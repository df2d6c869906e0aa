// countersign audit …, verify-commits, attestation …
#include "cli/options_parts.h"

namespace countersign::cli {
namespace {

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

}  // namespace

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

}  // namespace countersign::cli
