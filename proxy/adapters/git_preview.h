// What approvers are shown of a push: made once, when it is held, and stored with it (approvals::Frozen::shown), so
// that everybody who decides sees the same.
#pragma once

#include <string>
#include <string_view>

#include "proxy/adapters/adapter.h"
#include "proxy/adapters/git_examination.h"

namespace countersign::adapters {

// The stored form, canonical JSON: {"parts":[{"media_type":…,"text":…,"title":…}],"sentence":…}. Titles: "statistics",
// "commits", "files", "diff", each followed by " of <ref>" where the push has several refs, and "secrets". At most
// about 1 MiB. What the upstream does not tell is left out, and the text says so.
Task<Result<std::string>> preview_push(Doors* doors, const PushQuestion* question, const PushFindings* findings,
                                       std::string sentence);

// Reads it. Something that is no stored preview gives one that says so.
[[nodiscard]] Preview read_preview(std::string_view shown);

}  // namespace countersign::adapters
