// What a resource type of Terraform's AWS provider is to AWS: the service, what operations call it, which operations
// create, change and delete it, and which attributes name it.
//
// Reviewed types are in terraform_types.inc. Of others the service and the noun come from the type's own words, which
// announces less: DeleteQueue fits aws_sqs_queue, nothing fits by guessing. Constant data; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::approvals {

struct TerraformType {
  std::string service;                                 // prefix of IAM actions: "ec2"
  std::vector<std::string> nouns;                      // lower case, without underscores: "dbinstance"
  std::vector<std::string> creates, changes, deletes;  // operations besides those of the noun: "RunInstances"
  // Operations that destroy something though the plan says `update` or `create`, and the attributes of which the plan
  // must change one; none: any change of it.
  struct Weakening {
    std::string operation;
    std::vector<std::string> attributes;
  };
  std::vector<Weakening> weakens;
  // Attributes whose value names this resource and nothing else, beside its `arn`; "{bucket}/{key}" is one name made of
  // two. Empty: id and name, where no other attribute has the same value.
  std::vector<std::string> own;
  // Parameters of the operations above that must name what the plan names: "PolicyArn", "Targets[].Id".
  std::vector<std::string> named;
  // Of a part of other resources, known by their names: the attributes with those.
  std::vector<std::string> within;
  bool reviewed = false;  // stands in the table

  [[nodiscard]] bool is_part() const { return !within.empty(); }
};

// nullopt for types of other providers.
[[nodiscard]] std::optional<TerraformType> find_terraform_type(std::string_view type);
// The types of the table, for tests.
[[nodiscard]] std::vector<std::string> reviewed_terraform_types();

}  // namespace countersign::approvals
