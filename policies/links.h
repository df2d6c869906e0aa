// links.yaml: what fills the slots of the folder's templates. A template (`principal == ?principal`, `resource in
// ?resource`) decides nothing by itself; each link makes a policy of it.
//
//   - { template: owners-may-write, id: platform-writes, principal: 'Team::"platform"', resource: 'Upstream::"files"' }
//
// `template` is a template's @id, `id` the new policy's own, `principal` and `resource` are there when, and only when,
// the template has that slot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"
#include "policies/cedar/policy_set.h"

namespace countersign::policies {

inline constexpr std::string_view kLinksFile = "links.yaml";
inline constexpr std::size_t kMostLinks = 20'000;

// Adds every link of the text to `policies`, whose templates it is about. Every problem is reported with its place:
// link.malformed, link.template, link.slot, link.id. `path` names the file in messages.
void add_links(const std::string& path, std::string_view text, cedar::PolicySet& policies, Problems& problems);

// Whether `text` is 1 to 100 letters, digits and any of - _ . : / : what ids and names of approval rules look like.
[[nodiscard]] bool is_policy_name(std::string_view text);

}  // namespace countersign::policies
