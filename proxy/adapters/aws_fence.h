// The second fence: an IAM policy of one operation, for the session with which it is sent (sts:AssumeRole, `Policy`).
// AWS then keeps what the gateway decided, also where the gateway read a request otherwise than AWS does. Pure
// functions, any thread.
//
// Sources: IAM User Guide, "Session policies" and "Forward access sessions"; the resources of each service in the
// Service Authorization Reference.
#pragma once

#include <string>
#include <string_view>

#include "proxy/adapters/aws_wire.h"

namespace countersign::adapters {

inline constexpr std::size_t kMaxFence = 2048;  // characters of a session policy: STS takes no more

// The policy, as compact JSON of at most kMaxFence characters. It allows
//  1. the actions that IAM wants for the operation, with those for what it does along the way: an object's access
//     list, tags that are given with something new, a copy's source;
//  2. whatever the service does on its caller's behalf meanwhile (aws:ViaAWSService): KMS for what is encrypted, the
//     resources of a stack. Nothing but the operation itself can set that off;
//  3. iam:PassRole where the operation hands a role to a service, on the roles that the request names.
// The resources of 1 are those of this very request where their ARNs are known to be spelled as AWS spells them (S3,
// DynamoDB, SQS, SNS, Kinesis, Lambda, Secrets Manager, logs, ECR, instances that are only named); elsewhere, and where
// the list is too long, "*". An operation that IAM's table does not have may do all of its service.
[[nodiscard]] std::string aws_fence(const AwsCall& call);

}  // namespace countersign::adapters
