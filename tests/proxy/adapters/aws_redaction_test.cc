// Secrets in AWS's answers: what is put out of sight, in which form, and what is never passed on.
#include "proxy/adapters/aws_redaction.h"

#include <gtest/gtest.h>

#include "core/bytes.h"
#include "core/sha256.h"
#include "fakes.h"
#include "proxy/adapters/aws_adapter.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace countersign::adapters::test {
namespace {

const AwsOperation& operation(std::string_view service, std::string_view name) {
  const AwsOperation* found = AwsCatalogue::embedded().find(service, name);
  if (!found) throw std::logic_error("no such operation");
  return *found;
}
std::string redacted(std::string_view service, std::string_view name, AwsForm form, std::string_view body) {
  auto out = redact_aws_answer(operation(service, name), form, body);
  return out ? out->body + " " + std::to_string(out->count) : out.error().code;
}
std::string json(std::string_view service, std::string_view name, std::string_view body) {
  return redacted(service, name, AwsForm::json, body);
}
std::string xml(std::string_view service, std::string_view name, std::string_view body) {
  return redacted(service, name, AwsForm::xml, body);
}

TEST(AwsRedaction, JsonKeepsEveryOtherByte) {
  EXPECT_EQ(json("secretsmanager", "GetSecretValue",
                 "{ \"Name\" : \"a\\u0062\", \"SecretString\":\"hush\\\"\\n\",\"CreatedDate\":1.50E9 }\n"),
            "{ \"Name\" : \"a\\u0062\", \"SecretString\":\"[redacted by countersign]\",\"CreatedDate\":1.50E9 }\n 1");
  EXPECT_EQ(json("secretsmanager", "BatchGetSecretValue",
                 R"({"SecretValues":[{"SecretString":"a","Name":"x"},{"SecretBinary":"aHVzaA=="}],"Errors":[]})"),
            R"({"SecretValues":[{"SecretString":"[redacted by countersign]","Name":"x"},)"
            R"({"SecretBinary":"W3JlZGFjdGVkIGJ5IGNvdW50ZXJzaWduXQ=="}],"Errors":[]} 2)");
  EXPECT_EQ(
      json("lambda", "GetFunctionConfiguration",
           R"({"FunctionName":"f","Environment":{"Variables":{"A":"1","B":""}},"Timeout":3})"),
      R"({"FunctionName":"f","Environment":{"Variables":{"A":"[redacted by countersign]","B":""}},"Timeout":3} 1)");
  EXPECT_EQ(
      json("ecs", "DescribeTaskDefinition",
           R"({"taskDefinition":{"containerDefinitions":[{"name":"c","environment":[{"name":"A","value":"1"}]}]}})"),
      R"({"taskDefinition":{"containerDefinitions":[{"name":"c","environment":)"
      R"([{"name":"A","value":"[redacted by countersign]"}]}]}} 1)");
  // Nothing there is nothing hidden.
  EXPECT_EQ(json("secretsmanager", "GetSecretValue", R"({"Name":"a","SecretString":null})"),
            R"({"Name":"a","SecretString":null} 0)");
  EXPECT_EQ(json("secretsmanager", "GetSecretValue", ""), " 0");
}

TEST(AwsRedaction, AParameterThatIsPlainSaysSo) {
  EXPECT_EQ(json("ssm", "GetParameter", R"({"Parameter":{"Name":"/a","Type":"String","Value":"ami-1"}})"),
            R"({"Parameter":{"Name":"/a","Type":"String","Value":"ami-1"}} 0)");
  EXPECT_EQ(json("ssm", "GetParameter", R"({"Parameter":{"Name":"/a","Type":"SecureString","Value":"hush"}})"),
            R"({"Parameter":{"Name":"/a","Type":"SecureString","Value":"[redacted by countersign]"}} 1)");
  EXPECT_EQ(
      json("ssm", "GetParametersByPath",
           R"({"Parameters":[{"Type":"StringList","Value":"a,b"},{"Type":"SecureString","Value":"x"},{"Value":"y"},)"
           R"({"Type":"string","Value":"z"},{"Type":"String","type":"SecureString","Value":"w"}]})"),
      R"({"Parameters":[{"Type":"StringList","Value":"a,b"},{"Type":"SecureString","Value":"[redacted by countersign]"},)"
      R"({"Value":"[redacted by countersign]"},{"Type":"string","Value":"[redacted by countersign]"},)"
      R"({"Type":"String","type":"SecureString","Value":"[redacted by countersign]"}]} 4)");
  // Elsewhere a member of that name means nothing.
  EXPECT_EQ(json("secretsmanager", "GetSecretValue", R"({"Type":"String","SecretString":"x"})"),
            R"({"Type":"String","SecretString":"[redacted by countersign]"} 1)");
}

TEST(AwsRedaction, XmlOfQueryServicesAndOfEc2) {
  EXPECT_EQ(xml("iam", "CreateAccessKey",
                "<?xml version=\"1.0\"?>\n<CreateAccessKeyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">"
                "<CreateAccessKeyResult><AccessKey><AccessKeyId>AKIA</AccessKeyId><SecretAccessKey>hu&amp;sh"
                "</SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>"),
            "<?xml version=\"1.0\"?>\n<CreateAccessKeyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">"
            "<CreateAccessKeyResult><AccessKey><AccessKeyId>AKIA</AccessKeyId><SecretAccessKey>[redacted by "
            "countersign]</SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse> 1");
  EXPECT_EQ(
      xml("ec2", "CreateKeyPair",
          "<CreateKeyPairResponse><keyName>k</keyName><keyMaterial>---BEGIN\nx</keyMaterial></CreateKeyPairResponse>"),
      "<CreateKeyPairResponse><keyName>k</keyName><keyMaterial>[redacted by "
      "countersign]</keyMaterial></CreateKeyPairResponse> 1");
  EXPECT_EQ(xml("rds", "DescribeDBInstances",
                "<r><DescribeDBInstancesResult><DBInstances><DBInstance><PendingModifiedValues><MasterUserPassword>x"
                "</MasterUserPassword></PendingModifiedValues></DBInstance><DBInstance><PendingModifiedValues/>"
                "</DBInstance></DBInstances></DescribeDBInstancesResult></r>"),
            "<r><DescribeDBInstancesResult><DBInstances><DBInstance><PendingModifiedValues><MasterUserPassword>"
            "[redacted by countersign]</MasterUserPassword></PendingModifiedValues></DBInstance><DBInstance>"
            "<PendingModifiedValues/></DBInstance></DBInstances></DescribeDBInstancesResult></r> 1");
  // The same in JSON, which query services write for who asks for it.
  EXPECT_EQ(json("iam", "CreateAccessKey",
                 R"({"CreateAccessKeyResponse":{"CreateAccessKeyResult":{"AccessKey":{"SecretAccessKey":"x"}}}})"),
            R"({"CreateAccessKeyResponse":{"CreateAccessKeyResult":{"AccessKey":{"SecretAccessKey":)"
            R"("[redacted by countersign]"}}}} 1)");
}

TEST(AwsRedaction, XmlOfRestServices) {
  EXPECT_EQ(xml("s3", "CreateSession",
                "<CreateSessionResult><Credentials><SessionToken>t</SessionToken><SecretAccessKey>s</SecretAccessKey>"
                "<AccessKeyId>A</AccessKeyId></Credentials></CreateSessionResult>"),
            "<CreateSessionResult><Credentials><SessionToken>[redacted by countersign]</SessionToken><SecretAccessKey>"
            "[redacted by countersign]</SecretAccessKey><AccessKeyId>A</AccessKeyId></Credentials>"
            "</CreateSessionResult> 2");
  // As the outermost element, and as attributes, too.
  EXPECT_EQ(xml("s3", "CreateSession", "<Credentials SecretAccessKey='s'><SessionToken>t</SessionToken></Credentials>"),
            "<Credentials SecretAccessKey='[redacted by countersign]'><SessionToken>[redacted by "
            "countersign]</SessionToken></Credentials> 2");
}

TEST(AwsRedaction, Cbor) {
  // {"SecretString": "hush", "SecretBinary": h'00FF', "Name": "n"}
  const std::string body =
      "\xA3\x6CSecretString\x64hush\x6CSecretBinary\x42" + std::string("\0\xFF", 2) + "\x64Name\x61n";
  auto out = redact_aws_answer(operation("secretsmanager", "GetSecretValue"), AwsForm::cbor, body);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->count, 2U);
  EXPECT_EQ(out->body,
            "\xA3\x6CSecretString\x78\x19[redacted by countersign]\x6CSecretBinary\x58\x19[redacted by "
            "countersign]\x64Name\x61n");
  // In pieces, of indefinite length, and numbers.
  auto pieces = redact_aws_answer(operation("secretsmanager", "GetSecretValue"), AwsForm::cbor,
                                  "\xBF\x6CSecretString\x7F\x62hu\x62sh\xFF\x6CSecretBinary\x19\x12\x34\xFF");
  ASSERT_TRUE(pieces) << pieces.error().message;
  EXPECT_EQ(pieces->body,
            std::string("\xBF\x6CSecretString\x78\x19[redacted by countersign]\x6CSecretBinary\0\xFF", 56));
}

TEST(AwsRedaction, OfAnotherTypeThanTheModelSays) {
  EXPECT_EQ(json("secretsmanager", "GetSecretValue", R"({"SecretString":123456})"), R"({"SecretString":0} 1)");
  EXPECT_EQ(json("secretsmanager", "GetSecretValue", R"({"SecretString":true})"), R"({"SecretString":false} 1)");
  EXPECT_EQ(json("secretsmanager", "GetSecretValue", R"({"SecretString":{"a":["hush"]}})"),
            R"({"SecretString":"[redacted by countersign]"} 1)");
  EXPECT_EQ(
      json("secretsmanager", "GetSecretValue", R"({"secretString":"x","wrapped":[{"SECRETSTRING":"y"}]})"),
      R"({"secretString":"[redacted by countersign]","wrapped":[{"SECRETSTRING":"[redacted by countersign]"}]} 2)");
  EXPECT_EQ(json("ssm", "GetParameters", R"({"Parameters":{"Value":"x"}})"),
            R"({"Parameters":{"Value":"[redacted by countersign]"}} 1)");
  EXPECT_EQ(json("ssm", "GetParameter", R"({"Parameter":[{"Value":"x"}]})"),
            R"({"Parameter":[{"Value":"[redacted by countersign]"}]} 1)");
}

TEST(AwsRedaction, WhatCannotBeReadStrictlyIsNotPassedOn) {
  for (std::string_view body : {R"({"SecretString":"a")", R"({"SecretString":"a","SecretString":"b"})", R"(["a"])",
                                "\"a\"", "{\"SecretString\":\"\xFF\"}", R"({"SecretString":"\ud800"})",
                                R"({"SecretString":"a"} x)", "\xEF\xBB\xBF{}", R"({"a":1e999})"}) {
    EXPECT_EQ(json("secretsmanager", "GetSecretValue", body), "aws.unredactable") << body;
  }
  for (std::string_view body :
       {"<a><SecretAccessKey>x</a>", "<!DOCTYPE a []><a/>", "<a><!-- x --></a>", "<a><![CDATA[x]]></a>",
        "<n:a xmlns:n='x'></n:a>", "<a/><b/>", "<a>&x;</a>", "text", "<a>\x01</a>"}) {
    EXPECT_EQ(xml("iam", "CreateAccessKey", body), "aws.unredactable") << body;
  }
  for (std::string_view body : {"\xA1", "\xA1\x61", "\x80", "\xFF",
                                "\xA2\x61"
                                "a\x01\x61"
                                "a\x01"})
    EXPECT_EQ(redacted("secretsmanager", "GetSecretValue", AwsForm::cbor, body), "aws.unredactable");
  EXPECT_EQ(
      json("secretsmanager", "GetSecretValue", R"({"SecretString":")" + std::string(kRedactableBytes, 'x') + "\"}"),
      "aws.unredactable");
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "{\"a\":";
  EXPECT_EQ(json("secretsmanager", "GetSecretValue", deep + "1" + std::string(100, '}')), "aws.unredactable");
}

TEST(AwsRedaction, TheFormIsTheAnswersOwn) {
  HeaderList headers;
  EXPECT_EQ(form_of_answer(headers, AwsProtocol::json), AwsForm::json);
  EXPECT_EQ(form_of_answer(headers, AwsProtocol::ec2), AwsForm::xml);
  EXPECT_EQ(form_of_answer(headers, AwsProtocol::rpc_cbor), AwsForm::cbor);
  headers.add("Content-Type", "application/x-amz-json-1.1");
  EXPECT_EQ(form_of_answer(headers, AwsProtocol::query), AwsForm::json);
  headers.set("Content-Type", "text/xml;charset=UTF-8");
  EXPECT_EQ(form_of_answer(headers, AwsProtocol::json), AwsForm::xml);
  headers.set("Content-Type", "text/plain");
  EXPECT_EQ(form_of_answer(headers, AwsProtocol::rest_json), AwsForm::json);
}

// ── through the adapter

class AwsRelay : public ::testing::Test {
 protected:
  AwsRelay() : adapter_(upstream()) {}
  static config::Upstream upstream() {
    config::Upstream out;
    out.name = "aws";
    out.protocol = "aws";
    out.aws.id = "111122223333";
    return out;
  }
  std::unique_ptr<Conversation> get_secret() {
    head_ = {"POST", "/aws/", {}};
    head_.headers.add("Content-Type", "application/x-amz-json-1.1");
    head_.headers.add("X-Amz-Target", "secretsmanager.GetSecretValue");
    head_.headers.add("Accept-Encoding", "gzip, br");
    body_ = R"({"SecretId":"orders"})";
    const Inbound inbound{&head_, "/",     {body_.size(), to_hex(sha256(as_bytes(body_))), body_},
                          "team", nullptr, &signed_for_};
    auto out = adapter_.describe(inbound, doors_);
    EXPECT_TRUE(out) << out.error().message;
    return out ? std::move(*out) : nullptr;
  }
  Forwarded answered(int status, std::vector<std::string> pieces,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> fields = {},
                     bool reveals = false, std::optional<Error> breaks = std::nullopt) {
    FakeHttpDoor& door = doors_.http_doors["aws"];
    HeaderList headers;
    headers.add("Content-Type", "application/x-amz-json-1.1");
    for (const auto& [name, value] : fields) headers.add(name, value);
    door.answers.push_back({{status, std::move(headers)}, std::move(pieces), std::nullopt, std::move(breaks)});
    auto conversation = get_secret();
    if (reveals) conversation->reveal_secrets();
    sink_ = std::make_unique<FakeSink>();
    return run(conversation->forward(doors_, nullptr, *sink_, nullptr));
  }

  AwsAdapter adapter_;
  FakeDoors doors_;
  RequestHead head_;
  std::string body_;
  SignedFor signed_for_{"secretsmanager", "eu-central-1"};
  std::unique_ptr<FakeSink> sink_;
};

TEST_F(AwsRelay, ASecretIsRedactedAndItsDigestsAreGone) {
  const std::string body = R"({"Name":"orders","SecretString":"hush"})";
  Forwarded done = answered(200, {body.substr(0, 30), body.substr(30)},
                            {{"Content-Length", std::to_string(body.size())},
                             {"X-Amz-Crc32", "123"},
                             {"X-Amz-Checksum-Sha256", "x"},
                             {"Content-MD5", "x"},
                             {"X-Amzn-RequestId", "r-1"},
                             {"X-Countersign-Redacted", "99"}});
  EXPECT_EQ(sink_->body, R"({"Name":"orders","SecretString":"[redacted by countersign]"})");
  EXPECT_EQ(sink_->length, sink_->body.size());
  EXPECT_EQ(sink_->header("x-countersign-redacted"), "1");
  EXPECT_EQ(sink_->header("X-Amzn-RequestId"), "r-1");
  for (std::string_view gone : {"X-Amz-Crc32", "X-Amz-Checksum-Sha256", "Content-MD5", "Content-Length"})
    EXPECT_EQ(sink_->header(gone), "") << gone;
  EXPECT_EQ(done.outcome, "ok");
  EXPECT_EQ(done.detail, "1 secret redacted");
  EXPECT_EQ(done.body_sha256, to_hex(sha256(as_bytes(sink_->body)))) << "the digest of a secret would be a hint at it";
  EXPECT_EQ(doors_.http_doors["aws"].sent.back().head.headers.get("Accept-Encoding"), "identity");
}

TEST_F(AwsRelay, WhatAPolicyRevealsPassesAsItIs) {
  Forwarded done = answered(200, {R"({"SecretString":"hush"})"}, {{"X-Amz-Crc32", "123"}}, true);
  EXPECT_EQ(sink_->body, R"({"SecretString":"hush"})");
  EXPECT_EQ(sink_->header("X-Amz-Crc32"), "123");
  EXPECT_EQ(sink_->header("x-countersign-redacted"), "");
  EXPECT_EQ(done.detail, "secrets revealed");
  EXPECT_EQ(done.body_sha256, "") << "whoever reads the log could try what the secret is";
  EXPECT_EQ(doors_.http_doors["aws"].sent.back().head.headers.get("Accept-Encoding"), "gzip, br");
}

TEST_F(AwsRelay, ErrorsPassAsTheyAre) {
  Forwarded done = answered(400, {R"({"__type":"ResourceNotFoundException","message":"no"})"});
  EXPECT_EQ(sink_->head.status, 400);
  EXPECT_EQ(sink_->body, R"({"__type":"ResourceNotFoundException","message":"no"})");
  EXPECT_EQ(done.detail, "");
}

TEST_F(AwsRelay, WhatCannotBeRedactedIsWithheldAndRecordedAsWhatItWas) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{R"({"SecretString":"hush")"}, ""},
      {{R"({"SecretString":"hush"})"}, "gzip"},
      {{std::string(kRedactableBytes, 'x'), "hush"}, ""},
  };
  for (const auto& [pieces, coding] : cases) {
    Forwarded done = coding.empty() ? answered(200, pieces) : answered(200, pieces, {{"Content-Encoding", coding}});
    EXPECT_EQ(sink_->head.status, 403);
    EXPECT_EQ(sink_->header("Countersign-Code"), "aws.unredactable");
    EXPECT_EQ(sink_->body.find("hush"), std::string::npos);
    EXPECT_EQ(done.outcome, "ok") << "the upstream has done it";
    EXPECT_EQ(done.status, 200);
    EXPECT_NE(done.detail.find("not passed on"), std::string::npos) << done.detail;
  }
}

TEST_F(AwsRelay, WhatBreaksOffIsUnknown) {
  Forwarded done = answered(200, {R"({"SecretString":"hu)"}, {}, false,
                            Error{ErrorKind::unavailable, "upstream.broken", "the connection broke"});
  EXPECT_EQ(done.outcome, "unknown");
  EXPECT_EQ(sink_->body.find("hu\""), std::string::npos);
  EXPECT_EQ(sink_->header("Countersign-Code"), "upstream.broken");
}

}  // namespace
}  // namespace countersign::adapters::test
