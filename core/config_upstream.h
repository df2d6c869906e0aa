// One entry of `upstreams:`; a part of core/config_load.cc, apart from it for its length.
#pragma once

#include <filesystem>
#include <string>

#include "core/config_load.h"

namespace countersign::config {

// What every part of the reader needs: the file's name, what relative paths mean, and where problems go.
struct Reading {
  std::string file;
  std::filesystem::path folder;
  LoadOptions options;
  Problems& problems;

  void problem(const yaml::Node& at, std::string message);
  [[nodiscard]] std::string resolve(const std::string& path) const;
  // Each makes the path absolute, and reports when (options say so and) it is not there.
  void file_at(const yaml::Node& at, std::string& path);
  void folder_at(const yaml::Node& at, std::string& path);
  // A user of this machine, and not root.
  void user_at(const yaml::Node& at, const std::string& name);
  void secret_at(const yaml::Node& at, SecretSource& source);
};

// `{ env: VARIABLE }` or `{ file: path }`, and never the secret itself. `what` names it in messages.
void read_secret(Reading& reading, const yaml::Node& node, const std::string& what, SecretSource& out);

// Whether secrets may go there: https, or plain http on this machine (tests and sidecars).
[[nodiscard]] bool is_private_way(std::string_view url);

// What could be read of it; problems are reported.
[[nodiscard]] Upstream read_upstream(Reading& reading, const yaml::Node& node);

}  // namespace countersign::config
