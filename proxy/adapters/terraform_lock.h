// Locks of Terraform's HTTP state backend: the LockInfo that LOCK and UNLOCK carry (Terraform, statemgr.LockInfo), and
// the answers that its client shows. Pure functions, any thread.
//
// Of a LOCK that was not granted, Terraform shows one thing: the `ID` in the body of a 423 or 409. So that is where
// what people should read is put.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"

namespace countersign::adapters {

inline constexpr std::size_t kMaxLockBytes = 64U << 10;
inline constexpr std::size_t kMaxLockField = 1'000;  // bytes of a member

// What the client says of itself; only `id` is ever compared with anything.
struct TerraformLock {
  std::string id;         // 1 to 128 of A-Z a-z 0-9 . _ : -
  std::string operation;  // "OperationTypePlan", "OperationTypeApply" (destroy as well), "state-rm", …
  std::string info;
  std::string who;      // "user@host"
  std::string version;  // of Terraform
};

// A name that stands for one lock, in a body as well as in a query.
[[nodiscard]] bool is_lock_id(std::string_view text);

// Whether the text is a JSON object with members of a LockInfo, whatever else it has.
[[nodiscard]] bool looks_like_a_lock(std::string_view body);

// Strict: an object whose known members are texts and stand there once, spelt exactly; Terraform's servers are written
// in languages that take `id` for `ID`. `ID` may be empty in an UNLOCK. Error: terraform.bad_lock.
enum class LockId { needed, optional };
Result<TerraformLock> read_terraform_lock(std::string_view body, LockId id);

// All that a LockInfo says but its ID and its time, which Terraform makes anew for every run: canonical JSON. `body` is
// one that read_terraform_lock takes.
[[nodiscard]] std::string lock_without_attempt(std::string_view body);

// A lock that a plan takes, and does not write under.
[[nodiscard]] bool is_plan(std::string_view operation);
// "terraform apply or destroy", "terraform plan", "terraform state rm"; of an operation that is not known its own
// name, quoted.
[[nodiscard]] std::string command_of(std::string_view operation);

// What the body of a 423 says: a LockInfo for Terraform, a problem document (RFC 9457) for everybody else.
struct LockAnswer {
  std::string code;    // "approval.pending", "policy.floor"
  std::string told;    // in the place of the ID
  std::string detail;  // for others
  std::string request;
  std::string link;
  std::string operation;  // of the client
};
[[nodiscard]] std::string lock_answer(const LockAnswer& answer);

}  // namespace countersign::adapters
