#include "scopes/catalogue/aws_catalogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/json.h"

namespace countersign {
namespace {

const std::string kSource = COUNTERSIGN_SOURCE_DIR;

std::string file(const std::string& name) {
  std::ifstream in(kSource + "/" + name, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

const AwsCatalogue& all() {
  return AwsCatalogue::embedded();
}

template <class Visit>
void each_operation(Visit visit) {
  for (const AwsService& service : all().services())
    for (const AwsOperation& operation : service.operations) visit(operation);
}

template <class All, class One>
bool contains(const All& all, const One& one) {
  return std::ranges::find(all, one) != all.end();
}

std::string called(const AwsOperation& one) {
  return std::string(one.service->key) + "." + std::string(one.name);
}

const AwsOperation& operation(std::string_view service, std::string_view name) {
  const AwsOperation* found = all().find(service, name);
  if (!found) throw std::runtime_error("no operation " + std::string(name));
  return *found;
}

const AwsMember& member(const AwsOperation& one, std::string_view name) {
  const AwsMember* found = one.input ? one.input->find(name) : nullptr;
  if (!found) throw std::runtime_error("no member " + std::string(name));
  return *found;
}

std::string joined(const std::vector<std::string>& words, std::string_view with) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : with).append(word);
  return out.empty() ? "-" : out;
}

TEST(AwsCatalogue, IsWhatItsSourcesGave) {
  Json sources = Json::parse(file("scopes/catalogue/SOURCES.json"));
  AwsCatalogue::Size size = all().size();
  EXPECT_EQ(size.services, sources["counts"]["services"].get<std::size_t>());
  EXPECT_EQ(size.operations, sources["counts"]["operations"].get<std::size_t>());
  EXPECT_EQ(size.shapes, sources["counts"]["shapes"].get<std::size_t>());
  EXPECT_EQ(size.members, sources["counts"]["members"].get<std::size_t>());
  EXPECT_LT(size.bytes, std::size_t{20} << 20U);
  EXPECT_NE(all().sources().find("botocore"), std::string_view::npos);
}

TEST(AwsCatalogue, EffectsArePinned) {
  std::map<std::string, int> counts;
  each_operation([&](const AwsOperation& one) { ++counts[std::string(effect_name(one.effect))]; });
  EXPECT_EQ(
      counts,
      (std::map<std::string, int>{
          {"read", 7815}, {"write", 6283}, {"execute", 262}, {"mint", 229}, {"administer", 541}, {"destroy", 3248}}));
}

// "| `read` | 7 815 | …"
TEST(AwsCatalogue, TheirDocumentationCountsTheSame) {
  std::map<std::string, int> counts;
  each_operation([&](const AwsOperation& one) { ++counts[std::string(effect_name(one.effect))]; });
  std::istringstream page(file("docs/aws.md"));
  std::size_t found = 0;
  for (std::string line; std::getline(page, line);) {
    for (const auto& [effect, count] : counts) {
      std::string head = "| `" + effect + "` | ";
      if (!line.starts_with(head)) continue;
      std::string number = line.substr(head.size(), line.find(" |", head.size()) - head.size());
      std::erase(number, ' ');
      EXPECT_EQ(number, std::to_string(count)) << line;
      ++found;
    }
  }
  EXPECT_EQ(found, kEffectCount);
}

TEST(AwsCatalogue, EveryOperationIsFoundInEveryWay) {
  each_operation([](const AwsOperation& one) {
    const AwsService& service = *one.service;
    EXPECT_EQ(all().find(service.key, one.name), &one);
    EXPECT_TRUE(contains(all().named(service.iam_prefix, one.name), &one)) << called(one);
    EXPECT_TRUE(contains(all().by_signing_name(service.signing_name), &service));
    EXPECT_TRUE(contains(all().by_endpoint_prefix(service.endpoint_prefix), &service));
    EXPECT_TRUE(contains(all().by_iam_prefix(service.iam_prefix), &service));
    for (std::string_view action : one.iam_actions)
      EXPECT_TRUE(contains(all().by_iam_action(action), &one)) << called(one);
  });
}

TEST(AwsCatalogue, WhatItDoesNotHaveIsNotFound) {
  EXPECT_EQ(all().by_key("S3"), nullptr);
  EXPECT_EQ(all().by_key(""), nullptr);
  EXPECT_EQ(all().find("s3", "deletebucket"), nullptr);
  EXPECT_EQ(all().find("s3", "DeleteBucke"), nullptr);
  EXPECT_EQ(all().find("s3", ""), nullptr);
  EXPECT_EQ(all().find("s4", "DeleteBucket"), nullptr);
  EXPECT_TRUE(all().by_signing_name("nothing").empty());
  EXPECT_TRUE(all().named("s3", "DeleteEverything").empty());
  EXPECT_TRUE(all().by_iam_action("s3:DeleteEverything").empty());
  EXPECT_FALSE(all().by_iam_action("S3:deletebucket").empty()) << "IAM's names are not case-sensitive";
}

TEST(AwsCatalogue, ServicesThatShareAName) {
  auto keys = [](std::span<const AwsService* const> services) {
    std::vector<std::string> out;
    for (const AwsService* one : services) out.emplace_back(one->key);
    return out;
  };
  EXPECT_EQ(keys(all().by_signing_name("s3")), (std::vector<std::string>{"s3", "s3control"}));
  EXPECT_EQ(keys(all().by_signing_name("rds")), (std::vector<std::string>{"docdb", "neptune", "rds"}));
  EXPECT_EQ(keys(all().by_iam_prefix("elasticloadbalancing")), (std::vector<std::string>{"elb", "elbv2"}));
  EXPECT_EQ(all().named("rds", "DeleteDBCluster").size(), 3U);
}

TEST(AwsCatalogue, OneNameInPoliciesHasOneEffect) {
  each_operation([](const AwsOperation& one) {
    for (const AwsOperation* other : all().named(one.service->iam_prefix, one.name)) {
      EXPECT_EQ(other->effect, one.effect) << called(one);
      EXPECT_EQ(other->effects, one.effects) << called(one);
    }
  });
}

TEST(AwsCatalogue, WhatItsNameSaysIsDeletedIsDestroyed) {
  int deletes = 0;
  each_operation([&](const AwsOperation& one) {
    if (!one.name.starts_with("Delete") || one.level != AwsLevel::write) return;
    ++deletes;
    EXPECT_EQ(one.effect, Effect::destroy) << called(one);
    EXPECT_TRUE(one.traits.contains(AwsTrait::destroys)) << called(one);
  });
  EXPECT_GT(deletes, 2000);
}

TEST(AwsCatalogue, NothingIsCalledHarmlessThatASourceCallsAChange) {
  each_operation([](const AwsOperation& one) {
    if (one.level != AwsLevel::read && one.level != AwsLevel::list && one.level != AwsLevel::unmapped)
      EXPECT_NE(one.effect, Effect::read) << called(one);
    if (one.level == AwsLevel::permissions) EXPECT_GE(one.effect, Effect::administer) << called(one);
    if (one.opaque()) EXPECT_GE(one.effect, Effect::execute) << called(one);
    if (one.traits.contains(AwsTrait::mints)) EXPECT_GE(one.effect, Effect::execute) << called(one);
    if (one.effect == Effect::read && one.level == AwsLevel::unmapped)
      EXPECT_TRUE(one.traits.contains(AwsTrait::readonly) || one.method == "GET" || one.method == "HEAD")
          << called(one);
    EXPECT_FALSE(one.why.empty()) << called(one);
  });
}

// Follows a path like "Delete.Objects[].Key"; nullptr when the model has nothing there.
const AwsShape* at(const AwsShape* shape, std::string_view path) {
  while (shape && !path.empty()) {
    std::size_t end = std::min(path.find_first_of(".[{"), path.size());
    std::string_view step = path.substr(0, end);
    if (shape->type != AwsType::structure) return nullptr;
    const AwsMember* found = shape->find(step);
    if (!found) return nullptr;
    shape = found->shape;
    path.remove_prefix(end);
    while (path.starts_with('[') || path.starts_with('{')) {
      if (path.starts_with("[]") && shape->type == AwsType::list) {
        shape = shape->element;
        path.remove_prefix(2);
      } else if (path.starts_with("{}") && shape->type == AwsType::map) {
        shape = shape->element;
        path.remove_prefix(2);
      } else if (path == "{key}" && shape->type == AwsType::map) {
        static constexpr AwsShape kKey{.type = AwsType::string};
        return &kKey;
      } else {
        return nullptr;
      }
    }
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return shape;
}

TEST(AwsCatalogue, EveryMemberThatNamesAResourceIsAStringOfTheRequest) {
  int named = 0;
  auto is_text = [](const AwsOperation& one, std::string_view path) {
    const AwsShape* found = at(one.input, path);
    return found && found->type == AwsType::string;
  };
  each_operation([&](const AwsOperation& one) {
    for (const AwsResourceTemplate* resource : one.resources) {
      ++named;
      if (!resource->member.empty()) EXPECT_TRUE(is_text(one, resource->member)) << called(one) << resource->member;
      std::string whole;
      int from_request = 0;
      for (const AwsArnPart& part : resource->parts) {
        bool literal = part.kind == AwsArnPart::Kind::literal;
        whole += literal ? std::string(part.text) : "${" + std::string(part.text) + "}";
        if (part.kind != AwsArnPart::Kind::member) continue;
        ++from_request;
        EXPECT_TRUE(is_text(one, part.member)) << called(one) << " " << part.member;
      }
      if (resource->member.empty()) {
        EXPECT_EQ(whole, resource->arn);
        EXPECT_GT(from_request, 0) << called(one) << " " << resource->arn;
      }
    }
    for (std::string_view role : one.roles) EXPECT_TRUE(is_text(one, role)) << called(one) << " " << role;
  });
  EXPECT_GT(named, 12000);
}

TEST(AwsCatalogue, TheWireIsWhole) {
  each_operation([](const AwsOperation& one) {
    std::string path;
    std::set<std::string_view> labels;
    int greedy = 0;
    for (const AwsSegment& segment : one.segments) {
      bool literal = segment.kind == AwsSegment::Kind::literal;
      bool is_greedy = segment.kind == AwsSegment::Kind::greedy;
      greedy += is_greedy ? 1 : 0;
      path += literal ? "/" + std::string(segment.text) : "/{" + std::string(segment.text) + (is_greedy ? "+}" : "}");
      if (!literal) EXPECT_TRUE(labels.insert(segment.text).second) << called(one);
    }
    EXPECT_EQ(path.empty() ? "/" : path, one.path) << called(one);
    EXPECT_LE(greedy, 1) << called(one);
    if (!one.input) EXPECT_TRUE(labels.empty()) << called(one);
    for (const AwsMember& member : one.input ? one.input->members : std::span<const AwsMember>()) {
      if (member.location == AwsLocation::path)
        EXPECT_EQ(labels.erase(member.wire_name), 1U) << called(one) << " " << member.name;
      if (member.location == AwsLocation::headers) EXPECT_EQ(member.shape->type, AwsType::map) << called(one);
    }
    EXPECT_TRUE(labels.empty()) << called(one) << ": a label without a member";
    if (one.service->protocols.contains(AwsProtocol::json)) EXPECT_FALSE(one.service->target_prefix.empty());
    if (one.service->protocols.contains(AwsProtocol::rpc_cbor)) EXPECT_FALSE(one.service->target_prefix.empty());
  });
}

TEST(AwsCatalogue, WireOfKnownRequests) {
  const AwsOperation& acl = operation("s3", "GetBucketAcl");
  ASSERT_EQ(acl.literals.size(), 1U);
  EXPECT_EQ(acl.literals[0].key, "acl");
  EXPECT_FALSE(acl.literals[0].value.has_value());
  EXPECT_EQ(operation("s3", "ListObjectsV2").literals[0].value, "2");
  const AwsOperation& get = operation("s3", "GetObject");
  ASSERT_EQ(get.segments.size(), 2U);
  EXPECT_EQ(get.segments[1].kind, AwsSegment::Kind::greedy);
  EXPECT_EQ(get.segments[1].text, "Key");
  EXPECT_EQ(member(get, "VersionId").wire_name, "versionId");
  EXPECT_EQ(member(get, "VersionId").location, AwsLocation::query);

  const AwsOperation& copy = operation("s3", "CopyObject");
  EXPECT_EQ(member(copy, "CopySource").wire_name, "x-amz-copy-source");
  EXPECT_TRUE(contains(copy.required, &member(copy, "CopySource")));
  EXPECT_EQ(member(copy, "Metadata").location, AwsLocation::headers);
  EXPECT_EQ(member(copy, "Metadata").wire_name, "x-amz-meta-");
  EXPECT_TRUE(member(copy, "CopySourceSSECustomerKey").shape->sensitive);

  const AwsOperation& many = operation("s3", "DeleteObjects");
  ASSERT_NE(many.payload, nullptr);
  EXPECT_EQ(many.payload->wire_name, "Delete");
  EXPECT_TRUE(many.payload->shape->find("Objects")->shape->flattened);
  EXPECT_EQ(many.payload->shape->find("Objects")->wire_name, "Object");
  EXPECT_TRUE(operation("s3", "PutObject").traits.contains(AwsTrait::streaming));
  EXPECT_FALSE(many.traits.contains(AwsTrait::streaming));

  EXPECT_EQ(member(operation("ec2", "TerminateInstances"), "InstanceIds").wire_name, "InstanceId");
  EXPECT_TRUE(member(operation("ec2", "RunInstances"), "ClientToken").idempotency_token);
  EXPECT_EQ(operation("s3control", "CreateJob").host_prefix, "{AccountId}.");
  EXPECT_TRUE(member(operation("s3control", "CreateJob"), "AccountId").host_label);
  EXPECT_TRUE(member(operation("secretsmanager", "CreateSecret"), "SecretString").shape->sensitive);
  EXPECT_TRUE(operation("sts", "AssumeRoleWithWebIdentity").traits.contains(AwsTrait::unsigned_));
  EXPECT_EQ(operation("elbv2", "DescribeLoadBalancers").input->find("Names")->shape->element_name, "member");
}

TEST(AwsCatalogue, ProtocolsOfKnownServices) {
  auto accepts = [](std::string_view key, AwsProtocol one) { return all().by_key(key)->protocols.contains(one); };
  EXPECT_TRUE(accepts("s3", AwsProtocol::rest_xml));
  EXPECT_FALSE(accepts("s3", AwsProtocol::query));
  for (AwsProtocol one : {AwsProtocol::rpc_cbor, AwsProtocol::json, AwsProtocol::query})
    EXPECT_TRUE(accepts("cloudwatch", one));
  EXPECT_TRUE(accepts("sqs", AwsProtocol::json));
  EXPECT_TRUE(accepts("sqs", AwsProtocol::query)) << "what its older clients send is accepted still";
  EXPECT_TRUE(accepts("ec2", AwsProtocol::ec2));
  EXPECT_EQ(all().by_key("dynamodb")->target_prefix, "DynamoDB_20120810");
  EXPECT_EQ(all().by_key("ec2")->version, "2016-11-15");
  EXPECT_TRUE(contains(all().by_key("ec2")->versions, "2015-10-01"));
  EXPECT_TRUE(all().by_key("iam")->global);
  EXPECT_FALSE(all().by_key("rds")->global);
}

TEST(AwsCatalogue, SecretsOfResponses) {
  auto secrets = [](std::string_view service, std::string_view name) {
    std::vector<std::string> out;
    for (const AwsSecret& secret : operation(service, name).secrets) out.emplace_back(secret.path);
    return joined(out, " ");
  };
  EXPECT_EQ(secrets("sts", "AssumeRole"), "Credentials.SecretAccessKey Credentials.SessionToken");
  EXPECT_EQ(secrets("iam", "CreateAccessKey"), "AccessKey.SecretAccessKey");
  EXPECT_EQ(secrets("secretsmanager", "GetSecretValue"), "SecretBinary SecretString");
  EXPECT_EQ(secrets("ssm", "GetParametersByPath"), "Parameters[].Value");
  EXPECT_EQ(secrets("kms", "GenerateDataKey"), "Plaintext");
  EXPECT_EQ(secrets("ecr", "GetAuthorizationToken"), "authorizationData[].authorizationToken");
  EXPECT_EQ(secrets("ec2", "CreateKeyPair"), "KeyMaterial");
  // However deep they lie.
  EXPECT_NE(
      secrets("batch", "DescribeJobs")
          .find("jobs[].nodeProperties.nodeRangeProperties[].eksProperties.podProperties.initContainers[].env[].value"),
      std::string::npos);
  EXPECT_EQ(secrets("rds", "DescribeDBInstances"), "DBInstances[].PendingModifiedValues.MasterUserPassword");
  EXPECT_EQ(secrets("s3", "ListObjectsV2"), "-");
}

TEST(AwsCatalogue, RolesThatServicesWillActAs) {
  EXPECT_TRUE(contains(operation("lambda", "CreateFunction").roles, "Role"));
  EXPECT_TRUE(contains(operation("ecs", "RunTask").roles, "overrides.taskRoleArn"));
  EXPECT_TRUE(contains(operation("ec2", "RunInstances").roles, "IamInstanceProfile.Arn"));
  EXPECT_TRUE(operation("s3", "DeleteBucket").roles.empty());
}

// One line an operation, as tests/cases/aws/operations.txt has them.
std::string line_of(const AwsOperation& one) {
  std::vector<std::string> actions, others, traits, resources;
  for (std::string_view action : one.iam_actions) actions.emplace_back(action);
  for (const std::string& name : one.effects.names())
    if (name != effect_name(one.effect)) others.push_back(name);
  for (auto [trait, name] : {std::pair(AwsTrait::opaque, "opaque"), std::pair(AwsTrait::mints, "mints"),
                             std::pair(AwsTrait::escalates, "escalates"), std::pair(AwsTrait::exposes, "exposes")})
    if (one.traits.contains(trait)) traits.emplace_back(name);
  for (const AwsResourceTemplate* resource : one.resources) {
    std::vector<std::string> members;
    if (!resource->member.empty()) members.emplace_back(resource->member);
    for (const AwsArnPart& part : resource->parts)
      if (part.kind == AwsArnPart::Kind::member) members.emplace_back(part.member);
    resources.push_back(std::string(resource->type) + "(" + joined(members, ",") + ")");
  }
  return joined({called(one), joined(actions, ","), std::string(effect_name(one.effect)), joined(others, ","),
                 joined(traits, ","), joined(resources, " ")},
                "  ");
}

TEST(AwsCatalogue, WellKnownOperationsAreReadAsTheTableSays) {
  std::istringstream cases(file("tests/cases/aws/operations.txt"));
  int checked = 0;
  for (std::string line; std::getline(cases, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    std::size_t dot = line.find('.');
    std::size_t end = line.find("  ");
    const AwsOperation* found = all().find(line.substr(0, dot), line.substr(dot + 1, end - dot - 1));
    ASSERT_NE(found, nullptr) << line;
    EXPECT_EQ(line_of(*found), line);
    ++checked;
  }
  EXPECT_GE(checked, 240);
}

}  // namespace
}  // namespace countersign
