#include "proxy/adapters/aws_tags.h"

#include <gtest/gtest.h>

#include <set>

#include "aws_tag_fixture.h"

namespace countersign::adapters::test {
namespace {

constexpr std::string_view kArn = "arn:aws:ec2:eu-central-1:111122223333:";

std::string arn(const std::string& rest) {
  return "arn:aws:" + rest;
}

struct Call {
  std::string service;
  std::string body;
  std::string method = "POST";
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> fields = {{"Content-Type", std::string(kForm)}};
  std::string region = "eu-central-1";
};

Call ec2(const std::string& body) {
  return {.service = "ec2", .body = "Version=2016-11-15&Action=" + body};
}
Call json(const std::string& service, const std::string& target, const std::string& body) {
  return {.service = service,
          .body = body,
          .fields = {{"X-Amz-Target", target}, {"Content-Type", "application/x-amz-json-1.1"}}};
}

class AwsTags : public ::testing::Test {
 protected:
  void SetUp() override { open(tagged_upstream()); }
  void open(const config::Upstream& upstream) {
    upstream_ = upstream;
    adapter_ = std::make_unique<AwsAdapter>(upstream, AwsSurroundings{&clock_, nullptr, &metrics_});
  }

  std::unique_ptr<Conversation> conversation(const Call& call) {
    body_ = call.body;
    head_ = {call.method, "/aws" + call.target, {}};
    head_.headers.add("Host", "127.0.0.1:8700");
    for (const auto& [name, value] : call.fields) head_.headers.add(name, value);
    signed_for_ = {call.service, call.region};
    const Inbound inbound{&head_,      std::string_view(head_.target).substr(4), view_of(body_), "team", nullptr,
                          &signed_for_};
    auto made = adapter_->describe(inbound, doors_);
    EXPECT_TRUE(made) << call.body << ": " << made.error().message;
    return made ? std::move(*made) : nullptr;
  }
  // The operation, with the tags of what it touches.
  Operation looked_at(const Call& call) {
    auto made = conversation(call);
    EXPECT_TRUE(run(made->look_closer(doors_, nullptr)));
    return made->operation();
  }
  // "destroy dev/2/platform" of each access.
  std::vector<std::string> labels(const Call& call) {
    std::vector<std::string> out;
    for (const Access& access : looked_at(call).accesses)
      out.push_back(std::string(effect_name(access.effect)) + " " + said(access.tags));
    return out;
  }
  std::string one(const Call& call) {
    std::vector<std::string> all = labels(call);
    EXPECT_EQ(all.size(), 1U) << call.body;
    return all.empty() ? "" : all.front();
  }
  void forward(const Call& call) {
    auto made = conversation(call);
    ASSERT_TRUE(run(made->look_closer(doors_, nullptr)));
    FakeSink sink;
    TextBody body(call.body);
    std::ignore = run(made->forward(doors_, &body, sink, {}));
  }
  std::size_t asked() const { return doors_.account.asked.size(); }

  ManualClock clock_{1'000'000};
  Metrics metrics_;
  config::Upstream upstream_;
  std::unique_ptr<AwsAdapter> adapter_;
  OneDoor doors_;
  std::map<std::string, Tags>& tags_ = doors_.account.tags;
  RequestHead head_;
  std::string body_;
  SignedFor signed_for_;
};

const Call kTerminate = ec2("TerminateInstances&InstanceId.1=i-1");

TEST_F(AwsTags, EachThingHasItsOwn) {
  tags_["i-1"] = {{"Environment", "dev"}, {"Tier", "3"}, {"Owner", "platform"}};
  tags_["i-2"] = {{"Environment", "production"}};
  EXPECT_EQ(labels(ec2("TerminateInstances&InstanceId.1=i-1&InstanceId.2=i-2&InstanceId.3=i-3")),
            (std::vector<std::string>{"destroy dev/3/platform", "destroy production/?/?", "destroy ?/?/?"}));
  EXPECT_EQ(asked(), 1U) << "one question about all";
  const TaggedAccount::Asked& question = doors_.account.asked.front();
  EXPECT_EQ(question.way.keys, Departure::Keys::tags);
  EXPECT_EQ(question.way.sign_for.service, "ec2");
  EXPECT_EQ(question.way.endpoint, "ec2.eu-central-1.amazonaws.com");
  EXPECT_GT(question.way.patience, 0);
  EXPECT_LE(question.way.patience, kTagPatience);
}

TEST_F(AwsTags, AreNotLookedUpForReadsNorWithoutConfiguration) {
  EXPECT_EQ(one(ec2("DescribeInstanceAttribute&Attribute=userData&InstanceId=i-1")), "read nobody asked");
  EXPECT_EQ(asked(), 0U);
  config::Upstream plain = tagged_upstream();
  plain.aws.tags.reset();
  open(plain);
  EXPECT_EQ(one(kTerminate), "destroy nobody asked");
  EXPECT_EQ(asked(), 0U);
}

TEST_F(AwsTags, OfEveryKindOfService) {
  const Tags dev = {{"env", "dev"}};
  tags_ = {{"bucket", dev}, {"deployer", dev}, {"ann", dev}};
  tags_[arn("dynamodb:eu-central-1:111122223333:table/orders")] = dev;
  tags_[arn("rds:eu-central-1:111122223333:db:orders")] = dev;
  tags_[arn("lambda:eu-central-1:111122223333:function:f")] = dev;
  tags_[arn("sqs:eu-central-1:111122223333:q")] = dev;
  tags_["prices"] = dev;
  const Call iam{.service = "iam", .region = "us-east-1"};
  Call role = iam;
  role.body = "Version=2010-05-08&Action=DeleteRole&RoleName=deployer";
  Call user = iam;
  user.body = "Version=2010-05-08&Action=DeleteUser&UserName=ann";
  for (const Call& call :
       {Call{.service = "s3", .body = "x", .method = "PUT", .target = "/bucket/k", .fields = {}},
        Call{.service = "s3", .method = "DELETE", .target = "/bucket", .fields = {}}, role, user,
        json("dynamodb", "DynamoDB_20120810.DeleteTable", R"({"TableName":"orders"})"),
        Call{.service = "rds", .body = "Version=2014-10-31&Action=DeleteDBInstance&DBInstanceIdentifier=orders"},
        Call{.service = "lambda", .method = "DELETE", .target = "/2015-03-31/functions/f", .fields = {}},
        json("sqs", "AmazonSQS.PurgeQueue", R"({"QueueUrl":"https://sqs.eu-central-1.amazonaws.com/111122223333/q"})"),
        json("secretsmanager", "secretsmanager.DeleteSecret", R"({"SecretId":"prices"})")}) {
    for (const std::string& each : labels(call)) EXPECT_TRUE(each.ends_with(" dev/?/?")) << call.body << ": " << each;
  }
  std::set<std::string> asked_of;  // endpoint, region and service signed for
  for (const TaggedAccount::Asked& each : doors_.account.asked)
    asked_of.insert(each.way.endpoint + " " + each.way.sign_for.region + " " + each.way.sign_for.service);
  EXPECT_EQ(asked_of,
            (std::set<std::string>{"dynamodb.eu-central-1.amazonaws.com eu-central-1 dynamodb",
                                   "iam.amazonaws.com us-east-1 iam", "s3.eu-central-1.amazonaws.com eu-central-1 s3",
                                   "secretsmanager.eu-central-1.amazonaws.com eu-central-1 secretsmanager",
                                   "tagging.eu-central-1.amazonaws.com eu-central-1 tagging"}));
}

TEST_F(AwsTags, WhatCannotBeAskedForIsUnknown) {
  tags_["bucket"] = {{"env", "dev"}};
  tags_["i-1"] = {{"env", "dev"}};
  EXPECT_EQ(one(ec2("DeleteKeyPair&KeyName=i-1")).substr(7), " ?/?/?") << "a name is no id";
  EXPECT_EQ(one(json("sqs", "AmazonSQS.PurgeQueue",
                     R"({"QueueUrl":"https://sqs.eu-central-1.amazonaws.com/444455556666/q"})")),
            "destroy ?/?/?")
      << "another account's";
  EXPECT_EQ(one(json("secretsmanager", "secretsmanager.DeleteSecret",
                     R"({"SecretId":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-AbCdEf"})")),
            "destroy ?/?/?")
      << "another region's";
  EXPECT_EQ(one(ec2("TerminateInstances&InstanceId.1=i-%2A")), "destroy ?/?/?");
  EXPECT_EQ(asked(), 0U);
}

TEST_F(AwsTags, AStrangersBucketIsNotBelieved) {
  looked_at({.service = "s3", .body = "x", .method = "PUT", .target = "/bucket/k", .fields = {}});
  ASSERT_EQ(asked(), 1U);
  EXPECT_EQ(doors_.account.asked.front().head.headers.get("X-Amz-Expected-Bucket-Owner"), "111122223333");
  config::Upstream nameless = tagged_upstream();
  nameless.aws.id.clear();
  open(nameless);
  EXPECT_EQ(one({.service = "s3", .body = "x", .method = "PUT", .target = "/bucket/k", .fields = {}}), "write ?/?/?");
  EXPECT_EQ(asked(), 1U) << "whose it should be is not known";
}

TEST_F(AwsTags, WhatIsNotAnsweredIsUnknown) {
  tags_["i-1"] = {{"env", "dev"}};
  doors_.account.down = true;
  EXPECT_EQ(one(kTerminate), "destroy ?/?/?");
  EXPECT_NE(metrics_.render().find(R"(countersign_tag_lookups_total{upstream="aws",result="failed"} 1)"),
            std::string::npos)
      << metrics_.render();
  doors_.account.down = false;
  clock_.advance(kKeepUnknown);
  EXPECT_EQ(one(kTerminate), "destroy dev/?/?");
}

TEST_F(AwsTags, TheSummarySaysWhatHasNoLabels) {
  tags_["i-1"] = {{"env", "dev"}};
  tags_["i-2"] = {{"Name", "x"}};
  const Call two = ec2("TerminateInstances&InstanceId.1=i-1&InstanceId.2=i-2");
  EXPECT_TRUE(looked_at(two).summary.ends_with("; without tags that say where it belongs: 1 thing"))
      << looked_at(two).summary;
  EXPECT_EQ(looked_at(kTerminate).summary.find("tags"), std::string::npos);
  doors_.account.down = true;
  clock_.advance(60'000);
  EXPECT_TRUE(looked_at(two).summary.ends_with("; tags that could not be read: of 2 things")) << looked_at(two).summary;
}

TEST_F(AwsTags, NoMoreCallsThanOneRequestIsWorth) {
  std::string body = "TerminateInstances";
  for (int i = 0; i < 700; ++i) {
    const std::string id = "i-" + std::to_string(1000 + i);
    body += "&InstanceId." + std::to_string(i + 1) + "=" + id;
    tags_[id] = {{"env", "dev"}};
  }
  const std::vector<std::string> all = labels(ec2(body));
  ASSERT_EQ(all.size(), 700U);
  EXPECT_EQ(asked(), kMostTagCalls);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(all, "destroy dev/?/?")), kMostTagCalls * 20);
  EXPECT_EQ(all.back(), "destroy ?/?/?");
}

TEST_F(AwsTags, AreKeptForAWhile) {
  tags_["i-1"] = {{"env", "dev"}};
  EXPECT_EQ(one(kTerminate), "destroy dev/?/?");
  clock_.advance(59'999);
  EXPECT_EQ(one(kTerminate), "destroy dev/?/?");
  EXPECT_EQ(asked(), 1U);
  tags_["i-1"] = {{"env", "prod"}};
  clock_.advance(1);
  EXPECT_EQ(one(kTerminate), "destroy production/?/?");
  EXPECT_EQ(asked(), 2U);
}

TEST_F(AwsTags, ThatThereAreNoneIsKeptForAMomentOnly) {
  EXPECT_EQ(one(kTerminate), "destroy ?/?/?");
  EXPECT_EQ(one(kTerminate), "destroy ?/?/?");
  EXPECT_EQ(asked(), 1U);
  tags_["i-1"] = {{"env", "dev"}};
  clock_.advance(kKeepAbsent);
  EXPECT_EQ(one(kTerminate), "destroy dev/?/?");
}

TEST_F(AwsTags, AnApprovedRequestIsLookedAtAnew) {
  tags_["i-1"] = {{"env", "dev"}};
  auto asked_for = conversation(kTerminate);
  ASSERT_TRUE(run(asked_for->look_closer(doors_, nullptr)));
  tags_["i-1"] = {{"env", "prod"}};
  auto thawed = adapter_->thaw(asked_for->freeze(), body_, doors_);
  ASSERT_TRUE(thawed);
  ASSERT_TRUE(run((*thawed)->look_closer(doors_, nullptr)));
  EXPECT_EQ(said((*thawed)->operation().accesses.front().tags), "production/?/?");
}

// --- new things --------------------------------------------------------------------------------------------------

TEST_F(AwsTags, WhatIsMadeHasTheLabelsOfItsUpstreamAndNotThoseItAsksFor) {
  const std::string wish =
      "&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=Environment"
      "&TagSpecification.1.Tag.1.Value=dev";
  const Operation made = looked_at(ec2("CreateVpc&CidrBlock=10.0.0.0/16" + wish));
  EXPECT_EQ(said(made.accesses.front().tags), "nobody asked");
  EXPECT_EQ(made.effect(), Effect::write) << "it relabels nothing";
  EXPECT_EQ(one(json("dynamodb", "DynamoDB_20120810.CreateTable", R"({"TableName":"new"})")), "write nobody asked");
  tags_[arn("dynamodb:eu-central-1:111122223333:table/old")] = {{"env", "prod"}};
  EXPECT_EQ(one(json("dynamodb", "DynamoDB_20120810.CreateTable", R"({"TableName":"old"})")), "write production/?/?");
}

TEST_F(AwsTags, WhatIsMadeInSomethingChangesIt) {
  tags_["vpc-1"] = {{"env", "prod"}};
  EXPECT_EQ(one(ec2("CreateSecurityGroup&GroupName=a&GroupDescription=b&VpcId=vpc-1")), "write production/?/?");
  EXPECT_EQ(one(ec2("CreateRoute&RouteTableId=rtb-1&GatewayId=igw-1&DestinationCidrBlock=0.0.0.0/0")),
            "administer ?/?/?")
      << "a route table without tags";
}

TEST_F(AwsTags, WhatANewThingIsMadeOfIsNotChanged) {
  tags_["subnet-1"] = {{"env", "dev"}};
  const Operation run = looked_at(ec2("RunInstances&ImageId=ami-1&SubnetId=subnet-1&MinCount=1&MaxCount=1"));
  ASSERT_EQ(run.accesses.size(), 2U);
  for (const Access& access : run.accesses) {
    const bool image = access.resource.name.find("image/") != std::string::npos;
    EXPECT_EQ(said(access.tags), image ? "nobody asked" : "dev/?/?") << access.resource.name;
  }
}

TEST_F(AwsTags, WhatIsMadeOutsideOfEverythingHasTheLabelsOfItsUpstream) {
  const Call rest{.service = "apigateway",
                  .body = R"({"name":"orders","protocolType":"HTTP"})",
                  .target = "/v2/apis",
                  .fields = {{"Content-Type", "application/json"}}};
  for (const Call& call : {
           ec2("RunInstances&ImageId=ami-1&MinCount=1&MaxCount=1"),
           ec2("CreateVpc&CidrBlock=10.0.0.0/16"),
           ec2("AllocateAddress&Domain=vpc&TagSpecification.1.ResourceType=elastic-ip&TagSpecification.1.Tag.1.Key=a"),
           ec2("CreateVolume&Size=8&AvailabilityZone=eu-central-1a&ClientToken=x"
               "&KmsKeyId=arn:aws:kms:eu-central-1:111122223333:key/1"),
           ec2("CreateVolume&SnapshotId=snap-1&AvailabilityZone=eu-central-1a"),
           ec2("CreateKeyPair&KeyName=new"),
           ec2("CreateTransitGateway&Description=x"),
           json("kms", "TrentService.CreateKey", "{}"),
           json("acm", "CertificateManager.RequestCertificate", R"({"DomainName":"example.com"})"),
           json("dynamodb", "DynamoDB_20120810.CreateTable", R"({"TableName":"new"})"),
           json("sqs", "AmazonSQS.CreateQueue", R"({"QueueName":"new"})"),
           rest,
           Call{.service = "sns", .body = "Version=2010-03-31&Action=CreateTopic&Name=new"},
           Call{.service = "s3", .method = "PUT", .target = "/new", .fields = {}},
           json("logs", "Logs_20140328.CreateLogGroup", R"({"logGroupName":"new"})"),
       }) {
    for (const std::string& each : labels(call)) EXPECT_TRUE(each.ends_with(" nobody asked")) << call.body << each;
  }
}

// Requests that make something, and say of what is there by a parameter only that the catalogue has no ARN for.
TEST_F(AwsTags, WhatIsMadeOfTheWholeServiceButTouchesWhatIsThereIsUnknown) {
  const std::string balancer = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/shop/1";
  const auto rest = [](const std::string& service, const std::string& target, const std::string& body) {
    return Call{.service = service, .body = body, .target = target, .fields = {{"Content-Type", "application/json"}}};
  };
  Call job = rest("s3", "/v20180820/jobs",
                  "<CreateJobRequest><Operation><S3DeleteObjectTagging/></Operation>"
                  "<RoleArn>arn:aws:iam::111122223333:role/r</RoleArn></CreateJobRequest>");
  job.fields = {{"x-amz-account-id", "111122223333"}};
  for (const Call& call :
       {json("ds", "DirectoryService_20150416.RestoreFromSnapshot", R"({"SnapshotId":"s-1"})"),
        json("ecs", "AmazonEC2ContainerServiceV20141113.CreateTaskSet",
             R"({"cluster":"prod","service":"shop","taskDefinition":"shop:2"})"),
        rest("lambda", "/2015-03-31/event-source-mappings", R"({"FunctionName":"shop","BatchSize":1})"),
        Call{.service = "elasticloadbalancing",
             .body = "Version=2015-12-01&Action=CreateListener&LoadBalancerArn=" + balancer +
                     "&DefaultActions.member.1.Type=fixed-response"},
        rest("apigateway", "/v2/apis/shop/routes", R"({"routeKey":"GET /"})"),
        json("lightsail", "Lightsail_20161128.CreateContainerServiceDeployment", R"({"serviceName":"shop"})"),
        rest("greengrass", "/greengrass/v2/deployments",
             R"({"targetArn":"arn:aws:iot:eu-central-1:111122223333:thinggroup/shop"})"),
        rest("appsync", "/v1/apis/shop/types/Query/resolvers", R"({"fieldName":"orders","dataSourceName":"d"})"), job,
        ec2("CopySnapshot&SourceRegion=eu-central-1&SourceSnapshotId=snap-1"),
        ec2("CreateSecurityGroup&GroupName=a&GroupDescription=b"), ec2("CreateDefaultVpc"),
        // Reviewed, but of what somebody has.
        ec2("CreateVpc&Ipv6Pool=p"), ec2("CreateVpc&Ipv4IpamPoolId=ipam-pool-1"),
        ec2("AllocateAddress&PublicIpv4Pool=p"), ec2("AllocateAddress&Address=203.0.113.7"),
        ec2("CreateCustomerGateway&Type=ipsec.1&CertificateArn=arn:aws:acm:eu-central-1:111122223333:certificate/1"),
        json("kms", "TrentService.CreateKey", R"({"CustomKeyStoreId":"cks-1"})"),
        ec2("CreateDhcpOptions&DhcpConfiguration.1.Key=a&DhcpConfiguration.1.Value.1=arn:aws:ec2:::x"),
        rest("apigateway", "/v2/apis", R"({"name":"a","protocolType":"HTTP","target":"https://shop.example"})")}) {
    auto made = conversation(call);
    ASSERT_TRUE(made);
    EXPECT_TRUE(run(made->look_closer(doors_, nullptr)));
    bool unknown = false;
    for (const Access& access : made->operation().accesses)
      unknown = unknown || (access.resource.name.ends_with(":*") && said(access.tags) == "?/?/?");
    EXPECT_TRUE(unknown) << call.service << " " << call.target << " " << call.body;
  }
  EXPECT_EQ(one(ec2("CreateVpc&CidrBlock=10.0.0.0/16&Description=" + std::string(70'000, 'x'))), "write ?/?/?")
      << "what does not fit into the parameters may name anything";
}

TEST_F(AwsTags, WhatIsCopiedElsewhereIsLookedUp) {
  tags_["ami-1"] = {{"env", "prod"}};
  for (const std::string& each : labels(ec2("CreateStoreImageTask&ImageId=ami-1&Bucket=b")))
    EXPECT_EQ(each.substr(each.find(' ') + 1), "production/?/?");
  EXPECT_EQ(labels(ec2("RunInstances&ImageId=ami-1&MinCount=1&MaxCount=1")).front(), "write nobody asked");
  // Where a template or a group that is only named decides what it is put into.
  for (const char* more : {"&LaunchTemplate.LaunchTemplateName=web", "&SecurityGroup.1=default"}) {
    EXPECT_EQ(labels(ec2(std::string("RunInstances&ImageId=ami-1&MinCount=1&MaxCount=1") + more)).front(),
              "write production/?/?")
        << more;
  }
}

TEST_F(AwsTags, AnUnnamedChangeOfWhatIsThereIsUnknown) {
  EXPECT_EQ(one(ec2("DeleteSecurityGroup&GroupName=a")).substr(7), " ?/?/?");
}

// --- the trap: relabel, then destroy -------------------------------------------------------------------------------

const Call kRelabel = ec2("CreateTags&ResourceId.1=i-1&Tag.1.Key=Environment&Tag.1.Value=dev");

bool relabels(const Operation& operation) {
  return operation.input.find("\"relabels\"") != std::string::npos;
}

TEST_F(AwsTags, RelabellingAdministersAndIsJudgedByTheLabelsFromBefore) {
  tags_["i-1"] = {{"Environment", "prod"}};
  const Operation operation = looked_at(kRelabel);
  EXPECT_TRUE(relabels(operation)) << operation.input;
  EXPECT_EQ(operation.effect(), Effect::administer);
  EXPECT_EQ(said(operation.accesses.front().tags), "production/?/?");
  EXPECT_EQ(operation.accesses.front().resource.name, std::string(kArn) + "*/i-1");
}

TEST_F(AwsTags, RelabelledOneWayOrAnother) {
  const std::string db = "arn:aws:rds:eu-central-1:111122223333:db:orders";
  const std::vector<Call> calls = {
      kRelabel,
      ec2("CreateTags&ResourceId.1=i-1&Tag.1.Key=environment&Tag.1.Value=dev"),
      ec2("CreateTags&ResourceId.1=i-1&Tag.1.Key=Name&Tag.1.Value=x&Tag.2.Key=Tier&Tag.2.Value=9"),
      ec2("DeleteTags&ResourceId.1=i-1&Tag.1.Key=env"),
      ec2("DeleteTags&ResourceId.1=i-1"),
      json("tagging", "ResourceGroupsTaggingAPI_20170126.TagResources",
           R"({"ResourceARNList":[")" + db + R"("],"Tags":{"Environment":"dev"}})"),
      json("tagging", "ResourceGroupsTaggingAPI_20170126.UntagResources",
           R"({"ResourceARNList":[")" + db + R"("],"TagKeys":["Owner"]})"),
      {.service = "rds",
       .body = "Version=2014-10-31&Action=AddTagsToResource&ResourceName=" + db +
               "&Tags.Tag.1.Key=Environment&Tags.Tag.1.Value=dev"},
      json(
          "dynamodb", "DynamoDB_20120810.TagResource",
          R"({"ResourceArn":"arn:aws:dynamodb:eu-central-1:111122223333:table/a","Tags":[{"Key":"env","Value":"x"}]})"),
      {.service = "s3",
       .body = "<Tagging><TagSet><Tag><Key>Name</Key><Value>x</Value></Tag></TagSet></Tagging>",
       .method = "PUT",
       .target = "/bucket?tagging",
       .fields = {}},
      {.service = "s3", .method = "DELETE", .target = "/bucket?tagging", .fields = {}},
      {.service = "lambda",
       .body = R"({"Tags":{"Environment":"dev"}})",
       .target = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-central-1%3A111122223333%3Afunction%3Af",
       .fields = {{"Content-Type", "application/json"}}},
      {.service = "autoscaling",
       .body = "Version=2011-01-01&Action=CreateOrUpdateTags&Tags.member.1.ResourceId=g&Tags.member.1.Key=Environment"
               "&Tags.member.1.ResourceType=auto-scaling-group&Tags.member.1.Value=dev"},
      {.service = "route53",
       .body = R"(<ChangeTagsForResourceRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><RemoveTagKeys>)"
               "<Key>Environment</Key></RemoveTagKeys></ChangeTagsForResourceRequest>",
       .target = "/2013-04-01/tags/hostedzone/Z1",
       .fields = {}}};
  for (const Call& call : calls) {
    const Operation operation = looked_at(call);
    EXPECT_TRUE(relabels(operation)) << call.service << " " << call.body;
    EXPECT_EQ(operation.effect(), Effect::administer) << call.service << " " << call.body;
  }
}

// Updates of whole things that carry tags along are no mere tagging: policies that let go of that keep these.
TEST_F(AwsTags, WhatRelabelsBesideWhatItDoesIsToldApart) {
  for (const Call& call :
       {json("codebuild", "CodeBuild_20161006.UpdateProject",
             R"({"name":"p","tags":[{"key":"Environment","value":"d"}]})"),
        json("codebuild", "CodeBuild_20161006.UpdateProject",
             R"({"name":"p","tags":[{"key":"a","value":"b"}],"description":")" + std::string(70'000, 'x') + "\"}"),
        json("codebuild", "CodeBuild_20161006.UpdateProject",
             R"({"name":"p","tags":[{"key":"a","value":")" + std::string(70'000, 'x') + R"("}]})")}) {
    const Operation operation = looked_at(call);
    const bool hidden = call.body.find("Environment") == std::string::npos;
    if (hidden && call.body.find("description") != std::string::npos) {
      EXPECT_NE(operation.effect(), Effect::administer) << "the tags could be read, and are no labels";
      continue;
    }
    EXPECT_FALSE(relabels(operation));
    EXPECT_NE(operation.input.find("\"relabels_too\""), std::string::npos) << operation.input.substr(0, 500);
    EXPECT_EQ(operation.effect(), Effect::administer);
  }
}

TEST_F(AwsTags, WhatIsPutTakesTagsForWhatIsNew) {
  const Operation operation =
      looked_at(json("events", "AWSEvents.PutRule", R"({"Name":"r","Tags":[{"Key":"Environment","Value":"dev"}]})"));
  EXPECT_FALSE(relabels(operation));
  EXPECT_NE(operation.effect(), Effect::administer);
}

TEST_F(AwsTags, OtherTagsAreOrdinaryChanges) {
  for (const Call& call :
       {ec2("CreateTags&ResourceId.1=i-1&Tag.1.Key=Name&Tag.1.Value=Environment2"),
        ec2("DeleteTags&ResourceId.1=i-1&Tag.1.Key=Name"),
        // Of an object: whoever may write it may write these.
        Call{.service = "s3",
             .body = "<Tagging><TagSet><Tag><Key>Environment</Key><Value>dev</Value></Tag></TagSet></Tagging>",
             .method = "PUT",
             .target = "/bucket/k?tagging",
             .fields = {}},
        ec2("ModifyInstanceAttribute&InstanceId=i-1&InstanceType.Value=t3.large")}) {
    const Operation operation = looked_at(call);
    EXPECT_FALSE(relabels(operation)) << call.body;
    EXPECT_EQ(operation.effect(), Effect::write) << call.body;
  }
}

TEST_F(AwsTags, WhoeverRetaggedIsNotBelievedForAMinute) {
  tags_["i-1"] = {{"env", "dev"}};
  EXPECT_EQ(one(kTerminate), "destroy dev/?/?");
  tags_["i-1"] = {{"env", "prod"}};
  forward(ec2("CreateTags&ResourceId.1=i-1&Tag.1.Key=env&Tag.1.Value=prod"));
  EXPECT_EQ(one(kTerminate), "destroy production/?/?") << "the tags from before are forgotten";
}

TEST_F(AwsTags, WhatIsWrittenIntoAThingChangesNoTags) {
  tags_["bucket"] = {{"env", "dev"}};
  const Call put{.service = "s3", .body = "x", .method = "PUT", .target = "/bucket/k", .fields = {}};
  forward(put);
  forward(put);
  EXPECT_EQ(one(put), "write dev/?/?");
  EXPECT_EQ(asked(), 1U);
}

TEST_F(AwsTags, ALookUpThatBeganBeforeTheTagsChangedIsNotKept) {
  tags_["i-1"] = {{"env", "dev"}};
  doors_.account.meanwhile = [this] {
    doors_.account.meanwhile = nullptr;
    forward(kRelabel);
  };
  EXPECT_EQ(one(kTerminate), "destroy dev/?/?");
  const std::size_t before = asked();
  EXPECT_EQ(one(kTerminate), "destroy dev/?/?");
  EXPECT_EQ(asked(), before + 1) << "asked again";
}

TEST_F(AwsTags, WhatWasJustMadeIsAskedForAgain) {
  const Call create = json("dynamodb", "DynamoDB_20120810.CreateTable", R"({"TableName":"new"})");
  const Call update = json("dynamodb", "DynamoDB_20120810.UpdateTable", R"({"TableName":"new"})");
  forward(create);
  tags_[arn("dynamodb:eu-central-1:111122223333:table/new")] = {{"env", "dev"}};
  EXPECT_EQ(one(update), "write dev/?/?");
}

}  // namespace
}  // namespace countersign::adapters::test
