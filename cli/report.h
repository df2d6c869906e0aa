// How commands end: exit codes that scripts can rely on, and error texts that say what to do next.
#pragma once

#include <string_view>

#include "core/result.h"

namespace countersign::cli {

// 0 done · 1 the answer is no (denied, invalid, not verified) · 2 usage or configuration · 3 the server cannot be
// reached.
inline constexpr int kDone = 0;
inline constexpr int kNo = 1;
inline constexpr int kUsage = 2;
inline constexpr int kUnreachable = 3;

[[nodiscard]] int exit_code(ErrorKind kind);

// Writes "countersign: <message> [<code>]" and, when there is one, the next step to standard error. Returns the exit
// code of the error's kind.
int report(const Error& error, std::string_view next_step = {});

// The same for a mistake on the command line: exit code 2.
int report_usage(std::string_view message, std::string_view next_step = {});

// The whole text to standard output. False when it could not be written (a closed pipe, a full disk).
[[nodiscard]] bool print(std::string_view text);
// print, and the exit code that follows: `code`, or kUnreachable when the text could not be written.
[[nodiscard]] int finish(std::string_view text, int code = kDone);

}  // namespace countersign::cli
