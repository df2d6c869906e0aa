// PolicyFollower: keeps the policy folder at the newest properly signed commit of a git repository
// (policies/git_source.h), and the running set with it.
//
// A commit goes into force when its signatures are right (git_source), its files load, and the tests it brings pass.
// Otherwise the running set stays, and what is wrong is told once for each commit, not every minute. One thread at a
// time; blocks on the network.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "approvals/ruleset.h"
#include "core/clock.h"
#include "core/config.h"
#include "policies/git_source.h"

namespace countersign::console {

// Something to be written into the log and the audit log: phase admin, action `policies:follow`.
struct Followed {
  bool activated = false;
  std::string code;    // "policies.activated", or of the refusal
  std::string detail;  // canonical JSON: commit, signer, who signed what it brings, digests before and after
  std::string reason;  // of a refusal: one sentence
  std::string by;      // for the history: "git: 1a2b3c4d5e6f, signed by alice@example.com"
};

class PolicyFollower {
 public:
  // What a commit's files must do before they are put in the folder; and what makes the running set the folder's.
  struct Parts {
    const config::Config& config;
    const Clock& clock;
    std::function<approvals::RulesetStore::Reloaded()> reload;  // null before there is a running set
    // Called with the commit checked and nothing written yet; an error ends it there.
    std::function<Status(const Followed&)> about_to;
  };
  // `config.policy_repository` is set.
  explicit PolicyFollower(Parts parts);

  // Before the gateway loads its policies for the first time: the folder is filled from the repository. With a folder
  // from an earlier run an unreachable repository is no error. Errors: those of GitSource::fetch, policies.invalid,
  // policies.tests_failed, policies.write_failed.
  [[nodiscard]] Result<std::optional<Followed>> prepare();

  // Looks once. nullopt: nothing new, or the same trouble as the last time.
  [[nodiscard]] std::optional<Followed> follow();

  // For PolicyDesk::Parts::read_only: why nobody edits here.
  [[nodiscard]] std::string read_only_reason() const;

  void set_reload(std::function<approvals::RulesetStore::Reloaded()> reload) { parts_.reload = std::move(reload); }

 private:
  Result<std::optional<Followed>> look();
  Status put_into_force(const policies::Candidate& candidate, const std::string& digest);

  Parts parts_;
  policies::GitSource source_;
  std::string last_trouble_;  // commit and code
};

}  // namespace countersign::console
