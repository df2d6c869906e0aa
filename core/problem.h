// Problem: one thing wrong in a file a person wrote. Loaders collect all of them, so that one run of `check` shows
// everything there is to mend.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace countersign {

enum class Severity { error, warning };

struct Problem {
  std::string file;
  int line = 0;    // from 1; 0 when the problem is not in one place
  int column = 0;  // from 1; 0 likewise
  std::string message;
  Severity severity = Severity::error;
  int length = 0;    // code points from the column on that it is about; 0 when not known
  std::string code;  // stable, dotted; empty where nobody tells such problems apart
  std::string help;  // what to do about it, when there is something to say
};

using Problems = std::vector<Problem>;

// "countersign.yaml:12: unknown key `upstream`", and "…: warning: …" for a warning. Without a line: "file: message".
[[nodiscard]] std::string format_problem(const Problem& problem);

// All of them, one a line, each line ended.
[[nodiscard]] std::string format_problems(const Problems& problems);

// Whether anything in the list is more than a warning.
[[nodiscard]] bool has_errors(const Problems& problems);

// By file, then line, then column; problems of one place keep their order.
void sort_problems(Problems& problems);

// The candidate closest to `text`, or empty when none is close: for "did you mean".
[[nodiscard]] std::string_view closest(std::string_view text, const std::vector<std::string_view>& candidates);

// A whole file as bytes. Fails with file.missing, file.unreadable (a folder, a device, no permission) or
// file.too_large when it has more than `limit` bytes.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit);

}  // namespace countersign
