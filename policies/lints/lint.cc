#include "policies/lints/lint.h"

#include <algorithm>
#include <array>

#include "policies/problems.h"
#include "policies/validation.h"

namespace countersign::policies::lints {
namespace {

constexpr std::array kAll = {
    Lint{"forbid-may-err", Silence::possible, forbid_may_err},
    Lint{"like-on-command", Silence::possible, like_on_command},
    Lint{"undeclared-attribute", Silence::impossible, undeclared_attribute},
    Lint{"whole-input", Silence::impossible, whole_input},
    Lint{"unknown-entity", Silence::possible, unknown_entity},
    Lint{"approval-reversed", Silence::possible, approval_reversed},
    Lint{"release-mismatch", Silence::impossible, release_mismatch},
    Lint{"approval-never-asked", Silence::possible, approval_never_asked},
    Lint{"approval-case", Silence::possible, approval_case},
    Lint{"approval-shadowed", Silence::possible, approval_shadowed},
    Lint{"broad-permit", Silence::possible, broad_permit},
    Lint{"no-floor", Silence::impossible, no_floor},
    Lint{"useless-allow", Silence::impossible, useless_allow},
};

// Reported where policies are validated and linked; listed here so that @allow knows their names.
constexpr std::array<std::string_view, 2> kElsewhere = {"never-applies", "unlinked-template"};

}  // namespace

std::span<const Lint> all() {
  return kAll;
}

void Findings::add(const cedar::Policy& policy, cedar::Span span, Severity severity, std::string message,
                   std::string help) {
  if (silence_ == Silence::possible && allows(policy.syntax().annotations, lint_)) return;
  Problem problem =
      problem_at(policy.source(), span, "lint." + std::string(lint_), std::move(message), std::move(help), severity);
  // Every link of a template has its template's text.
  bool said = std::ranges::any_of(out_, [&](const Problem& other) {
    return other.file == problem.file && other.line == problem.line && other.column == problem.column &&
           other.code == problem.code;
  });
  if (!said) out_.push_back(std::move(problem));
}

void Findings::add(std::string file, std::string message, std::string help) {
  out_.push_back({.file = std::move(file),
                  .message = std::move(message),
                  .severity = Severity::warning,
                  .code = "lint." + std::string(lint_),
                  .help = std::move(help)});
}

// @allow of what does not exist or cannot be allowed: its author believes something is silenced.
void useless_allow(const Snapshot& snapshot, Findings& findings) {
  std::vector<std::string_view> names(kElsewhere.begin(), kElsewhere.end());
  for (const Lint& lint : all()) {
    if (lint.silence == Silence::possible) names.push_back(lint.name);
  }
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    for (const cedar::ast::Annotation& annotation : policy.annotations()) {
      if (annotation.key != "allow") continue;
      for (std::string_view word : allowed_words(annotation.value)) {
        if (std::ranges::find(names, word) != names.end()) continue;
        std::string_view near = closest(word, names);
        findings.add(policy, annotation.span, Severity::warning,
                     "@allow(\"" + std::string(word) + "\") silences nothing",
                     near.empty() ? "lints that can be allowed are listed in docs/policies.md"
                                  : "did you mean \"" + std::string(near) + "\"?");
      }
    }
  }
}

}  // namespace countersign::policies::lints
