// What differs between two trees, file by file. Renames are a removal and an addition: what policies judge are paths.
// Blocking (it reads objects); one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/object_id.h"
#include "proxy/adapters/git/objects/object_reader.h"

namespace countersign::adapters::git {

enum class FileKind : std::uint8_t { none, regular, executable, symlink, gitlink };

enum class FileStatus : std::uint8_t {
  added,
  removed,
  modified,      // the content, or whether it is executable
  type_changed,  // a file became a link, or the like
};

struct TreeEntry {
  std::uint32_t mode = 0;
  std::string name;
  std::string id;

  [[nodiscard]] bool is_tree() const { return mode == 0040000; }
};

// The entries of a tree's bytes. Stricter than git, which passes over some of these and so can be made to see another
// tree than this program: names that are empty, ".", "..", ".git" or hold a slash, names twice or out of order, unknown
// modes. Error: git.bad_object.
Result<std::vector<TreeEntry>> parse_tree(std::string_view bytes, ObjectFormat format);

struct TreeChange {
  std::string path;  // bytes as they stand in the trees, usually UTF-8
  FileStatus status = FileStatus::modified;
  FileKind old_kind = FileKind::none;
  FileKind new_kind = FileKind::none;
  std::string old_id;  // empty when added
  std::string new_id;  // empty when removed
};

struct TreeDiffLimits {
  std::size_t changes = 20'000;
  std::size_t trees = 50'000;            // read
  std::uint64_t tree_bytes = 64U << 20;  // of one tree
  std::size_t depth = 256;
  std::size_t path = 4'096;  // bytes
};

struct TreeDiff {
  std::vector<TreeChange> changes;   // by path, as git sorts them
  std::vector<std::string> missing;  // trees that are not here; what is below them is not in `changes`
  bool truncated = false;            // there may be more changes
};

// Compares two trees by name; an empty name is the empty tree. Errors: git.bad_object, git.object_too_large,
// git.tool_*.
Result<TreeDiff> diff_trees(ObjectReader& objects, std::string_view old_tree, std::string_view new_tree,
                            ObjectFormat format, const TreeDiffLimits& limits = {});

}  // namespace countersign::adapters::git
