#include "proxy/adapters/aws_adapter.h"

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "fakes.h"
#include "proxy/adapters/aws_request.h"

namespace countersign::adapters::test {
namespace {

constexpr std::string_view kForm = "application/x-www-form-urlencoded; charset=utf-8";

class Aws : public ::testing::Test {
 protected:
  static config::Upstream account() {
    config::Upstream upstream;
    upstream.name = "aws";
    upstream.protocol = "aws";
    upstream.aws.id = "111122223333";
    upstream.aws.host = "aws.proxy.example";
    return upstream;
  }
  Inbound inbound(const std::string& method, std::string_view rest, const std::string& service, const std::string& body,
                  std::initializer_list<std::pair<std::string_view, std::string_view>> fields = {}) {
    head_ = {method, "/aws" + std::string(rest), {}};
    head_.headers.add("Host", "127.0.0.1:8700");
    for (const auto& [name, value] : fields) head_.headers.add(name, value);
    signed_for_ = {service, "eu-central-1"};
    body_ = body;
    return {&head_, rest, {body_.size(), to_hex(sha256(as_bytes(body_))), body_}, "team", nullptr, &signed_for_};
  }
  std::unique_ptr<Conversation> delete_database(const std::string& more = "") {
    const std::string body = "Action=DeleteDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders" + more;
    auto conversation = adapter_.describe(inbound("POST", "/", "rds", body, {{"Content-Type", kForm}}), doors_);
    EXPECT_TRUE(conversation) << conversation.error().message;
    return std::move(*conversation);
  }

  AwsAdapter adapter_{account()};
  FakeDoors doors_;
  RequestHead head_;
  std::string body_;
  SignedFor signed_for_;
};

TEST_F(Aws, NamesWhatIsAskedFor) {
  const Operation operation = delete_database("&SkipFinalSnapshot=true")->operation();
  EXPECT_EQ(operation.action, "aws:rds:DeleteDBInstance");
  EXPECT_EQ(operation.effect(), Effect::destroy);
  ASSERT_FALSE(operation.accesses.empty());
  EXPECT_EQ(operation.accesses.front().resource.type, "AwsResource");
  EXPECT_EQ(operation.accesses.front().resource.id, "aws/arn:aws:rds:eu-central-1:111122223333:db:orders");
  EXPECT_EQ(operation.accesses.front().resource.name, "arn:aws:rds:eu-central-1:111122223333:db:orders");
  EXPECT_NE(operation.input.find("\"skip_final_snapshot\""), std::string::npos);
}

// A set that is not there would be one that nobody knows, and a policy that asks for a flag could not be evaluated.
TEST_F(Aws, NoFlagsAreAnEmptySetOfThem) {
  auto created = adapter_.describe(inbound("PUT", "/orders", "s3", ""), doors_);
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ((*created)->operation().action, "aws:s3:CreateBucket");
  EXPECT_NE((*created)->operation().input.find("\"flags\":[]"), std::string::npos);
}

TEST_F(Aws, PoliciesHearWhatTheEffectAloneDoesNotSay) {
  const std::string body = "Action=CreateAccessKey&Version=2010-05-08&UserName=orders";
  auto conversation = adapter_.describe(inbound("POST", "/", "iam", body, {{"Content-Type", kForm}}), doors_);
  ASSERT_TRUE(conversation) << conversation.error().message;
  EXPECT_NE((*conversation)->operation().input.find("\"mints_credentials\""), std::string::npos);
  EXPECT_EQ(delete_database()->operation().input.find("mints_credentials"), std::string::npos);
}

TEST_F(Aws, ApproversReadOneSentence) {
  auto conversation = delete_database("&SkipFinalSnapshot=true");
  const approvals::Frozen frozen = conversation->freeze();
  EXPECT_EQ(adapter_.sentence(frozen, body_, "production"),
            "rds DeleteDBInstance on aws (production): destroys arn:aws:rds:eu-central-1:111122223333:db:orders; with "
            "DBInstanceIdentifier orders, SkipFinalSnapshot true.");
  EXPECT_EQ(adapter_.sentence(frozen, "", "production"), "") << "a list does without the body, and so without this";
  const Preview preview = adapter_.preview(frozen, body_);
  ASSERT_GE(preview.parts.size(), 2U);
  EXPECT_EQ(preview.parts[0].text.find("destroy  arn:aws:rds:eu-central-1:111122223333:db:orders"), 0U);
}

TEST_F(Aws, ApproversReadWhatAnObjectWillHold) {
  auto conversation = adapter_.describe(inbound("PUT", "/orders/prices.json", "s3", R"({"espresso":3})"), doors_);
  ASSERT_TRUE(conversation) << conversation.error().message;
  const Preview preview = adapter_.preview((*conversation)->freeze(), body_);
  EXPECT_EQ(preview.parts.back().title, "Body");
  EXPECT_NE(preview.parts.back().text.find("\"espresso\": 3"), std::string::npos) << preview.parts.back().text;
  // Where the parameters are the body, it is not shown twice.
  EXPECT_NE(adapter_.preview(delete_database()->freeze(), body_).parts.back().title, "Body");
}

TEST_F(Aws, FreezingAndThawingKeepsTheOperation) {
  auto conversation = delete_database("&SkipFinalSnapshot=true");
  auto thawed = adapter_.thaw(conversation->freeze(), body_, doors_);
  ASSERT_TRUE(thawed) << thawed.error().message;
  EXPECT_EQ((*thawed)->operation().action, conversation->operation().action);
  EXPECT_EQ((*thawed)->operation().input, conversation->operation().input);
  EXPECT_EQ((*thawed)->freeze().identity, conversation->freeze().identity);
  approvals::Frozen damaged = conversation->freeze();
  damaged.head = "{}";
  EXPECT_EQ(adapter_.thaw(damaged, body_, doors_).error().code, "request.malformed");
}

TEST_F(Aws, WhatSignaturesAndSdksAddIsNoPartOfARetry) {
  const auto identity = [&](std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
                            std::string_view rest = "/bucket/k") {
    auto conversation = adapter_.describe(inbound("PUT", rest, "s3", "x", fields), doors_);
    EXPECT_TRUE(conversation) << conversation.error().message;
    return conversation ? (*conversation)->freeze().identity : std::string();
  };
  const std::string plain = identity({});
  EXPECT_EQ(identity({{"X-Amz-Date", "20261121T000000Z"}, {"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}}), plain);
  EXPECT_EQ(identity({{"amz-sdk-invocation-id", "1"}, {"amz-sdk-request", "attempt=2"}, {"User-Agent", "x"}}), plain);
  EXPECT_EQ(identity({{"Content-Encoding", "aws-chunked"}, {"X-Amz-Decoded-Content-Length", "1"}}), plain);
  EXPECT_EQ(identity({}, "/bucket/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&X-Amz-Expires=60"), plain);
  EXPECT_NE(identity({{"X-Amz-Acl", "public-read"}}), plain);
  EXPECT_NE(identity({}, "/bucket/l"), plain);
}

TEST_F(Aws, AFreshIdempotencyTokenIsNoOtherRequest) {
  const auto run = [&](const std::string& token, const std::string& type) {
    const std::string body = "Action=RunInstances&Version=2016-11-15&ImageId=ami-1&InstanceType=" + type +
                             "&MaxCount=1&MinCount=1&ClientToken=" + token;
    auto conversation = adapter_.describe(inbound("POST", "/", "ec2", body, {{"Content-Type", kForm}}), doors_);
    EXPECT_TRUE(conversation) << conversation.error().message;
    const approvals::Frozen frozen = (*conversation)->freeze();
    EXPECT_EQ(frozen.retry_identity, approvals::RetryIdentity::identity);
    return frozen.identity;
  };
  EXPECT_EQ(run("one", "t3.micro"), run("two", "t3.micro"));
  EXPECT_NE(run("one", "t3.micro"), run("one", "x1.32xlarge"));
}

TEST_F(Aws, TheHeldAnswerIsAnErrorThatSdksDoNotRetry) {
  auto conversation = delete_database();
  FakeSink sink;
  Pending pending{.request = "req_1", .link = "https://c/requests/req_1", .reason = "two people", .expires = 0};
  EXPECT_TRUE(run(conversation->answer_held(sink, std::move(pending))));
  EXPECT_EQ(sink.head.status, 403);
  EXPECT_EQ(sink.header("Countersign-Code"), "approval.pending");
  EXPECT_NE(sink.body.find("https://c/requests/req_1"), std::string::npos);
  EXPECT_NE(sink.body.find("<ErrorResponse>"), std::string::npos);
}

// The Host that a client sends is not the one that the request is forwarded with, so it must not decide alone which
// bucket a path is about: "/orders/prices.json" at the host of a sandbox would be forwarded as an object of `orders`.
TEST_F(Aws, ABucketInTheHostStandsInThePathThatIsJudgedAndForwarded) {
  const auto put = [&](std::string_view host) {
    Inbound in = inbound("PUT", "/orders/prices.json?x-id=PutObject", "s3", "x");
    head_.headers.remove("Host");
    head_.headers.add("Host", host);
    auto conversation = adapter_.describe(in, doors_);
    EXPECT_TRUE(conversation) << conversation.error().message;
    return conversation ? std::move(*conversation) : nullptr;
  };
  for (std::string_view host : {"sandbox.s3.eu-central-1.amazonaws.com", "sandbox.aws.proxy.example:8700"}) {
    auto conversation = put(host);
    ASSERT_NE(conversation, nullptr);
    EXPECT_EQ(conversation->operation().accesses.front().resource.name, "arn:aws:s3:::sandbox/orders/prices.json");
    EXPECT_NE(conversation->freeze().head.find(R"("target":"/sandbox/orders/prices.json?x-id=PutObject")"),
              std::string::npos)
        << conversation->freeze().head;
  }
  for (std::string_view host : {"sandbox.elsewhere.example", "aws.proxy.example", "evilaws.proxy.example"}) {
    auto conversation = put(host);
    ASSERT_NE(conversation, nullptr);
    EXPECT_EQ(conversation->operation().accesses.front().resource.name, "arn:aws:s3:::orders/prices.json") << host;
  }
}

TEST_F(Aws, WhatCannotBeNamedIsRefused) {
  for (const auto& [service, body] :
       {std::pair{"rds", "Action=DropEverything&Version=2014-10-31"},
        std::pair{"nosuchservice", "Action=DeleteDBInstance&Version=2014-10-31"}, std::pair{"rds", ""}}) {
    auto conversation = adapter_.describe(inbound("POST", "/", service, body, {{"Content-Type", kForm}}), doors_);
    ASSERT_FALSE(conversation) << service << " " << body;
    EXPECT_TRUE(conversation.error().code.starts_with("aws.")) << conversation.error().code;
  }
}

}  // namespace
}  // namespace countersign::adapters::test
