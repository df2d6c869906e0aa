// One HTTP request on its way through the http adapter. Belongs to the worker that serves it.
#pragma once

#include <string>

#include "proxy/adapters/adapter.h"
#include "proxy/adapters/http_request.h"

namespace countersign::adapters {

// Where links that an upstream writes (Location) lead, and what they are for the agent.
struct HttpLinks {
  std::string origin;     // "http://host:port" of the upstream
  std::string base_path;  // of the upstream's address
};

class HttpConversation final : public Conversation {
 public:
  HttpConversation(HttpRequest request, BodyView body, Patience patience, HttpLinks links)
      : request_(std::move(request)),
        body_sha256_(body.sha256),
        body_size_(body.size),
        patience_(patience),
        links_(std::move(links)) {}

  [[nodiscard]] const Operation& operation() const override { return request_.operation; }
  [[nodiscard]] approvals::Frozen freeze() const override;
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override;
  [[nodiscard]] Patience patience() const override { return patience_; }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override;
  Task<Status> answer_held(ReplySink& sink, Pending pending) override;
  void tell_edit(std::string what) override { edit_ = std::move(what); }
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override;

 private:
  [[nodiscard]] HeaderList answer_fields(const HeaderList& headers) const;

  HttpRequest request_;
  std::string body_sha256_;
  std::uint64_t body_size_ = 0;
  Patience patience_;
  HttpLinks links_;
  std::string edit_;
};

}  // namespace countersign::adapters
