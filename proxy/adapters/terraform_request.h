// A request to a Terraform state as its adapter reads it (Terraform, backend "http"): checked, and ready to be frozen
// or forwarded. No I/O.
//
//   GET     /prod/network             the state; the answer may be 204 or 404 where there is none
//   POST    /prod/network?ID=<lock>   writes it; PUT likewise (update_method)
//   DELETE  /prod/network
//   LOCK    /prod/network             a LockInfo; 423 or 409 with the other one when somebody has it
//   UNLOCK  /prod/network             the same LockInfo; of a force-unlock only its ID
//
// Nothing else. Other methods that lock (lock_method, unlock_method) could as well write or delete a state whose name
// is the lock's path, so they are refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "approvals/request.h"
#include "core/http_head.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/terraform_lock.h"

namespace countersign::adapters {

enum class TerraformVerb : std::uint8_t { read_state, write_state, delete_state, lock, unlock };

struct TerraformRequest {
  RequestHead head;  // what is forwarded: target relative to the upstream, end-to-end fields
  TerraformVerb verb = TerraformVerb::delete_state;
  std::string state;    // "prod/network"
  std::string lineage;  // of the caller
  TerraformLock lock;   // LOCK and UNLOCK; of write_state the id in its query, if any
  std::string body;     // of LOCK and UNLOCK
};

// Errors: terraform.method_not_supported, terraform.ambiguous_path (a spelling that could mean two states, a final
// slash among them), terraform.no_state, terraform.bad_query, terraform.bad_body, terraform.bad_lock,
// terraform.lock_method, terraform.content_md5, http.method_override, http.path_override, http.bad_header.
Result<TerraformRequest> read_terraform_request(const Inbound& inbound);

// Frozen::head: canonical JSON {"headers","lineage","method","target"}.
[[nodiscard]] std::string freeze_terraform_request(const TerraformRequest& request);
// And back; `body` as stored. Errors: request.malformed, and those of read_terraform_request.
Result<TerraformRequest> thaw_terraform_request(const approvals::Frozen& frozen, std::string_view body);

// What an identical retry repeats. Of a LOCK it is what Terraform makes anew for every run that is left out: the ID,
// and the time.
[[nodiscard]] std::string terraform_identity(const TerraformRequest& request);

// Whether the MD5 of `body` is what Content-MD5 says (RFC 1864), where it says something. Error: terraform.content_md5.
Status check_content_md5(const HeaderList& headers, std::string_view body);

}  // namespace countersign::adapters
