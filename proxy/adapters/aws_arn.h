// The parts of an ARN. Pure functions, any thread. Source: AWS General Reference, "Amazon Resource Names".
#pragma once

#include <string_view>

namespace countersign::adapters {

// Views into the text: "arn:aws:ec2:eu-central-1:111122223333:instance/i-1". All are empty where it is no ARN.
struct AwsArn {
  std::string_view partition;
  std::string_view service;
  std::string_view region;
  std::string_view account;
  std::string_view resource;  // "instance/i-1"
  std::string_view type;      // before its first slash or colon: "instance"; empty where there is neither
  std::string_view name;      // behind it: "i-1"; all of `resource` where there is no type
};
[[nodiscard]] AwsArn parse_aws_arn(std::string_view text);

// Whether the thing is of the kind that an action is named for making: a table for "aws:dynamodb:CreateTable", and not
// one for "aws:dynamodb:CreateBackup", which has a table too.
[[nodiscard]] bool is_made_by(std::string_view action, const AwsArn& thing);

}  // namespace countersign::adapters
