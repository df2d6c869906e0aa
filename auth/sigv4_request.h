// What a request says about its AWS Signature Version 4, read strictly and not yet checked (auth/sigv4.h checks it).
// Pure functions, any thread. Source: "Create a signed AWS API request" of the AWS IAM User Guide; "Authenticating
// Requests (AWS Signature Version 4)" of the Amazon S3 API reference.
//
// A request is signed in exactly one of two forms: in its Authorization field, or in its query (a presigned URL).
// Whatever could be read in two ways is refused: both forms at once, fields or parameters that are repeated, a value
// that could come from two places. Nothing that is missing in one place is looked up in another.
//
// Error codes:
//   sigv4.missing      (unauthenticated) neither form
//   sigv4.ambiguous    (malformed) both forms, or a field or parameter that must be single stands there twice
//   sigv4.malformed    (malformed) a part that breaks its grammar or a limit below
//   sigv4.unsupported  (unsupported) SigV4a (ECDSA), event streams, other algorithms
//   sigv4.unsigned_header (unauthenticated) Host or an x-amz-… field is not among the signed ones
//   sigv4.header_missing  (unauthenticated) a field is said to be signed and is not there
//   sigv4.scope_date   (unauthenticated) the day in the credential is not the day of the request
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/http_head.h"
#include "core/result.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxAuthorizationBytes = 4096;
inline constexpr std::size_t kMaxSignedHeaders = 64;
inline constexpr std::size_t kMaxQueryParameters = 512;
inline constexpr std::size_t kMaxSessionTokenBytes = 8192;
inline constexpr TimeMs kLongestPresign = 7LL * 24 * 3'600'000;               // AWS's own limit
inline constexpr std::uint64_t kMaxDecodedLength = std::uint64_t{50} << 40U;  // 50 TiB: the largest object of S3

enum class SigV4Form : std::uint8_t {
  header,  // Authorization: AWS4-HMAC-SHA256 …
  query,   // ?X-Amz-Algorithm=…: valid for `expires` from `signed_at`
};

// How the signature covers the body.
enum class PayloadKind : std::uint8_t {
  body,                        // by the body's SHA-256, which the head does not state
  sha256,                      // by the body's SHA-256, which the head states
  unsigned_payload,            // not at all: "UNSIGNED-PAYLOAD"
  streaming_signed,            // aws-chunked, each chunk signed
  streaming_signed_trailer,    // the same, and a signed trailer
  streaming_unsigned_trailer,  // aws-chunked, chunks and trailer unsigned: a checksum against accidents
};

struct Payload {
  PayloadKind kind = PayloadKind::body;
  std::string hex;                    // kind sha256: 64 lower-case hexadecimal digits
  std::uint64_t decoded_length = 0;   // streaming kinds: what x-amz-decoded-content-length promises
  std::vector<std::string> trailers;  // trailer kinds: lower-case names that x-amz-trailer announces

  [[nodiscard]] bool is_streaming() const { return kind >= PayloadKind::streaming_signed; }
};

// Claims, not facts, until verify_sigv4 has accepted them.
struct SigV4Claim {
  SigV4Form form = SigV4Form::header;
  std::string access_key;
  std::string session_token;  // empty: none was sent
  std::string date;           // YYYYMMDD of the credential scope; the day of signed_at
  std::string region;
  std::string service;                      // signing name: "s3", "ec2", "dynamodb"
  std::vector<std::string> signed_headers;  // lower case, ascending, each there
  TimeMs signed_at = 0;                     // x-amz-date, or Date where that is absent; whole seconds
  TimeMs expires = 0;                       // query form: how long after signed_at; 0 in the header form
  std::string signature;                    // 64 lower-case hexadecimal digits
  Payload payload;

  // "20130524/us-east-1/s3/aws4_request"
  [[nodiscard]] std::string scope() const { return date + "/" + region + "/" + service + "/aws4_request"; }
  [[nodiscard]] bool is_signed(std::string_view lower_case_name) const;
};

// Whether the request carries AWS authentication at all, in whatever state: an Authorization field of a scheme AWS4…,
// or one of the parameters of the query form.
[[nodiscard]] bool carries_sigv4(const RequestHead& head);

[[nodiscard]] Result<SigV4Claim> parse_sigv4(const RequestHead& head);

// "20130524T000000Z" of a time, and back (whole seconds; sigv4.malformed).
[[nodiscard]] std::string amz_date(TimeMs time);
[[nodiscard]] Result<TimeMs> parse_amz_date(std::string_view text);

}  // namespace countersign::auth
