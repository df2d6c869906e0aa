// The rules behind aws_body.h, a file for each kind of service: aws_rules_*.cc. Each looks at one operation's
// parameters. Pure, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/adapters/aws_value.h"
#include "proxy/adapters/aws_wire.h"

namespace countersign::adapters {

// One request in judgement.
class AwsJudge {
 public:
  AwsJudge(const AwsWire& wire, const AwsNode& in, AwsCall& call) : wire_(wire), in_(in), call_(call) {}

  [[nodiscard]] const AwsNode& in() const { return in_; }
  [[nodiscard]] const AwsWire& wire() const { return wire_; }
  [[nodiscard]] const AwsCall& call() const { return call_; }
  // The member at a path of names, "Delete.Quiet"; nullptr when it is not there.
  [[nodiscard]] const AwsNode* at(std::string_view path) const;
  // Its text, empty when it has none.
  [[nodiscard]] std::string_view text(std::string_view path) const;
  [[nodiscard]] bool is_true(std::string_view path) const;
  [[nodiscard]] bool is_false(std::string_view path) const;

  void flag(std::string_view word) { call_.flags.emplace(word); }
  void iam_action(std::string action) { call_.iam_action = std::move(action); }
  // Everything touched is touched at least so.
  void raise(Effect effect, std::string_view why);
  // One more thing, at least with `effect`. Past kAwsAccesses it becomes everything of the service.
  void touch(std::string arn, Effect effect, std::string_view why);
  // The last one touched is touched by another operation's right: "aws:s3:GetObject".
  void by(std::string_view action) { call_.accesses.back().action = action; }
  // Forgets the accesses the catalogue gave, for a rule that names each thing itself; those that follow by touch() have
  // at least `least`.
  void name_each(Effect least);
  void name_each() { name_each(call_.operation->effect); }

  // "arn:aws:dynamodb:…:table/orders"; a name that is an ARN already stays.
  [[nodiscard]] std::string arn(std::string_view service, std::string_view kind, std::string_view name) const;

 private:
  const AwsWire& wire_;
  const AwsNode& in_;
  AwsCall& call_;
  Effect least_ = Effect::read;
};

struct AwsRule {
  std::string_view service;    // prefix of IAM actions
  std::string_view operation;  // a name; one that ends in '*' stands for all that begin so
  void (*judge)(AwsJudge&);
};
[[nodiscard]] std::span<const AwsRule> aws_storage_rules();  // S3, its kin, logs, images
[[nodiscard]] std::span<const AwsRule> aws_data_rules();     // DynamoDB, relational databases, caches
[[nodiscard]] std::span<const AwsRule> aws_compute_rules();  // EC2, load balancers, CloudFront, Route 53
[[nodiscard]] std::span<const AwsRule> aws_control_rules();  // Cloud Control, queues and topics, watch-keepers

}  // namespace countersign::adapters
