// Ruleset: policies, approval rules and roles that belong together, loaded and replaced as one.
//
// A folder that does not load completely never replaces the running set: a half-edited policy must not open a door, nor
// close all of them. Any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "approvals/rules.h"
#include "core/problem.h"
#include "policies/folder.h"
#include "policies/roles.h"
#include "policies/snapshot.h"

namespace countersign::approvals {

struct Ruleset {
  std::shared_ptr<const policies::Snapshot> policies;
  std::shared_ptr<const Rules> approvals;
  TimeMs loaded = 0;
  std::shared_ptr<const policies::Roles> roles = policies::Roles::built_in();
  // The files it was made of, tests too: what an editor starts from, and what is kept of a set that was activated.
  std::shared_ptr<const policies::SnapshotSource> files = std::make_shared<const policies::SnapshotSource>();

  // Of the policies, which is one over all files but tests/.
  [[nodiscard]] const std::string& digest() const { return policies->digest(); }
};

// Reads `folder` (policies, entities, approvals.yaml, roles) and checks that they fit together: every @approval names a
// rule, every group of a rule exists, every name in roles. nullptr when any problem is an error.
[[nodiscard]] std::shared_ptr<const Ruleset> load_ruleset(const std::filesystem::path& folder,
                                                          const std::vector<config::Upstream>& upstreams, TimeMs now,
                                                          Problems& problems);
// The same from files that were read before: a draft.
[[nodiscard]] std::shared_ptr<const Ruleset> load_ruleset(policies::SnapshotSource source,
                                                          const std::vector<config::Upstream>& upstreams, TimeMs now,
                                                          Problems& problems);

class RulesetStore {
 public:
  RulesetStore(std::filesystem::path folder, std::vector<config::Upstream> upstreams,
               std::shared_ptr<const Ruleset> first)
      : folder_(std::move(folder)), upstreams_(std::move(upstreams)), current_(std::move(first)) {}

  [[nodiscard]] std::shared_ptr<const Ruleset> current() const;

  struct Reloaded {
    bool replaced = false;  // false with errors among `problems`: the running set stays
    std::string digest;     // of the set that runs now
    Problems problems;
  };
  // Blocks on the disk.
  Reloaded reload(TimeMs now);
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const std::vector<config::Upstream>& upstreams() const { return upstreams_; }

 private:
  const std::filesystem::path folder_;
  const std::vector<config::Upstream> upstreams_;
  std::mutex reloading_;
  mutable std::mutex lock_;  // of current_; held for a copy of a pointer
  std::shared_ptr<const Ruleset> current_;
};

}  // namespace countersign::approvals
