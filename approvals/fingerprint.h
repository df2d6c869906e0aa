// What binds an approval to a request, and a retry to its result. Pure functions, any thread.
//
// Both are SHA-256 over fields each preceded by its length (core/sha256.h, FieldDigest), so that no two different lists
// of fields give the same digest. A list is its count, then its members. Numbers are decimal text.
//
//   fingerprint, domain "countersign/fingerprint/v2": what was approved. In this order:
//     caller         agent, owner, issuer, delegates, chain, scope
//     upstream       protocol, upstream
//     target         head, identity, retry_identity
//     body           body_sha256, body_size     (the file's path is where it lies, not what it is)
//     what it does   action, effect, environment, resources, summary, input
//     on what basis  policies, rules, policy_digest, preconditions, shown
//
//   A request that an approver edited has the domain "countersign/fingerprint/v3", and after these fields:
//     by whom        edited_by, edited, supersedes
//   All others keep the second version, so that what was approved before there were edits is still what it was.
//   Documentation is not among the fields: it may come later than the request, and each vote is bound to it by itself
//   (approvals/statement.h).
//
//   retry key, domain "countersign/retry/v1": who may join the request and collect its result. In this order:
//     caller         agent, owner, delegates, chain[0] (the root token)
//     upstream       protocol, upstream
//     request        identity, retry_identity; body_sha256 and body_size unless retry_identity says that the identity
//                    stands alone
//
// The retry key names the root token only, so that a refreshed leaf of the same lineage finds its request, and another
// lineage never does. It leaves out policies and preconditions: a result stays the result of this request when they
// change.
#pragma once

#include <string>

#include "approvals/request.h"

namespace countersign::approvals {

// Hex, 64 characters. Reads the fields above of `request` and nothing else (not its id, state, times, documentation or
// votes).
[[nodiscard]] std::string fingerprint(const HeldRequest& request);

// Hex, 64 characters.
[[nodiscard]] std::string retry_key(const Frozen& frozen, const Requester& requester);

// Whether two callers are the same for retry_key: the same agent, owner, delegates and root token. For asking after a
// request by its id.
[[nodiscard]] bool same_lineage(const Requester& a, const Requester& b);

}  // namespace countersign::approvals
