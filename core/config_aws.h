// The parts of an upstream that belong to protocol aws: whose account it is, and the keys that are used there.
#pragma once

#include "core/config_upstream.h"

namespace countersign::config {

// `aws:` of an upstream.
[[nodiscard]] AwsAccount read_aws_account(Reading& reading, const yaml::Node& node);
// `aws:` of a credential.
[[nodiscard]] AwsKeys read_aws_keys(Reading& reading, const yaml::Node& node);

}  // namespace countersign::config
