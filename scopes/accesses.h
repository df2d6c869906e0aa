// The accesses of an operation that does several things, as one JSON text: what is stored with a held push, so that
// people and `countersign policy explain` see what was judged.
//
//   {"refs":[{"action":"git:update_ref","effect":"write","resource":"Ref::origin/app/refs/heads/main",
//             "ref":"refs/heads/main","old":"…","new":"…","ancestry":"fast_forward", …}]}
//
// Each element holds the access's own parameters beside `action`, `effect` and `resource`. Pure functions, any thread.
#pragma once

#include <string>

#include "core/json.h"
#include "scopes/operation.h"

namespace countersign {

// For Operation::input. Errors: those of parse_json for an access's parameters; accesses.malformed (invalid) when they
// are no object.
[[nodiscard]] Result<std::string> accesses_json(const Operation& operation);

// The accesses in such a text; Resource::name is without the operation's upstream. An empty list when it is none.
// Errors: accesses.malformed (invalid), with the place.
[[nodiscard]] Result<std::vector<Access>> accesses_from_json(const Json& json, std::string_view upstream);

}  // namespace countersign
