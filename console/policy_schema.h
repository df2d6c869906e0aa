// What policies see, as JSON for an editor that completes names. Pure function, any thread.
#pragma once

#include "approvals/ruleset.h"
#include "core/json.h"

namespace countersign::console {

// {"text": the schema in Cedar's language,
//  "entities": {"Agent": {"attributes": {"name": {"type": "String", "optional": false}, …}, "ids": […]}, …},
//  "actions": ["mcp:call_tool", "change", …],
//  "context": {"attributes": {"input": {"type", "attributes": {…}}, …}},   (of every action together)
//  "annotations": ["id", "approval", …], "rules": names of approval rules, "roles": the schema of roles/}
[[nodiscard]] Json schema_json(const approvals::Ruleset& ruleset);

}  // namespace countersign::console
