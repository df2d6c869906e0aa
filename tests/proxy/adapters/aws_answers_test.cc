#include "proxy/adapters/aws_answers.h"

#include <gtest/gtest.h>

#include "core/json.h"
#include "fakes.h"

namespace countersign::adapters {
namespace {

const Error kDenied{ErrorKind::forbidden, "policy.forbidden", "not on <production> & never"};

RequestHead head_with(std::string_view name, std::string_view value) {
  RequestHead head{"POST", "/", {}};
  head.headers.add(name, value);
  return head;
}

TEST(AwsAnswers, TheTongueOfARequestNobodyKnowsYet) {
  EXPECT_EQ(tongue_of(head_with("X-Amz-Target", "DynamoDB_20120810.ListTables"), "dynamodb"),
            (AwsTongue{AwsProtocol::json}));
  EXPECT_EQ(tongue_of(head_with("smithy-protocol", "rpc-v2-cbor"), "monitoring"), (AwsTongue{AwsProtocol::rpc_cbor}));
  EXPECT_EQ(tongue_of(head_with("content-type", "application/x-www-form-urlencoded; charset=utf-8"), "ec2"),
            (AwsTongue{AwsProtocol::ec2}));
  EXPECT_EQ(tongue_of(head_with("Content-Type", "application/x-www-form-urlencoded"), "iam"),
            (AwsTongue{AwsProtocol::query}));
  EXPECT_EQ(tongue_of({"GET", "/b/k", {}}, "s3"), (AwsTongue{AwsProtocol::rest_xml, true}));
  EXPECT_EQ(tongue_of({"GET", "/2013-04-01/hostedzone", {}}, "route53"), (AwsTongue{AwsProtocol::rest_xml}));
  EXPECT_EQ(tongue_of({"GET", "/2015-03-31/functions", {}}, "lambda"), (AwsTongue{AwsProtocol::rest_json}));
  EXPECT_EQ(tongue_of({"GET", "/", {}}, ""), (AwsTongue{AwsProtocol::rest_json}));
}

TEST(AwsAnswers, EveryProtocolSaysItItsOwnWay) {
  const auto body = [](AwsTongue tongue) { return error_body(tongue, fault_of(tongue, 403, kDenied, "req_1")); };
  const AwsErrorBody json = body({AwsProtocol::json});
  const Json parsed = parse_json(json.text).value();
  EXPECT_EQ(parsed["__type"], "AccessDeniedException");
  EXPECT_EQ(parsed["message"], "[policy.forbidden] not on <production> & never");
  EXPECT_EQ(parsed["request"], "req_1");
  EXPECT_EQ(json.content_type, "application/x-amz-json-1.1");
  EXPECT_EQ(body({AwsProtocol::rest_json}).content_type, "application/json");
  EXPECT_EQ(body({AwsProtocol::ec2}).text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>UnauthorizedOperation</Code>"
            "<Message>[policy.forbidden] not on &lt;production&gt; &amp; never</Message></Error></Errors>"
            "<RequestID>req_1</RequestID></Response>");
  EXPECT_EQ(
      body({AwsProtocol::query}).text,
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ErrorResponse><Error><Type>Sender</Type>"
      "<Code>AccessDenied</Code><Message>[policy.forbidden] not on &lt;production&gt; &amp; never</Message></Error>"
      "<RequestId>req_1</RequestId></ErrorResponse>");
  EXPECT_EQ(body({AwsProtocol::rest_xml, true}).text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code>"
            "<Message>[policy.forbidden] not on &lt;production&gt; &amp; never</Message><RequestId>req_1</RequestId>"
            "</Error>");
  EXPECT_NE(body({AwsProtocol::rest_xml}).text.find("<Code>AccessDeniedException</Code>"), std::string::npos);
}

TEST(AwsAnswers, Cbor) {
  const AwsTongue tongue{AwsProtocol::rpc_cbor};
  const AwsErrorBody body = error_body(tongue, fault_of(tongue, 403, kDenied, ""));
  EXPECT_EQ(body.content_type, "application/cbor");
  // RFC 8949: a map of two, text strings of 6, 21, 7 and 46 bytes; the last needs a length byte of its own.
  EXPECT_EQ(body.text, std::string("\xa2\x66__type\x75"
                                   "AccessDeniedException\x67message\x78\x2e"
                                   "[policy.forbidden] not on <production> & never"));
}

TEST(AwsAnswers, HostileTextStaysText) {
  const AwsTongue tongue{AwsProtocol::query};
  const Error error{ErrorKind::forbidden, "policy.forbidden", "</Message>\x1b[2J\xe2\x80\xae"};
  const std::string text = error_body(tongue, fault_of(tongue, 403, error, "")).text;
  EXPECT_EQ(text.find("</Message>\x1b"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos);
}

TEST(AwsAnswers, WhatMayHaveHappenedIsNotTriedAgain) {
  const AwsTongue tongue{AwsProtocol::json};
  const Error lost{ErrorKind::timed_out, "upstream.timeout", "no answer"};
  EXPECT_EQ(fault_of(tongue, 504, lost, "").status, 400);
  const Error broken{ErrorKind::unavailable, "upstream.broken", "broken"};
  EXPECT_EQ(fault_of(tongue, 502, broken, "").status, 400);
  const Error never{ErrorKind::unavailable, "upstream.connect_failed", "nobody there"};
  EXPECT_EQ(fault_of(tongue, 503, never, "").status, 503) << "nothing was sent: trying again is right";
  EXPECT_EQ(fault_of(tongue, 503, never, "").type, "ServiceUnavailable");
}

TEST(AwsAnswers, CredentialsAreCalledWhatToolsKnow) {
  const auto type = [](std::string code, bool s3) {
    const AwsTongue tongue{s3 ? AwsProtocol::rest_xml : AwsProtocol::json, s3};
    return fault_of(tongue, 401, {ErrorKind::unauthenticated, std::move(code), "x"}, "").type;
  };
  EXPECT_EQ(type("sigv4.bad_signature", true), "SignatureDoesNotMatch");
  EXPECT_EQ(type("sigv4.bad_signature", false), "InvalidSignatureException");
  EXPECT_EQ(type("sigv4.skew", true), "RequestTimeTooSkewed");
  EXPECT_EQ(type("token.expired", false), "ExpiredTokenException");
  EXPECT_EQ(type("token.revoked", false), "UnrecognizedClientException");
  EXPECT_EQ(type("agent.frozen", false), "AccessDeniedException");
  const AwsTongue tongue{AwsProtocol::json};
  EXPECT_EQ(fault_of(tongue, 401, {ErrorKind::unauthenticated, "token.missing", "x"}, "").status, 403);
}

TEST(AwsAnswers, TheHeadNamesCodeAndRequest) {
  test::FakeSink sink;
  const AwsTongue tongue{AwsProtocol::rest_json};
  AwsFault fault = fault_of(tongue, 403, {ErrorKind::forbidden, "approval.pending", "held"}, "req_7");
  EXPECT_TRUE(test::run(send_fault(sink, tongue, std::move(fault))));
  EXPECT_EQ(sink.head.status, 403);
  EXPECT_EQ(sink.header("Countersign-Code"), "approval.pending");
  EXPECT_EQ(sink.header("Countersign-Request"), "req_7");
  EXPECT_EQ(sink.header("X-Amzn-ErrorType"), "AccessDeniedException");
  EXPECT_EQ(sink.header("Cache-Control"), "no-store");
}

}  // namespace
}  // namespace countersign::adapters
