// Over generated plans and operations: what a plan does not say is destroyed is never announced as that.
#include <algorithm>
#include <array>
#include <random>
#include <tuple>

#include "tests/approvals/plan_fixture.h"

namespace countersign::approvals {
namespace {

using test::aws;
using test::index_of;
using test::plan_of;
using test::resource_change;

// A kind of thing, written down once more apart from the table under test.
struct Kind {
  const char* type;
  const char* name;  // attribute
  const char* destroy;
  const char* arn;  // up to the name
};
constexpr std::array<Kind, 10> kKinds{{
    {"aws_s3_bucket", "bucket", "s3:DeleteBucket", "arn:aws:s3:::"},
    {"aws_dynamodb_table", "name", "dynamodb:DeleteTable", "arn:aws:dynamodb:eu-central-1:123456789012:table/"},
    {"aws_db_instance", "identifier", "rds:DeleteDBInstance", "arn:aws:rds:eu-central-1:123456789012:db:"},
    {"aws_rds_cluster", "cluster_identifier", "rds:DeleteDBCluster", "arn:aws:rds:eu-central-1:123456789012:cluster:"},
    {"aws_instance", "id", "ec2:TerminateInstances", "arn:aws:ec2:eu-central-1:123456789012:instance/"},
    {"aws_security_group", "id", "ec2:DeleteSecurityGroup", "arn:aws:ec2:eu-central-1:123456789012:security-group/"},
    {"aws_lambda_function", "function_name", "lambda:DeleteFunction",
     "arn:aws:lambda:eu-central-1:123456789012:function:"},
    {"aws_iam_role", "name", "iam:DeleteRole", "arn:aws:iam::123456789012:role/"},
    {"aws_cloudwatch_log_group", "name", "logs:DeleteLogGroup", "arn:aws:logs:eu-central-1:123456789012:log-group:"},
    {"aws_glue_job", "name", "glue:DeleteJob", "arn:aws:glue:eu-central-1:123456789012:job/"},
}};
// Names that begin, end, and contain each other.
constexpr std::array kNames = std::to_array<const char*>(
    {"orders", "orders-eu", "order", "eu", "orders/eu", "eu-orders", "ORDERS", "rders", "a", "orders.", "main"});

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  template <class List>
  const auto& one_of(const List& list) {
    return list[std::uniform_int_distribution<std::size_t>(0, list.size() - 1)(random_)];
  }
  bool chance(int percent) { return std::uniform_int_distribution<int>(1, 100)(random_) <= percent; }

  // A thing as a plan knows it; what it refers to is any other name.
  Json thing(const Kind& kind, const std::string& name) {
    Json out = {{kind.name, name},
                {"subnet_id", one_of(kNames)},
                {"role", one_of(kNames)},
                {"cluster", one_of(kNames)},
                {"description", one_of(kNames)},
                {"vpc_security_group_ids", {one_of(kNames), one_of(kNames)}}};
    if (chance(80)) out["arn"] = kind.arn + name;
    if (chance(50)) out["id"] = name;
    if (chance(20)) out["force_destroy"] = true;
    return out;
  }

 private:
  std::mt19937 random_;
};

TEST(PlanProperty, AnUnannouncedDestructionNeverPasses) {
  int announced = 0;
  int refused = 0;
  for (unsigned seed = 0; seed < 250; ++seed) {
    Generator any(seed);
    std::vector<Json> changes;
    std::vector<std::pair<const Kind*, std::string>> deleted;
    LearnedNames learned;
    for (int i = 0; i < 6; ++i) {
      const Kind& kind = any.one_of(kKinds);
      const std::string name = any.one_of(kNames);
      const Json thing = any.thing(kind, name);
      const std::string address = std::string(kind.type) + ".r" + std::to_string(i);
      if (any.chance(30)) {
        changes.push_back(resource_change(address, {"delete"}, thing, nullptr));
        deleted.emplace_back(&kind, name);
      } else if (any.chance(20)) {
        changes.push_back(
            resource_change(address, {"delete", "create"}, thing, any.thing(kind, any.one_of(kNames)), {{"id", true}}));
        deleted.emplace_back(&kind, name);
      } else if (any.chance(50)) {
        changes.push_back(resource_change(address, {"update"}, thing, any.thing(kind, name), {{"role", true}}));
      } else {
        changes.push_back(
            resource_change(address, {"create"}, nullptr, any.thing(kind, name), {{"id", true}, {"subnet_id", true}}));
        if (any.chance(50)) learned[kind.type].insert(any.one_of(kNames));
      }
    }
    const PlanIndex index = index_of(plan_of(changes));
    for (const Kind& kind : kKinds) {
      for (const char* name : kNames) {
        const Operation destroy =
            aws(kind.destroy, {{std::string(kind.arn) + name, Effect::destroy}}, {{"Name", name}});
        const bool said =
            std::ranges::any_of(deleted, [&](const auto& each) { return each.first == &kind && each.second == name; });
        const bool passes = index.announced(destroy, learned).has_value();
        if (passes && !said) {
          FAIL() << "seed " << seed << ": " << kind.destroy << " of " << name << " passes\n"
                 << plan_of(changes).dump(1);
        }
        ++(passes ? announced : refused);
        // Together with one that was not announced none is.
        Operation both = destroy;
        const std::string other = std::string(kind.arn) + "never-named";
        both.accesses.push_back({{"AwsResource", "aws/" + other, other}, Effect::destroy});
        ASSERT_FALSE(index.announced(both, learned)) << "seed " << seed;
      }
    }
  }
  EXPECT_GT(announced, 200);
  EXPECT_GT(refused, 10'000);
}

// Whatever is changed: an operation on what the plan does not name, of a service where it changes something, passes
// only where it makes something new.
TEST(PlanProperty, WhatNobodyNamedIsNotChanged) {
  constexpr std::array kChanges = std::to_array<const char*>(
      {"s3:PutBucketPolicy", "s3:PutBucketTagging", "rds:ModifyDBInstance", "rds:ModifyDBCluster",
       "dynamodb:UpdateTable", "dynamodb:PutItem", "ec2:ModifyInstanceAttribute", "ec2:AuthorizeSecurityGroupIngress",
       "ec2:CreateTags", "lambda:UpdateFunctionCode", "lambda:AddPermission", "iam:AttachRolePolicy",
       "iam:UpdateAssumeRolePolicy", "logs:PutRetentionPolicy", "glue:UpdateJob"});
  for (unsigned seed = 0; seed < 60; ++seed) {
    Generator any(seed);
    std::vector<Json> changes;
    for (int i = 0; i < 8; ++i) {
      const Kind& kind = any.one_of(kKinds);
      const std::string address = std::string(kind.type) + ".r" + std::to_string(i);
      const Json before = any.thing(kind, any.one_of(kNames));
      changes.push_back(any.chance(50) ? resource_change(address, {"delete"}, before, nullptr)
                                       : resource_change(address, {"update"}, before, before, {{"role", true}}));
    }
    const PlanIndex index = index_of(plan_of(changes));
    for (const char* change : kChanges) {
      for (const Kind& kind : kKinds) {
        for (Effect effect : {Effect::write, Effect::administer, Effect::execute, Effect::destroy}) {
          const std::string other = std::string(kind.arn) + "never-named";
          ASSERT_FALSE(
              index.announced(aws(change, {{other, effect}}, {{"Name", "orders"}, {"PolicyArn", "orders"}}), {}))
              << "seed " << seed << ": " << change << " on " << other;
        }
      }
    }
  }
}

// What is part of another resource: the operation passes only where one change names both of them, each in its place.
TEST(PlanProperty, PartsPassAsAPairOnly) {
  struct Part {
    const char* type;
    const char* within;
    const char* named;
    const char* operation;
    const char* arn;
    const char* parameter;
  };
  constexpr std::array<Part, 4> kParts{{
      {"aws_iam_role_policy_attachment", "role", "policy_arn", "iam:DetachRolePolicy",
       "arn:aws:iam::123456789012:role/", "PolicyArn"},
      {"aws_iam_role_policy", "role", "name", "iam:DeleteRolePolicy", "arn:aws:iam::123456789012:role/", "PolicyName"},
      {"aws_lambda_permission", "function_name", "statement_id", "lambda:RemovePermission",
       "arn:aws:lambda:eu-central-1:123456789012:function:", "StatementId"},
      {"aws_route", "route_table_id", "destination_cidr_block", "ec2:DeleteRoute",
       "arn:aws:ec2:eu-central-1:123456789012:route-table/", "DestinationCidrBlock"},
  }};
  int passed = 0;
  for (unsigned seed = 0; seed < 100; ++seed) {
    Generator any(seed);
    std::vector<Json> changes;
    std::vector<std::tuple<const Part*, std::string, std::string>> said;
    for (int i = 0; i < 8; ++i) {
      const Part& part = any.one_of(kParts);
      const std::string in = any.one_of(kNames);
      const std::string name = any.one_of(kNames);
      const Json values = {
          {part.within, in}, {part.named, name}, {"id", any.one_of(kNames)}, {"vpc_id", any.one_of(kNames)}};
      changes.push_back(
          resource_change(std::string(part.type) + ".r" + std::to_string(i), {"delete"}, values, nullptr));
      said.emplace_back(&part, in, name);
      said.emplace_back(&part, in, values["id"]);
      said.emplace_back(&part, in, values["vpc_id"]);
      said.emplace_back(&part, in, in);
    }
    const PlanIndex index = index_of(plan_of(changes));
    for (const Part& part : kParts) {
      for (const char* in : kNames) {
        for (const char* name : kNames) {
          for (Effect effect : {Effect::administer, Effect::destroy}) {
            const Operation remove =
                aws(part.operation, {{std::string(part.arn) + in, effect}}, {{part.parameter, name}});
            const bool passes = index.announced(remove, {}).has_value();
            const bool may =
                std::ranges::find(said, std::tuple(&part, std::string(in), std::string(name))) != said.end();
            ASSERT_TRUE(may || !passes) << "seed " << seed << ": " << part.operation << " of " << name << " in " << in;
            passed += passes;
          }
        }
      }
    }
  }
  EXPECT_GT(passed, 200);
}

}  // namespace
}  // namespace countersign::approvals
