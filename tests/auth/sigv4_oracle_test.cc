// The signer of the AWS SDK for Python against ours, in both directions, on random requests
// (tests/auth/sigv4_oracle.py; scripts/setup installs Debian's python3-botocore).
#include <gtest/gtest.h>
#include <stdio.h>

#include <fstream>
#include <random>

#include "auth/sigv4_chunks.h"
#include "core/json.h"
#include "sigv4_fixtures.h"

namespace countersign::auth {
namespace {

// The standard output of the oracle.
std::string run_oracle(const std::string& arguments) {
  std::string command = std::string(COUNTERSIGN_SYSTEM_PYTHON) + " -B " + COUNTERSIGN_SOURCE_DIR +
                        "/tests/auth/sigv4_oracle.py " + arguments;
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 65536> buffer{};
  while (std::size_t got = ::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), got);
  EXPECT_EQ(::pclose(pipe), 0) << "botocore does not run: scripts/setup installs python3-botocore";
  return out;
}

std::string text(const Json& json, std::string_view name) {
  return json[std::string(name)].get<std::string>();
}

TEST(SigV4Oracle, WhatBotocoreSignsVerifies) {
  Result<Json> cases = parse_json(run_oracle("generate 2000 20261121"));
  ASSERT_TRUE(cases.has_value());
  ASSERT_EQ(cases->size(), 2000U);
  std::size_t presigned = 0;
  std::size_t unsigned_payloads = 0;
  for (const Json& each : *cases) {
    SCOPED_TRACE(each.dump());
    RequestHead head;
    head.method = text(each, "method");
    head.target = text(each, "target");
    for (const Json& field : each["headers"])
      head.headers.add(field[0].get<std::string>(), field[1].get<std::string>());
    Result<SigV4Claim> claim = parse_sigv4(head);
    ASSERT_TRUE(claim.has_value()) << claim.error().code << ": " << claim.error().message;
    EXPECT_EQ(claim->access_key, text(each, "key"));
    EXPECT_EQ(claim->session_token, text(each, "token"));
    EXPECT_EQ(claim->service, text(each, "service"));
    const Secret secret(text(each, "secret"));
    const Bytes body = *from_hex(text(each, "body"));
    const std::string digest = to_hex(sha256(body));
    const TimeMs now = *parse_amz_date(text(each, "time"));
    ASSERT_EQ(code_of(verify_sigv4(head, *claim, secret, now, SigV4Limits{}, digest)), "ok");

    RequestHead changed = head;
    changed.method += "X";
    EXPECT_NE(code_of(verify_sigv4(changed, *claim, secret, now, SigV4Limits{}, digest)), "ok");
    if (claim->payload.kind != PayloadKind::unsigned_payload) {
      EXPECT_NE(code_of(verify_sigv4(head, *claim, secret, now, SigV4Limits{}, std::string(64, '1'))), "ok");
    } else {
      ++unsigned_payloads;
    }
    presigned += claim->form == SigV4Form::query ? 1 : 0;
  }
  EXPECT_GT(presigned, 300U);
  EXPECT_GT(unsigned_payloads, 200U);
}

TEST(SigV4Oracle, WhatWeSignBotocoreSignsAlike) {
  std::mt19937 random(20261121);
  auto some = [&](std::string_view characters, std::size_t most) {
    std::string out;
    for (std::size_t count = random() % (most + 1); count > 0; --count) out += characters[random() % characters.size()];
    return out;
  };
  constexpr std::array<std::string_view, 6> kServices = {"s3", "s3", "ec2", "iam", "lambda", "dynamodb"};
  constexpr std::array<std::string_view, 4> kNames = {"Content-Type", "X-Amz-Meta-A", "x-amz-tagging", "Range"};
  constexpr std::string_view kPathCharacters = "abcXYZ019-._~!$&'()*+,;=:@/";
  constexpr std::string_view kPlain = "abcXYZ019-._~";
  Json cases = Json::array();
  for (int i = 0; i < 1000; ++i) {
    std::string service(kServices.at(random() % kServices.size()));
    RequestHead head = request("POST", "/a" + some(kPathCharacters, 20), {{"Host", "service.example"}});
    if (random() % 2 == 0) {
      head.target += "?" + some(kPlain, 5) + "n=" + some(kPlain, 5) + "&n=%2F%20" + some(kPlain, 3);
    }
    for (std::string_view name : kNames) {
      if (random() % 2 == 0) head.headers.add(name, "v" + some("ab ,;=\"", 10) + "v");
    }
    if (random() % 4 == 0) head.headers.add("X-Amz-Meta-A", "again  and again");
    AwsCredentials credentials{"AKIDEXAMPLE", Secret(some(kPlain, 40)), random() % 2 == 0 ? "token" : ""};
    const TimeMs now = kExampleTime + static_cast<TimeMs>(random()) * 1000;
    const std::string payload = random() % 3 == 0 ? std::string(kUnsignedPayload) : to_hex(sha256(service));
    Result<SigV4Claim> claim = sign_sigv4(head, credentials, "us-east-1", service, payload, now);
    ASSERT_TRUE(claim.has_value()) << claim.error().message;
    Json headers = Json::array();
    for (const HeaderField& field : head.headers.fields()) headers.push_back({field.name, field.value});
    std::string names;
    for (const std::string& name : claim->signed_headers) names += (names.empty() ? "" : ";") + name;
    cases.push_back({{"method", head.method},
                     {"target", head.target},
                     {"headers", headers},
                     {"key", credentials.key_id},
                     {"secret", std::string(credentials.secret.expose())},
                     {"token", credentials.session_token},
                     {"service", service},
                     {"region", "us-east-1"},
                     {"time", amz_date(now)},
                     {"signed", names},
                     {"signature", claim->signature}});
  }
  TemporaryFolder folder;
  const std::string path = (folder.path() / "ours.json").string();
  std::ofstream(path) << cases.dump();
  EXPECT_EQ(run_oracle("check " + path), "checked 1000\n");
}

TEST(SigV4Oracle, WhatBotocoreUploadsDecodes) {
  Result<Json> bodies = parse_json(run_oracle("chunked 500 20261121"));
  ASSERT_TRUE(bodies.has_value());
  ASSERT_EQ(bodies->size(), 500U);
  for (const Json& each : *bodies) {
    SCOPED_TRACE(each.dump());
    const Bytes data = *from_hex(text(each, "data"));
    const Bytes wire = *from_hex(text(each, "wire"));
    SigV4Claim claim;
    claim.signature = std::string(64, '0');
    claim.payload.kind = PayloadKind::streaming_unsigned_trailer;
    claim.payload.decoded_length = data.size();
    claim.payload.trailers = {text(each, "trailer")};
    ChunkDecoder decoder = *ChunkDecoder::make(claim, SigningKey());
    std::string decoded;
    ASSERT_EQ(code_of(decoder.feed(as_text(wire), decoded)), "ok");
    ASSERT_EQ(code_of(decoder.finish()), "ok");
    EXPECT_EQ(decoded, as_text(data));
  }
}

}  // namespace
}  // namespace countersign::auth
