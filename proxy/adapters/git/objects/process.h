// Runs one git command to its end. Blocking; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.h"
#include "proxy/adapters/git/objects/child.h"

namespace countersign::adapters::git {

struct FileInput {
  std::string path;
  std::uint64_t offset = 0;  // where the command begins to read; it reads to the end
};

struct GitCommand : ChildCommand {
  std::variant<std::string_view, FileInput> input;  // bytes, or a file
  std::string output_file;                          // created or emptied; empty: into GitOutcome::output
};

struct GitOutcome {
  int exit_code = 0;   // 128 + signal when a signal ended it, as shells count
  std::string output;  // standard output
  std::string errors;  // the beginning of standard error
};

// A command that ends with a code other than 0 is an outcome, not an error: callers know what their codes mean.
//
// Errors: git.tool_missing; git.tool_failed (it could not be started or fed); git.tool_timeout;
// git.tool_output_too_large (more than limits.output, or an output file over limits.file_size).
Result<GitOutcome> run_git(const GitCommand& command, const ToolLimits& limits = {});

// The error git.tool_failed for an outcome that should not be: its first line of complaint, without control characters.
[[nodiscard]] std::unexpected<Error> tool_failed(std::string_view what, const GitOutcome& outcome);

}  // namespace countersign::adapters::git
