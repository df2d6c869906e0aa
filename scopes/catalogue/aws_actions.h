// The operations of AWS as scopes and policies know them: actions `aws:<service>:<Operation>`, each in the group
// `aws:<service>`, where <service> is the prefix of IAM actions ("s3", "ec2", "elasticloadbalancing").
//
// Constant data; any thread. The first call reads the catalogue (tens of milliseconds); nothing here is called for a
// deployment without AWS.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scopes/protocols.h"

namespace countersign {

// Cedar record type of an operation's parameters. `flags` are what was read out of the request's body
// (proxy/adapters/aws_recognise.h); `Parameters` stands for what the operator's policies declare of the
// request's members, which are named as AWS's models name them.
inline constexpr std::string_view kAwsInput =
    "{ service: String, operation: String, iam_action: String, region: String, account: String, flags: Set<String>, "
    "parameters: Parameters }";

// What is known of an action: its effects, group, input and resources; operations that agree in all of these share one,
// which has the group's name. nullptr for a name that the catalogue does not have; letters count.
[[nodiscard]] const ProtocolAction* find_aws_action(std::string_view action);
// Everything that find_aws_action gives.
[[nodiscard]] std::span<const ProtocolAction> aws_action_shapes();

// "aws:ec2".
[[nodiscard]] bool is_aws_group(std::string_view name);
// Of a group, one action for each set of effects that its actions have, in order; empty for no group.
[[nodiscard]] std::vector<std::string> examples_of_aws_group(std::string_view group);

// For a name that begins with `aws:` and is neither action nor group: what was probably meant, as a sentence that goes
// on a message ("did you mean `aws:s3:DeleteBucket`?"); empty when nothing is near.
[[nodiscard]] std::string advice_on_aws_name(std::string_view name);

}  // namespace countersign
