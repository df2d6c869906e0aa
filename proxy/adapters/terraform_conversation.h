// One request to a Terraform state on its way. Belongs to the worker that serves it.
//
// What a write does to the state is found out by reading the present one with the gateway's credential (look_closer).
//
// A held LOCK is run for a Terraform that waits for it (LockAskers): with that one's LockInfo, which differs from the
// stored one in ID and time, as a signature's date would. Until one asks, an approved LOCK stays approved. Where
// somebody else has the lock for a moment, it is asked for again while that Terraform waits.
#pragma once

#include <memory>
#include <string>

#include "proxy/adapters/adapter.h"
#include "proxy/adapters/terraform_locks.h"
#include "proxy/adapters/terraform_request.h"
#include "proxy/adapters/terraform_story.h"

namespace countersign::adapters {

// What the requests to one upstream share. Any thread.
struct TerraformGate {
  std::string upstream;
  std::unique_ptr<TerraformLocks> locks;
  LockAskers askers;
};

class TerraformConversation final : public Conversation {
 public:
  // Whether it is a client's own, or a stored one that runs.
  enum class Origin : std::uint8_t { client, stored };

  // `gate` outlives it. `preconditions`: Frozen::preconditions of a stored one.
  TerraformConversation(TerraformGate& gate, TerraformRequest request, const BodyView& body, Origin origin);

  void set_patience(Patience patience) { patience_ = patience; }
  void set_preconditions(std::string preconditions) { expected_ = std::move(preconditions); }

  [[nodiscard]] const Operation& operation() const override { return operation_; }
  Task<Status> look_closer(Doors& doors, BodySource* body) override;
  [[nodiscard]] approvals::Frozen freeze() const override;
  Task<Status> check_fresh(Doors& doors) override;
  Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) override;
  Task<Status> answer_denied(ReplySink& sink, Denial denial) override;
  [[nodiscard]] Patience patience() const override { return patience_; }
  Task<Status> heartbeat(ReplySink& sink, Pending pending) override;
  Task<Status> answer_held(ReplySink& sink, Pending pending) override;
  Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) override;

 private:
  void tell();
  struct LockReply {
    int status = 0;
    HeaderList fields;
    std::string body;
  };
  Task<Result<LockReply>> ask_for_lock(Doors& doors);
  Task<Forwarded> forward_lock(Doors& doors, ReplySink& sink);
  Task<Status> learn(Doors& doors, int status, std::string body);
  [[nodiscard]] std::string asking_key() const { return terraform_identity(request_); }

  TerraformGate& gate_;
  TerraformRequest request_;
  std::string body_sha256_;
  std::uint64_t body_size_ = 0;
  Origin origin_;
  TerraformStory story_;
  Operation operation_;
  std::string preconditions_;  // as found
  std::string expected_;       // as stored
  Patience patience_;
  std::unique_ptr<LockAskers::Asking> asking_;
};

// 423 with a LockInfo that says why (terraform_lock.h), for LOCK; a problem document with this status for others.
Task<Status> send_refusal(ReplySink& sink, bool lock, Denial denial);

}  // namespace countersign::adapters
