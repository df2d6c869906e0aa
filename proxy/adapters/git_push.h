// A push on its way. Its refs are named from the bytes; how each changes its history, which files and commits come with
// it, and whether there are secrets among them, is found out from its objects before anything is decided.
//
// A held push is answered as having worked, with the ref it went to: git prints `main -> refs/approvals/req_…`, ends
// with 0, and does not move its own remote-tracking branch. Clients without report-status-v2 get a refusal that says
// so. `git push -o countersign.wait=N`, or the field `Prefer: wait=N`, holds the connection for N seconds and then
// gives the true result.
//
// An approved push is sent as it came. The upstream compares each ref with the value the push names, so it lands on
// what was looked at, or not at all.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/adapters/adapter.h"
#include "proxy/adapters/documentation.h"
#include "proxy/adapters/git/push_request.h"
#include "proxy/adapters/git/report.h"
#include "proxy/adapters/git_conversation.h"
#include "proxy/adapters/git_examination.h"
#include "proxy/adapters/git_operations.h"

namespace countersign::adapters {

inline constexpr std::string_view kWaitOption = "countersign.wait=";

class GitPush final : public Conversation {
 public:
  // `upstream` and `workshop` outlive the conversation. `request.operation` is not read.
  GitPush(const config::Upstream& upstream, GitWorkshop& workshop, GitRequest request, git::PushRequest push,
          BodyView body, Patience patience);

  [[nodiscard]] const Operation& operation() const override { return request_.operation; }
  Task<Status> look_closer(Doors& doors, BodySource* body) override;
  Task<Status> prepare_hold(Doors& doors) override;
  [[nodiscard]] approvals::Frozen freeze() const override;
  [[nodiscard]] std::string documentation() const override { return documentation_in_options(push_.options); }
  Task<Status> check_fresh(Doors& doors) override;
  Task<Result<std::string>> keep_safe(Doors& doors, std::string request) override;
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;
  [[nodiscard]] std::optional<Landed> landed() const override;
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override;
  [[nodiscard]] bool takes_stored_result() const override { return false; }
  [[nodiscard]] Patience patience() const override { return patience_; }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override;
  Task<Status> answer_held(ReplySink& sink, Pending pending) override;
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override;

 private:
  [[nodiscard]] std::optional<GitUpstream> client(Doors& doors) const;
  [[nodiscard]] PushQuestion question(GitUpstream& upstream, BodySource* body) const;
  // Sends `packets` as the whole answer, or as the rest of one that heartbeats have begun.
  Task<Status> answer(ReplySink& sink, std::string packets);
  Task<Forwarded> conclude(ReplySink& sink, HttpReply& reply);
  void learn(const git::PushReport& report, Forwarded& done);
  Task<void> absorb(Doors& doors);
  [[nodiscard]] git::PushReport refused_report(std::string_view why) const;
  // What the agent should know besides why it was denied: the secrets, or what could not be found out.
  [[nodiscard]] std::string remarks() const;

  const config::Upstream& upstream_;
  GitWorkshop& workshop_;
  GitRequest request_;
  git::PushRequest push_;
  std::string body_sha256_;
  std::uint64_t body_size_ = 0;
  Patience patience_;
  std::optional<PushFindings> findings_;
  std::string shown_;
  std::vector<bool> taken_;  // a command: whether the upstream took it
};

}  // namespace countersign::adapters
