#include "cli/report.h"

#include <cstdio>
#include <string>

#include "cli/text.h"

namespace countersign::cli {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
    case ErrorKind::malformed:
      return kUsage;
    case ErrorKind::unauthenticated:
    case ErrorKind::forbidden:
    case ErrorKind::not_found:
    case ErrorKind::conflict:
    case ErrorKind::too_large:
    case ErrorKind::unsupported:
      return kNo;
    case ErrorKind::timed_out:
    case ErrorKind::unavailable:
    case ErrorKind::internal:
      return kUnreachable;
  }
  return kUnreachable;
}

int report(const Error& error, std::string_view next_step) {
  std::string text = "countersign: " + many_lines(error.message);
  if (!error.code.empty()) text += " [" + one_line(error.code) + "]";
  text += "\n";
  if (!next_step.empty()) text.append("  ").append(next_step).append("\n");
  std::fputs(text.c_str(), stderr);
  return exit_code(error.kind);
}

int report_usage(std::string_view message, std::string_view next_step) {
  return report(Error{ErrorKind::invalid, "", std::string(message)}, next_step);
}

bool print(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

int finish(std::string_view text, int code) {
  return print(text) ? code : kUnreachable;
}

}  // namespace countersign::cli
