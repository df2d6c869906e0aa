// Proposed edits of policies, and the sets that were in force, on disk.
//
//   <state>/proposals/pol_….json   one file a proposal, mode 0600, replaced by rename
//   <state>/policy-history/        <digest>.json: the files of a set; history.jsonl: what was activated, by whom
//
// A proposal is open until it is activated or withdrawn; it is outdated when the running set is not the one it was made
// from, which is not stored but seen. Any thread; blocks on the disk.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"
#include "policies/folder.h"

namespace countersign::console {

struct Proposal {
  enum class State : std::uint8_t { open, activated, withdrawn };
  std::string id;  // "pol_…"
  State state = State::open;
  std::string by;
  std::vector<std::string> chain;  // token ids of whoever proposed it, root first; empty for a session
  TimeMs created = 0;
  std::string description;
  std::string base;    // digest of the set it was made from
  std::string digest;  // of the set it makes
  std::vector<policies::DraftFile> files;
  std::string closed_by;
  TimeMs closed = 0;
  std::string reason;
};
[[nodiscard]] std::string_view name_of(Proposal::State state);

// One activation.
struct Activation {
  std::string digest;
  TimeMs activated = 0;
  std::string by;  // who activated it; empty: the folder was changed on disk, or the gateway started with it
  std::string proposed_by;
  std::string description;
  std::string proposal;
  std::string replaced;  // digest of the set before; empty for the first
};

class Proposals {
 public:
  static constexpr std::size_t kMostOpen = 200;
  static constexpr std::size_t kMostKept = 1'000;  // closed ones; the oldest go first
  static constexpr std::size_t kMostHistory = 500;

  // Reads what there is. Errors: proposals.unreadable (internal).
  [[nodiscard]] static Result<std::unique_ptr<Proposals>> open(const std::filesystem::path& state);

  // Durable when it returns. Errors: proposals.too_many (conflict), proposals.not_written.
  [[nodiscard]] Status add(Proposal proposal);
  // Closes an open one. Errors: proposals.unknown, proposals.closed (conflict), proposals.not_written.
  [[nodiscard]] Status close(const std::string& id, Proposal::State state, const std::string& by,
                             const std::string& reason, TimeMs now);
  [[nodiscard]] Result<Proposal> find(const std::string& id) const;
  // Without their files, newest first.
  [[nodiscard]] std::vector<Proposal> list() const;

  // Keeps a set and adds a line. For the set that was activated last, only who did it, where that was not known.
  [[nodiscard]] Status note_activation(Activation activation, const policies::SnapshotSource& files);
  // Newest first.
  [[nodiscard]] std::vector<Activation> history() const;
  // The files of a set that was in force. Errors: policies.unknown_digest (not_found).
  [[nodiscard]] Result<std::vector<policies::DraftFile>> files_of(const std::string& digest) const;

 private:
  explicit Proposals(const std::filesystem::path& state)
      : folder_(state / "proposals"), history_folder_(state / "policy-history") {}
  Status read();
  Status write(const Proposal& proposal) const;
  void forget_old();

  const std::filesystem::path folder_;
  const std::filesystem::path history_folder_;
  mutable std::mutex lock_;
  std::map<std::string, Proposal> proposals_;  // without files; ids begin with their time
  std::vector<Activation> history_;            // oldest first
};

}  // namespace countersign::console
