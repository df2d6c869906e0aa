// Where the policies of `policy explain` and `policy test` come from, and their JSON files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/json.h"
#include "policies/snapshot.h"

namespace countersign::cli {

struct PolicySource {
  std::filesystem::path folder;
  std::vector<config::Upstream> upstreams;  // with their labels; none when no configuration is named
};

// `policies`: a folder, or empty for the one the configuration names. `config`: a configuration file, or empty for
// ./countersign.yaml if it is there. A folder that is named alone is taken without any configuration. Errors:
// cli.config, cli.policies (invalid).
[[nodiscard]] Result<PolicySource> find_policies(const std::string& policies, const std::string& config);

// The folder loaded; what is wrong with it goes to standard error. nullptr when it does not load.
[[nodiscard]] std::shared_ptr<const policies::Snapshot> load_policies(const PolicySource& source);

// A file of at most 16 MiB; "-" is standard input. Errors: file.*.
[[nodiscard]] Result<std::string> read_argument(const std::string& path);
// The same as JSON; the file's name is in the message. Errors: file.*, json.*.
[[nodiscard]] Result<Json> read_json_argument(const std::string& path);

}  // namespace countersign::cli
