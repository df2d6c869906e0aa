// Complaints of the Cedar library as problems of files.
#pragma once

#include <string>

#include "core/problem.h"
#include "policies/cedar/policy_set.h"
#include "policies/cedar/source.h"

namespace countersign::policies {

[[nodiscard]] inline Problem problem_at(const cedar::Source& source, cedar::Span span, std::string code,
                                        std::string message, std::string help = {},
                                        Severity severity = Severity::error) {
  cedar::Position at = source.locate(span);
  return {.file = source.name(),
          .line = static_cast<int>(at.line),
          .column = static_cast<int>(at.column),
          .message = std::move(message),
          .severity = severity,
          .length = static_cast<int>(at.length),
          .code = std::move(code),
          .help = std::move(help)};
}

[[nodiscard]] inline Problem problem_of(const cedar::SourceDiagnostic& found, std::string code,
                                        Severity severity = Severity::error) {
  return problem_at(*found.source, found.diagnostic.span, std::move(code), found.diagnostic.message,
                    found.diagnostic.help, severity);
}

}  // namespace countersign::policies
