// What facts, previews and searches share: the changes between two commits, and contents within a budget. Collects what
// is absent. Blocking; one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/objects/history.h"
#include "proxy/adapters/git/objects/needs.h"
#include "proxy/adapters/git/objects/object_reader.h"
#include "proxy/adapters/git/objects/tree_diff.h"

namespace countersign::adapters::git {

// Absent objects, gathered into as few fetches as will do.
class NeedsBook {
 public:
  void snapshot(const std::string& commit) { snapshots_.insert(commit); }  // the commit with its trees
  void tree(const std::string& id) { trees_.insert(id); }                  // with the trees below
  void blob(const std::string& id) { blobs_.insert(id); }
  void fetch(Fetch fetch);  // merged with one of the same kind

  [[nodiscard]] bool empty() const { return snapshots_.empty() && trees_.empty() && blobs_.empty() && others_.empty(); }
  [[nodiscard]] std::size_t blobs() const { return blobs_.size(); }
  [[nodiscard]] Needs take() const;

 private:
  std::set<std::string> snapshots_;
  std::set<std::string> trees_;
  std::set<std::string> blobs_;
  std::vector<Fetch> others_;
};

struct ContentBudget {
  std::uint64_t file = 0;  // bytes of one file
  std::uint64_t all = 0;   // of all files; is used up
};

enum class ContentState : std::uint8_t { read, absent, too_large };

struct Content {
  ContentState state = ContentState::absent;
  std::uint64_t size = 0;  // 0 when absent
  std::string text;        // when read
};

// The content of a blob, or what keeps it from being read. An empty name is an empty file.
Result<Content> read_content(ObjectReader& objects, const std::string& id, ContentBudget& budget);

// The changes from `base` (a commit; empty: the empty tree) to `tip`. Absent commits and trees go into the book; they
// and limits make the diff truncated.
Result<TreeDiff> changes_between(History& history, ObjectReader& objects, ObjectFormat format, const std::string& base,
                                 const std::string& tip, const TreeDiffLimits& limits, NeedsBook& book);

}  // namespace countersign::adapters::git
