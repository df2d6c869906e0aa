// A fetch, or a listing of refs, that asks for held pushes: refs/approvals/… (git_reviews.h). A read of the repository
// like any other fetch, judged as one. Belongs to the worker that serves it.
//
// The upstream is always asked first, with the client's own bytes: what has landed, or was there before, comes from it.
// A fetch that it refuses is served from the stored pushes if it wants nothing else.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/adapters/git_conversation.h"
#include "proxy/adapters/git_reviews.h"

namespace countersign::adapters {

// What such a request asks for.
struct GitReviewRequest {
  git::UploadRequest request;
  std::string body;  // decoded
  GitReviews::Wanted wanted;
};

// nullopt: not about held pushes, or not to be read here (version 0 or 1, an encoding other than gzip, a body that is
// not in memory whole); the upstream answers it.
[[nodiscard]] std::optional<GitReviewRequest> read_review_request(const GitReviews& reviews,
                                                                  const config::Upstream& upstream,
                                                                  const GitRoute& route, const Inbound& inbound);

class GitReviewConversation final : public Conversation {
 public:
  // `reviews` outlives the conversation.
  GitReviewConversation(GitReviews& reviews, GitReviewRequest review, GitRequest request, const BodyView& body,
                        Patience patience);

  [[nodiscard]] const Operation& operation() const override { return fetch_.operation(); }
  [[nodiscard]] approvals::Frozen freeze() const override { return fetch_.freeze(); }
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override {
    return fetch_.answer_denied(sink, std::move(denial));
  }
  [[nodiscard]] Patience patience() const override { return fetch_.patience(); }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override {
    return fetch_.heartbeat(sink, std::move(pending));
  }
  Task<Status> answer_held(ReplySink& sink, Pending pending) override {
    return fetch_.answer_held(sink, std::move(pending));
  }
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override {
    return fetch_.deliver(sink, std::move(reply));
  }

 private:
  Task<Forwarded> relay_refs(Doors& doors, HttpReply& reply, ReplySink& sink);
  Task<Forwarded> relay_or_serve(Doors& doors, HttpReply& reply, ReplySink& sink);
  Task<Forwarded> serve(Doors& doors, ReplySink& sink);
  [[nodiscard]] GitUpstream upstream(HttpDoor& door) const;

  GitReviews& reviews_;
  GitReviewRequest review_;
  GitReviewPlace place_;
  RequestHead head_;       // what is forwarded
  GitConversation fetch_;  // does whatever is not special here
};

}  // namespace countersign::adapters
