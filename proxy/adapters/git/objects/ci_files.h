// Files that a continuous integration system runs, or that say what it runs: who changes them runs code with its
// credentials. Pure functions, any thread.
#pragma once

#include <string_view>

namespace countersign::adapters::git {

// The system's name ("github-actions", "gitlab-ci", …) when a change of this path changes what it runs; else empty.
// Compared without regard to case: some of these systems, and file systems, do so too.
[[nodiscard]] std::string_view ci_system_of(std::string_view path);

}  // namespace countersign::adapters::git
