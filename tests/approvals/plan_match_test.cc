#include "approvals/plan_match.h"

#include "approvals/plan_answers.h"
#include "tests/approvals/plan_fixture.h"

namespace countersign::approvals {
namespace {

using test::aws;
using test::index_of;
using test::plan_of;
using test::resource_change;

constexpr std::string_view kHere = "eu-central-1:123456789012:";
std::string arn(std::string_view service, std::string_view rest, std::string_view place = kHere) {
  return "arn:aws:" + std::string(service) + ":" + std::string(place) + std::string(rest);
}

class PlanMatch : public testing::Test {
 protected:
  PlanMatch() : index_(index_of(Json::parse(test::terraform_fixture()))) {}

  std::string as(const Operation& operation) const {
    auto found = index_.announced(operation, learned_);
    return found ? index_.changes()[found->changes.front()].address : "";
  }

  PlanIndex index_;
  LearnedNames learned_;
};

TEST_F(PlanMatch, WhatIsDestroyedMustBeAnnouncedAsDestroyed) {
  EXPECT_EQ(as(aws("s3:DeleteBucket", {{"arn:aws:s3:::logs", Effect::destroy}})), "aws_s3_bucket.logs");
  EXPECT_EQ(as(aws("s3:DeleteBucket", {{"arn:aws:s3:::moved-old", Effect::destroy}})), "aws_s3_bucket.moved");
  for (const char* other : {"moved-new", "brand-new", "log", "logs-eu", "logs/", "Logs", "*", "", "orders"})
    EXPECT_EQ(as(aws("s3:DeleteBucket", {{std::string("arn:aws:s3:::") + other, Effect::destroy}})), "") << other;
  EXPECT_EQ(as(aws("dynamodb:DeleteTable", {{arn("dynamodb", "table/orders"), Effect::destroy}})), "");
  EXPECT_EQ(as(aws("rds:DeleteDBInstance", {{arn("rds", "db:main"), Effect::destroy}})), "") << "it is updated";
  // One that is not among them spoils them all.
  EXPECT_EQ(
      as(aws("s3:DeleteObjects", {{"arn:aws:s3:::logs", Effect::destroy}, {"arn:aws:s3:::orders", Effect::destroy}})),
      "");
  // Not by another service's operation of that name.
  EXPECT_EQ(as(aws("s3-outposts:DeleteBucket", {{"arn:aws:s3:::logs", Effect::destroy}})), "");
  Operation other = aws("s3:DeleteBucket", {{"arn:aws:s3:::logs", Effect::destroy}});
  other.protocol = "http";
  EXPECT_EQ(as(other), "");
}

TEST_F(PlanMatch, ABucketIsEmptiedOnlyWhereThePlanSaysSo) {
  const Operation object = aws("s3:DeleteObjects", {{"arn:aws:s3:::logs/a", Effect::destroy}});
  EXPECT_EQ(as(object), "");
  Json before = {{"arn", "arn:aws:s3:::logs"}, {"bucket", "logs"}, {"id", "logs"}, {"force_destroy", true}};
  index_ = index_of(plan_of({resource_change("aws_s3_bucket.logs", {"delete"}, before, nullptr)}));
  EXPECT_EQ(as(object), "aws_s3_bucket.logs");
  EXPECT_EQ(as(aws("s3:DeleteObjects", {{"arn:aws:s3:::logs-eu/a", Effect::destroy}})), "");
  EXPECT_EQ(as(aws("s3:DeleteObjects", {{"arn:aws:s3:::orders/logs/a", Effect::destroy}})), "");
}

TEST_F(PlanMatch, UpdatesAreOfTheThingItself) {
  EXPECT_EQ(as(aws("rds:ModifyDBInstance", {{arn("rds", "db:main"), Effect::write}})), "aws_db_instance.main");
  EXPECT_EQ(as(aws("rds:ModifyDBInstance", {{arn("rds", "db:main", "eu-central-1:*:"), Effect::write}})),
            "aws_db_instance.main");
  EXPECT_EQ(as(aws("rds:ModifyDBInstance", {{arn("rds", "db:main"), Effect::administer}})), "aws_db_instance.main")
      << "its protection";
  EXPECT_EQ(as(aws("rds:AddTagsToResource", {{arn("rds", "db:main"), Effect::write}})), "aws_db_instance.main");
  EXPECT_EQ(as(aws("rds:ModifyDBInstance", {{arn("rds", "db:main-eu"), Effect::write}})), "");
  EXPECT_EQ(as(aws("rds:ModifyDBInstance", {{arn("rds", "db:mai"), Effect::write}})), "");
  EXPECT_EQ(as(aws("rds:ModifyDBInstance", {{arn("rds", "db:main", "us-east-1:123456789012:"), Effect::write}})), "");
  EXPECT_EQ(as(aws("rds:ModifyDBInstance", {{arn("rds", "db:main", "eu-central-1:999999999999:"), Effect::write}})),
            "");
  EXPECT_EQ(as(aws("rds:ModifyDBCluster", {{arn("rds", "cluster:main"), Effect::write}})), "") << "another kind";
  EXPECT_EQ(as(aws("rds:RebootDBInstance", {{arn("rds", "db:main"), Effect::destroy}})), "aws_db_instance.main");
  EXPECT_EQ(as(aws("rds:StopDBInstance", {{arn("rds", "db:main"), Effect::destroy}})), "");
  // Of what stays nothing is announced.
  EXPECT_EQ(as(aws("dynamodb:UpdateTable", {{arn("dynamodb", "table/orders"), Effect::administer}})), "");
  EXPECT_EQ(as(aws("dynamodb:TagResource", {{arn("dynamodb", "table/orders"), Effect::write}})), "");
}

TEST_F(PlanMatch, CreationsByName) {
  EXPECT_EQ(as(aws("s3:CreateBucket", {{"arn:aws:s3:::brand-new", Effect::write}})), "aws_s3_bucket.new");
  EXPECT_EQ(as(aws("s3:CreateBucket", {{"arn:aws:s3:::moved-new", Effect::write}})), "aws_s3_bucket.moved");
  EXPECT_EQ(as(aws("s3:CreateBucket", {{"arn:aws:s3:::brand-newer", Effect::write}})), "");
  EXPECT_EQ(as(aws("s3:PutBucketVersioning", {{"arn:aws:s3:::brand-new", Effect::write}})), "aws_s3_bucket.new");
  EXPECT_EQ(as(aws("s3:PutBucketPolicy", {{"arn:aws:s3:::orders", Effect::administer}})), "");
  EXPECT_EQ(as(aws("s3:PutObject", {{"arn:aws:s3:::brand-new/a/b.json", Effect::write}})), "") << "before its bucket";
  learned_["aws_s3_bucket"].insert("brand-new");
  EXPECT_EQ(as(aws("s3:PutObject", {{"arn:aws:s3:::brand-new/a/b.json", Effect::write}})), "aws_s3_object.o");
  EXPECT_EQ(as(aws("s3:PutObject", {{"arn:aws:s3:::orders/a/b.json", Effect::write}})), "");
  EXPECT_EQ(as(aws("s3:PutObject", {{"arn:aws:s3:::brand-new/a/c.json", Effect::write}})), "");
  EXPECT_EQ(as(aws("s3:PutObject", {{"arn:aws:s3:::other/a/b.json", Effect::write}})), "");
  EXPECT_EQ(as(aws("iam:CreateRole", {{"arn:aws:iam::*:role/runner", Effect::administer}})), "aws_iam_role.r");
  EXPECT_EQ(as(aws("iam:CreateRole", {{"arn:aws:iam::*:role/runner2", Effect::administer}})), "");
  EXPECT_EQ(as(aws("iam:CreateUser", {{"arn:aws:iam::*:user/runner", Effect::administer}})), "");
  EXPECT_EQ(as(aws("sqs:CreateQueue", {{arn("sqs", "jobs"), Effect::write}})), "aws_sqs_queue.q");
  EXPECT_EQ(as(aws("logs:PutRetentionPolicy", {{arn("logs", "log-group:/app/web"), Effect::destroy}})),
            "aws_cloudwatch_log_group.l");
  EXPECT_EQ(as(aws("logs:PutRetentionPolicy", {{arn("logs", "log-group:/prod/app/web"), Effect::destroy}})), "");
  EXPECT_EQ(as(aws("logs:DeleteLogGroup", {{arn("logs", "log-group:/app/web"), Effect::destroy}})), "");
}

TEST_F(PlanMatch, NamesThatBelongTogether) {
  auto attach = [](std::string_view role, std::string_view policy) {
    return aws("iam:AttachRolePolicy", {{"arn:aws:iam::*:role/" + std::string(role), Effect::administer}},
               {{"RoleName", role}, {"PolicyArn", policy}});
  };
  EXPECT_EQ(as(attach("runner", "arn:aws:iam::aws:policy/ReadOnlyAccess")), "aws_iam_role_policy_attachment.a");
  EXPECT_EQ(as(attach("runner", "arn:aws:iam::aws:policy/AdministratorAccess")), "");
  EXPECT_EQ(as(attach("admin", "arn:aws:iam::aws:policy/ReadOnlyAccess")), "");
  Operation blind = attach("runner", "arn:aws:iam::aws:policy/ReadOnlyAccess");
  blind.input = "{}";  // its parameters were too many to keep
  EXPECT_EQ(as(blind), "");
}

TEST_F(PlanMatch, CreationsWithoutANameAreCounted) {
  const Operation run =
      aws("ec2:RunInstances", {{"arn:aws:ec2:eu-central-1::image/ami-12c6146b", Effect::write}}, {{"MaxCount", 1}});
  auto found = index_.announced(run, learned_);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->counted);
  EXPECT_EQ(found->type, "aws_instance");
  EXPECT_EQ(index_.creations_of("aws_instance"), 2U);
  EXPECT_FALSE(index_.announced(
      aws("ec2:RunInstances", {{"arn:aws:ec2:eu-central-1::image/ami-12c6146b", Effect::write}}, {{"MaxCount", 5}}),
      learned_));
  EXPECT_FALSE(index_.announced(
      aws("ec2:RunInstances", {{"arn:aws:ec2:eu-central-1::image/ami-other", Effect::write}}, {{"MaxCount", 1}}),
      learned_));
  EXPECT_FALSE(
      index_.announced(aws("ec2:CreateNatGateway", {{"arn:aws:ec2:eu-central-1:*:*", Effect::write}}), learned_));
  auto bucket = index_.announced(aws("s3:CreateBucket", {{"arn:aws:s3:::brand-new", Effect::write}}), learned_);
  ASSERT_TRUE(bucket);
  EXPECT_FALSE(bucket->counted) << "it has a name";
}

TEST_F(PlanMatch, WhatWasMadeIsKnownByTheNameItGot) {
  const Operation subnet = aws("ec2:CreateSubnet", {{arn("ec2", "vpc/vpc-1"), Effect::write}});
  const Operation open = aws("ec2:ModifyVpcAttribute", {{arn("ec2", "vpc/vpc-1"), Effect::write}});
  EXPECT_EQ(as(subnet), "");
  EXPECT_EQ(as(open), "");
  learned_["aws_vpc"].insert("vpc-1");
  EXPECT_EQ(as(subnet), "aws_subnet.a");
  EXPECT_EQ(as(open), "aws_vpc.net");
  EXPECT_EQ(as(aws("ec2:CreateTags", {{arn("ec2", "*/vpc-1"), Effect::write}})), "aws_vpc.net");
  EXPECT_EQ(as(aws("ec2:CreateTags", {{arn("ec2", "*/vpc-10"), Effect::write}})), "");
  EXPECT_EQ(as(aws("ec2:DeleteVpc", {{arn("ec2", "vpc/vpc-1"), Effect::destroy}})), "") << "nothing is deleted";
  learned_["aws_security_group"].insert("sg-1");
  EXPECT_EQ(as(aws("ec2:AuthorizeSecurityGroupIngress", {{arn("ec2", "security-group/sg-1"), Effect::administer}})),
            "aws_security_group.web");
  EXPECT_EQ(as(aws("ec2:AuthorizeSecurityGroupIngress", {{arn("ec2", "security-group/sg-prod"), Effect::administer}})),
            "");
  // What a subnet is called does not make it an instance.
  learned_["aws_instance"].insert("i-1");
  EXPECT_EQ(as(aws("ec2:ModifyInstanceAttribute", {{arn("ec2", "instance/i-1"), Effect::administer}})),
            "aws_instance.app[0]");
  EXPECT_EQ(as(aws("ec2:ModifyInstanceAttribute", {{arn("ec2", "instance/vpc-1"), Effect::administer}})), "");
}

// An answer names other things beside the new one: the default group of a new database is not the group of a plan.
TEST_F(PlanMatch, WhatAnAnswerNamesBesideIsNotNew) {
  const Json unknown = {{"id", true}, {"security_group_id", true}};
  index_ = index_of(
      plan_of({resource_change("aws_db_instance.d", {"create"}, nullptr, {{"identifier", "d"}}, {{"arn", true}}),
               resource_change("aws_security_group.g", {"create"}, nullptr, {{"name", "g"}}, {{"id", true}}),
               resource_change("aws_security_group_rule.r", {"create"}, nullptr, {{"type", "ingress"}}, unknown)}));
  const Operation open =
      aws("ec2:AuthorizeSecurityGroupIngress", {{arn("ec2", "security-group/sg-1default"), Effect::administer}});
  learned_["aws_db_instance"].insert("sg-1default");
  EXPECT_EQ(as(open), "");
  learned_["aws_security_group"].insert("sg-1default");
  EXPECT_NE(as(open), "");
}

TEST_F(PlanMatch, APartIsInWhatThePlanSays) {
  // Its own name, and other things it names, are not what it is a part of.
  Json after = {{"role", "runner"}, {"name", "admin"}, {"id", "runner:admin"}, {"policy", "{}"}};
  index_ = index_of(plan_of({resource_change("aws_iam_role_policy.p", {"create"}, nullptr, after)}));
  auto put = [](const char* role, const char* policy) {
    return aws("iam:PutRolePolicy", {{std::string("arn:aws:iam::*:role/") + role, Effect::administer}},
               {{"RoleName", role}, {"PolicyName", policy}});
  };
  EXPECT_EQ(as(put("runner", "admin")), "aws_iam_role_policy.p");
  EXPECT_EQ(as(put("admin", "runner")), "");
  EXPECT_EQ(as(put("admin", "admin")), "");
  EXPECT_EQ(as(put("runner", "other")), "");
  // Another kind of policy, by an operation with the same noun.
  EXPECT_EQ(as(aws("iam:AttachRolePolicy", {{"arn:aws:iam::*:role/runner", Effect::administer}},
                   {{"RoleName", "runner"}, {"PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"}})),
            "");
}

TEST_F(PlanMatch, NewPartsOfWhatIsNamedByArn) {
  const std::string balancer = arn("elasticloadbalancing", "loadbalancer/app/web/50dc6c495c0c9188");
  index_ = index_of(
      plan_of({resource_change("aws_lb_listener.l", {"create"}, nullptr,
                               {{"load_balancer_arn", balancer}, {"port", 443}}, {{"arn", true}, {"id", true}})}));
  auto create = [](const std::string& at) {
    return aws("elasticloadbalancing:CreateListener", {{arn("elasticloadbalancing", "*"), Effect::write}},
               {{"LoadBalancerArn", at}});
  };
  EXPECT_EQ(as(create(balancer)), "aws_lb_listener.l");
  EXPECT_EQ(as(create(arn("elasticloadbalancing", "loadbalancer/app/prod/50dc6c495c0c9188"))), "");
}

TEST_F(PlanMatch, TheRegionOfThePlan) {
  EXPECT_EQ(as(aws("sqs:CreateQueue", {{arn("sqs", "jobs", "us-east-1:123456789012:"), Effect::write}})), "");
  EXPECT_EQ(as(aws("ec2:AllocateAddress", {{"arn:aws:ec2:eu-central-1:*:*", Effect::write}})), "aws_eip.e");
}

TEST_F(PlanMatch, RecordsOfAZone) {
  Json before = {{"zone_id", "Z1"}, {"name", "old.example.com"}, {"fqdn", "old.example.com"}, {"id", "Z1_old_A"}};
  index_ = index_of(plan_of({resource_change("aws_route53_record.old", {"delete"}, before, nullptr)}));
  auto change = [](std::string_view zone, std::string_view name) {
    return aws("route53:ChangeResourceRecordSets",
               {{"arn:aws:route53:::hostedzone/" + std::string(zone), Effect::destroy}},
               Json::parse(R"({"ChangeBatch":{"Changes":[{"Action":"DELETE","ResourceRecordSet":{"Name":")" +
                           std::string(name) + R"("}}]}})"));
  };
  EXPECT_EQ(as(change("Z1", "old.example.com.")), "aws_route53_record.old");
  EXPECT_EQ(as(change("Z1", "www.example.com.")), "");
  EXPECT_EQ(as(change("Z2", "old.example.com.")), "");
}

TEST_F(PlanMatch, PartsDoNotSpeakForTheWhole) {
  Json before = {{"bucket", "orders"}, {"id", "orders"}, {"policy", "{}"}};
  index_ = index_of(plan_of({resource_change("aws_s3_bucket_policy.p", {"delete"}, before, nullptr)}));
  EXPECT_EQ(as(aws("s3:DeleteBucketPolicy", {{"arn:aws:s3:::orders", Effect::administer}})), "aws_s3_bucket_policy.p");
  EXPECT_EQ(as(aws("s3:DeleteBucketPolicy", {{"arn:aws:s3:::orders", Effect::destroy}})), "aws_s3_bucket_policy.p");
  EXPECT_EQ(as(aws("s3:DeleteBucket", {{"arn:aws:s3:::orders", Effect::destroy}})), "");
  EXPECT_EQ(as(aws("s3:PutBucketAcl", {{"arn:aws:s3:::orders", Effect::administer}})), "");
  EXPECT_EQ(as(aws("s3:PutBucketTagging", {{"arn:aws:s3:::orders", Effect::write}})), "");
}

TEST_F(PlanMatch, RelatedThingsAreNotDestroyed) {
  Json before = {{"arn", arn("ec2", "instance/i-1")},
                 {"id", "i-1"},
                 {"subnet_id", "subnet-1"},
                 {"host_id", "i-2"},
                 {"vpc_security_group_ids", {"sg-1"}}};
  index_ = index_of(plan_of({resource_change("aws_instance.a", {"delete"}, before, nullptr)}));
  EXPECT_EQ(as(aws("ec2:TerminateInstances", {{arn("ec2", "instance/i-1"), Effect::destroy}})), "aws_instance.a");
  EXPECT_EQ(as(aws("ec2:TerminateInstances",
                   {{arn("ec2", "instance/i-1"), Effect::destroy}, {arn("ec2", "instance/i-2"), Effect::destroy}})),
            "");
  EXPECT_EQ(as(aws("ec2:DeleteSubnet", {{arn("ec2", "subnet/subnet-1"), Effect::destroy}})), "");
  EXPECT_EQ(as(aws("ec2:DeleteSecurityGroup", {{arn("ec2", "security-group/sg-1"), Effect::destroy}})), "");
  EXPECT_EQ(as(aws("ec2:TerminateInstances", {{arn("ec2", "*"), Effect::destroy}})), "");
}

TEST(PlanAnswers, NamesOfWhatIsNew) {
  const std::string answer =
      "<CreateVpcResponse "
      "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE"
      "</requestId><vpc><vpcId>vpc-0abc</vpcId><cidrBlock>10.0.0.0/16</cidrBlock><ownerId>123456789012</ownerId></vpc>"
      "</CreateVpcResponse>";
  const std::vector<std::string> names = names_in_answer(answer, "Action=CreateVpc&CidrBlock=10.0.0.0/16");
  EXPECT_NE(std::ranges::find(names, "vpc-0abc"), names.end());
  EXPECT_EQ(std::ranges::find(names, "10.0.0.0/16"), names.end()) << "it stood in the request";
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += "<id>i-" + std::to_string(100'000 + i) + "</id>";
  EXPECT_LE(names_in_answer(many, "").size(), 256U);
}

// An agent writes plans and requests: neither makes the comparison of the two long, and what is not found out in time
// is not announced.
TEST(PlanWork, OnlyChangesThatMayBeMeantAreLookedAt) {
  std::vector<PlannedChange> changes;
  for (int i = 0; i < 9'998; ++i) {
    PlannedChange object{.address = "aws_s3_object.o" + std::to_string(i), .type = "aws_s3_object", .deletes = true};
    object.before.own = {"logs/planned-" + std::to_string(i)};
    object.before.related = {"logs"};
    changes.push_back(std::move(object));
  }
  auto delete_objects = [](const std::string& prefix, int count) {
    std::vector<std::pair<std::string, Effect>> keys;
    for (int i = 0; i < count; ++i) keys.emplace_back(prefix + std::to_string(i), Effect::destroy);
    return aws("s3:DeleteObjects", std::move(keys));
  };
  const PlanIndex index(changes);
  const Looked none = index.look(delete_objects("arn:aws:s3:::logs/other-", 1'024), {});
  EXPECT_FALSE(none.announced);
  EXPECT_FALSE(none.too_much);
  EXPECT_EQ(none.changes, 0U);
  EXPECT_LT(none.compared, 100U);
  const Looked all = index.look(delete_objects("arn:aws:s3:::logs/planned-", 1'024), {});
  ASSERT_TRUE(all.announced);
  EXPECT_EQ(all.announced->changes.size(), 1'024U);
  EXPECT_LE(all.changes, 1'024U);
  EXPECT_LT(all.compared, 10'000U);
  // A bucket that is emptied announces them all, and only it is looked at; but not what is in another one.
  PlannedChange bucket{.address = "aws_s3_bucket.logs", .type = "aws_s3_bucket", .deletes = true, .empties = true};
  bucket.before.own = {"logs"};
  changes.push_back(bucket);
  const PlanIndex emptied(changes);
  Operation keys = delete_objects("arn:aws:s3:::logs/other-", 1'024);
  EXPECT_TRUE(emptied.look(keys, {}).announced);
  EXPECT_EQ(emptied.look(keys, {}).changes, 1U);
  keys.accesses.push_back({{"AwsResource", "aws/x", "arn:aws:s3:::orders/x"}, Effect::destroy});
  EXPECT_FALSE(emptied.look(keys, {}).announced);
}

TEST(PlanWork, WhatTakesTooMuchIsNotAnnounced) {
  std::vector<PlannedChange> changes;
  for (int i = 0; i < 10'000; ++i) {
    PlannedChange object{.address = "aws_s3_object.o" + std::to_string(i), .type = "aws_s3_object", .updates = true};
    object.before.own = {"logs/a", "logs/b"};
    object.after.own = object.before.own;
    changes.push_back(std::move(object));
  }
  const PlanIndex index(std::move(changes));
  Operation put = aws("s3:PutObject", {{"arn:aws:s3:::logs/a", Effect::write}});
  EXPECT_TRUE(index.look(put, {}).announced) << "the first one says it";
  EXPECT_EQ(index.look(put, {}).changes, 1U);
  while (put.accesses.size() < 2'048) put.accesses.push_back(put.accesses.front());
  const Looked found = index.look(put, {});
  EXPECT_TRUE(found.too_much);
  EXPECT_FALSE(found.announced) << "though it would be";
  EXPECT_LT(found.compared, kMostCompared + 2'048) << "it ends there";
}

TEST(PlanTags, RelabellingIsAnnouncedWhereTagsAre) {
  auto thing = [](const char* name, Json tags) {
    return Json{{"arn", arn("dynamodb", std::string("table/") + name)}, {"name", name}, {"tags", tags}};
  };
  const PlanIndex index = index_of(plan_of(
      {resource_change("aws_dynamodb_table.t", {"update"}, thing("tagged", {{"Tier", "1"}}),
                       thing("tagged", {{"Tier", "2"}})),
       resource_change("aws_dynamodb_table.o", {"update"}, {{"name", "other"}, {"read_capacity", 1}},
                       {{"name", "other"}, {"read_capacity", 2}}),
       resource_change("aws_dynamodb_table.n", {"create"}, nullptr, thing("new", {{"Tier", "2"}})),
       resource_change("aws_dynamodb_table.d", {"delete"}, thing("gone", {{"Tier", "2"}}), nullptr),
       resource_change("aws_dynamodb_table.r", {"delete", "create"}, {{"name", "was"}}, {{"name", "becomes"}})}));
  auto relabel = [](std::string_view operation, const char* name, Effect effect = Effect::administer) {
    Operation out = aws(operation, {{arn("dynamodb", std::string("table/") + name), effect}});
    out.input = R"({"flags":["relabels"],"parameters":{}})";
    return out;
  };
  for (const char* operation : {"dynamodb:TagResource", "dynamodb:UntagResource"}) {
    EXPECT_TRUE(index.announced(relabel(operation, "tagged"), {}));
    EXPECT_TRUE(index.announced(relabel(operation, "new"), {}));
    EXPECT_TRUE(index.announced(relabel(operation, "becomes"), {}));
    for (const char* name : {"other", "gone", "was", "nobody-said", "tagge"})
      EXPECT_FALSE(index.announced(relabel(operation, name), {})) << name;
    EXPECT_FALSE(index.announced(relabel(operation, "tagged", Effect::destroy), {}));
    EXPECT_FALSE(index.announced(relabel(operation, "tagged", Effect::execute), {}));
  }
  Operation unflagged = relabel("dynamodb:TagResource", "tagged");
  unflagged.input = R"({"flags":["relabels_too"],"parameters":{}})";
  EXPECT_FALSE(index.announced(unflagged, {})) << "it does more than that";
}

// A request says names in whatever spelling its protocol has, and the answer repeats them in another.
TEST(PlanAnswers, WhatTheRequestSaidIsNotNew) {
  const std::string planted = "sg-0123456789abcdef0";
  const std::string answer = "<id>vpc-0abc1</id><tag><key>a</key><value>" + planted + "</value></tag>";
  auto learned = [&](const Json& parameters, std::string_view body, std::string_view text) {
    const auto said = said_in_request(Json{{"flags", Json::array()}, {"parameters", parameters}}.dump(), body);
    return said ? names_in_answer(text, body, *said) : std::vector<std::string>();
  };
  const std::vector<std::string> only{"vpc-0abc1"};
  const Json tag = {{"TagSpecifications", {{{"Tags", {{{"Key", "a"}, {"Value", planted}}}}}}}};
  EXPECT_EQ(learned(tag, "Action=CreateVpc&Tag.1.Value=sg%2D0123456789abcdef0", answer), only);
  EXPECT_EQ(learned(tag, R"({"Tags":[{"Value":"sg\u002d0123456789abcdef0"}]})", answer), only);
  EXPECT_EQ(learned(tag, "<Value>sg&#45;0123456789abcdef0</Value>", answer), only);
  EXPECT_EQ(learned(tag, "", answer), only) << "in a path, a query or a header, or a body that is not at hand";
  EXPECT_EQ(learned({{"Name", "x/" + planted + "!"}}, "", answer), only) << "a part of it";
  EXPECT_EQ(learned({{"Tagging", "a=sg%2D0123456789abcdef0"}}, "", answer), only) << "a form in a header";
  EXPECT_EQ(learned({{planted, "a"}}, "", answer), only) << "the name of a parameter";
  EXPECT_EQ(learned({{"Name", "SG-0123456789ABCDEF0"}}, "", answer), only) << "names are made lower case";
  EXPECT_EQ(learned({{"Count", 123456789}}, "", "<n>123456789</n><id>vpc-0abc1</id>"), only);
  // What was hidden from the input stands in the body: decoded there, or nothing is learned.
  const Json hidden = {{"Environment", "[secret]"}};
  EXPECT_EQ(learned(hidden, R"({"Environment":"sg\u002d0123456789abcdef0"})", answer), only);
  EXPECT_EQ(learned(hidden, "Environment=sg%2D0123456789abcdef0", answer), only);
  EXPECT_TRUE(learned(hidden, "<a>sg&#45;0123456789abcdef0</a>", answer).empty());
  EXPECT_TRUE(learned(hidden, "", answer).empty());
  // What an answer spells otherwise than it is, is no name.
  EXPECT_EQ(learned({{"Name", "\nprod-1"}}, "", R"({"Name":"\nprod-1","Id":"vpc-0abc1"})"), only);
  EXPECT_EQ(learned({{"Name", "a-sg-01234"}}, "", "<v>a%2Dsg-01234</v><id>vpc-0abc1</id>"), only);
}

TEST(PlanAnswers, NothingIsLearnedWhereTheRequestIsNotKnown) {
  EXPECT_FALSE(said_in_request("", ""));
  EXPECT_FALSE(said_in_request("{}", ""));
  EXPECT_FALSE(said_in_request(R"({"flags":["parameters_left_out"]})", "Action=CreateVpc")) << "some were left out";
  EXPECT_FALSE(said_in_request(R"({"parameters":null})", ""));
  EXPECT_FALSE(said_in_request("no JSON", ""));
  EXPECT_FALSE(said_in_request(Json{{"parameters", {{"a", std::string(300'000, 'a')}}}}.dump(), ""));
  EXPECT_TRUE(said_in_request(R"({"parameters":{}})", ""));
}

}  // namespace
}  // namespace countersign::approvals
