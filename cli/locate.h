// Where the state folder is: --state, else the one --config names, else the one ./countersign.yaml names, else ./state.
#pragma once

#include <filesystem>

#include "cli/commands/commands.h"
#include "core/result.h"

namespace countersign::cli {

// cli.config (invalid) when a configuration file was named, or found, that cannot be read; the message says why.
[[nodiscard]] Result<std::filesystem::path> state_folder(const ServerOptions& options);

}  // namespace countersign::cli
