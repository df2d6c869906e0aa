// Asking AWS for the tags of things: which call tells them, and what its answer says. Pure functions, any thread.
//
//   ec2             ec2:DescribeTags by id; 20 things a call, so that the answer is one page
//   s3              s3:GetBucketTagging, of the bucket an object is in; only a bucket of the upstream's own account
//   iam             iam:ListRoleTags, iam:ListUserTags
//   dynamodb        dynamodb:ListTagsOfResource, of the table an index is of
//   secretsmanager  secretsmanager:DescribeSecret, since secrets are called by names that are no ARNs
//   all others      tag:GetResources with the ARN, 100 a call: what AWS's Tag Editor knows
//
// What cannot be asked for (an ARN with a star in it, another account's or region's thing) has unknown labels.
// Source: the API references of these services.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "proxy/adapters/aws_labels.h"
#include "proxy/adapters/doors.h"

namespace countersign::adapters {

enum class AwsTagsBy : std::uint8_t { ec2, s3, iam_role, iam_user, dynamodb, secret, tagging };

struct AwsTagQuestion {
  AwsTagsBy by = AwsTagsBy::tagging;
  std::string region;  // in which it is asked
  std::string name;    // id, bucket, role or user name, or whole ARN: what `by` wants
  // One text for each thing, whichever ARN it was named by.
  [[nodiscard]] std::string key() const;
};

// nullopt: nobody can be asked. `region` is that of the request.
[[nodiscard]] std::optional<AwsTagQuestion> question_about(const config::AwsAccount& account, std::string_view arn,
                                                           std::string_view region);

// How many things of a kind are asked for in one call.
[[nodiscard]] std::size_t batch_of(AwsTagsBy by);

struct AwsTagCall {
  RequestHead head;
  std::string body;
  SignedFor sign_for;
  std::string endpoint;
};
// `batch`: at least one and at most batch_of() questions of one kind and region. Error: aws.bad_region.
[[nodiscard]] Result<AwsTagCall> call_for(const config::AwsAccount& account, std::span<const AwsTagQuestion> batch);

struct AwsTagAnswer {
  enum class State : std::uint8_t {
    unknown,  // the answer does not say
    absent,   // there is no such thing, or none with tags: not every service tells these two apart
    present,  // with `tags`, which may be none
  };
  State state = State::unknown;
  std::vector<AwsTag> tags = {};
};
// What the answer to call_for(batch) says about each of the batch, in its order.
[[nodiscard]] std::vector<AwsTagAnswer> read_tags(std::span<const AwsTagQuestion> batch, int status,
                                                  std::string_view body);

}  // namespace countersign::adapters
