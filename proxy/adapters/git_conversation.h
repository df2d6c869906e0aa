// A fetch, or an advertisement of refs, on its way: read, relayed as it streams. Belongs to the worker that serves it.
#pragma once

#include <string>

#include "proxy/adapters/adapter.h"
#include "proxy/adapters/git_memory.h"
#include "proxy/adapters/git_route.h"

namespace countersign::adapters {

struct GitRequest {
  GitRoute route;
  RequestHead head;  // what is forwarded: target relative to the upstream, end-to-end fields
  Operation operation;
};

// The stored form of a request's head, canonical JSON: {"headers":[[name,value]…],"method":…,"target":…}.
[[nodiscard]] std::string freeze_git_head(const RequestHead& head);
// Error: request.malformed.
Result<RequestHead> thaw_git_head(std::string_view frozen);

class GitConversation final : public Conversation {
 public:
  // `memory` outlives the conversation.
  GitConversation(GitRequest request, GitMemory& memory, BodyView body, Patience patience)
      : request_(std::move(request)),
        memory_(memory),
        body_sha256_(body.sha256),
        body_size_(body.size),
        patience_(patience) {}

  [[nodiscard]] const Operation& operation() const override { return request_.operation; }
  [[nodiscard]] approvals::Frozen freeze() const override;
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override;
  [[nodiscard]] Patience patience() const override { return patience_; }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override;
  Task<Status> answer_held(ReplySink& sink, Pending pending) override;
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override;

 private:
  Task<Forwarded> answer_probe(ReplySink& sink);
  Task<Forwarded> relay_advertisement(HttpReply& reply, ReplySink& sink);

  GitRequest request_;
  GitMemory& memory_;
  std::string body_sha256_;
  std::uint64_t body_size_ = 0;
  Patience patience_;
};

}  // namespace countersign::adapters
