// The accesses of an operation that does several things, as one JSON text: what is stored with a held push, so that
// people and `countersign policy explain` see what was judged.
//
//   {"refs":[{"action":"git:update_ref","effect":"write","resource":"Ref::origin/app/refs/heads/main",
//             "ref":"refs/heads/main","old":"…","new":"…","ancestry":"fast_forward", …}]}
//
// Each element holds the access's own parameters beside `action`, `effect` and `resource`. What there was no room for
// is named: "left_out":["directories","paths"]. Pure functions, any thread.
#pragma once

#include <string>

#include "core/json.h"
#include "scopes/operation.h"

namespace countersign {

// For Operation::input. Over `bytes`, lists are left out first, then everything but the names of refs and objects; what
// is left may still be longer. Errors: those of parse_json for an access's parameters; accesses.malformed (invalid)
// when they are no object.
[[nodiscard]] Result<std::string> accesses_json(const Operation& operation, std::size_t bytes = 256U << 10);

struct StoredAccesses {
  std::vector<Access> accesses;       // Resource::name is without the operation's upstream
  std::vector<std::string> left_out;  // parameters that were known and are not here
};

// Empty when the text is none of these. Errors: accesses.malformed (invalid), with the place.
[[nodiscard]] Result<StoredAccesses> accesses_from_json(const Json& json, std::string_view upstream);

}  // namespace countersign
