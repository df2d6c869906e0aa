// Policies from a git repository, followed by a thread of its own while the gateway runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "audit/log.h"
#include "console/policy_desk.h"
#include "console/policy_follower.h"
#include "core/log.h"

namespace countersign::cli {

class PolicyFollow {
 public:
  // `config.policy_repository` is set.
  PolicyFollow(const config::Config& config, const Clock& clock, const Log& log);
  ~PolicyFollow();
  PolicyFollow(const PolicyFollow&) = delete;
  PolicyFollow& operator=(const PolicyFollow&) = delete;

  // Fills the policy folder, before it is loaded for the first time.
  [[nodiscard]] Status prepare();
  [[nodiscard]] std::string read_only_reason() const { return follower_.read_only_reason(); }

  // Records what prepare() did, and begins to look every `policy_repository->every`. Everything outlives this object.
  // `reload`: RulesetStore::reload and what goes with it; the desk is told here.
  void start(audit::Log& audit, console::PolicyDesk& desk, std::function<approvals::RulesetStore::Reloaded()> reload);

 private:
  void run(const std::stop_token& stop);
  void tell(const console::Followed& followed);
  [[nodiscard]] Status record(const console::Followed& followed, std::string_view code);

  const config::Config& config_;
  const Log& log_;
  audit::Log* audit_ = nullptr;
  console::PolicyDesk* desk_ = nullptr;
  console::PolicyFollower follower_;
  std::optional<console::Followed> prepared_;
  std::jthread thread_;
};

}  // namespace countersign::cli
