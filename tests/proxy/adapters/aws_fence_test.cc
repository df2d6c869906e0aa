#include "proxy/adapters/aws_fence.h"

#include <gtest/gtest.h>

#include "core/json.h"
#include "proxy/adapters/aws_recognise.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kForm = "application/x-www-form-urlencoded; charset=utf-8";
constexpr std::string_view kOnBehalf =
    R"({"Action":"*","Condition":{"Bool":{"aws:ViaAWSService":"true"}},"Effect":"Allow","Resource":"*"})";

struct Sent {
  std::string service, method, target, body;
  std::vector<std::pair<std::string, std::string>> fields = {};
};

std::string fence_of(const Sent& sent) {
  HeaderList headers;
  for (const auto& [name, value] : sent.fields) headers.add(name, value);
  const std::size_t query = std::min(sent.target.find('?'), sent.target.size());
  AwsWire wire;
  wire.method = sent.method;
  wire.path = std::string_view(sent.target).substr(0, query);
  wire.query = query == sent.target.size() ? std::string_view() : std::string_view(sent.target).substr(query + 1);
  wire.headers = &headers;
  wire.body = sent.body;
  wire.signing_service = sent.service;
  wire.region = "eu-central-1";
  wire.account = "111122223333";
  Result<AwsCall> call = recognise(AwsCatalogue::embedded(), wire);
  EXPECT_TRUE(call) << sent.target << ": " << call.error().message;
  if (!call) return {};
  std::string fence = aws_fence(*call);
  EXPECT_LE(fence.size(), kMaxFence);
  EXPECT_TRUE(parse_json(fence)) << fence;
  EXPECT_TRUE(fence.contains(kOnBehalf)) << fence;
  return fence;
}

Sent form(std::string service, const std::string& body) {
  return {std::move(service), "POST", "/", body, {{"Content-Type", std::string(kForm)}}};
}
Sent json(std::string service, std::string target, std::string body) {
  return {std::move(service),
          "POST",
          "/",
          std::move(body),
          {{"Content-Type", "application/x-amz-json-1.0"}, {"X-Amz-Target", std::move(target)}}};
}

// The first statement's list of that name.
std::vector<std::string> first(const std::string& fence, const char* member) {
  Result<Json> parsed = parse_json(fence);
  if (!parsed) return {};
  return (*parsed)["Statement"][0][member].get<std::vector<std::string>>();
}
std::vector<std::string> actions(const std::string& fence) {
  return first(fence, "Action");
}
std::vector<std::string> resources(const std::string& fence) {
  return first(fence, "Resource");
}
using Texts = std::vector<std::string>;
const Texts kEverything{"*"};

TEST(AwsFence, AnObjectIsReadAndNothingElse) {
  const std::string fence = fence_of({"s3", "GET", "/orders/2026/a.json", ""});
  EXPECT_EQ(actions(fence), (Texts{"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}));
  EXPECT_EQ(resources(fence), (Texts{"arn:aws:s3:::orders", "arn:aws:s3:::orders/2026/a.json"}));
  EXPECT_FALSE(fence.contains("PassRole"));
}

TEST(AwsFence, AnObjectIsWrittenWithWhatComesWithIt) {
  EXPECT_EQ(actions(fence_of({"s3", "PUT", "/orders/a", "x"})), Texts{"s3:PutObject"});
  const std::string fence =
      fence_of({"s3", "PUT", "/orders/a", "x", {{"x-amz-acl", "bucket-owner-full-control"}, {"x-amz-tagging", "a=b"}}});
  EXPECT_EQ(actions(fence), (Texts{"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging"}));
}

TEST(AwsFence, ACopyReadsItsSource) {
  const std::string fence = fence_of({"s3", "PUT", "/staging/b", "", {{"x-amz-copy-source", "/orders/a"}}});
  EXPECT_EQ(resources(fence),
            (Texts{"arn:aws:s3:::orders", "arn:aws:s3:::orders/a", "arn:aws:s3:::staging", "arn:aws:s3:::staging/b"}));
  const Texts may = actions(fence);
  for (const char* each : {"s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging"})
    EXPECT_NE(std::ranges::find(may, each), may.end()) << each;
  EXPECT_EQ(std::ranges::find(may, "s3:DeleteObject"), may.end());
}

TEST(AwsFence, AKeyIsNoPatternAndNoVariableOfThePolicy) {
  EXPECT_EQ(resources(fence_of({"s3", "PUT", "/orders/$%7Baws:username%7D", "x"})),
            (Texts{"arn:aws:s3:::orders", "arn:aws:s3:::orders/${$}{aws:username}"}));
  const std::string quoted = fence_of({"s3", "PUT", "/orders/a%22%5D%7D%5B", "x"});
  EXPECT_EQ(resources(quoted).back(), "arn:aws:s3:::orders/a\"]}[");
}

TEST(AwsFence, TablesComeWithTheirIndexes) {
  const std::string fence =
      fence_of(json("dynamodb", "DynamoDB_20120810.Query",
                    R"({"TableName":"orders","IndexName":"by-day","KeyConditionExpression":"x"})"));
  EXPECT_EQ(actions(fence), Texts{"dynamodb:Query"});
  const Texts on = resources(fence);
  const std::string table = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
  EXPECT_NE(std::ranges::find(on, table), on.end());
  EXPECT_NE(std::ranges::find(on, table + "/index/*"), on.end());
  EXPECT_TRUE(std::ranges::all_of(on, [&](const std::string& each) { return each.starts_with(table); }));
}

TEST(AwsFence, ASecretHasSixCharactersMoreThanItsName) {
  const std::string fence =
      fence_of(json("secretsmanager", "secretsmanager.GetSecretValue", R"({"SecretId":"orders"})"));
  const std::string arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders";
  EXPECT_EQ(resources(fence), (Texts{arn, arn + "-??????"}));
}

TEST(AwsFence, WhatIsNotNamedAsAwsNamesItKeepsItsActionOnly) {
  const std::string fence = fence_of(form("rds", "Action=DeleteDBInstance&Version=2014-10-31&DBInstanceIdentifier=O"));
  EXPECT_EQ(actions(fence), Texts{"rds:DeleteDBInstance"});
  EXPECT_EQ(resources(fence), kEverything) << "RDS writes names in small letters";
  EXPECT_EQ(resources(fence_of(form("ec2", "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1"))),
            kEverything);
  EXPECT_EQ(resources(fence_of({"s3", "GET", "/", ""})), kEverything);
}

TEST(AwsFence, InstancesAreNamedByTheirIds) {
  const std::string fence =
      fence_of(form("ec2", "Action=TerminateInstances&Version=2016-11-15&InstanceId.1=i-1&InstanceId.2=i-2"));
  EXPECT_EQ(actions(fence), Texts{"ec2:TerminateInstances"});
  const std::string arn = "arn:aws:ec2:eu-central-1:111122223333:instance/";
  EXPECT_EQ(resources(fence), (Texts{arn + "i-1", arn + "i-2"}));
}

TEST(AwsFence, WhatIsMadeOfManyThingsMayTouchThemAll) {
  const std::string fence = fence_of(form("ec2",
                                          "Action=RunInstances&Version=2016-11-15&ImageId=ami-1&MinCount=1&MaxCount=1&"
                                          "LaunchTemplate.LaunchTemplateId=lt-1"));
  EXPECT_EQ(resources(fence), kEverything);
  const Texts may = actions(fence);
  EXPECT_NE(std::ranges::find(may, "ec2:CreateTags"), may.end());
  EXPECT_TRUE(fence.contains(R"({"Action":"iam:PassRole","Effect":"Allow","Resource":["*"]})"))
      << "the launch template may name one";
}

TEST(AwsFence, ARoleThatIsNamedIsTheOnlyOneHandedOver) {
  const std::string role = "arn:aws:iam::111122223333:role/worker";
  const std::string fence =
      fence_of({"lambda",
                "POST",
                "/2015-03-31/functions",
                R"({"FunctionName":"f","Code":{"ZipFile":"UEs="},"Role":")" + role + R"(","Tags":{"a":"b"}})",
                {{"Content-Type", "application/json"}}});
  EXPECT_EQ(actions(fence), (Texts{"lambda:*Tag*", "lambda:CreateFunction"}));
  const std::string function = "arn:aws:lambda:eu-central-1:111122223333:function:f";
  EXPECT_EQ(resources(fence), (Texts{function, function + ":*"}));
  EXPECT_TRUE(fence.contains(R"("Action":"iam:PassRole","Effect":"Allow","Resource":[")" + role + "\"]")) << fence;
}

TEST(AwsFence, ManyNamesBecomeAll) {
  std::string body = R"(<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  for (int i = 0; i < 200; ++i) body += "<Object><Key>some/longer/name/" + std::to_string(i) + "</Key></Object>";
  const std::string fence = fence_of({"s3", "POST", "/orders?delete", body + "</Delete>"});
  EXPECT_EQ(resources(fence), kEverything);
  const Texts may = actions(fence);
  EXPECT_NE(std::ranges::find(may, "s3:DeleteObject"), may.end());
}

// Every operation there is has a fence that STS takes, and none is wider than its own service.
TEST(AwsFence, NoOperationGetsMoreThanItsServiceHas) {
  std::size_t narrow = 0;
  for (const AwsService& service : AwsCatalogue::embedded().services()) {
    for (const AwsOperation& operation : service.operations) {
      AwsCall call;
      call.service = &service;
      call.operation = &operation;
      call.action = "aws:" + std::string(service.iam_prefix) + ":" + std::string(operation.name);
      call.iam_action = operation.iam_action();
      call.accesses.push_back(
          {"arn:aws:" + std::string(service.iam_prefix) + ":eu-central-1:111122223333:*", operation.effect, ""});
      call.parameters = "{}";
      const std::string fence = aws_fence(call);
      ASSERT_LE(fence.size(), kMaxFence) << call.action;
      for (const std::string& each : actions(fence)) {
        ASSERT_NE(each, "*") << call.action;
        ASSERT_TRUE(each.contains(':')) << call.action << ": " << each;
        if (!each.ends_with(":*")) ++narrow;
      }
    }
  }
  EXPECT_GT(narrow, 10'000U);
}

}  // namespace
}  // namespace countersign::adapters
