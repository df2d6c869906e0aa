// What is known of a push, as parameters for policies and people. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>

#include "proxy/adapters/git/push_request.h"
#include "proxy/adapters/git_examination.h"

namespace countersign::adapters {

// How command `index` moves its ref: unknown where there are no findings, or they do not say.
[[nodiscard]] git::Ancestry ancestry_of(const PushFindings* findings, std::size_t index);

// The parameters of one ref (scopes/protocols.cc has their types), canonical JSON. What was not found out is left out:
// a policy that asks for it cannot be satisfied by not knowing. `findings` may be null.
[[nodiscard]] std::string ref_input(const git::PushRequest& push, std::size_t index, const PushFindings* findings);

// At most so many bytes of paths are given to policies; beyond, `paths` and `directories` are left out.
inline constexpr std::size_t kMostPathBytes = 256U << 10;

}  // namespace countersign::adapters
