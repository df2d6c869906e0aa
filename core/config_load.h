// Reads countersign.yaml into core/config.h's values, and says everything that is wrong with it at once.
//
// Checked here is what can be known from the file, the file system and the environment: unknown keys, types, ranges,
// names, URLs, files that are named, variables that hold secrets. Nothing is contacted, and no secret is read.
#pragma once

#include <filesystem>
#include <string_view>

#include "core/config.h"
#include "core/problem.h"
#include "core/yaml.h"

namespace countersign::config {

enum class Check { yes, no };

struct LoadOptions {
  Check files = Check::yes;    // that named files, folders and users exist and can be read
  Check secrets = Check::yes;  // that environment variables of credentials are set
  Check run_as = Check::no;    // a warning for each command that runs as the gateway's own user
};

struct Loaded {
  Config config;  // complete only when ok()
  Problems problems;
  [[nodiscard]] bool ok() const { return !has_errors(problems); }
};

// At most 1 MiB. Relative paths in the file are taken from its folder and come out absolute. An upstream's command runs
// in that folder unless it names another.
[[nodiscard]] Loaded load(const std::filesystem::path& file, const LoadOptions& options = {});

// The same from text in memory; `file` is the name in messages and fixes what relative paths mean.
[[nodiscard]] Loaded read(const std::filesystem::path& file, std::string_view text, const LoadOptions& options = {});

// Upstream names: [a-z0-9][a-z0-9-]{0,62}.
[[nodiscard]] bool is_upstream_name(std::string_view name);

// nullopt when the URL can be an upstream's; otherwise why not. (http or https, a host, no credentials, query,
// fragment, or dot segments.)
[[nodiscard]] std::optional<std::string> upstream_url_problem(std::string_view url);

// "127.0.0.1:8700", "localhost:8700", "[::1]:8700"; nullopt when it is nothing like that. Port 0 lets the system
// choose.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
// The same spelling back.
[[nodiscard]] std::string address_text(const Address& address);

// The keys environment, tier, owner; every other key is a free label. `what` names the labelled thing in messages.
[[nodiscard]] LabelSet read_labels(std::string_view file, const yaml::Node& node, const std::string& what,
                                   Problems& problems);

}  // namespace countersign::config
