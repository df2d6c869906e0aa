// What the commands of every family are declared with. For options*.cc only: it includes all of CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands/commands.h"

namespace countersign::cli {

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

inline CLI::App* group(CLI::App& parent, const char* name, const char* description) {
  CLI::App* app = parent.add_subcommand(name, description);
  app->require_subcommand(1);
  return app;
}

inline void server_options(CLI::App* app, ServerOptions& options) {
  const char* where = "Reaching the server";
  app->add_option("--server", options.server, "Address of the admin listener (or COUNTERSIGN_SERVER)")
      ->type_name("URL")
      ->group(where);
  app->add_option("--state", options.state, "State folder, whose admin.sock is used")->type_name("DIR")->group(where);
  app->add_option("--config", options.config, "Configuration file that names the state folder")
      ->type_name("FILE")
      ->group(where);
}

inline void output_option(CLI::App* app, Output& output) {
  static const std::map<std::string, Output> kOutputs{{"table", Output::table}, {"json", Output::json}};
  app->add_option("--output", output, "table (for people) or json")
      ->transform(CLI::CheckedTransformer(kOutputs, CLI::ignore_case))
      ->option_text("table|json");
}

inline void device_option(CLI::App* app, std::string& device) {
  app->add_option("--device", device, "Which security key, when several are plugged in")->type_name("PATH");
}

inline CLI::Option* list_option(CLI::App* app, const char* name, std::vector<std::string>& values,
                                const char* description) {
  return app->add_option(name, values, description)->delimiter(',')->type_name("A,B");
}

// Each family in a file of its own.
void add_audit_commands(CLI::App& root, Action& action);
void add_verify_commits(CLI::App& root, Action& action);
void add_attestation_commands(CLI::App& root, Action& action);
void add_policy_commands(CLI::App& root, Action& action);
void add_plan_commands(CLI::App& root, Action& action);

}  // namespace countersign::cli
