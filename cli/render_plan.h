// A plan for people.
#pragma once

#include <string>

#include "cli/text.h"
#include "core/json.h"

namespace countersign::cli {

enum class PlanShown { summary, changes };

// "plan pln_…: 3 to add, 1 to change, 2 to destroy; …", and the changes, what is destroyed first.
[[nodiscard]] std::string render_plan(const Json& plan, TimeMs now, const Terminal& terminal, PlanShown shown);
// "announced by pln_… as …", one line, for a request that has one; else empty.
[[nodiscard]] std::string render_announced(const Json& request);

}  // namespace countersign::cli
