// What an AWS request touches, as ARNs, from the templates of the catalogue and the values of the request. Pure
// functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/adapters/aws_value.h"
#include "proxy/adapters/aws_wire.h"

namespace countersign::adapters {

// The values at a path of member names below `node`: "Bucket", "Delete.Objects[].Key", "Tokens{}" (each value of a
// map). Nothing where the path is missing.
[[nodiscard]] std::vector<const AwsNode*> aws_values_at(const AwsNode& node, std::string_view path);

// "arn:aws:rds:eu-west-1:123456789012:db:orders" of service "rds" and rest "db:orders". Empty region or account: of a
// global service, or of S3's buckets, which have neither.
[[nodiscard]] std::string aws_arn(std::string_view partition, std::string_view service, std::string_view region,
                                  std::string_view account, std::string_view rest);
// Everything of a service in the account: "arn:aws:rds:eu-west-1:123456789012:*".
[[nodiscard]] std::string aws_account_wide(const AwsWire& wire, const AwsService& service);
// The same of another service, by the prefix of its ARNs.
[[nodiscard]] std::string aws_account_wide(const AwsWire& wire, std::string_view service);

// The accesses of an operation, each with its effect before the parameters are looked at. A request that names nothing
// touches everything of the service. Over kAwsAccesses the rest becomes one account-wide access and the flag
// accesses_cut. Errors: aws.malformed for a name with control characters.
Status name_aws_resources(const AwsWire& wire, const AwsOperation& operation, const AwsNode& parameters, AwsCall& call);

}  // namespace countersign::adapters
