// Policies that come from a git repository: the newest commit of a branch, if everybody who must have signed has.
//
// What is required, with stock git's `verify` over SSH signatures and a file of allowed signers that is not part of the
// repository (gpg.ssh.allowedSignersFile, see ssh-keygen(1) ALLOWED SIGNERS):
//
//   - the history only grows: the commit accepted last is on the first-parent line of the new one;
//   - every commit on that line since then has a good signature of an allowed signer;
//   - two people (unless switched off): each of them is a merge of one branch that adds nothing to what was merged, and
//     every commit it brings carries a good signature of somebody else than who signed the merge. The name of an author
//     is no evidence, since anybody can write it: two people are two signatures.
//
// The very first commit is taken on its own signature alone: who points the gateway at the repository vouches for it.
// A mirror is kept in <state>/policies-git; what is accepted is its ref refs/countersign/accepted. Blocking; one thread
// at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "policies/folder.h"

namespace countersign::policies {

// A commit that may be put into force.
struct Candidate {
  std::string commit;                 // 40 or 64 hexadecimal digits
  std::string subject;                // first line of its message
  std::string signer;                 // who signed it, as the file of allowed signers names them
  std::vector<std::string> proposed;  // who signed what it brings, sorted, unique; empty for one that is no merge
  bool first = false;
  SnapshotSource files;
};

class GitSource {
 public:
  static constexpr std::size_t kMostCommits = 1'000;  // since the last one accepted, and in each branch merged

  GitSource(const config::PolicyRepository& repository, const std::filesystem::path& state);

  // Fetches. nullopt when the newest commit is the accepted one. Errors: policies.git_unreachable (unavailable) and the
  // refusals (forbidden) policies.git_rewound, policies.git_unsigned (not signed, or not by an allowed signer),
  // policies.git_one_person, policies.git_files (a file that cannot be part of a policy set); the message names the
  // commit. git.* when git does not work at all.
  [[nodiscard]] Result<std::optional<Candidate>> fetch();

  // From now on, histories must contain this one. Errors: policies.git_not_kept.
  [[nodiscard]] Status accept(const std::string& commit);

  // The files of a commit that is in the mirror. Errors: policies.git_files.
  [[nodiscard]] Result<SnapshotSource> files_of(const std::string& commit);

  // The commit accepted last; empty: none yet.
  [[nodiscard]] Result<std::string> accepted();
  // The commit that the last fetch() looked at, accepted or not.
  [[nodiscard]] const std::string& tip() const { return tip_; }

 private:
  struct Commit;
  Status make_mirror();
  Result<std::string> git(std::vector<std::string> arguments, std::string_view code, std::string_view input = {});
  Result<Commit> read_commit(const std::string& id);
  Result<std::vector<std::string>> commits(const std::vector<std::string>& range);
  Status check_two_people(const Commit& merge, std::vector<std::string>& proposed);

  const config::PolicyRepository repository_;
  const std::filesystem::path mirror_;
  std::string tip_;
};

}  // namespace countersign::policies
