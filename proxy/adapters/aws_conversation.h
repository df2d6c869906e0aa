// One AWS request on its way through the aws adapter. Belongs to the worker that serves it.
#pragma once

#include <string>

#include "core/config.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/aws_request.h"
#include "proxy/adapters/aws_tags.h"

namespace countersign::adapters {

// Who knows the tags of things; no reader: labels do not come from tags.
struct AwsLabelling {
  AwsTagReader* reader = nullptr;
  AwsTagReader::From from = AwsTagReader::From::upstream;
};

class AwsConversation final : public Conversation {
 public:
  // `account` and the reader outlive the conversation.
  AwsConversation(const config::AwsAccount& account, AwsRequest request, const BodyView& body, Patience patience,
                  AwsLabelling labelling)
      : account_(account),
        request_(std::move(request)),
        body_sha256_(body.sha256),
        body_size_(body.size),
        body_(body.in_memory),
        patience_(patience),
        labelling_(labelling) {}

  [[nodiscard]] const Operation& operation() const override { return request_.operation; }
  Task<Status> look_closer(Doors& doors, BodySource* body) override;
  [[nodiscard]] approvals::Frozen freeze() const override;
  void sent_for(Sender sender) override { sender_ = std::move(sender); }
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;
  void reveal_secrets() override { reveals_ = true; }
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override;
  [[nodiscard]] Patience patience() const override { return patience_; }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override;
  Task<Status> answer_held(ReplySink& sink, Pending pending) override;
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override;

 private:
  [[nodiscard]] Result<Departure> departure(const HttpDoor& door) const;
  Task<Forwarded> answer_not_done(ReplySink& sink, Error error);

  const config::AwsAccount& account_;
  AwsRequest request_;
  std::string body_sha256_;
  std::uint64_t body_size_ = 0;
  std::string_view body_;  // while describe()'s caller keeps it: freeze() is called before that ends
  Patience patience_;
  AwsLabelling labelling_;
  Sender sender_;
  bool reveals_ = false;  // secrets in the answer
};

}  // namespace countersign::adapters
