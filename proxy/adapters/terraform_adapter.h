// The terraform adapter: servers of Terraform's HTTP state backend, mounted at /NAME/<state>.
//
// Its resource is TerraformState::"NAME/prod/network". Reads, writes, deletions, locks and unlocks are told apart as
// terraform_request.h says; what a write does comes from the two states (terraform_state.h), and whose lock it is from
// what the gateway has seen (terraform_locks.h). docs/terraform.md is for those who use it.
//
// Terraform shows nothing but the `ID` of a LOCK's 423, so denials and holds are put there. A held call keeps its
// connection for kHoldPatience, or as long as `Prefer: wait=N` says.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/config.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/terraform_conversation.h"

namespace countersign::adapters {

inline constexpr TimeMs kHoldPatience = 25'000;

// describe, thaw and preview may be called from any thread.
class TerraformAdapter final : public Adapter {
 public:
  // Locks taken through it are kept in `locks`. Errors: those of TerraformLocks::open.
  static Result<std::unique_ptr<TerraformAdapter>> create(const config::Upstream& upstream,
                                                          const std::filesystem::path& locks);

  [[nodiscard]] Challenge challenge(std::string_view method, std::string_view rest) const override;
  Task<Status> prepare(Doors& doors) override;
  Result<std::unique_ptr<Conversation>> describe(const Inbound& inbound, Doors& doors) const override;
  Result<std::unique_ptr<Conversation>> thaw(const approvals::Frozen& frozen, std::string_view body,
                                             Doors& doors) const override;
  [[nodiscard]] std::string sentence(const approvals::Frozen& frozen, std::string_view body,
                                     std::string_view environment) const override;
  [[nodiscard]] Preview preview(const approvals::Frozen& frozen, std::string_view body) const override;
  Task<Status> refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const override;

 private:
  explicit TerraformAdapter(std::unique_ptr<TerraformGate> gate) : gate_(std::move(gate)) {}

  std::unique_ptr<TerraformGate> gate_;
};

}  // namespace countersign::adapters
