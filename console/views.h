// Held requests as the JSON of docs/admin-api.md. Pure functions, any thread.
#pragma once

#include <filesystem>
#include <vector>

#include "approvals/eligibility.h"
#include "approvals/request.h"
#include "approvals/rules.h"
#include "audit/entry.h"
#include "core/json.h"
#include "policies/snapshot.h"

namespace countersign::console {

// What a list shows.
[[nodiscard]] Json request_summary(const approvals::HeldRequest& request, const approvals::Rules& rules);

// Adds the rest but for policies and preview: arguments, digests, votes, and for each rule how far it has come and who
// may approve now (`people`: all there are, judged by approvals::eligibility).
void add_request_details(Json& out, const approvals::HeldRequest& request, const approvals::Rules& rules,
                         const std::vector<approvals::Approver>& people, TimeMs now);

// One sentence for each rule that is not satisfied yet; empty when the request is not held.
[[nodiscard]] std::vector<std::string> missing_sentences(const approvals::HeldRequest& request,
                                                         const approvals::Rules& rules);

// The policies that hold a request, as they are now: id, where it stands, and what it says (@reason, else its text).
// One that is not among today's policies has its id only.
[[nodiscard]] Json policies_json(const approvals::HeldRequest& request, const policies::Snapshot& snapshot,
                                 const std::filesystem::path& folder);

// An audit record about a request: `entry` with everything filled in that says which request it is.
[[nodiscard]] audit::Entry request_entry(audit::Entry entry, const approvals::HeldRequest& request);

}  // namespace countersign::console
