#include "cli/locate.h"

#include "core/config_load.h"

namespace countersign::cli {

Result<std::filesystem::path> state_folder(const ServerOptions& options) {
  if (!options.state.empty()) return std::filesystem::path(options.state);
  std::filesystem::path file = options.config.empty() ? "countersign.yaml" : options.config;
  std::error_code ignored;
  if (options.config.empty() && !std::filesystem::exists(file, ignored)) return std::filesystem::path("state");
  // Only the name of the folder is wanted: whether the upstreams' files and secrets are there is not ours to ask.
  config::Loaded loaded = config::load(file, {.files = config::Check::no, .secrets = config::Check::no});
  if (!loaded.ok()) return fail(ErrorKind::invalid, "cli.config", format_problems(loaded.problems));
  return loaded.config.state;
}

}  // namespace countersign::cli
