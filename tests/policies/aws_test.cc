// Policies about AWS: actions come from a catalogue, of which the schema has only what policies name.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "policies/check.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;
constexpr const char* kPermit = "@id(\"p\") @allow(\"broad-permit\") permit (principal, action, resource);\n";

Operation call(const std::string& action, Effect effect, const std::string& arn,
               const std::string& parameters = R"("parameters":{},)", const std::string& flags = "") {
  Operation out;
  out.protocol = "aws";
  out.upstream = "cloud";
  out.action = action;
  out.accesses = {access(effect, "AwsResource", "cloud", arn)};
  out.input = R"({"account":"123456789012","flags":[)" + flags + R"(],"iam_action":"x","operation":"x",)" + parameters +
              R"("region":"eu-west-1","service":"x"})";
  return out;
}

class AwsTest : public testing::Test {
 protected:
  void SetUp() override {
    config::Upstream cloud;
    cloud.name = "cloud";
    cloud.protocol = "aws";
    upstreams_ = {cloud};
    folder_.write("entities.yaml", "teams: [platform]\nusers: [{ name: olivia, level: senior, teams: [platform] }]");
    folder_.write("inputs.cedarschema", "type Parameters = { SkipFinalSnapshot?: Bool, InstanceType?: String };");
    folder_.write("floor/f.cedar",
                  "@id(\"floor\") forbid (principal, action in Action::\"mint\", resource) when { "
                  "resource.tier == 0 };");
  }
  std::shared_ptr<const Snapshot> load(const std::string& policies, Problems& problems) {
    folder_.write("a.cedar", policies);
    return Snapshot::load(folder_.path(), upstreams_, problems);
  }
  std::string said(const std::string& policies) {
    Problems problems;
    auto snapshot = load(policies, problems);
    EXPECT_FALSE(snapshot);
    std::string out;
    for (const Problem& problem : problems) out += problem.code + ": " + problem.message + "\n" + problem.help + "\n";
    return out;
  }
  Verdict ask(const std::string& policies, const Operation& operation) {
    Problems problems;
    auto snapshot = load(policies, problems);
    EXPECT_TRUE(snapshot) << format_problems(problems);
    if (!snapshot) return Verdict::deny;
    Subject subject{.agent = "builder", .owner = "olivia", .delegates = {}, .token = "t", .scope = &scope_};
    return decide(*snapshot, subject, operation, {}, kNow).verdict;
  }
  PolicyFolder folder_;
  std::vector<config::Upstream> upstreams_;
  Scope scope_ = everything();
};

const std::string kBucket = "arn:aws:s3:::orders";

TEST_F(AwsTest, AnOperationIsAnAction) {
  std::string policies =
      std::string(kPermit) + "@id(\"f\") forbid (principal, action == Action::\"aws:s3:DeleteBucket\", resource);";
  EXPECT_EQ(ask(policies, call("aws:s3:DeleteBucket", Effect::destroy, kBucket)), Verdict::deny);
  EXPECT_EQ(ask(policies, call("aws:s3:DeleteObject", Effect::destroy, kBucket + "/a")), Verdict::allow);
  EXPECT_EQ(ask(policies, call("aws:rds:DescribeDBInstances", Effect::read, "*")), Verdict::allow);
}

TEST_F(AwsTest, WhatTheCatalogueDoesNotKnowIsRefused) {
  EXPECT_EQ(ask(kPermit, call("aws:s3:DeleteEverything", Effect::destroy, kBucket)), Verdict::deny);
  EXPECT_EQ(ask(kPermit, call("aws:s3", Effect::read, kBucket)), Verdict::deny);
  EXPECT_EQ(ask(kPermit, call("aws:operation", Effect::read, kBucket)), Verdict::deny);
  // Nor an effect that the operation never has.
  EXPECT_EQ(ask(kPermit, call("aws:s3:DeleteBucket", Effect::read, kBucket)), Verdict::deny);
  EXPECT_EQ(ask(kPermit, call("aws:ec2:DescribeInstances", Effect::destroy, "*")), Verdict::deny);
}

TEST_F(AwsTest, AServiceIsAGroup) {
  std::string policies =
      std::string(kPermit) + "@id(\"f\") forbid (principal, action in Action::\"aws:ec2\", resource);";
  EXPECT_EQ(ask(policies, call("aws:ec2:TerminateInstances", Effect::destroy, "i")), Verdict::deny);
  EXPECT_EQ(ask(policies, call("aws:ec2:DescribeInstances", Effect::read, "*")), Verdict::deny);
  EXPECT_EQ(ask(policies, call("aws:s3:ListBuckets", Effect::read, "*")), Verdict::allow);
  policies = std::string(kPermit) + "@id(\"f\") forbid (principal, action in Action::\"aws\", resource);";
  EXPECT_EQ(ask(policies, call("aws:s3:ListBuckets", Effect::read, "*")), Verdict::deny);
}

TEST_F(AwsTest, EffectsAreGroupsAsEverywhere) {
  std::string policies = std::string(kPermit) +
                         "@id(\"f\") forbid (principal, action in Action::\"destroy\", resource is AwsResource) when { "
                         "resource.environment == \"production\" };";
  EXPECT_EQ(ask(policies, call("aws:rds:DeleteDBInstance", Effect::destroy, "db")), Verdict::deny);
  // The same operation, by what its parameters make of it.
  EXPECT_EQ(ask(policies, call("aws:rds:ModifyDBInstance", Effect::write, "db")), Verdict::allow);
  EXPECT_EQ(ask(policies, call("aws:rds:ModifyDBInstance", Effect::destroy, "db")), Verdict::deny);
}

TEST_F(AwsTest, ParametersAreReadAsDeclared) {
  std::string policies = std::string(kPermit) +
                         "@id(\"f\") forbid (principal, action == Action::\"aws:rds:DeleteDBInstance\", resource) "
                         "when { context.input.parameters has SkipFinalSnapshot && "
                         "context.input.parameters.SkipFinalSnapshot };\n"
                         "@id(\"g\") forbid (principal, action in Action::\"aws\", resource) when { "
                         "context.input.flags.contains(\"force\") || context.input.account != \"123456789012\" };";
  auto drop = [&](const std::string& parameters, const std::string& flags = "") {
    return ask(policies, call("aws:rds:DeleteDBInstance", Effect::destroy, "db", parameters, flags));
  };
  EXPECT_EQ(drop(R"("parameters":{"SkipFinalSnapshot":true},)"), Verdict::deny);
  EXPECT_EQ(drop(R"("parameters":{"SkipFinalSnapshot":false,"Other":[1,null]},)"), Verdict::allow);
  EXPECT_EQ(drop(R"("parameters":{},)"), Verdict::allow);
  EXPECT_EQ(drop(R"("parameters":{},)", "\"force\""), Verdict::deny);
  EXPECT_EQ(drop(""), Verdict::deny) << "parameters that were left out are unknown, not absent";
}

TEST_F(AwsTest, AMisspeltNameIsAnErrorThatSaysWhatWasMeant) {
  auto forbid = [](const std::string& name) {
    return std::string(kPermit) + "@id(\"f\") forbid (principal, action == Action::\"" + name + "\", resource);";
  };
  EXPECT_NE(said(forbid("aws:s3:DeleteBuckets")).find("did you mean `aws:s3:DeleteBucket`?"), std::string::npos);
  EXPECT_NE(said(forbid("aws:elbv2:DeleteLoadBalancer")).find("`aws:elasticloadbalancing:DeleteLoadBalancer`"),
            std::string::npos);
  EXPECT_NE(said(forbid("aws:s3:PutLifecycleConfiguration")).find("`aws:s3:PutBucketLifecycleConfiguration`"),
            std::string::npos);
  std::string group = said(forbid("aws:ec2"));
  EXPECT_NE(group.find("action in Action::\"aws:ec2\""), std::string::npos) << group;
  EXPECT_NE(said(std::string(kPermit) + "@id(\"f\") forbid (principal, action in Action::\"aws:ecc2\", resource);")
                .find("did you mean `aws:ec2`?"),
            std::string::npos);
}

TEST_F(AwsTest, AnOperationInAConditionOrAShadowIsDeclaredToo) {
  std::string policies = std::string(kPermit) +
                         "@id(\"f\") forbid (principal, action, resource is AwsResource) when { "
                         "action == Action::\"aws:kms:ScheduleKeyDeletion\" };\n"
                         "@id(\"s\") @shadow forbid (principal, action == Action::\"aws:sqs:PurgeQueue\", resource);";
  EXPECT_EQ(ask(policies, call("aws:kms:ScheduleKeyDeletion", Effect::destroy, "k")), Verdict::deny);
  EXPECT_EQ(ask(policies, call("aws:sqs:PurgeQueue", Effect::destroy, "q")), Verdict::allow);
}

std::string block_of(const std::string& page, const std::string& language) {
  std::size_t from = page.find("```" + language + "\n");
  if (from == std::string::npos) return {};
  from += language.size() + 4;
  return page.substr(from, page.find("```", from) - from);
}

TEST_F(AwsTest, ThePoliciesOfTheDocumentationLoadAndDecide) {
  std::ifstream in(std::string(COUNTERSIGN_SOURCE_DIR) + "/docs/aws.md");
  std::string page((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::string policies = block_of(page, "cedar");
  ASSERT_FALSE(policies.empty());
  folder_.write("inputs.cedarschema", block_of(page, "cedarschema"));
  policies += kPermit;
  EXPECT_EQ(ask(policies, call("aws:s3:DeleteBucket", Effect::destroy, kBucket)), Verdict::deny);
  EXPECT_EQ(ask(policies, call("aws:iam:GetUser", Effect::read, "u")), Verdict::allow);
  EXPECT_EQ(ask(policies, call("aws:iam:CreateUser", Effect::administer, "u")), Verdict::deny);
  auto drop = [&](const std::string& flags) {
    return ask(policies, call("aws:rds:DeleteDBInstance", Effect::destroy, "db", R"("parameters":{},)", flags));
  };
  EXPECT_EQ(drop(""), Verdict::allow);
  EXPECT_EQ(drop("\"skip_final_snapshot\""), Verdict::deny);
}

TEST_F(AwsTest, TheSchemaStaysSmall) {
  Problems problems;
  auto snapshot =
      load(std::string(kPermit) + "@id(\"f\") forbid (principal, action in Action::\"aws:ec2\", resource);", problems);
  ASSERT_TRUE(snapshot) << format_problems(problems);
  EXPECT_LT(snapshot->schema().schema().actions().size(), 100U);
  EXPECT_EQ(snapshot->schema().text().find("aws:ec2:TerminateInstances"), std::string::npos);
}

}  // namespace
}  // namespace countersign::policies
