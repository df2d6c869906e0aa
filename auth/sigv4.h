// AWS Signature Version 4: what is signed, and whether it was. Pure functions, any thread.
// Source: "Create a signed AWS API request" of the AWS IAM User Guide.
//
//   verify_sigv4 is the one check every request passes, whatever the form and the kind of payload, before anything is
//   done about it. For the streaming kinds it proves the head; the chunks prove themselves one by one
//   (auth/sigv4_chunks.h), and nothing may be acted upon before the last of them did.
//
// Error codes, beside those of auth/sigv4_request.h (ErrorKind::unauthenticated unless said otherwise):
//   sigv4.skew              signed too long ago, or in the future
//   sigv4.expired           a presigned URL that is no longer valid
//   sigv4.presign_too_long  (malformed) a presigned URL that wants to live longer than allowed
//   sigv4.bad_signature     the signature is not that of this secret over this request
//   sigv4.payload_mismatch  the body is not the one whose digest was signed
//   sigv4.body_needed       (internal) the signature covers the body's digest, which was not given
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/sigv4_request.h"
#include "core/secret.h"
#include "core/sha256.h"

namespace countersign::auth {

// How the path of the request line becomes the path that is signed.
enum class PathStyle : std::uint8_t {
  normalised_twice_encoded,  // dot segments and empty segments removed, then percent-encoded once more
  verbatim,                  // S3: the bytes on the wire
};
[[nodiscard]] PathStyle path_style(std::string_view service);

[[nodiscard]] std::string canonical_path(std::string_view path, PathStyle style);
// Each pair decoded and encoded again, sorted by name and then by value. X-Amz-Signature is left out in the query
// form. A '+' is a plus sign. sigv4.malformed: a broken percent-encoding, or more than kMaxQueryParameters pairs.
[[nodiscard]] Result<std::string> canonical_query(std::string_view query, SigV4Form form);
// `payload`: the last line, a digest or one of the literal words. sigv4.header_missing: a signed field is not there.
[[nodiscard]] Result<std::string> canonical_request(const RequestHead& head,
                                                    const std::vector<std::string>& signed_headers, SigV4Form form,
                                                    PathStyle style, std::string_view payload);
// `scope`: as SigV4Claim::scope.
[[nodiscard]] std::string string_to_sign(TimeMs signed_at, std::string_view scope, std::string_view canonical_request);

// The key of one day, region and service: what signs requests and chunks. Secret; wiped when it goes.
class SigningKey {
 public:
  SigningKey() = default;
  SigningKey(const Secret& secret, std::string_view date, std::string_view region, std::string_view service);
  SigningKey(const SigningKey&) = default;
  SigningKey& operator=(const SigningKey&) = default;
  ~SigningKey();

  // 64 lower-case hexadecimal digits.
  [[nodiscard]] std::string sign(std::string_view text) const;

 private:
  Digest key_{};
};

struct SigV4Limits {
  TimeMs skew = 5LL * 60'000;  // how far signed_at may be from our clock, either way
  TimeMs longest_presign = kLongestPresign;
};

// Everything about the claim that needs no key: the times. Called by verify_sigv4 first.
[[nodiscard]] Status check_times(const SigV4Claim& claim, TimeMs now, const SigV4Limits& limits);

// Whether the signature is that of `key` (or `secret`) over this request. `claim` is what parse_sigv4 read from `head`.
// `body_sha256`: lower-case hexadecimal, of the whole body; may be empty for payloads other than PayloadKind::body.
// When it is given and the payload is PayloadKind::sha256, it has to be the one that was signed; when it is not given,
// the caller must pass check_body before the body has any effect.
[[nodiscard]] Status verify_sigv4(const RequestHead& head, const SigV4Claim& claim, const SigningKey& key, TimeMs now,
                                  const SigV4Limits& limits, std::string_view body_sha256 = {});
[[nodiscard]] Status verify_sigv4(const RequestHead& head, const SigV4Claim& claim, const Secret& secret, TimeMs now,
                                  const SigV4Limits& limits, std::string_view body_sha256 = {});

// sigv4.payload_mismatch when the payload states another digest. Nothing to compare for the other kinds.
[[nodiscard]] Status check_body(const SigV4Claim& claim, std::string_view body_sha256);

// The literal words of x-amz-content-sha256.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
inline constexpr std::string_view kStreamingSigned = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
inline constexpr std::string_view kStreamingSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
inline constexpr std::string_view kStreamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

}  // namespace countersign::auth
