// Keys of AWS's Security Token Service, answered with those of a narrower token: what is asked for, and what is
// refused.
#include "proxy/adapters/aws_session.h"

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "core/words.h"
#include "fakes.h"
#include "proxy/adapters/aws_adapter.h"
#include "proxy/adapters/aws_session_policy.h"
#include "proxy/adapters/narrower.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace countersign::adapters::test {
namespace {

constexpr TimeMs kNow = 1'795'000'000'000;

std::string actions(std::string_view policy) {
  auto out = actions_of_session_policy(AwsCatalogue::embedded(), policy);
  return out ? "[" + joined(*out, " ") + "]" : out.error().code;
}
std::string of(std::string_view action) {
  return actions(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":)" + std::string(action) +
                 R"(,"Resource":"*"}})");
}

TEST(AwsSessionPolicy, WhatAllowsActionsBecomesPatterns) {
  EXPECT_EQ(of(R"("*")"), "[]") << "no restriction";
  EXPECT_EQ(of(R"("s3:*")"), "[aws:s3:*]");
  EXPECT_EQ(of(R"("S3:*")"), "[aws:s3:*]") << "IAM's names are not case-sensitive";
  EXPECT_EQ(of(R"(["sqs:*","sns:*"])"), "[aws:sns:* aws:sqs:*]");
  EXPECT_EQ(of(R"("ec2:Describe*")"), "[aws:ec2:Describe*]");
  EXPECT_EQ(of(R"("dynamodb:Query")"), "[aws:dynamodb:Query]");
  EXPECT_EQ(of(R"("s3:ListAllMyBuckets")"), "[aws:s3:ListBuckets]") << "by what the operation needs, not by its name";
  EXPECT_EQ(of(R"(["s3:GetObject","s3:GetObjectVersion","iam:PassRole"])").find("aws:iam"), std::string::npos);
  EXPECT_EQ(actions(R"({"Statement":[{"Sid":"a","Effect":"Allow","Action":"sqs:SendMessage","Resource":["*"]},)"
                    R"({"Effect":"Allow","Action":"sqs:ReceiveMessage","Resource":"*"}]})"),
            "[aws:sqs:ReceiveMessage aws:sqs:SendMessage aws:sqs:SendMessageBatch]");
}

// Whatever the patterns admit, the policy allows: over every operation of the catalogue.
TEST(AwsSessionPolicy, AdmitsNothingThatIsNotAllowed) {
  const std::vector<std::string> allowed = {"s3:get*", "s3:list*", "ec2:*tags", "rds:describedb*", "iam:getuser"};
  const auto patterns = actions_of_session_policy(
      AwsCatalogue::embedded(),
      R"({"Statement":{"Effect":"Allow","Action":["s3:Get*","s3:List*","ec2:*Tags","rds:DescribeDB*","iam:GetUser"],"Resource":"*"}})");
  ASSERT_TRUE(patterns) << patterns.error().message;
  ScopeRule rule;
  rule.actions = *patterns;
  std::size_t admitted = 0;
  for (const AwsService& service : AwsCatalogue::embedded().services()) {
    for (const AwsOperation& operation : service.operations) {
      const std::string action = "aws:" + std::string(service.iam_prefix) + ":" + std::string(operation.name);
      if (!admits_action(rule, "aws", action)) continue;
      ++admitted;
      for (std::string_view needed : operation.iam_actions) {
        std::string small = std::string(service.iam_prefix) + std::string(needed.substr(needed.find(':')));
        for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        EXPECT_TRUE(std::ranges::any_of(allowed, [&](const std::string& one) { return glob_matches(one, small); }))
            << action << " needs " << needed;
      }
    }
  }
  EXPECT_GT(admitted, 60U);
}

TEST(AwsSessionPolicy, WhatCannotBeKeptIsRefusedNotIgnored) {
  for (
      std::string_view policy :
      {R"({"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}})",
       R"({"Statement":{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}})",
       R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}})",
       R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":["*","arn:aws:s3:::b"]}})",
       R"({"Statement":{"Effect":"Allow","Action":"s3:*"}})",
       R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{}}})",
       R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}})",
       R"({"Statement":{"Effect":"Allow","Effect":"Deny","Action":"s3:*","Resource":"*"}})",
       R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"*"}]})",
       R"({"Statement":[]})", R"({"Version":"2012-10-17"})", R"([])", "", "{", R"({"Statement":{"Effect":"Allow",)"}) {
    EXPECT_EQ(actions(policy), "aws.session_policy") << policy;
  }
  for (std::string_view action : {R"("s*:Get*")", R"("nosuch:*")", R"("s3")", R"("s3:Get?bject")", R"([])", R"(1)",
                                  R"(["s3:*",1])", R"("iam:PassRole")", R"("")", R"("s3:NoSuchThing")"})
    EXPECT_EQ(of(action), "aws.session_policy") << action;
  // Finer than an operation: the same call reads a version of the object, which this does not allow.
  auto fine = actions_of_session_policy(AwsCatalogue::embedded(),
                                        R"({"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}})");
  ASSERT_FALSE(fine);
  EXPECT_NE(fine.error().message.find("allow s3:GetObjectVersion as well"), std::string::npos) << fine.error().message;
  EXPECT_EQ(actions(std::string(2049, ' ')), "aws.session_policy_too_long");
}

// ── through the adapter

class FakeNarrower final : public Narrower {
 public:
  [[nodiscard]] TimeMs now() const override { return kNow; }
  Result<NarrowedKeys> narrow(auth::Caveats caveats) override {
    if (error) return fail(*error);
    asked = std::move(caveats);
    NarrowedKeys out;
    out.credentials.key_id = "CSKCHILD";
    out.credentials.secret = Secret(std::string("hush<&>"));
    out.credentials.session_token = "cs1_child";
    out.token = "c0ffee";
    out.parent = "babe";
    out.expires = std::min(*asked->expires, kNow + 7'200'000);
    return out;
  }
  std::optional<auth::Caveats> asked;
  std::optional<Error> error;
};

class AwsSessions : public ::testing::Test {
 protected:
  static config::Upstream upstream(const std::string& account = "111122223333") {
    config::Upstream out;
    out.name = "aws";
    out.protocol = "aws";
    out.aws.id = account;
    return out;
  }
  Result<std::unique_ptr<Conversation>> ask(const std::string& body, std::string_view accept = "") {
    head_ = {"POST", "/aws/", {}};
    head_.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    if (!accept.empty()) head_.headers.add("Accept", accept);
    body_ = "Version=2011-06-15&" + body;
    Inbound inbound{&head_, "/", {body_.size(), to_hex(sha256(as_bytes(body_))), body_}, "team", nullptr, &signed_for_};
    inbound.narrower = &narrower_;
    return adapter_.describe(inbound, doors_);
  }
  std::string code(const std::string& body) {
    auto out = ask(body);
    return out ? "ok" : out.error().code;
  }
  static std::string role(const std::string& more = "", const std::string& name = "ci",
                          const std::string& arn = "arn:aws:iam::111122223333:role/team/deploy") {
    return "Action=AssumeRole&RoleArn=" + arn + "&RoleSessionName=" + name + more;
  }

  AwsAdapter adapter_{upstream(), AwsSurroundings{.accounts = {{"111122223333", "aws"}, {"444455556666", "billing"}}}};
  FakeDoors doors_;
  FakeNarrower narrower_;
  RequestHead head_;
  std::string body_;
  SignedFor signed_for_{"sts", "eu-central-1"};
  FakeSink sink_;
};

TEST_F(AwsSessions, ARoleOfTheAccountIsANarrowerToken) {
  auto conversation = ask(role("&DurationSeconds=900"));
  ASSERT_TRUE(conversation) << conversation.error().message;
  const Operation& operation = (*conversation)->operation();
  EXPECT_EQ(operation.action, "aws:sts:AssumeRole");
  EXPECT_EQ(operation.reach, Reach::narrowing);
  EXPECT_EQ(operation.effect(), Effect::read);
  EXPECT_EQ(operation.accesses.front().resource.name, "arn:aws:iam::111122223333:role/team/deploy");
  EXPECT_NE(operation.input.find("\"narrowed_session\""), std::string::npos);
  EXPECT_EQ(operation.input.find("mints_credentials"), std::string::npos);
  EXPECT_TRUE((*conversation)->awaits_record());

  const Forwarded done = run((*conversation)->forward(doors_, nullptr, sink_, nullptr));
  EXPECT_EQ(done.outcome, "ok");
  EXPECT_EQ(done.detail,
            "gave keys of the token c0ffee, narrowed from babe, until 2026-11-18T11:21:40.000Z, as session/ci");
  EXPECT_EQ(done.body_sha256, "");
  EXPECT_EQ(sink_.head.status, 200);
  EXPECT_EQ(sink_.header("Content-Type"), "text/xml");
  EXPECT_EQ(sink_.header("Cache-Control"), "no-store");
  EXPECT_TRUE(sink_.body.starts_with(
      "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>"
      "<Credentials><AccessKeyId>CSKCHILD</AccessKeyId><SecretAccessKey>hush&lt;&amp;&gt;</SecretAccessKey>"
      "<SessionToken>cs1_child</SessionToken>"))
      << sink_.body;
  EXPECT_NE(sink_.body.find("<Arn>arn:aws:sts::111122223333:assumed-role/deploy/ci</Arn>"), std::string::npos);
  EXPECT_TRUE(doors_.http_doors.empty()) << "nothing is sent";

  ASSERT_TRUE(narrower_.asked);
  EXPECT_EQ(narrower_.asked->expires, kNow + 900'000);
  EXPECT_EQ(narrower_.asked->who, "session/ci");
  ASSERT_EQ(narrower_.asked->scope.size(), 1U);
  EXPECT_EQ(narrower_.asked->scope[0].upstreams, std::vector<std::string>{"aws"});
  EXPECT_TRUE(narrower_.asked->scope[0].actions.empty());
}

TEST_F(AwsSessions, JsonForWhoAsksForIt) {
  auto conversation = ask(role(), "application/json");
  ASSERT_TRUE(conversation);
  run((*conversation)->forward(doors_, nullptr, sink_, nullptr));
  EXPECT_EQ(sink_.header("Content-Type"), "application/json");
  EXPECT_TRUE(sink_.body.starts_with(R"({"AssumeRoleResponse":{"AssumeRoleResult":{"AssumedRoleUser":{"Arn":)"))
      << sink_.body;
  EXPECT_NE(sink_.body.find(R"("SecretAccessKey":"hush<&>")"), std::string::npos);
}

TEST_F(AwsSessions, TheOtherTwo) {
  auto mine = ask("Action=GetSessionToken");
  ASSERT_TRUE(mine) << mine.error().message;
  run((*mine)->forward(doors_, nullptr, sink_, nullptr));
  EXPECT_EQ(narrower_.asked->who, "");
  EXPECT_EQ(narrower_.asked->expires, kNow + 43'200'000);
  EXPECT_EQ(sink_.body.find("User>"), std::string::npos);
  auto federated = ask("Action=GetFederationToken&Name=ci&DurationSeconds=129600&Policy=" +
                       std::string("{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sqs:*\",\"Resource\":\"*\"}}"));
  ASSERT_TRUE(federated) << federated.error().message;
  FakeSink sink;
  run((*federated)->forward(doors_, nullptr, sink, nullptr));
  EXPECT_NE(sink.body.find("<FederatedUser><FederatedUserId>111122223333:ci</FederatedUserId>"
                           "<Arn>arn:aws:sts::111122223333:federated-user/ci</Arn></FederatedUser>"),
            std::string::npos)
      << sink.body;
  EXPECT_EQ(narrower_.asked->who, "federated/ci");
  EXPECT_EQ(narrower_.asked->scope[0].actions, std::vector<std::string>{"aws:sqs:*"});
}

TEST_F(AwsSessions, OtherAccountsAreRefusedWithTheWayThere) {
  auto other = ask(role("", "ci", "arn:aws:iam::444455556666:role/deploy"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, "aws.role_of_another_account");
  EXPECT_NE(other.error().message.find("served by the upstream billing: use its endpoint, /billing"),
            std::string::npos);
  auto strange = ask(role("", "ci", "arn:aws:iam::999999999999:role/deploy"));
  ASSERT_FALSE(strange);
  EXPECT_NE(strange.error().message.find("no upstream of this gateway serves that account"), std::string::npos);
  // Where the upstream's account is not known, a role of any is one of its.
  AwsAdapter any{upstream("")};
  head_ = {"POST", "/aws/", {}};
  head_.headers.add("Content-Type", "application/x-www-form-urlencoded");
  body_ = "Version=2011-06-15&" + role("", "ci", "arn:aws:iam::999999999999:role/deploy");
  EXPECT_TRUE(any.describe({&head_, "/", {body_.size(), "", body_}, "team", nullptr, &signed_for_}, doors_));
}

TEST_F(AwsSessions, WhatIsOutOfBoundsOrCannotBeKeptIsRefused) {
  EXPECT_EQ(code(role("&DurationSeconds=899")), "aws.session_duration");
  EXPECT_EQ(code(role("&DurationSeconds=43201")), "aws.session_duration");
  EXPECT_EQ(code(role("&DurationSeconds=-900")), "aws.session_duration");
  EXPECT_EQ(code(role("&DurationSeconds=99999999999999999999")), "aws.session_duration");
  EXPECT_EQ(code(role("&DurationSeconds=3600x")), "aws.session_duration");
  EXPECT_EQ(code(role("&DurationSeconds=43200")), "ok");
  EXPECT_EQ(code("Action=GetSessionToken&DurationSeconds=129601"), "aws.session_duration");
  for (const char* name : {"", "a", "a%2Fb", "a%20b", "a%3Ab", "a%0Ab", "%C3%A9%C3%A9", "a*b"})
    EXPECT_EQ(code(role("", name)), "aws.session_name") << name;
  EXPECT_EQ(code(role("", std::string(65, 'a'))), "aws.session_name");
  EXPECT_EQ(code("Action=GetFederationToken&Name=" + std::string(33, 'a')), "aws.session_name");
  for (const char* arn :
       {"", "deploy", "arn:aws:iam::111122223333:user/deploy", "arn:aws:iam::11112222333:role/deploy",
        "arn:aws:iam:us-east-1:111122223333:role/deploy", "arn:aws:sts::111122223333:role/deploy",
        "arn:aws:iam::111122223333:role/", "arn:aws:iam::111122223333:role/a:b", "arn:gcp:iam::111122223333:role/a"})
    EXPECT_EQ(code(role("", "ci", arn)), "aws.session_role") << arn;
  EXPECT_EQ(code(role("&PolicyArns.member.1.arn=arn:aws:iam::aws:policy/ReadOnlyAccess")), "aws.session_policy_arns");
  EXPECT_EQ(code(role("&Policy=%7B%7D")), "aws.session_policy");
  EXPECT_EQ(code(role("&Policy=")), "aws.session_policy");
}

TEST_F(AwsSessions, NamesOfSessionsCannotImitateOthers) {
  for (const auto& [name, who] : {std::pair{"olivia", "session/olivia"},
                                  {"a=b,c", "session/a:b/c"},
                                  {"_x", "session/_x"},
                                  {"-.@+", "session/-.@+"}}) {
    std::string encoded;
    for (char c : std::string(name))
      encoded += c == '=' ? "%3D" : c == ',' ? "%2C" : c == '+' ? "%2B" : std::string(1, c);
    auto conversation = ask(role("", encoded));
    ASSERT_TRUE(conversation) << name << " " << conversation.error().message;
    FakeSink sink;
    run((*conversation)->forward(doors_, nullptr, sink, nullptr));
    EXPECT_EQ(narrower_.asked->who, who);
    EXPECT_TRUE(auth::is_name(narrower_.asked->who));
  }
}

TEST_F(AwsSessions, WhatIsNotGivenIsSaidSo) {
  narrower_.error = Error{ErrorKind::invalid, "token.too_large", "over the limits"};
  auto conversation = ask(role());
  ASSERT_TRUE(conversation);
  const Forwarded done = run((*conversation)->forward(doors_, nullptr, sink_, nullptr));
  EXPECT_EQ(done.outcome, "not_forwarded");
  EXPECT_EQ(sink_.head.status, 400);
  EXPECT_EQ(sink_.header("Countersign-Code"), "aws.session_too_deep");
  narrower_.error = Error{ErrorKind::unauthenticated, "sigv4.replayed", "this signed change was sent before"};
  FakeSink again;
  run((*conversation)->forward(doors_, nullptr, again, nullptr));
  EXPECT_EQ(again.head.status, 403);
  EXPECT_EQ(again.header("Countersign-Code"), "sigv4.replayed");
  EXPECT_EQ(again.body.find("SecretAccessKey"), std::string::npos);
}

TEST_F(AwsSessions, AStoredOneIsNotForwarded) {
  for (const std::string& body : {role(), role("&PolicyArns.member.1.arn=a"), std::string("Action=GetSessionToken")}) {
    approvals::Frozen frozen;
    frozen.head =
        R"({"headers":[["Content-Type","application/x-www-form-urlencoded"]],"method":"POST","region":"eu-central-1","service":"sts","target":"/"})";
    const std::string whole = "Version=2011-06-15&" + body;
    frozen.body_size = whole.size();
    EXPECT_EQ(adapter_.thaw(frozen, whole, doors_).error().code, "request.stale") << body;
  }
}

TEST_F(AwsSessions, OtherKeysAreOperationsLikeAnyOther) {
  auto web =
      ask("Action=AssumeRoleWithWebIdentity&RoleArn=arn:aws:iam::111122223333:role/"
          "x&RoleSessionName=ci&WebIdentityToken=x");
  ASSERT_TRUE(web) << web.error().message;
  EXPECT_EQ((*web)->operation().reach, Reach::upstream);
  EXPECT_EQ((*web)->operation().effect(), Effect::mint);
  auto who = ask("Action=GetCallerIdentity");
  ASSERT_TRUE(who);
  EXPECT_EQ((*who)->operation().reach, Reach::upstream);
}

}  // namespace
}  // namespace countersign::adapters::test
