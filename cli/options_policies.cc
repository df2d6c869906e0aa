// countersign policy …
#include "cli/options_parts.h"

namespace countersign::cli {
namespace {

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

}  // namespace

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

}  // namespace countersign::cli
