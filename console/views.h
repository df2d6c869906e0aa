// Held requests as the JSON of docs/admin-api.md. Pure functions, any thread.
#pragma once

#include <filesystem>
#include <vector>

#include "approvals/eligibility.h"
#include "approvals/request.h"
#include "approvals/rules.h"
#include "audit/entry.h"
#include "auth/registry.h"
#include "core/json.h"
#include "policies/snapshot.h"

namespace countersign::console {

// What a list shows. `conflicts`: ids of open requests of others on the same resources.
[[nodiscard]] Json request_summary(const approvals::HeldRequest& request, const approvals::Rules& rules, TimeMs now,
                                   const std::vector<std::string>& conflicts = {});

// Names the kind of a request, in 32 hexadecimal digits: the same agent wants the same effect by the same action in the
// same place, and the same rules hold it. What people decide together.
[[nodiscard]] std::string group_of(const approvals::HeldRequest& request);

// Adds the rest but for policies and preview: arguments, digests, votes, and for each rule how far it has come and who
// may approve now (`people`: all there are, judged by approvals::eligibility).
void add_request_details(Json& out, const approvals::HeldRequest& request, const approvals::Rules& rules,
                         const std::vector<approvals::Approver>& people, TimeMs now);

// One sentence for each rule that is not satisfied yet; empty when the request is not held.
[[nodiscard]] std::vector<std::string> missing_sentences(const approvals::HeldRequest& request,
                                                         const approvals::Rules& rules, TimeMs now);

// Hex SHA-256 of the canonical JSON of the `preview` member of a request.
[[nodiscard]] std::string preview_digest(const Json& preview);

// The reason of a vote, a cancellation, a revocation: `reason` of a body, neither blank (approval.reason_required) nor
// over 4,000 bytes (approval.reason_too_long).
[[nodiscard]] Result<std::string> reason_in(const Json& body);

// What is missing of the documentation that its rules need.
[[nodiscard]] std::vector<std::string> missing_documentation_of(const approvals::HeldRequest& request,
                                                                const approvals::Rules& rules, TimeMs now);

// The policies that hold a request, as they are now: id, where it stands, and what it says (@reason, else its text).
// One that is not among today's policies has its id only.
[[nodiscard]] Json policies_json(const approvals::HeldRequest& request, const policies::Snapshot& snapshot,
                                 const std::filesystem::path& folder);

// A token of the register.
[[nodiscard]] Json token_json(const auth::ListedToken& listed, TimeMs now);

// An audit record about a request: `entry` with everything filled in that says which request it is.
[[nodiscard]] audit::Entry request_entry(audit::Entry entry, const approvals::HeldRequest& request);

}  // namespace countersign::console
