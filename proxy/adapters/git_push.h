// A push on its way. Its refs are named from the bytes; how each changes its history is found out by GitHistory before
// anything is decided. Belongs to the worker that serves it.
//
// A held push is answered as having worked, with the ref it went to: git prints `main -> refs/approvals/req_…`, ends
// with 0, and does not move its own remote-tracking branch. Clients without report-status-v2 get a refusal that says
// so. `git push -o countersign.wait=N`, or the field `Prefer: wait=N`, holds the connection for N seconds and then
// gives the true result.
#pragma once

#include <string>
#include <vector>

#include "proxy/adapters/adapter.h"
#include "proxy/adapters/git/push_request.h"
#include "proxy/adapters/git/report.h"
#include "proxy/adapters/git_conversation.h"
#include "proxy/adapters/git_operations.h"

namespace countersign::adapters {

inline constexpr std::string_view kWaitOption = "countersign.wait=";

class GitPush final : public Conversation {
 public:
  // `upstream` outlives the conversation. `request.operation` is not read.
  GitPush(const config::Upstream& upstream, GitRequest request, git::PushRequest push, BodyView body,
          Patience patience);

  [[nodiscard]] const Operation& operation() const override { return request_.operation; }
  [[nodiscard]] approvals::Frozen freeze() const override;
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override;
  [[nodiscard]] Patience patience() const override { return patience_; }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override;
  Task<Status> answer_held(ReplySink& sink, Pending pending) override;
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override;

 private:
  // Sends `packets` as the whole answer, or as the rest of one that heartbeats have begun.
  Task<Status> answer(ReplySink& sink, std::string packets);
  Task<Forwarded> conclude(ReplySink& sink, HttpReply& reply);
  [[nodiscard]] git::PushReport refused_report(std::string_view why) const;

  const config::Upstream& upstream_;
  GitRequest request_;
  git::PushRequest push_;
  std::string body_sha256_;
  std::uint64_t body_size_ = 0;
  Patience patience_;
  std::vector<Ancestry> ancestries_;
};

}  // namespace countersign::adapters
