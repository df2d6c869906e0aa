// aws.verify: what identifying a request signed with the AWS form of a token costs: reading the head, the signature,
// and the token of three blocks; with the signer cached, and without. Beside it, signing for the upstream and reading
// bodies.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "auth/aws_keys.h"
#include "auth/sigv4_chunks.h"
#include "auth/sigv4_sign.h"

namespace countersign::auth {
namespace {

constexpr TimeMs kNow = 1'795'000'600'000;

std::shared_ptr<const KeySet> make_keys() {
  auto keys = std::make_shared<KeySet>();
  keys->keys.emplace("k", Secret(std::string(kRootKeyBytes, 'k')));
  keys->newest = "k";
  return keys;
}

AwsCredentials make_credentials(const KeySet& keys) {
  Claims claims;
  claims.agent = "release-builder";
  claims.owner = "platform-team";
  claims.issued = kNow - 1000;
  claims.expires = kNow + 3'600'000;
  claims.scope = {ScopeRule{.upstreams = {"aws"}, .effects = {Effect::read, Effect::write}}};
  std::string text(issue(keys, claims)->expose());
  for (int i = 1; i < 3; ++i) {
    Caveats caveats{.scope = {ScopeRule{.resources = {"arn:aws:s3:::staging-*"}, .effects = {Effect::read}}},
                    .expires = kNow + 60'000,
                    .who = "reviewer"};
    text = narrow(text, caveats)->expose();
  }
  return std::move(*aws_credentials(text));
}

// What a small call of an SDK looks like: a body of 300 bytes, and the fields around it.
const std::string& body() {
  static const std::string text(300, 'b');
  return text;
}
RequestHead make_head() {
  RequestHead head;
  head.method = "POST";
  head.target = "/aws/";
  head.headers.add("Host", "127.0.0.1:8700");
  head.headers.add("Content-Type", "application/x-amz-json-1.0");
  head.headers.add("X-Amz-Target", "DynamoDB_20120810.GetItem");
  head.headers.add("User-Agent", "Boto3/1.26.27 Python/3.11.2 Linux/6.1 Botocore/1.29.27");
  head.headers.add("Accept-Encoding", "identity");
  head.headers.add("Content-Length", "300");
  return head;
}
RequestHead make_signed(const AwsCredentials& credentials) {
  RequestHead head = make_head();
  if (!sign_sigv4(head, credentials, "us-east-1", "dynamodb", to_hex(sha256(body())), kNow)) std::abort();
  return head;
}

void verify(benchmark::State& state, SignerCache* cache) {
  std::shared_ptr<const KeySet> keys = make_keys();
  RequestHead head = make_signed(make_credentials(*keys));
  for (auto _ : state) {
    Result<SigV4Claim> claim = parse_sigv4(head);
    if (!claim) std::abort();
    auto signer = verify_signer(head, *claim, keys, kNow, SigV4Limits{}, to_hex(sha256(body())), cache);
    if (!signer) std::abort();
    benchmark::DoNotOptimize(signer->get());
  }
}
void verify_cached(benchmark::State& state) {
  SignerCache cache;
  verify(state, &cache);
}
void verify_uncached(benchmark::State& state) {
  verify(state, nullptr);
}
BENCHMARK(verify_cached)->Name("aws.verify");
BENCHMARK(verify_uncached)->Name("aws.verify_uncached");

void sign(benchmark::State& state) {
  AwsCredentials credentials{"AKIDEXAMPLE", Secret(std::string(40, 's')), std::string(400, 't')};
  RequestHead head = make_signed(credentials);
  const std::string payload = to_hex(sha256(body()));
  for (auto _ : state) {
    Result<SigV4Claim> claim = sign_sigv4(head, credentials, "us-east-1", "dynamodb", payload, kNow);
    if (!claim) std::abort();
    benchmark::DoNotOptimize(claim->signature.data());
  }
}
BENCHMARK(sign)->Name("aws.sign");

// Bytes per second of a body of 8 MiB in chunks of 64 KiB.
void decode(benchmark::State& state, std::string_view word, const char* checksum) {
  const std::string data(std::size_t{8} << 20U, 'd');
  AwsCredentials credentials{"AKIDEXAMPLE", Secret(std::string(40, 's')), ""};
  RequestHead head = make_head();
  head.headers.add("x-amz-decoded-content-length", std::to_string(data.size()));
  head.headers.add("x-amz-trailer", checksum);
  SigV4Claim claim = *sign_sigv4(head, credentials, "us-east-1", "s3", word, kNow);
  const SigningKey key(credentials.secret, claim.date, claim.region, claim.service);
  ChunkEncoder encoder = *ChunkEncoder::make(claim, key);
  std::string wire;
  constexpr std::size_t kChunk = 65536;
  for (std::size_t at = 0; at < data.size(); at += kChunk)
    encoder.chunk(std::string_view(data).substr(at, kChunk), wire);
  encoder.finish(wire);
  std::string out;
  for (auto _ : state) {
    ChunkDecoder decoder = *ChunkDecoder::make(claim, key);
    for (std::size_t at = 0; at < wire.size(); at += kChunk) {
      out.clear();
      if (!decoder.feed(std::string_view(wire).substr(at, kChunk), out)) std::abort();
      benchmark::DoNotOptimize(out.data());
    }
    if (!decoder.finish()) std::abort();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(data.size()));
}
void decode_signed(benchmark::State& state) {
  decode(state, kStreamingSignedTrailer, "x-amz-checksum-crc32");
}
void decode_unsigned(benchmark::State& state) {
  decode(state, kStreamingUnsignedTrailer, "x-amz-checksum-crc64nvme");
}
BENCHMARK(decode_signed)->Name("aws.decode_signed_8mib")->Unit(benchmark::kMicrosecond);
BENCHMARK(decode_unsigned)->Name("aws.decode_unsigned_8mib")->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace countersign::auth

BENCHMARK_MAIN();
