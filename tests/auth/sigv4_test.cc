// What is signed, and what a signature does not let pass.
#include "auth/sigv4.h"

#include <gtest/gtest.h>

#include "sigv4_fixtures.h"

namespace countersign::auth {
namespace {

// "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk" of the S3 reference.
TEST(SigV4, TheExamplesOfTheS3Reference) {
  RequestHead get = request("GET", "/test.txt",
                            {{"Host", "examplebucket.s3.amazonaws.com"},
                             {"Range", "bytes=0-9"},
                             {"x-amz-content-sha256", kEmptySha256},
                             {"x-amz-date", "20130524T000000Z"},
                             {"Authorization",
                              "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                              "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
                              "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"}});
  EXPECT_EQ(judge(get), "ok");
  RequestHead lifecycle =
      request("GET", "/?lifecycle",
              {{"Host", "examplebucket.s3.amazonaws.com"},
               {"x-amz-content-sha256", kEmptySha256},
               {"x-amz-date", "20130524T000000Z"},
               {"Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
                "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"}});
  EXPECT_EQ(judge(lifecycle), "ok");
  RequestHead presigned = request("GET",
                                  "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
                                  "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires="
                                  "86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
                                  "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
                                  {{"Host", "examplebucket.s3.amazonaws.com"}});
  EXPECT_EQ(judge(presigned), "ok");
}

TEST(SigV4, EverythingThatIsSignedCounts) {
  RequestHead good = request("PUT", "/bucket/key?acl&x=1",
                             {{"Host", "service.example"}, {"Content-Type", "text/plain"}, {"x-amz-acl", "private"}});
  ASSERT_TRUE(sign_sigv4(good, example_credentials(), "us-east-1", "s3", kEmptySha256, kExampleTime));
  ASSERT_EQ(judge(good), "ok");
  auto changed = [&](auto change) {
    RequestHead head = good;
    change(head);
    return judge(head);
  };
  const std::string bad = "sigv4.bad_signature";
  EXPECT_EQ(changed([](RequestHead& h) { h.method = "DELETE"; }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { h.target = "/bucket/other?acl&x=1"; }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { h.target = "/bucket/key?x=1"; }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { h.target = "/bucket/key?acl&x=2"; }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { h.target += "&x=1"; }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { h.headers.set("Host", "other.example"); }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { h.headers.set("Content-Type", "text/html"); }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { h.headers.set("x-amz-acl", "public-read"); }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { h.headers.add("x-amz-acl", "public-read"); }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { h.headers.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD"); }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { h.headers.set("X-Amz-Date", "20130524T000001Z"); }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { edit_field(h, "Authorization", "/us-east-1/", "/eu-west-1/"); }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { edit_field(h, "Authorization", "/s3/", "/iam/"); }), bad);
  EXPECT_EQ(changed([](RequestHead& h) { edit_field(h, "Authorization", "content-type;", ""); }), bad);
  // What is the same request to every reader stays one.
  EXPECT_EQ(changed([](RequestHead& h) { h.target = "/bucket/key?x=1&acl="; }), "ok");
  EXPECT_EQ(changed([](RequestHead& h) { h.headers.add("User-Agent", "x"); }), "ok");
  EXPECT_EQ(changed([](RequestHead& h) { h.headers.set("CONTENT-TYPE", "text/plain"); }), "ok");
}

TEST(SigV4, EveryBitOfTheSignatureCounts) {
  const RequestHead good = signed_request("GET", "/bucket/key");
  const std::string signature = parse_sigv4(good)->signature;
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string other = signature;
    other[i] = other[i] == '0' ? '1' : '0';
    RequestHead head = good;
    edit_field(head, "Authorization", signature, other);
    EXPECT_EQ(judge(head), "sigv4.bad_signature") << i;
  }
  // The core's comparison is CRYPTO_memcmp, and says no to another length before it compares.
  EXPECT_FALSE(equal_constant_time(as_bytes(signature), as_bytes(std::string_view(signature).substr(1))));
}

TEST(SigV4, TheBodyIsTheOneThatWasSigned) {
  const std::string body = to_hex(sha256("body"));
  const RequestHead stated = signed_request("PUT", "/bucket/key", "s3", body);
  EXPECT_EQ(judge(stated, kExampleTime, body), "ok");
  EXPECT_EQ(judge(stated, kExampleTime, {}), "ok");  // not known yet: to be checked when it is
  EXPECT_EQ(judge(stated, kExampleTime, kEmptySha256), "sigv4.payload_mismatch");
  Result<SigV4Claim> claim = parse_sigv4(stated);
  EXPECT_EQ(code_of(check_body(*claim, body)), "ok");
  EXPECT_EQ(code_of(check_body(*claim, kEmptySha256)), "sigv4.payload_mismatch");

  // A digest that is not stated is part of what is signed.
  RequestHead silent = request("POST", "/", {{"Host", "service.example"}, {"X-Amz-Date", "20130524T000000Z"}});
  const std::string scope = "20130524/us-east-1/iam/aws4_request";
  const std::string canonical =
      "POST\n/\n\nhost:service.example\nx-amz-date:20130524T000000Z\n\nhost;x-amz-date\n" + body;
  silent.headers.add("Authorization", "AWS4-HMAC-SHA256 Credential=AK/" + scope +
                                          ",SignedHeaders=host;x-amz-date,Signature=" +
                                          reference_signature(kExampleSecret, "20130524T000000Z", scope, canonical));
  EXPECT_EQ(parse_sigv4(silent)->payload.kind, PayloadKind::body);
  EXPECT_EQ(judge(silent, kExampleTime, body), "ok");
  EXPECT_EQ(judge(silent, kExampleTime, kEmptySha256), "sigv4.bad_signature");
  EXPECT_EQ(judge(silent, kExampleTime, {}), "sigv4.body_needed");

  EXPECT_EQ(judge(signed_request("PUT", "/bucket/key", "s3", kUnsignedPayload), kExampleTime, body), "ok");
}

// A verifier that passes streaming payloads on to the chunk reader, and whose chunk reader has nothing to check.
TEST(SigV4, TheHeadOfAnUnsignedTrailerIsChecked) {
  for (std::string_view word : {kStreamingUnsignedTrailer, kStreamingSignedTrailer, kStreamingSigned}) {
    RequestHead head = request("PUT", "/bucket/key",
                               {{"Host", "service.example"},
                                {"Content-Encoding", "aws-chunked"},
                                {"x-amz-decoded-content-length", "3"},
                                {"x-amz-trailer", "x-amz-checksum-crc32"}});
    ASSERT_TRUE(sign_sigv4(head, example_credentials(), "us-east-1", "s3", word, kExampleTime));
    EXPECT_EQ(judge(head), "ok");
    RequestHead other = head;
    other.target = "/bucket/other";
    EXPECT_EQ(judge(other), "sigv4.bad_signature");
    other = head;
    edit_field(other, "Authorization", "Signature=", "Signature=0");
    std::string value(*other.headers.get("Authorization"));
    value.pop_back();
    other.headers.set("Authorization", value);
    EXPECT_EQ(judge(other), "sigv4.bad_signature");
    other = head;
    other.headers.set("x-amz-decoded-content-length", "4");
    EXPECT_EQ(judge(other), "sigv4.bad_signature");
  }
}

TEST(SigV4, SkewIsBoundedBothWays) {
  const RequestHead head = signed_request("GET", "/bucket/key");
  const TimeMs skew = SigV4Limits{}.skew;
  EXPECT_EQ(judge(head, kExampleTime + skew), "ok");
  EXPECT_EQ(judge(head, kExampleTime + skew + 1), "sigv4.skew");
  EXPECT_EQ(judge(head, kExampleTime - skew), "ok");
  EXPECT_EQ(judge(head, kExampleTime - skew - 1), "sigv4.skew");
}

TEST(SigV4, ARequestAcrossMidnightKeepsItsDay) {
  // Signed one second before midnight and read after it: the scope is of the day of signing, and that is right.
  RequestHead head = request("GET", "/bucket/key", {{"Host", "service.example"}});
  ASSERT_TRUE(sign_sigv4(head, example_credentials(), "us-east-1", "s3", kEmptySha256, kExampleTime - 1000));
  EXPECT_EQ(parse_sigv4(head)->date, "20130523");
  EXPECT_EQ(judge(head, kExampleTime + 2000), "ok");
  // With the new day in the scope it is another claim altogether.
  edit_field(head, "Authorization", "20130523", "20130524");
  EXPECT_EQ(judge(head, kExampleTime + 2000), "sigv4.scope_date");
}

TEST(SigV4, PresignedUrlsExpire) {
  const RequestHead head = presigned_request("GET", "/bucket/key?versionId=1");
  EXPECT_EQ(judge(head, kExampleTime), "ok");
  EXPECT_EQ(judge(head, kExampleTime + 599'999), "ok");
  EXPECT_EQ(judge(head, kExampleTime + 600'000), "sigv4.expired");
  EXPECT_EQ(judge(head, kExampleTime - SigV4Limits{}.skew - 1), "sigv4.skew");
  EXPECT_EQ(judge(presigned_request("GET", "/", kLongestPresign), kExampleTime + kLongestPresign - 1), "ok");
  EXPECT_EQ(judge(presigned_request("GET", "/", kLongestPresign + 1000)), "sigv4.presign_too_long");
  RequestHead longer = head;
  replace_in(longer.target, "X-Amz-Expires=600", "X-Amz-Expires=6000");
  EXPECT_EQ(judge(longer), "sigv4.bad_signature");
  RequestHead other = head;
  other.method = "DELETE";
  EXPECT_EQ(judge(other), "sigv4.bad_signature");
}

TEST(SigV4, S3PathsAreSignedAsTheyAre) {
  const std::string path = "/b/k//../x";
  EXPECT_EQ(canonical_path(path, path_style("s3")), path);
  EXPECT_EQ(canonical_path("/b/a%20b%2Fc", path_style("s3")), "/b/a%20b%2Fc");
  const RequestHead head = signed_request("GET", path);
  EXPECT_EQ(judge(head), "ok");
  // An object of this name is not the object that a path reader would find.
  for (std::string other : {"/b/x", "/b/k/x", "/b/k/../x", "/b/k//..//x", "/b/k//%2E%2E/x"}) {
    RequestHead moved = head;
    moved.target = other;
    EXPECT_EQ(judge(moved), "sigv4.bad_signature") << other;
  }
}

TEST(SigV4, OtherPathsAreNormalisedAndEncodedTwice) {
  const PathStyle style = path_style("lambda");
  EXPECT_EQ(canonical_path("/b/k//../x", style), "/b/x");
  EXPECT_EQ(canonical_path("", style), "/");
  EXPECT_EQ(canonical_path("/", style), "/");
  EXPECT_EQ(canonical_path("//", style), "/");
  EXPECT_EQ(canonical_path("/../../a/", style), "/a/");
  EXPECT_EQ(canonical_path("/a/.", style), "/a");
  EXPECT_EQ(canonical_path("/a/..", style), "/");
  EXPECT_EQ(canonical_path("/functions/a%3Ab/x y", style), "/functions/a%253Ab/x%20y");
  EXPECT_EQ(canonical_path("/%2E%2E/a", style), "/%252E%252E/a");  // an encoded dot is no dot
  EXPECT_EQ(judge(signed_request("GET", "/functions/arn%3Aaws%3Alambda/x", "lambda")), "ok");
}

TEST(SigV4, Queries) {
  auto canonical = [](std::string_view query) { return *canonical_query(query, SigV4Form::header); };
  EXPECT_EQ(canonical(""), "");
  EXPECT_EQ(canonical("b&a"), "a=&b=");
  EXPECT_EQ(canonical("a=2&a=10&a="), "a=&a=10&a=2");
  EXPECT_EQ(canonical("a=%2f%7E*"), "a=%2F~%2A");
  EXPECT_EQ(canonical("a=b+c"), "a=b%2Bc");
  EXPECT_EQ(canonical("a=b=c"), "a=b%3Dc");
  EXPECT_EQ(canonical("&&a=1&&"), "a=1");
  // By the encoded name, not by the text: '-' stands before '%2B' in neither order by accident.
  EXPECT_EQ(canonical("a%2Bb=1&a=2&a-b=3"), "a=2&a%2Bb=1&a-b=3");
  EXPECT_EQ(*canonical_query("X-Amz-Signature=x&a=1", SigV4Form::query), "a=1");
  EXPECT_EQ(canonical("X-Amz-Signature=x"), "X-Amz-Signature=x");
}

TEST(SigV4Sign, StripsWhatCameIn) {
  RequestHead head = signed_request("PUT", "/bucket/key?partNumber=1&uploadId=a%20b");
  head.headers.add("x-amz-security-token", "cs1_theirs");
  head.headers.add("Cookie", "a=b");
  head.headers.add("x-amz-meta-note", "kept");
  ASSERT_TRUE(sign_sigv4(head, {"AKIDUPSTREAM", Secret("upstream secret"), "upstream token"}, "eu-west-1", "s3",
                         kUnsignedPayload, kExampleTime + 5000));
  EXPECT_EQ(head.target, "/bucket/key?partNumber=1&uploadId=a%20b");
  EXPECT_EQ(head.headers.count("authorization"), 1U);
  EXPECT_EQ(*head.headers.get("x-amz-security-token"), "upstream token");
  EXPECT_EQ(*head.headers.get("x-amz-date"), "20130524T000005Z");
  EXPECT_EQ(head.headers.count("cookie"), 0U);
  EXPECT_EQ(*head.headers.get("x-amz-meta-note"), "kept");
  Result<SigV4Claim> claim = parse_sigv4(head);
  EXPECT_TRUE(claim->is_signed("x-amz-meta-note"));
  EXPECT_TRUE(claim->is_signed("x-amz-security-token"));
  EXPECT_EQ(code_of(verify_sigv4(head, *claim, Secret("upstream secret"), kExampleTime, SigV4Limits{})), "ok");
  EXPECT_EQ(judge(head), "sigv4.bad_signature");

  RequestHead presigned = presigned_request("GET", "/bucket/key?a=1");
  presigned.target += "&b=%zz";
  strip_sigv4(presigned);
  EXPECT_EQ(presigned.target, "/bucket/key?a=1&b=%zz");
  presigned = presigned_request("GET", "/bucket/key");
  strip_sigv4(presigned);
  EXPECT_EQ(presigned.target, "/bucket/key");
  RequestHead hidden = request("GET", "/k?x%2Damz-security%2dtoken=theirs&z", {{"Host", "h"}});
  strip_sigv4(hidden);
  EXPECT_EQ(hidden.target, "/k?z");

  RequestHead no_host = request("GET", "/", {});
  EXPECT_EQ(code_of(sign_sigv4(no_host, example_credentials(), "r", "s3", kEmptySha256, kExampleTime)),
            "sigv4.malformed");
}

TEST(SigV4Sign, ABodyThatGoesOnDecodedLosesItsChunking) {
  RequestHead head = request("PUT", "/k",
                             {{"Content-Encoding", "aws-chunked, gzip"},
                              {"content-encoding", "AWS-CHUNKED"},
                              {"x-amz-decoded-content-length", "3"},
                              {"X-Amz-Trailer", "x-amz-checksum-crc32"}});
  drop_chunking(head.headers);
  ASSERT_EQ(head.headers.fields().size(), 1U);
  EXPECT_EQ(*head.headers.get("content-encoding"), "gzip");
  HeaderList only;
  only.add("Content-Encoding", "aws-chunked");
  drop_chunking(only);
  EXPECT_TRUE(only.fields().empty());
}

}  // namespace
}  // namespace countersign::auth
