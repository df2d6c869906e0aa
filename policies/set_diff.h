// What differs between two policy sets: files, and policies by their ids. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "policies/folder.h"

namespace countersign::policies {

struct FileChange {
  std::string path;
  std::optional<std::string> before;  // nullopt: it is new
  std::optional<std::string> after;   // nullopt: it is gone
};

struct PolicyChange {
  enum class Kind : std::uint8_t { added, removed, changed } kind = Kind::changed;
  std::string id;  // @id, else "file.cedar:3"
  std::string file;
  std::string before;  // its text, from its first annotation to the semicolon
  std::string after;
};

struct SetDiff {
  std::vector<FileChange> files;  // by path
  // Of policies, the floor and roles, by id; nullopt when one of the sets does not parse. A policy that only moved to
  // another file of its kind has not changed; one that moved into or out of the floor has.
  std::optional<std::vector<PolicyChange>> policies;
  [[nodiscard]] bool empty() const { return files.empty(); }
};

[[nodiscard]] SetDiff diff_sets(const SnapshotSource& before, const SnapshotSource& after);

// {"files":[{"path","before","after"}],"policies":[{"id","file","change":"added|removed|changed","before","after"}]};
// what is not there is null.
[[nodiscard]] Json diff_json(const SetDiff& diff);

}  // namespace countersign::policies
