// What a request to a Terraform state does, as policies, approvers and the log hear it: addresses and counts, never a
// value of a state. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/terraform_lock.h"
#include "proxy/adapters/terraform_state.h"
#include "scopes/operation.h"

namespace countersign::adapters {

struct TerraformStory {
  std::string action;  // "terraform:lock"
  std::string state;   // "prod/network"
  Effect effect = Effect::destroy;
  TerraformLock lock;                    // LOCK and UNLOCK; of a write the id it is made with, if any
  StateLock own_lock = StateLock::none;  // of a write
  std::string locked_for;                // the operation that one's own lock was taken for
  bool known = false;                    // `change` has been found out
  StateChange change;                    // of a write or a deletion
};

// The operation on this upstream.
[[nodiscard]] Operation operation_of(const TerraformStory& story, std::string_view upstream);

// "Write the state prod/network on tfstate (production): serial 12 → 13, 2 instances lost: aws_db_instance.orders."
[[nodiscard]] std::string terraform_sentence(const TerraformStory& story, std::string_view upstream,
                                             std::string_view environment);
// What approvers see beside it.
[[nodiscard]] std::vector<PreviewPart> terraform_preview(const TerraformStory& story);

// Frozen::shown, canonical JSON, and back. Error: request.malformed.
[[nodiscard]] std::string freeze_story(const TerraformStory& story);
Result<TerraformStory> thaw_story(std::string_view shown);

}  // namespace countersign::adapters
