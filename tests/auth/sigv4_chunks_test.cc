// Bodies in the aws-chunked coding: the worked examples of the S3 reference, every way to cut one, every way to spoil
// one.
#include "auth/sigv4_chunks.h"

#include <gtest/gtest.h>

#include <random>

#include "sigv4_fixtures.h"

namespace countersign::auth {
namespace {

const std::string kExampleAuthorization =
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=";

RequestHead example_head(std::string_view word, std::string_view names, std::string_view seed) {
  return request("PUT", "/examplebucket/chunkObject.txt",
                 {{"Host", "s3.amazonaws.com"},
                  {"x-amz-date", "20130524T000000Z"},
                  {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                  {"x-amz-content-sha256", std::string(word)},
                  {"Content-Encoding", "aws-chunked"},
                  {"x-amz-decoded-content-length", "66560"},
                  {"Content-Length", "66824"},
                  {"Authorization", kExampleAuthorization + std::string(names) + ",Signature=" + std::string(seed)}});
}

// "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks".
RequestHead signed_example() {
  return example_head(kStreamingSigned,
                      "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
                      "x-amz-decoded-content-length;x-amz-storage-class",
                      "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
}
const std::string kSignedBody =
    "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
    std::string(65536, 'a') +
    "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
    std::string(1024, 'a') +
    "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";

// "Signature calculations for trailing headers".
RequestHead trailer_example() {
  RequestHead head = example_head(kStreamingSignedTrailer,
                                  "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
                                  "x-amz-storage-class;x-amz-trailer",
                                  "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
  head.headers.add("x-amz-trailer", "x-amz-checksum-crc32c");
  return head;
}
const std::string kTrailerBody =
    "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" +
    std::string(65536, 'a') +
    "\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" +
    std::string(1024, 'a') +
    "\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    "x-amz-checksum-crc32c:sOO8/Q==\r\n"
    "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n";

SigningKey example_key() {
  return SigningKey(Secret(std::string(kExampleSecret)), "20130524", "us-east-1", "s3");
}

struct Decoded {
  std::string code;
  std::string data;
  std::uint64_t proven = 0;
  std::string trailer;  // "name:value"
};
Decoded decode(const SigV4Claim& claim, std::string_view wire, std::size_t piece = std::string_view::npos) {
  Result<ChunkDecoder> decoder = ChunkDecoder::make(claim, example_key());
  if (!decoder) return {decoder.error().code, {}, 0, {}};
  Decoded out;
  while (!wire.empty()) {
    std::string_view part = wire.substr(0, piece);
    wire.remove_prefix(part.size());
    if (Status fed = decoder->feed(part, out.data); !fed) {
      std::string ignored;
      EXPECT_EQ(code_of(decoder->feed("x", ignored)), fed.error().code);  // and stays so
      EXPECT_EQ(code_of(decoder->finish()), fed.error().code);
      EXPECT_FALSE(decoder->trailer());
      out.code = fed.error().code;
      return out;
    }
  }
  out.code = code_of(decoder->finish());
  out.proven = decoder->proven_bytes();
  if (auto trailer = decoder->trailer()) out.trailer = trailer->name + ":" + trailer->value;
  return out;
}

TEST(SigV4Chunks, TheExampleOfTheReference) {
  EXPECT_EQ(judge(signed_example()), "ok");
  SigV4Claim claim = *parse_sigv4(signed_example());
  for (std::size_t piece : {std::string_view::npos, std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
    Decoded decoded = decode(claim, kSignedBody, piece);
    EXPECT_EQ(decoded.code, "ok");
    EXPECT_EQ(decoded.data, std::string(66560, 'a'));
    EXPECT_EQ(decoded.proven, 66560U);
    EXPECT_EQ(decoded.trailer, "");
  }
  EXPECT_EQ(kSignedBody.size(), 66824U);
  EXPECT_EQ(*ChunkEncoder::encoded_length(claim.payload, 65536), 66824U);
  ChunkEncoder encoder = *ChunkEncoder::make(claim, example_key());
  std::string wire;
  encoder.chunk(std::string(65536, 'a'), wire);
  encoder.chunk(std::string(1024, 'a'), wire);
  encoder.chunk({}, wire);
  encoder.finish(wire);
  EXPECT_EQ(wire, kSignedBody);
}

TEST(SigV4Chunks, TheTrailerExampleOfTheReference) {
  EXPECT_EQ(judge(trailer_example()), "ok");
  SigV4Claim claim = *parse_sigv4(trailer_example());
  for (std::size_t piece : {std::string_view::npos, std::size_t{1}, std::size_t{4096}}) {
    Decoded decoded = decode(claim, kTrailerBody, piece);
    EXPECT_EQ(decoded.code, "ok");
    EXPECT_EQ(decoded.trailer, "x-amz-checksum-crc32c:sOO8/Q==");
    EXPECT_EQ(decoded.data, std::string(66560, 'a'));
  }
  // The empty line may stand before the trailer instead of behind it.
  std::string other = kTrailerBody;
  replace_in(other, "f992\r\n", "f992\r\n\r\n");
  EXPECT_EQ(decode(claim, other).code, "ok");
  EXPECT_EQ(decode(claim, std::string_view(other).substr(0, other.size() - 2)).code, "ok");
  EXPECT_EQ(decode(claim, std::string_view(other).substr(0, other.size() - 2)).trailer,
            "x-amz-checksum-crc32c:sOO8/Q==");
  EXPECT_EQ(*ChunkEncoder::encoded_length(claim.payload, 65536), kTrailerBody.size());
  ChunkEncoder encoder = *ChunkEncoder::make(claim, example_key());
  std::string wire;
  encoder.chunk(std::string(65536, 'a'), wire);
  encoder.chunk(std::string(1024, 'a'), wire);
  encoder.finish(wire);
  EXPECT_EQ(wire, kTrailerBody);
}

// A small body of each kind, made by the encoder.
struct Small {
  SigV4Claim claim;
  std::string wire;
  std::string data;
};
Small small(std::string_view word, std::string checksum = "x-amz-checksum-crc32",
            std::string data = "hello, chunked world", std::size_t chunk = 7) {
  RequestHead head = request("PUT", "/bucket/key", {{"Host", "service.example"}, {"Content-Encoding", "aws-chunked"}});
  head.headers.add("x-amz-decoded-content-length", std::to_string(data.size()));
  if (word != kStreamingSigned) head.headers.add("x-amz-trailer", checksum);
  Small out;
  out.claim = *sign_sigv4(head, example_credentials(), "us-east-1", "s3", word, kExampleTime);
  ChunkEncoder encoder = *ChunkEncoder::make(out.claim, example_key());
  for (std::string_view rest = data; !rest.empty();) {
    std::string_view part = rest.substr(0, chunk);
    encoder.chunk(part, out.wire);
    rest.remove_prefix(part.size());
  }
  encoder.finish(out.wire);
  EXPECT_EQ(*ChunkEncoder::encoded_length(out.claim.payload, chunk), out.wire.size());
  out.data = std::move(data);
  return out;
}

constexpr std::array kWords = {kStreamingSigned, kStreamingSignedTrailer, kStreamingUnsignedTrailer};

TEST(SigV4Chunks, CutsAtEveryByte) {
  for (std::string_view word : kWords) {
    const Small body = small(word);
    for (std::size_t cut = 0; cut <= body.wire.size(); ++cut) {
      ChunkDecoder decoder = *ChunkDecoder::make(body.claim, example_key());
      std::string data;
      ASSERT_TRUE(decoder.feed(std::string_view(body.wire).substr(0, cut), data)) << word << " " << cut;
      EXPECT_EQ(data, body.data.substr(0, data.size()));
      ASSERT_TRUE(decoder.feed(std::string_view(body.wire).substr(cut), data)) << word << " " << cut;
      EXPECT_EQ(code_of(decoder.finish()), "ok");
      EXPECT_EQ(data, body.data);
    }
    EXPECT_EQ(decode(body.claim, body.wire, 1).data, body.data);
  }
}

TEST(SigV4Chunks, ABodyThatEndsEarlyIsIncomplete) {
  for (std::string_view word : kWords) {
    const Small body = small(word);
    for (std::size_t cut = 0; cut < body.wire.size(); ++cut) {
      std::string code = decode(body.claim, std::string_view(body.wire).substr(0, cut)).code;
      // The last empty line may be missing behind a trailer; up to there everything was proven.
      const bool whole_trailer = word != kStreamingSigned && cut + 2 == body.wire.size();
      EXPECT_EQ(code == "ok", whole_trailer) << word << " " << cut << " " << code;
    }
  }
}

TEST(SigV4Chunks, EveryChangedByteOfASignedBodyIsSeen) {
  for (std::string_view word : {kStreamingSigned, kStreamingSignedTrailer}) {
    const Small body = small(word);
    for (std::size_t at = 0; at < body.wire.size(); ++at) {
      for (char other : {'0', 'f', 'x', '\r', '\n', ';'}) {
        if (body.wire[at] == other) continue;
        std::string wire = body.wire;
        wire[at] = other;
        EXPECT_NE(decode(body.claim, wire).code, "ok") << word << " " << at;
      }
    }
  }
}

TEST(SigV4Chunks, WhatExactlyIsWrong) {
  const Small body = small(kStreamingSigned);
  auto code = [&](std::string_view from, std::string_view to) {
    std::string wire = body.wire;
    replace_in(wire, from, to);
    return decode(body.claim, wire).code;
  };
  EXPECT_EQ(code("hello", "jello"), "sigv4.chunk_signature");
  EXPECT_EQ(code("7;chunk-signature=", "8;chunk-signature="), "sigv4.chunk_signature");
  EXPECT_EQ(code("7;chunk-signature=", "6;chunk-signature="), "sigv4.chunk_signature");
  EXPECT_EQ(code("7;chunk-signature=", "ff;chunk-signature="), "sigv4.decoded_length");
  EXPECT_EQ(code("7;chunk-signature=", "ffffffffffffffff;chunk-signature="), "sigv4.chunk_malformed");
  EXPECT_EQ(code("7;chunk-signature=", "00000000000000007;chunk-signature="), "sigv4.chunk_malformed");
  EXPECT_EQ(code("7;chunk-signature=", "-7;chunk-signature="), "sigv4.chunk_malformed");
  EXPECT_EQ(code("7;chunk-signature=", " 7;chunk-signature="), "sigv4.chunk_malformed");
  EXPECT_EQ(code("7;chunk-signature=", ";chunk-signature="), "sigv4.chunk_malformed");
  EXPECT_EQ(code("7;chunk-signature=", "7;chunk-Signature="), "sigv4.chunk_malformed");
  EXPECT_EQ(code("\r\n", "\n"), "sigv4.chunk_malformed");
  EXPECT_EQ(code("\r\n", ";a=b\r\n"), "sigv4.chunk_malformed");
  EXPECT_EQ(decode(body.claim, body.wire + "x").code, "sigv4.chunk_malformed");
  EXPECT_EQ(decode(body.claim, std::string(kMaxChunkLine + 1, '0')).code, "sigv4.chunk_malformed");
  EXPECT_EQ(decode(body.claim, "7\r\nhello, ").code, "sigv4.chunk_malformed");
}

TEST(SigV4Chunks, ChunksCannotBeDroppedRepeatedOrReordered) {
  const Small body = small(kStreamingSigned);
  const std::size_t one = std::string("7;chunk-signature=").size() + 64 + 2 + 7 + 2;
  const std::string first = body.wire.substr(0, one);
  const std::string second = body.wire.substr(one, one);
  const std::string rest = body.wire.substr(2 * one);
  EXPECT_EQ(decode(body.claim, first + second + rest).code, "ok");
  EXPECT_EQ(decode(body.claim, second + first + rest).code, "sigv4.chunk_signature");
  EXPECT_EQ(decode(body.claim, second + rest).code, "sigv4.chunk_signature");
  EXPECT_EQ(decode(body.claim, first + rest).code, "sigv4.chunk_signature");
  EXPECT_EQ(decode(body.claim, first + first + rest).code, "sigv4.chunk_signature");
  // Without its last chunk the body is not the one that was signed, however much of it came.
  EXPECT_EQ(decode(body.claim, first + second).code, "sigv4.incomplete");
  // A chunk of another request, whose head has another signature.
  EXPECT_EQ(decode(small(kStreamingSigned, "", "other data, not as long").claim, body.wire).code,
            "sigv4.chunk_signature");
}

TEST(SigV4Chunks, TheDecodedLengthIsKept) {
  for (std::string_view word : kWords) {
    Small body = small(word);
    SigV4Claim longer = body.claim;
    longer.payload.decoded_length += 1;
    EXPECT_EQ(decode(longer, body.wire).code, "sigv4.decoded_length");
    SigV4Claim shorter = body.claim;
    shorter.payload.decoded_length -= 1;
    EXPECT_EQ(decode(shorter, body.wire).code, "sigv4.decoded_length");
  }
}

TEST(SigV4Chunks, TrailersAreTheAnnouncedOnes) {
  const Small body = small(kStreamingSignedTrailer);
  auto code = [&](std::string_view from, std::string_view to) {
    std::string wire = body.wire;
    replace_in(wire, from, to);
    return decode(body.claim, wire).code;
  };
  EXPECT_EQ(code("x-amz-checksum-crc32:", "x-amz-checksum-crc32c:"), "sigv4.chunk_malformed");
  EXPECT_EQ(code("x-amz-checksum-crc32:", "X-Amz-Checksum-CRC32: \t"), "ok");
  EXPECT_EQ(code("x-amz-checksum-crc32:", "x-amz-meta-a:b\r\nx-amz-checksum-crc32:"), "sigv4.chunk_malformed");
  EXPECT_EQ(code("x-amz-checksum-crc32:", "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:"),
            "sigv4.chunk_malformed");
  EXPECT_EQ(code("x-amz-trailer-signature:", "x-amz-trailer-signature:\r\nx-amz-trailer-signature:"),
            "sigv4.chunk_malformed");
  EXPECT_EQ(code("x-amz-trailer-signature:", "x-amz-trailer-signature:0"), "sigv4.trailer_signature");
  std::string unsigned_end = body.wire.substr(0, body.wire.find("x-amz-trailer-signature")) + "\r\n";
  EXPECT_EQ(decode(body.claim, unsigned_end).code, "sigv4.trailer_signature");
  std::string without = body.wire.substr(0, body.wire.find("x-amz-checksum"));
  EXPECT_EQ(decode(body.claim, without + "\r\n\r\n").code, "sigv4.chunk_malformed");
  EXPECT_EQ(decode(body.claim, without).code, "sigv4.incomplete");
  EXPECT_EQ(decode(body.claim, without + std::string(kMaxTrailerLine + 1, 'a')).code, "sigv4.chunk_malformed");
  // A trailer of another value, properly signed for another body: the seed differs.
  const Small other = small(kStreamingSignedTrailer, "x-amz-checksum-crc32", "hello, chunked wOrld");
  std::string spliced =
      body.wire.substr(0, body.wire.find("x-amz-checksum")) + other.wire.substr(other.wire.find("x-amz-checksum"));
  EXPECT_EQ(decode(body.claim, spliced).code, "sigv4.trailer_signature");
}

TEST(SigV4Chunks, AnUnsignedBodyHasItsChecksum) {
  for (std::string name : {"x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme",
                           "x-amz-checksum-sha1", "x-amz-checksum-sha256"}) {
    const Small body = small(kStreamingUnsignedTrailer, name);
    EXPECT_EQ(decode(body.claim, body.wire).code, "ok") << name;
    std::string wire = body.wire;
    replace_in(wire, "hello", "jello");
    EXPECT_EQ(decode(body.claim, wire).code, "sigv4.checksum") << name;
    EXPECT_EQ(decode(body.claim, wire).trailer, "") << name;
  }
  const Small body = small(kStreamingUnsignedTrailer);
  std::string with_signature = body.wire;
  replace_in(with_signature, "7\r\n", "7;chunk-signature=" + std::string(64, '0') + "\r\n");
  EXPECT_EQ(decode(body.claim, with_signature).code, "sigv4.chunk_malformed");
}

TEST(SigV4Chunks, WhatCannotBeDecodedHasNoDecoder) {
  SigV4Claim claim = small(kStreamingUnsignedTrailer).claim;
  auto code = [](const SigV4Claim& each) { return code_of(ChunkDecoder::make(each, example_key())); };
  claim.payload.trailers = {"x-amz-checksum-md5"};
  EXPECT_EQ(code(claim), "sigv4.unsupported");
  claim.payload.trailers = {"x-amz-checksum-crc32", "x-amz-checksum-sha1"};
  EXPECT_EQ(code(claim), "sigv4.unsupported");
  claim.payload.kind = PayloadKind::unsigned_payload;
  EXPECT_EQ(code(claim), "sigv4.chunk_malformed");
  EXPECT_EQ(code_of(ChunkEncoder::encoded_length(small(kStreamingSigned).claim.payload, 0)), "sigv4.chunk_malformed");
}

TEST(SigV4Chunks, RandomBodiesRandomlyCut) {
  std::mt19937 random(20130524);
  for (int round = 0; round < 300; ++round) {
    std::string data(random() % 3000, '\0');
    for (char& c : data) c = static_cast<char>(random());
    const Small body = small(kWords.at(random() % 3), "x-amz-checksum-crc64nvme", data, 1 + random() % 700);
    Decoded decoded = decode(body.claim, body.wire, 1 + random() % 900);
    ASSERT_EQ(decoded.code, "ok");
    ASSERT_EQ(decoded.data, data);
  }
}

TEST(Checksum, CheckValues) {
  auto of = [](ChecksumKind kind, std::string_view data) {
    Checksum checksum(kind);
    checksum.update(data.substr(0, 1));
    checksum.update(data.substr(1));
    std::string value = checksum.finish();
    EXPECT_EQ(value.size(), checksum_characters(kind));
    return to_hex(*from_base64(value));
  };
  EXPECT_EQ(of(ChecksumKind::crc32, "123456789"), "cbf43926");
  EXPECT_EQ(of(ChecksumKind::crc32c, "123456789"), "e3069283");
  EXPECT_EQ(of(ChecksumKind::crc64nvme, "123456789"), "ae8b14860a799888");
  EXPECT_EQ(of(ChecksumKind::sha1, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(of(ChecksumKind::sha256, "abc"), to_hex(sha256("abc")));
  EXPECT_EQ(checksum_of_header("x-amz-checksum-md5"), std::nullopt);
  EXPECT_EQ(checksum_of_header("x-amz-checksum-type"), std::nullopt);
}

}  // namespace
}  // namespace countersign::auth
