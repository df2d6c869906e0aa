// A draft of a policy set as it comes from outside: {"files": [{"path", "text"}, …]}. Any thread.
#pragma once

#include <vector>

#include "core/json.h"
#include "policies/folder.h"

namespace countersign::policies {

// What the JSON around a draft may hold: a whole policy folder, each file of it an object with two members.
inline constexpr JsonLimits kDraftJsonLimits{.bytes = 16U << 20, .depth = 8, .values = 20'000};

// `body`'s member `files`; its other members are for others to read. Error: draft.malformed. What the files may be
// called and hold is for read_draft to say.
[[nodiscard]] Result<std::vector<DraftFile>> draft_files(const Json& body);

}  // namespace countersign::policies
