// What a record of AWS's own log, or a bare name, says of an operation: for explanations, not for decisions. Pure
// functions, any thread.
#pragma once

#include <string_view>

#include "core/json_reader.h"
#include "proxy/adapters/aws_wire.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace countersign::adapters {

// The operation of a CloudTrail record: `source` "ec2.amazonaws.com", `name` "TerminateInstances" (a date behind it, as
// Lambda's records have it, does not count). nullptr when the catalogue has none.
[[nodiscard]] const AwsOperation* operation_of_record(const AwsCatalogue& catalogue, std::string_view source,
                                                      std::string_view name);

// An operation with parameters as CloudTrail writes them: the model's names in any case, EC2's lists as
// {"items": […]}. `place` gives region, account and partition. What the record leaves out is taken as not said. Errors:
// aws.malformed.
Result<AwsCall> describe_aws_record(const AwsOperation& operation, const AwsWire& place, JsonValue parameters);

// The service and region of a request's signature, from its Authorization field or its query; without one, from an AWS
// host name, as far as that says. Empty service: neither does. The views point into the arguments or the catalogue.
struct AwsScope {
  std::string_view service;
  std::string_view region;
};
[[nodiscard]] AwsScope scope_of_request(const AwsCatalogue& catalogue, const HeaderList& headers,
                                        std::string_view query, std::string_view host);

}  // namespace countersign::adapters
