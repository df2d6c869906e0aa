// AWS's own endpoints. Pure functions, any thread. Source: the service models' endpoint prefixes and AWS's documented
// host names, <prefix>.<region>.<suffix of the partition>; services with one endpoint for all regions have it without
// the region.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "proxy/adapters/aws_wire.h"

namespace countersign::adapters {

// The host that the call goes to: "dynamodb.eu-central-1.amazonaws.com". Errors: aws.bad_region (malformed) for a
// region that is none, aws.endpoint_unknown (unsupported) where the host needs a value that the request does not give.
[[nodiscard]] Result<std::string> aws_endpoint(const AwsCall& call, std::string_view region,
                                               std::string_view partition);
// The same of an operation without a prefix of its own. Error: aws.bad_region.
[[nodiscard]] Result<std::string> aws_endpoint(const AwsService& service, std::string_view region,
                                               std::string_view partition);

}  // namespace countersign::adapters
