// What a push would do to its repository, ref by ref: how each ref moves, which commits come with it, and which files
// differ. From the objects alone: nothing here believes a flag or a name in a commit. Blocking; any thread, a
// quarantine at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/objects/commit.h"
#include "proxy/adapters/git/objects/history.h"
#include "proxy/adapters/git/objects/needs.h"
#include "proxy/adapters/git/objects/quarantine.h"
#include "proxy/adapters/git/objects/trailers.h"
#include "proxy/adapters/git/objects/tree_diff.h"
#include "proxy/adapters/git/push_request.h"

namespace countersign::adapters::git {

// How a ref moves. Unknown counts as forced wherever it is judged.
enum class Ancestry : std::uint8_t {
  unknown,
  created,
  fast_forward,  // what the ref held stays in its history
  forced,        // it does not
  removed,
};
[[nodiscard]] std::string_view name_of(Ancestry ancestry);
[[nodiscard]] std::string_view name_of(FileStatus status);
[[nodiscard]] std::string_view name_of(FileKind kind);
[[nodiscard]] std::string_view name_of(Signature signature);

// All text is visible() text: it can be shown as it is.
struct CommitFacts {
  std::string id;
  std::vector<std::string> parents;
  Person author;
  Person committer;
  std::string subject;  // at most 500 bytes
  Signature signature = Signature::none;
  std::vector<Trailer> trailers;
  std::vector<Assistance> assistance;
};

struct FileFacts {
  std::string path;      // visible
  std::string raw_path;  // as in the tree
  FileStatus status = FileStatus::modified;
  FileKind old_kind = FileKind::none;
  FileKind new_kind = FileKind::none;
  // Lines. Unknown for binary files, links to other repositories, files over FactsLimits::text or of very
  // many lines, and absent ones.
  std::optional<std::uint64_t> additions;
  std::optional<std::uint64_t> deletions;
  bool binary = false;
  std::optional<std::uint64_t> size;  // of the new content, in bytes; unknown when absent here
  std::string_view ci_system;         // ci_system_of(path)
  std::string old_id;                 // empty when added
  std::string new_id;                 // empty when removed
};

// Over all changes, listed or not.
struct ChangeTotals {
  std::uint64_t files = 0;
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
  std::uint64_t modified = 0;  // type changes too
  std::uint64_t additions = 0;
  std::uint64_t deletions = 0;
  std::uint64_t without_lines = 0;  // files that additions and deletions say nothing of
  std::uint64_t not_compared = 0;   // of these, those that do have lines: too large, or absent
  std::uint64_t without_size = 0;   // new contents that largest_size says nothing of: absent
  std::uint64_t binary = 0;
  std::uint64_t ci_files = 0;
  std::uint64_t symlinks = 0;  // made, changed or removed
  std::uint64_t gitlinks = 0;  // submodules
  std::uint64_t largest_size = 0;
  std::string largest_path;
};

struct RefFacts {
  Ancestry ancestry = Ancestry::unknown;
  std::vector<Tag> new_tags;  // tag objects the ref points to, outermost first
  std::vector<Tag> old_tags;
  std::optional<ObjectType> new_type;  // at the end of the tags; unknown when absent
  std::string new_commit;              // empty when it is none, or the ref is removed
  std::string old_commit;

  // New to this ref, newest first: those that neither what it held nor the default branch reaches, whichever other
  // branches have them.
  std::vector<CommitFacts> commits;
  std::vector<std::string> commit_ids;  // of all of them, listed or not
  std::uint64_t commit_count = 0;
  bool commits_truncated = false;  // there are more than are listed
  bool commits_unknown = false;    // there may be others: the upstream was not asked, or gave no answer

  // What the files are compared with: the old commit, or, for a ref that is created, the nearest first-parent ancestor
  // that the upstream has. Empty: the empty tree.
  std::string base;
  std::vector<FileFacts> files;
  ChangeTotals totals;
  bool files_truncated = false;  // there are more than are listed
  bool files_unknown = false;    // there may be others: trees are absent, or too many
};

struct PushFacts {
  std::vector<RefFacts> refs;  // one a command, in their order
  // Every commit that is new to a ref and came with the push, listed there or not: what is new to the upstream.
  std::vector<std::string> new_commits;
  bool new_commits_unknown = false;  // there may be others: the walk was too long
};

struct FactsLimits {
  HistoryLimits history;
  TreeDiffLimits trees;
  std::size_t commits = 1'000;          // listed a ref
  std::size_t files = 5'000;            // listed a ref
  std::size_t all_commits = 10'000;     // listed of all refs together
  std::size_t all_ids = 200'000;        // RefFacts::commit_ids of all refs together
  std::size_t all_files = 20'000;       // listed of all refs together
  std::uint64_t text = 8U << 20;        // of one file whose lines are counted
  std::uint64_t all_text = 128U << 20;  // of all of them
  std::size_t wanted_blobs = 2'000;     // fetched for counting lines; beyond, lines stay unknown
  ToolLimits tool{.time = std::chrono::minutes(5)};
};

struct FactsQuestion {
  std::vector<RefCommand> commands;
  std::vector<std::string> tips;  // what the upstream's refs point to, as it says itself; the default branch first
  std::string default_tip;  // of the default branch, as the upstream says; empty: not known; a ref that is created is
                            // then measured by `tips`
  std::vector<Answer> answers;  // to the needs of earlier rounds
  Missing missing = Missing::report;
};

// Needs come in at most three rounds: commits and trees, then trees below what came (rarely), then blobs.
// Errors: git.bad_object, git.object_too_large (a tree or commit beyond any use), git.tool_*.
Result<OrNeeds<PushFacts>> facts_of(const Quarantine& quarantine, const FactsQuestion& question,
                                    const FactsLimits& limits = {});

}  // namespace countersign::adapters::git
