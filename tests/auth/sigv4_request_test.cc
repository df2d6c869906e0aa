// What a request may claim: every way in which two readers could disagree is refused.
#include "auth/sigv4_request.h"

#include <gtest/gtest.h>

#include "sigv4_fixtures.h"

namespace countersign::auth {
namespace {

std::string parse_code(const RequestHead& head) {
  return code_of(parse_sigv4(head));
}

TEST(SigV4Request, ReadsTheHeaderForm) {
  RequestHead head = signed_request("GET", "/bucket/key?versionId=3");
  Result<SigV4Claim> claim = parse_sigv4(head);
  ASSERT_TRUE(claim.has_value());
  EXPECT_EQ(claim->form, SigV4Form::header);
  EXPECT_EQ(claim->access_key, kExampleKeyId);
  EXPECT_EQ(claim->session_token, "");
  EXPECT_EQ(claim->scope(), "20130524/us-east-1/s3/aws4_request");
  EXPECT_EQ(claim->signed_headers, (std::vector<std::string>{"host", "x-amz-content-sha256", "x-amz-date"}));
  EXPECT_EQ(claim->signed_at, kExampleTime);
  EXPECT_EQ(claim->expires, 0);
  EXPECT_EQ(claim->payload.kind, PayloadKind::sha256);
  EXPECT_EQ(claim->payload.hex, kEmptySha256);
}

TEST(SigV4Request, ReadsTheQueryForm) {
  RequestHead head = presigned_request("GET", "/bucket/key?versionId=3");
  Result<SigV4Claim> claim = parse_sigv4(head);
  ASSERT_TRUE(claim.has_value());
  EXPECT_EQ(claim->form, SigV4Form::query);
  EXPECT_EQ(claim->expires, 600'000);
  EXPECT_EQ(claim->payload.kind, PayloadKind::unsigned_payload);
  EXPECT_EQ(parse_sigv4(presigned_request("GET", "/", 600'000, "sts"))->payload.kind, PayloadKind::body);
}

TEST(SigV4Request, NeitherFormIsMissing) {
  EXPECT_EQ(parse_code(request("GET", "/", {{"Host", "h"}})), "sigv4.missing");
  EXPECT_EQ(parse_code(request("GET", "/", {{"Host", "h"}, {"Authorization", "Bearer csb1_x"}})), "sigv4.missing");
  EXPECT_FALSE(carries_sigv4(request("GET", "/?a=b", {{"Authorization", "Bearer csb1_x"}})));
  EXPECT_TRUE(carries_sigv4(request("GET", "/", {{"authorization", "aws4-hmac-sha256 x"}})));
  EXPECT_TRUE(carries_sigv4(request("GET", "/?x%2Damz-signature=1", {})));
  EXPECT_TRUE(carries_sigv4(presigned_request("GET", "/")));
}

TEST(SigV4Request, BothFormsAtOnceAreAmbiguous) {
  RequestHead head = presigned_request("GET", "/bucket/key");
  head.headers.add("Authorization", *signed_request("GET", "/bucket/key").headers.get("Authorization"));
  EXPECT_EQ(parse_code(head), "sigv4.ambiguous");
  // Another scheme beside a signed query, and a single stray parameter beside a signed head.
  head.headers.set("Authorization", "Bearer csb1_x");
  EXPECT_EQ(parse_code(head), "sigv4.ambiguous");
  for (std::string parameter :
       {"X-Amz-Signature=0", "X-Amz-Credential=x", "X-Amz-Security-Token=x", "X-Amz-Expires=1"}) {
    RequestHead mixed = signed_request("GET", "/bucket/key");
    mixed.target += "?" + parameter;
    EXPECT_EQ(parse_code(mixed), "sigv4.ambiguous") << parameter;
  }
}

// A verifier that looks at the Authorization field to decide whether to check, and takes the credentials from the
// query.
TEST(SigV4Request, CredentialsInTheQueryWithoutAuthorizationAreNoWayAround) {
  RequestHead head = signed_request("PUT", "/bucket/key");
  head.headers.remove("Authorization");
  head.target += "?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request";
  EXPECT_EQ(parse_code(head), "sigv4.malformed");  // the rest of the query form is not taken from the head
  EXPECT_TRUE(carries_sigv4(head));
}

TEST(SigV4Request, FieldsThatMustBeSingle) {
  for (std::string name : {"Authorization", "Host", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Target", "Date",
                           "X-Amz-Content-Sha256", "Content-Type", "Content-Length"}) {
    RequestHead head = request("POST", "/", {{"Host", "service.example"}});
    head.headers.set(name, std::string(head.headers.get(name).value_or("1")));
    ASSERT_TRUE(sign_sigv4(head, example_credentials("token"), "us-east-1", "dynamodb", kEmptySha256, kExampleTime));
    if (head.headers.count(name) == 0) head.headers.add(name, "20130524T000000Z");
    ASSERT_EQ(head.headers.count(name), 1U) << name;
    head.headers.add(name, std::string(*head.headers.get(name)));
    EXPECT_EQ(parse_code(head), "sigv4.ambiguous") << name;
  }
}

TEST(SigV4Request, ParametersThatMustBeSingle) {
  const RequestHead good = presigned_request("GET", "/bucket/key");
  for (std::string name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
                           "X-Amz-Signature"}) {
    RequestHead head = good;
    head.target += "&" + name + "=x";
    EXPECT_EQ(parse_code(head), "sigv4.ambiguous") << name;
    RequestHead other = good;
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    other.target += "&" + lower + "=x";
    EXPECT_EQ(parse_code(other), "sigv4.malformed") << lower;
    RequestHead without = good;
    replace_in(without.target, name + "=", "Y-Amz-Other=");
    EXPECT_EQ(parse_code(without), "sigv4.malformed") << name;
  }
  for (std::string name : {"X-Amz-Date", "X-Amz-Security-Token"}) {
    RequestHead head = good;
    head.headers.add(name, "20130524T000000Z");
    EXPECT_EQ(parse_code(head), "sigv4.ambiguous") << name;
  }
}

// A verifier that fills in a signed field which is not there from the query lets an attacker choose its value.
TEST(SigV4Request, AMissingSignedFieldIsNotTakenFromTheQuery) {
  RequestHead head =
      request("PUT", "/bucket/key?x-amz-acl=public-read", {{"Host", "service.example"}, {"x-amz-acl", "private"}});
  ASSERT_TRUE(sign_sigv4(head, example_credentials(), "us-east-1", "s3", kEmptySha256, kExampleTime));
  ASSERT_EQ(judge(head), "ok");
  head.headers.remove("x-amz-acl");
  EXPECT_EQ(parse_code(head), "sigv4.header_missing");
  RequestHead no_host = signed_request("GET", "/");
  no_host.headers.remove("Host");
  EXPECT_EQ(parse_code(no_host), "sigv4.header_missing");
}

TEST(SigV4Request, EveryAmzFieldMustBeSigned) {
  for (std::string name : {"x-amz-acl", "X-Amz-Copy-Source", "X-AMZ-TARGET", "x_amz_target", "x-amz_meta"}) {
    for (RequestHead head : {signed_request("PUT", "/bucket/key"), presigned_request("PUT", "/bucket/key")}) {
      head.headers.add(name, "value");
      EXPECT_EQ(parse_code(head), "sigv4.unsigned_header") << name;
    }
  }
  // The token selects the secret: another one cannot go with the signature.
  RequestHead head = signed_request("PUT", "/bucket/key");
  head.headers.add("X-Amz-Security-Token", "t");
  EXPECT_EQ(parse_sigv4(head)->session_token, "t");
  // Not AWS's own.
  head.headers.add("X-Amzn-Trace-Id", "t");
  EXPECT_EQ(parse_code(head), "ok");
  edit_field(head, "Authorization", "host;", "");
  EXPECT_EQ(parse_code(head), "sigv4.unsigned_header");
}

TEST(SigV4Request, TheScopesDayIsTheRequestsDay) {
  RequestHead head = signed_request("GET", "/");
  edit_field(head, "X-Amz-Date", "20130524T000000Z", "20130523T235959Z");
  EXPECT_EQ(parse_code(head), "sigv4.scope_date");
  RequestHead query = presigned_request("GET", "/");
  replace_in(query.target, "X-Amz-Date=20130524T000000Z", "X-Amz-Date=20130523T235959Z");
  EXPECT_EQ(parse_code(query), "sigv4.scope_date");
}

TEST(SigV4Request, DateStandsInForAmzDateOnlyWhenSigned) {
  auto with_date = [](std::string date, std::string names) {
    return request(
        "GET", "/",
        {{"Host", "h"},
         {"Date", std::move(date)},
         {"Authorization", "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/iam/aws4_request,SignedHeaders=" + names +
                               ",Signature=" + std::string(64, '0')}});
  };
  EXPECT_EQ(parse_sigv4(with_date("Fri, 24 May 2013 00:00:00 GMT", "date;host"))->signed_at, kExampleTime);
  EXPECT_EQ(parse_sigv4(with_date("20130524T000000Z", "date;host"))->signed_at, kExampleTime);
  EXPECT_EQ(parse_code(with_date("20130524T000000Z", "host")), "sigv4.unsigned_header");
  for (std::string date : {"Fri, 24 May 2013 00:00:00 +0000", "Friday, 24-May-13 00:00:00 GMT", "2013-05-24T00:00:00Z",
                           "Fri, 32 May 2013 00:00:00 GMT", "Fri, 24 Foo 2013 00:00:00 GMT", "20130524T000000", "",
                           "20130524T240000Z", "20130231T000000Z", "2013052aT000000Z", "+0130524T000000Z"}) {
    EXPECT_EQ(parse_code(with_date(date, "date;host")), "sigv4.malformed") << date;
  }
}

TEST(SigV4Request, TheAuthorizationFieldIsReadStrictly) {
  const std::string credential = "Credential=AK/20130524/us-east-1/s3/aws4_request";
  const std::string names = "SignedHeaders=host;x-amz-date";
  const std::string signature = "Signature=" + std::string(64, 'a');
  auto code = [](const std::string& value) {
    return parse_code(
        request("GET", "/", {{"Host", "h"}, {"X-Amz-Date", "20130524T000000Z"}, {"Authorization", value}}));
  };
  auto put = [](std::initializer_list<std::string> parts) {
    std::string out = "AWS4-HMAC-SHA256 ";
    for (const std::string& part : parts) out += (out.ends_with(' ') ? "" : ", ") + part;
    return out;
  };
  EXPECT_EQ(code(put({credential, names, signature})), "ok");
  EXPECT_EQ(code("AWS4-HMAC-SHA256 " + signature + "," + credential + " ,  " + names), "ok");
  EXPECT_EQ(code(put({credential, names})), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, signature})), "sigv4.malformed");
  EXPECT_EQ(code(put({names, signature})), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, names, signature, signature})), "sigv4.ambiguous");
  EXPECT_EQ(code(put({credential, credential, names, signature})), "sigv4.ambiguous");
  EXPECT_EQ(code(put({credential, names, signature, "Extra=1"})), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, names, "Signature=" + std::string(63, 'a')})), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, names, "Signature=" + std::string(64, 'A')})), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, "SignedHeaders=", signature})), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, "SignedHeaders=x-amz-date;host", signature})), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, "SignedHeaders=host;host;x-amz-date", signature})), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, "SignedHeaders=Host;x-amz-date", signature})), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, "SignedHeaders=host;;x-amz-date", signature})), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, "SignedHeaders=host;x-amz-date;", signature})), "sigv4.malformed");
  for (std::string wrong :
       {"AK/20130524/us-east-1/s3", "AK/20130524/us-east-1/s3/aws4_request/x", "/20130524/r/s3/aws4_request",
        "AK/2013052/r/s3/aws4_request", "AK/20130524//s3/aws4_request", "AK/20130524/r//aws4_request",
        "AK/20130524/r/s3/aws4-request", "A K/20130524/r/s3/aws4_request", "AK/20130524/r/S3/aws4_request",
        "AK/20130524/*/s3/aws4_request"}) {
    EXPECT_EQ(code(put({"Credential=" + wrong, names, signature})), "sigv4.malformed") << wrong;
  }
  EXPECT_EQ(code("AWS4-ECDSA-P256-SHA256 " + credential), "sigv4.unsupported");
  EXPECT_EQ(code("AWS4-HMAC-SHA1 " + credential), "sigv4.unsupported");
  EXPECT_EQ(code("AWS4-HMAC-SHA256 "), "sigv4.malformed");
  EXPECT_EQ(code(put({credential, names, signature}) + std::string(kMaxAuthorizationBytes, ' ')), "sigv4.malformed");
  std::string many = "SignedHeaders=host";
  for (int i = 0; i < 70; ++i) many += ";i" + std::to_string(100 + i);
  EXPECT_EQ(code(put({credential, many, signature})), "sigv4.malformed");
}

TEST(SigV4Request, PresignedTimesAreNumbers) {
  for (std::string wrong : {"", "0", "-1", "+5", "1.5", "0600", "99999999", "1e3"}) {
    RequestHead head = presigned_request("GET", "/");
    replace_in(head.target, "X-Amz-Expires=600", "X-Amz-Expires=" + wrong);
    EXPECT_EQ(parse_code(head), "sigv4.malformed") << wrong;
  }
}

TEST(SigV4Request, QueriesThatCannotBeDecodedOnceAreRefused) {
  for (std::string query : {"a=%", "a=%4", "a=%zz", "%=1"}) {
    RequestHead head = signed_request("GET", "/");
    head.target += "?" + query;
    EXPECT_EQ(parse_code(head), "sigv4.malformed") << query;
  }
  RequestHead many = signed_request("GET", "/");
  many.target += "?";
  for (std::size_t i = 0; i <= kMaxQueryParameters; ++i) many.target += "a&";
  EXPECT_EQ(parse_code(many), "sigv4.malformed");
  EXPECT_EQ(parse_code(request("GET", "/?AWSAccessKeyId=x&Signature=y", {{"Host", "h"}})), "sigv4.unsupported");
}

RequestHead streaming(std::string_view word, std::initializer_list<HeaderField> fields) {
  RequestHead head = request("PUT", "/bucket/key", {{"Host", "service.example"}});
  for (const HeaderField& field : fields) head.headers.add(field.name, field.value);
  // Signed by hand: sign_sigv4 would refuse what the reader refuses.
  head.headers.add("X-Amz-Date", "20130524T000000Z");
  head.headers.add("X-Amz-Content-Sha256", word);
  std::vector<std::string> names{"host"};
  for (const HeaderField& field : head.headers.fields()) {
    if (field.name.starts_with("x-amz-")) names.push_back(field.name);
  }
  names.insert(names.end(), {"x-amz-content-sha256", "x-amz-date"});
  std::ranges::sort(names);
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ";") + name;
  head.headers.add("Authorization", "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/s3/aws4_request,SignedHeaders=" +
                                        list + ",Signature=" + std::string(64, '0'));
  return head;
}

TEST(SigV4Request, KindsOfPayload) {
  const HeaderField length{"x-amz-decoded-content-length", "10"};
  const HeaderField trailer{"x-amz-trailer", "x-amz-checksum-crc32"};
  auto kind = [](const RequestHead& head) { return parse_sigv4(head)->payload.kind; };
  EXPECT_EQ(kind(streaming(kUnsignedPayload, {})), PayloadKind::unsigned_payload);
  EXPECT_EQ(kind(streaming(kStreamingSigned, {length})), PayloadKind::streaming_signed);
  EXPECT_EQ(kind(streaming(kStreamingSignedTrailer, {length, trailer})), PayloadKind::streaming_signed_trailer);
  EXPECT_EQ(kind(streaming(kStreamingUnsignedTrailer, {length, trailer})), PayloadKind::streaming_unsigned_trailer);
  Payload payload = parse_sigv4(streaming(kStreamingUnsignedTrailer, {length, trailer}))->payload;
  EXPECT_EQ(payload.decoded_length, 10U);
  EXPECT_EQ(payload.trailers, std::vector<std::string>{"x-amz-checksum-crc32"});

  EXPECT_EQ(parse_code(streaming(kStreamingSigned, {})), "sigv4.malformed");
  EXPECT_EQ(parse_code(streaming(kStreamingUnsignedTrailer, {length})), "sigv4.malformed");
  for (std::string wrong : {"", "-1", "+1", "1x", "0x10", "99999999999999999999", "90000000000000000"})
    EXPECT_EQ(parse_code(streaming(kStreamingSigned, {{"x-amz-decoded-content-length", wrong}})), "sigv4.malformed");
  for (std::string wrong : {",", "a,,b", "a,a", "a,b,c,d,e"})
    EXPECT_EQ(parse_code(streaming(kStreamingUnsignedTrailer, {length, {"x-amz-trailer", wrong}})), "sigv4.malformed");
  for (std::string word :
       {"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-EVENTS", "STREAMING-X"})
    EXPECT_EQ(parse_code(streaming(word, {length})), "sigv4.unsupported") << word;
  for (const std::string& word :
       std::vector<std::string>{"", "unsigned-payload", "UNSIGNED", std::string(64, 'A'), std::string(63, 'a')})
    EXPECT_EQ(parse_code(streaming(word, {})), "sigv4.malformed") << word;
}

// An upstream that decodes the body would see other bytes than those the digest covers.
TEST(SigV4Request, AnAwsChunkedBodyHasAStreamingPayload) {
  EXPECT_EQ(parse_code(streaming(kEmptySha256, {{"Content-Encoding", "aws-chunked"}})), "sigv4.malformed");
  EXPECT_EQ(parse_code(streaming(kUnsignedPayload, {{"Content-Encoding", "gzip, AWS-Chunked"}})), "sigv4.malformed");
  EXPECT_EQ(parse_code(streaming(kUnsignedPayload, {{"Content-Encoding", "gzip"}})), "ok");
}

TEST(SigV4Request, APresignedUrlHasNoStreamingPayload) {
  RequestHead head = presigned_request("PUT", "/bucket/key");
  head.target += "&X-Amz-Content-Sha256=STREAMING-UNSIGNED-PAYLOAD-TRAILER";
  EXPECT_EQ(parse_code(head), "sigv4.unsupported");
  head = presigned_request("PUT", "/bucket/key");
  head.target += "&X-Amz-Content-Sha256=" + kEmptySha256;
  EXPECT_EQ(parse_sigv4(head)->payload.hex, kEmptySha256);
  head.headers.add("X-Amz-Content-Sha256", kEmptySha256);
  EXPECT_EQ(parse_code(head), "sigv4.ambiguous");
}

TEST(SigV4Request, Dates) {
  EXPECT_EQ(amz_date(kExampleTime), "20130524T000000Z");
  EXPECT_EQ(amz_date(kExampleTime + 999), "20130524T000000Z");
  EXPECT_EQ(*parse_amz_date("20240229T235959Z"), 1'709'251'199'000);
  EXPECT_EQ(code_of(parse_amz_date("20230229T235959Z")), "sigv4.malformed");
}

}  // namespace
}  // namespace countersign::auth
