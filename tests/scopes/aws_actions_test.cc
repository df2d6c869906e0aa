#include "scopes/catalogue/aws_actions.h"

#include <gtest/gtest.h>

#include <set>

#include "scopes/catalogue/aws_catalogue.h"
#include "scopes/scope.h"

namespace countersign {
namespace {

EffectSet effects(std::string_view action) {
  const ProtocolAction* found = find_aws_action(action);
  return found ? found->effects : EffectSet();
}

TEST(AwsActions, WhatTheProtocolListsIsWhatTheCatalogueSays) {
  const Protocol* aws = find_protocol("aws");
  ASSERT_NE(aws, nullptr);
  EffectSet listed;
  for (const ProtocolAction& action : aws->actions) {
    const ProtocolAction* known = find_aws_action(action.name);
    ASSERT_NE(known, nullptr) << action.name;
    EXPECT_EQ(known->effects, action.effects) << action.name;
    EXPECT_EQ(known->group, action.group);
    EXPECT_EQ(known->input, action.input);
    EXPECT_EQ(known->resources, action.resources);
    listed.add(action.effects);
  }
  EffectSet every = EffectSet::change();
  every.add(Effect::read);
  EXPECT_EQ(listed, every) << "policies about any effect of AWS have an action to be checked against";
}

TEST(AwsActions, EveryOperationIsOneAndMayHaveTheEffectsItsCatalogueGives) {
  for (const AwsService& service : AwsCatalogue::embedded().services()) {
    for (const AwsOperation& one : service.operations) {
      std::string name = "aws:" + std::string(service.iam_prefix) + ":" + std::string(one.name);
      const ProtocolAction* found = find_protocol("aws")->find(name);
      ASSERT_NE(found, nullptr) << name;
      EXPECT_EQ(found->group, "aws:" + std::string(service.iam_prefix));
      for (std::size_t i = 0; i < kEffectCount; ++i) {
        Effect effect = static_cast<Effect>(i);
        if (one.effects.contains(effect)) EXPECT_TRUE(found->effects.contains(effect)) << name;
        if (is_change(one.effect) && effect > one.effect) EXPECT_TRUE(found->effects.contains(effect)) << name;
      }
    }
  }
  EXPECT_LT(aws_action_shapes().size(), 3000U);
}

TEST(AwsActions, ReadsStayReads) {
  EXPECT_EQ(effects("aws:ec2:DescribeInstances"), EffectSet{Effect::read});
  EXPECT_EQ(effects("aws:s3:DeleteBucket"), EffectSet{Effect::destroy});
  EXPECT_FALSE(effects("aws:s3:CreateBucket").contains(Effect::read));
  EXPECT_TRUE(effects("aws:ec2:TerminateInstances").contains(Effect::read)) << "a dry run";
}

TEST(AwsActions, OnlyWholeNamesAreActions) {
  for (std::string_view name : {"", "aws", "aws:", "aws:s3", "aws:s3:", "aws:s3:deletebucket", "aws:S3:DeleteBucket",
                                "aws:s3:DeleteBucket:", "aws:s3:DeleteBucket ", "aws::DeleteBucket", "s3:DeleteBucket",
                                "aws:s3:ListAllMyBuckets", "aws:elbv2:DeleteLoadBalancer", "http:GET", "aws:operation"})
    EXPECT_EQ(find_aws_action(name), nullptr) << name;
}

TEST(AwsActions, Groups) {
  EXPECT_TRUE(is_aws_group("aws:ec2"));
  EXPECT_TRUE(is_aws_group("aws:elasticloadbalancing"));
  for (std::string_view name : {"", "aws", "aws:", "ec2", "aws:ec2:", "aws:ec2:RunInstances", "aws:elbv2"})
    EXPECT_FALSE(is_aws_group(name)) << name;
  std::set<std::string> seen;
  EffectSet all;
  for (const std::string& example : examples_of_aws_group("aws:s3")) {
    EXPECT_TRUE(example.starts_with("aws:s3:"));
    EXPECT_TRUE(seen.insert(example).second);
    all.add(effects(example));
  }
  EXPECT_EQ(all.names().size(), kEffectCount);
  EXPECT_LT(seen.size(), 20U);
  EXPECT_TRUE(examples_of_aws_group("aws:nothing").empty());
}

TEST(AwsActions, ScopesNameGroups) {
  ScopeRule rule;
  rule.actions = {"aws:ec2"};
  EXPECT_TRUE(admits_action(rule, "aws", "aws:ec2:RunInstances"));
  EXPECT_FALSE(admits_action(rule, "aws", "aws:ec2:NoSuchOperation"));
  EXPECT_FALSE(admits_action(rule, "aws", "aws:s3:DeleteBucket"));
  rule.actions = {"aws:s3:Get*"};
  EXPECT_TRUE(admits_action(rule, "aws", "aws:s3:GetObject"));
  EXPECT_FALSE(admits_action(rule, "aws", "aws:s3:DeleteBucket"));
}

TEST(AwsActions, AdviceOnNamesThatAreWrong) {
  EXPECT_EQ(advice_on_aws_name("aws:s3:DeleteBuckt"), "did you mean `aws:s3:DeleteBucket`?");
  EXPECT_EQ(advice_on_aws_name("aws:s3:deleteBucket"), "did you mean `aws:s3:DeleteBucket`?");
  EXPECT_EQ(advice_on_aws_name("aws:s4:DeleteBucket"), "did you mean `aws:s3:DeleteBucket`?");
  EXPECT_EQ(advice_on_aws_name("aws:elbv2:DeleteLoadBalancer"),
            "did you mean `aws:elasticloadbalancing:DeleteLoadBalancer`?");
  EXPECT_EQ(advice_on_aws_name("aws:s3:ListAllMyBuckets"),
            "an action of IAM; the operations that need it are `aws:s3:ListBuckets`");
  EXPECT_EQ(advice_on_aws_name("aws:s3:Zzzzzzzzzzzzzzzzzzzzzzz"), "");
  EXPECT_EQ(advice_on_aws_name("aws:" + std::string(100'000, 'x') + ":y"), "");
}

}  // namespace
}  // namespace countersign
