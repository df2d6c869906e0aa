// One request for keys, answered by the gateway with those of a narrower token (aws_session.h). Nothing is sent
// upstream. Belongs to the worker that serves it.
#pragma once

#include "proxy/adapters/adapter.h"
#include "proxy/adapters/aws_request.h"
#include "proxy/adapters/aws_session.h"
#include "proxy/adapters/narrower.h"

namespace countersign::adapters {

class AwsSessionConversation final : public Conversation {
 public:
  // `narrower` outlives the conversation; nullptr: the request was not signed by anybody who waits for an answer, and
  // there are no keys.
  AwsSessionConversation(AwsRequest request, AwsSession session, std::string upstream, Narrower* narrower)
      : request_(std::move(request)),
        session_(std::move(session)),
        upstream_(std::move(upstream)),
        narrower_(narrower) {}

  [[nodiscard]] const Operation& operation() const override { return request_.operation; }
  // What is never held has nothing to store.
  [[nodiscard]] approvals::Frozen freeze() const override { return {}; }
  // Who made which token must be known before anybody has it.
  [[nodiscard]] bool awaits_record() const override { return true; }
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override;
  [[nodiscard]] Patience patience() const override { return {}; }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override;
  Task<Status> answer_held(ReplySink& sink, Pending pending) override;
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override;

 private:
  [[nodiscard]] Result<NarrowedKeys> keys() const;
  Task<Status> answer_error(ReplySink& sink, Error error);

  AwsRequest request_;
  AwsSession session_;
  std::string upstream_;
  Narrower* narrower_;
};

}  // namespace countersign::adapters
