// The questions that are asked of AWS's Security Token Service, and its answers. No sockets: proxy/aws_sessions.h asks
// and keeps. Pure functions, any thread.
//
// Source: AWS STS API Reference, AssumeRole and AssumeRoleWithWebIdentity (version 2011-06-15).
//
// Errors of this file are unavailable, aws.credential_unavailable: no request leaves without its credential, and none
// with a wider one. No message has a part of a key, a token or a policy in it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "auth/aws_credentials.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/http_head.h"
#include "core/result.h"
#include "core/secret.h"

namespace countersign::proxy {

inline constexpr std::size_t kMaxStsAnswer = 64U << 10;  // bytes
inline constexpr std::size_t kMaxWebToken = 20'000;      // characters: STS takes no longer one
inline constexpr TimeMs kLongestChained = 3'600'000;     // of a role that is taken on with another role's session

// `agent` in the letters that STS has for names ([\w+=,.@-], 2 to 64 characters), and different for different agents:
// one that has others, or is too long, ends in a part of its digest. Also in user agents and SourceIdentity.
[[nodiscard]] std::string sts_name(std::string_view agent);
// RoleSessionName: the agent, and the end of the operation for which the session is made.
[[nodiscard]] std::string sts_session_name(std::string_view agent, std::string_view operation);

// The bodies of the two calls (application/x-www-form-urlencoded).
struct RoleWish {
  std::string agent;      // empty: the gateway itself
  std::string operation;  // UUID of its records
  std::string policy;     // session policy, or empty
  TimeMs duration = 0;    // the most there may be
};
[[nodiscard]] std::string assume_role_body(const config::AwsRole& role, const RoleWish& wish);
[[nodiscard]] Secret web_identity_body(std::string_view role, std::string_view token);
// POST /, without a signature.
[[nodiscard]] RequestHead sts_head();

// The token in that file, which its issuer replaces from time to time. It may be readable by others than us: that is
// how platforms mount it, and it is worth something only to who reaches STS within its time.
[[nodiscard]] Result<Secret> read_web_token(const std::string& path);

struct StsSession {
  auth::AwsCredentials keys;
  TimeMs expires = 0;  // by AWS's clock
};
// `call` is "AssumeRole" or "AssumeRoleWithWebIdentity". Of a refusal the message has AWS's code and status.
[[nodiscard]] Result<StsSession> read_sts_answer(std::string_view call, int status, std::string_view body);

// Whether an answer's head and the first bytes of its body (all, if it has no more than kMaxRefusal) say that AWS does
// not take the keys of the request: they have ended, or were revoked. Nothing was done then.
inline constexpr std::size_t kMaxRefusal = 4096;
[[nodiscard]] bool refuses_keys(const ResponseHead& head, std::string_view body);

// "sts.eu-central-1.amazonaws.com"; a region that is none gets no answer: aws.credential_unavailable.
[[nodiscard]] Result<std::string> sts_endpoint(std::string_view region, std::string_view partition);

}  // namespace countersign::proxy
