// Problems for programs. Pure function, any thread.
#pragma once

#include "core/json.h"
#include "core/problem.h"

namespace countersign {

// [{"file","line","column","length","severity","code","message","help"}], without what is not known.
[[nodiscard]] Json problems_json(const Problems& problems);

}  // namespace countersign
