// A session policy of AWS as a condition of our own: only what allows actions, and nothing finer than an operation.
// Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace countersign::adapters {

inline constexpr std::size_t kSessionPolicyBytes = 2048;   // as AWS limits it
inline constexpr std::size_t kSessionPolicyActions = 256;  // patterns it may become

// What `policy` (JSON) allows, as patterns of a scope's `actions`: "aws:s3:Get*". Empty: everything ("Action": "*").
// An operation is admitted when the policy allows each IAM action that the operation may need, whatever its parameters
// are, so that nothing is admitted which the policy does not allow. Errors, all of kind invalid: aws.session_policy for
// what cannot be said so (Deny, Condition, NotAction, resources other than "*", wildcards in a service's name), for
// what allows no operation at all, and for what is finer than an operation; aws.session_policy_too_long.
[[nodiscard]] Result<std::vector<std::string>> actions_of_session_policy(const AwsCatalogue& catalogue,
                                                                         std::string_view policy);

}  // namespace countersign::adapters
