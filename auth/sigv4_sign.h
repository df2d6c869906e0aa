// Signs requests on their way to AWS. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "auth/aws_credentials.h"
#include "auth/sigv4.h"
#include "core/http_head.h"
#include "core/result.h"

namespace countersign::auth {

// Removes what a client's own signature and credentials left in the head: the fields Authorization, Date, X-Amz-Date,
// X-Amz-Security-Token, X-Amz-S3session-Token, X-Amz-Content-Sha256, everything auth/strip.h knows, and the parameters
// X-Amz-… of the query form. Every other byte of the target stays as it was.
void strip_sigv4(RequestHead& head);

// For a body that goes on decoded: takes aws-chunked out of Content-Encoding (other codings stay) and removes
// X-Amz-Decoded-Content-Length and X-Amz-Trailer. Content-Length is the caller's to set.
void drop_chunking(HeaderList& headers);

// Strips, and signs again: sets X-Amz-Date, X-Amz-Content-Sha256, X-Amz-Security-Token (when there is a session token)
// and Authorization. `payload` is the body's SHA-256 in hexadecimal or one of the literal words of auth/sigv4.h; for
// the streaming kinds the fields x-amz-decoded-content-length and x-amz-trailer must be set already. Signed are Host,
// Content-Type, Content-MD5, Content-Encoding, Range and every x-amz-… field. Host must be the upstream's, set by the
// caller: sigv4.malformed without exactly one.
//
// The claim that parse_sigv4 would read from the result: its signature is the seed of a ChunkEncoder.
[[nodiscard]] Result<SigV4Claim> sign_sigv4(RequestHead& head, const AwsCredentials& credentials,
                                            std::string_view region, std::string_view service, std::string_view payload,
                                            TimeMs now);

// Signs in the query: a URL that works for `valid` from now on. Headers other than Host are not signed, and must not be
// x-amz-… ones (sigv4.malformed). The payload is UNSIGNED-PAYLOAD for S3 and the empty body elsewhere.
[[nodiscard]] Result<SigV4Claim> presign_sigv4(RequestHead& head, const AwsCredentials& credentials,
                                               std::string_view region, std::string_view service, TimeMs valid,
                                               TimeMs now);

}  // namespace countersign::auth
