// Entries of the journal as lines of JSON (docs/formats/operations.md). A part of policies/journal.h. Any thread.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "core/json_reader.h"
#include "policies/journal.h"

namespace countersign::policies {

using KeptNames = std::set<std::string, std::less<>>;

// What a set declares of arguments and query parameters: "arguments.path", "query.force", records with their members.
[[nodiscard]] KeptNames kept_names(const Snapshot& snapshot);

// The line that says what is kept under a policy set, with its newline: before the first entry of that set in a
// segment.
[[nodiscard]] std::string render_kept(std::string_view policy_digest, const KeptNames& names);
// The entry as a line with its newline, parameters pruned by its snapshot; empty when it cannot be kept in kEntryBytes.
[[nodiscard]] std::string render_entry(const JournalEntry& entry);

// Reads what render_entry wrote. journal.malformed otherwise.
[[nodiscard]] Result<JournalEntry> parse_entry(JsonValue line);

// Prunes one JSON object to what its type declares. `path` begins the names in `dropped`.
struct Pruned {
  std::string text;
  bool left_out = false;
  std::vector<std::string> dropped;
};
[[nodiscard]] Pruned prune(std::string_view json, const cedar::Type& type);

// The question of an entry, as `countersign policy explain --request` reads it.
[[nodiscard]] std::string question_text(const JournalEntry& entry);

}  // namespace countersign::policies
