// LFS requests on their way: batches, locks, and files that the upstream keeps itself. Belongs to the worker that
// serves it.
//
// git-lfs shows {"message":…} of an answer that is no success, so denials and holds are put that way. A held batch is
// run when it is approved; the client's next try collects its answer, and uploads.
#pragma once

#include <memory>
#include <string>

#include "core/clock.h"
#include "core/config.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/git_conversation.h"
#include "proxy/adapters/git_lfs.h"
#include "proxy/adapters/git_lfs_answer.h"
#include "proxy/adapters/git_lfs_ticket.h"

namespace countersign::adapters {

// What the LFS requests of one upstream share. Immutable; any thread.
struct LfsGate {
  LfsTickets tickets;
  std::string scheme;  // of the agents listener, "http" or "https"; X-Forwarded-Proto counts before it
  const Clock& clock;
};

// `upstream` and `gate` outlive the conversation. `standing`: approved for a stored request that runs. Errors: those of
// read_lfs, git.too_large, git.lfs_ticket, git.lfs_content (bytes that are not the object they are uploaded as).
Result<std::unique_ptr<Conversation>> describe_lfs(const config::Upstream& upstream, const LfsGate& gate,
                                                   GitRoute route, const Inbound& inbound, LfsStanding standing);

// {"message":…} as the whole answer.
Task<Status> send_lfs_message(ReplySink& sink, int status, std::string message);
// "countersign: denied (policy.floor): …"
[[nodiscard]] std::string lfs_denied_message(const Denial& denial);

class LfsConversation final : public Conversation {
 public:
  struct Call {
    GitRequest request;  // its target as the client asked
    LfsRequest lfs;
    std::optional<LfsTicket> ticket;
    LfsStanding standing = LfsStanding::judged;
    std::string origin;  // of the gateway as the client spells it: "http://127.0.0.1:8700"
    BodyView body;
    Patience patience;
  };
  LfsConversation(const config::Upstream& upstream, const LfsGate& gate, Call call)
      : upstream_(upstream), gate_(gate), call_(std::move(call)) {
    call_.body.in_memory = {};
  }

  [[nodiscard]] const Operation& operation() const override { return call_.request.operation; }
  [[nodiscard]] approvals::Frozen freeze() const override;
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override;
  [[nodiscard]] Patience patience() const override { return call_.patience; }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override;
  Task<Status> answer_held(ReplySink& sink, Pending pending) override;
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override;

 private:
  Task<Forwarded> pass_batch(HttpReply& reply, const LfsUpstream& upstream, ReplySink& sink);
  Task<Forwarded> pass_object(HttpReply& reply, const LfsUpstream& upstream, ReplySink& sink);
  [[nodiscard]] std::string tickets_address() const;
  [[nodiscard]] std::string identity() const;

  const config::Upstream& upstream_;
  const LfsGate& gate_;
  Call call_;
};

}  // namespace countersign::adapters
