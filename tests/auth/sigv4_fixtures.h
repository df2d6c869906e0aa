// What the tests of AWS signatures share: requests, a secret, and the arithmetic of the specification written out once
// more, apart from auth/.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "auth/sigv4.h"
#include "auth/sigv4_sign.h"
#include "core/sha256.h"
#include "fixtures.h"

namespace countersign::auth {

inline constexpr std::string_view kExampleKeyId = "AKIAIOSFODNN7EXAMPLE";
inline constexpr std::string_view kExampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
inline constexpr TimeMs kExampleTime = 1'369'353'600'000;  // 20130524T000000Z
inline const std::string kEmptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

inline AwsCredentials example_credentials(std::string session_token = {}) {
  return {std::string(kExampleKeyId), Secret(std::string(kExampleSecret)), std::move(session_token)};
}

inline RequestHead request(std::string method, std::string target, std::initializer_list<HeaderField> fields) {
  RequestHead head;
  head.method = std::move(method);
  head.target = std::move(target);
  for (const HeaderField& field : fields) head.headers.add(field.name, field.value);
  return head;
}

// `scope`: date/region/service/aws4_request.
inline std::string reference_signature(std::string_view secret, std::string_view time, std::string_view scope,
                                       std::string_view canonical_request) {
  std::string first = "AWS4" + std::string(secret);
  Digest key{};
  ByteView with = as_bytes(first);
  std::string_view rest = scope;
  while (!rest.empty()) {
    std::size_t end = std::min(rest.find('/'), rest.size());
    key = hmac_sha256(with, {as_bytes(rest.substr(0, end))});
    with = key;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::string text =
      "AWS4-HMAC-SHA256\n" + std::string(time) + "\n" + std::string(scope) + "\n" + to_hex(sha256(canonical_request));
  return to_hex(hmac_sha256(key, {as_bytes(text)}));
}

// parse, then verify with the example secret, at the time of signing unless another is given.
inline std::string judge(const RequestHead& head, TimeMs now = kExampleTime,
                         std::string_view body_sha256 = kEmptySha256) {
  Result<SigV4Claim> claim = parse_sigv4(head);
  if (!claim) return claim.error().code;
  return code_of(verify_sigv4(head, *claim, Secret(std::string(kExampleSecret)), now, SigV4Limits{}, body_sha256));
}

// A request to `service`, signed in its head.
inline RequestHead signed_request(std::string method, std::string target, std::string_view service = "s3",
                                  std::string_view payload = kEmptySha256) {
  RequestHead head = request(std::move(method), std::move(target), {{"Host", "service.example"}});
  EXPECT_TRUE(sign_sigv4(head, example_credentials(), "us-east-1", service, payload, kExampleTime).has_value());
  return head;
}

inline RequestHead presigned_request(std::string method, std::string target, TimeMs valid = 600'000,
                                     std::string_view service = "s3") {
  RequestHead head = request(std::move(method), std::move(target), {{"Host", "service.example"}});
  EXPECT_TRUE(presign_sigv4(head, example_credentials(), "us-east-1", service, valid, kExampleTime).has_value());
  return head;
}

inline void replace_in(std::string& text, std::string_view from, std::string_view to) {
  std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

// Changes one field's value in place; its name stays as it was.
inline void edit_field(RequestHead& head, std::string_view name, std::string_view from, std::string_view to) {
  std::string value(head.headers.get(name).value_or(""));
  replace_in(value, from, to);
  head.headers.set(name, value);
}

}  // namespace countersign::auth
