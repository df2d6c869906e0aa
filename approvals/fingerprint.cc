#include "approvals/fingerprint.h"

#include "core/sha256.h"

namespace countersign::approvals {
namespace {

void add_list(FieldDigest& digest, const std::vector<std::string>& values) {
  digest.field(std::to_string(values.size()));
  for (const std::string& value : values) digest.field(value);
}

std::string_view root_of(const Requester& requester) {
  return requester.chain.empty() ? std::string_view() : std::string_view(requester.chain.front());
}

std::string_view identity_kind(RetryIdentity identity) {
  return identity == RetryIdentity::identity ? "identity" : "identity_and_body";
}

}  // namespace

std::string fingerprint(const HeldRequest& request) {
  const Requester& requester = request.requester;
  const Frozen& frozen = request.frozen;
  const bool edited = !request.edited_by.empty();
  FieldDigest digest(edited ? "countersign/fingerprint/v3" : "countersign/fingerprint/v2");
  digest.field(requester.agent).field(requester.owner).field(requester.issuer);
  add_list(digest, requester.delegates);
  add_list(digest, requester.chain);
  digest.field(requester.scope);
  digest.field(frozen.protocol).field(frozen.upstream);
  digest.field(frozen.head).field(frozen.identity).field(identity_kind(frozen.retry_identity));
  digest.field(frozen.body_sha256).field(std::to_string(frozen.body_size));
  digest.field(request.action).field(request.effect).field(request.environment);
  add_list(digest, request.resources);
  digest.field(request.summary).field(request.input);
  add_list(digest, request.policies);
  add_list(digest, request.rules);
  digest.field(request.policy_digest).field(frozen.preconditions).field(frozen.shown);
  if (edited) digest.field(request.edited_by).field(request.edited).field(request.supersedes);
  return to_hex(digest.finish());
}

std::string retry_key(const Frozen& frozen, const Requester& requester) {
  FieldDigest digest("countersign/retry/v1");
  digest.field(requester.agent).field(requester.owner);
  add_list(digest, requester.delegates);
  digest.field(root_of(requester));
  digest.field(frozen.protocol).field(frozen.upstream);
  digest.field(frozen.identity).field(identity_kind(frozen.retry_identity));
  if (frozen.retry_identity == RetryIdentity::identity_and_body) {
    digest.field(frozen.body_sha256).field(std::to_string(frozen.body_size));
  }
  return to_hex(digest.finish());
}

bool same_lineage(const Requester& a, const Requester& b) {
  return a.agent == b.agent && a.owner == b.owner && a.delegates == b.delegates && !root_of(a).empty() &&
         root_of(a) == root_of(b);
}

}  // namespace countersign::approvals
