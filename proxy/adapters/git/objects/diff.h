// What approvers read before they decide: the change as text. Everything from the pushed objects is shown through
// visible(). Blocking; any thread, a quarantine at a time.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "proxy/adapters/git/objects/facts.h"
#include "proxy/adapters/git/objects/needs.h"
#include "proxy/adapters/git/objects/quarantine.h"

namespace countersign::adapters::git {

struct DiffLimits {
  std::size_t bytes = 256U << 10;      // of the whole text
  std::size_t file_bytes = 32U << 10;  // of one file's part
  std::size_t line_bytes = 500;        // of one line
  std::size_t context = 3;             // lines
  std::uint64_t text = 8U << 20;       // of one file that is compared
  std::uint64_t all_text = 64U << 20;  // of all of them
  ToolLimits tool{.time = std::chrono::minutes(2)};
};

struct DiffText {
  std::string text;             // unified, as git writes it: "diff --git a/… b/…", hunks with context
  std::size_t files_shown = 0;  // in full or cut, with a note where cut
  std::size_t files_left = 0;   // of RefFacts::files, for want of room
  bool complete = false;        // all changes are there, and every line of them
};

// The listed files of one ref, in their order. Binary files are named with their sizes, links to other repositories
// with their commits. Needs: blobs. Errors: git.bad_object, git.tool_*.
Result<OrNeeds<DiffText>> diff_text(const Quarantine& quarantine, const RefFacts& facts, const DiffLimits& limits = {},
                                    Missing missing = Missing::report);

// The listed files as an indented tree with a mark, lines added and removed: "A", "D", "M", "T" as git has them.
//
//   src/
//     M parser.cc +12 -3
[[nodiscard]] std::string file_tree(const RefFacts& facts, std::size_t limit = 64U << 10);

// One line: "3 files changed, 12 lines added, 3 removed; 1 binary; 1 CI file".
[[nodiscard]] std::string statistics(const RefFacts& facts);

}  // namespace countersign::adapters::git
