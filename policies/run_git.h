// Runs one command of stock git to its end, for following a repository of policies. Blocking; any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace countersign::policies {

struct GitRun {
  std::vector<std::string> arguments;  // behind "git"
  std::string git_dir;
  std::string_view input;  // standard input
  // Whose settings it sees. A fetch needs the operator's: keys, credential helpers, proxies. Whatever judges a commit
  // sees nobody's: a setting could make it run another program, or believe another key.
  enum class Settings : std::uint8_t { none, users } settings = Settings::none;
  std::chrono::milliseconds time{60'000};
  std::size_t output = 64U << 20;
};

struct GitDone {
  int code = 0;        // 128 + signal when one ended it
  std::string output;  // standard output
  std::string errors;  // the beginning of standard error, without control characters
};

// A command that ends with another code than 0 is no error of this function. Errors: git.tool_missing,
// git.tool_failed, git.tool_timeout, git.tool_output_too_large (all unavailable).
[[nodiscard]] Result<GitDone> run_git(const GitRun& command);

}  // namespace countersign::policies
