// What two attempts at the same AWS operation have in common. Pure functions, any thread.
//
// SDKs put a fresh random word into members that the models mark as idempotency tokens (ClientToken of RunInstances)
// whenever the caller gave none, so the identical command sent twice has two different bodies. The token that runs is
// the stored one; for finding the request that a retry belongs to, tokens are left out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/adapters/aws_wire.h"

namespace countersign::adapters {

// Hex SHA-256 of the body without its idempotency tokens. nullopt: the operation has none in its body, or the body
// cannot be read without them; every byte counts then.
[[nodiscard]] std::optional<std::string> body_without_tokens(const AwsCall& call, std::string_view body);

}  // namespace countersign::adapters
