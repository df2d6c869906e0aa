// Sessions of AWS's Security Token Service that the gateway answers itself: sts:AssumeRole, GetSessionToken and
// GetFederationToken give keys of a child of the caller's own token, which may do no more than the caller may, and
// nothing that AWS would take. What is asked for is read here, strictly: whatever cannot be kept is refused, not
// ignored. Pure, any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/result.h"
#include "proxy/adapters/aws_request.h"
#include "scopes/scope.h"

namespace countersign::adapters {

struct AwsSession {
  enum class Kind : std::uint8_t { role, caller, federated };  // AssumeRole, GetSessionToken, GetFederationToken
  Kind kind = Kind::role;
  std::string account;  // 12 digits; zeros where nothing says which
  std::string partition = "aws";
  std::string role_arn;  // kind role
  std::string role;      // its name, without path
  std::string name;      // of the session, or of who is federated; empty for kind caller
  TimeMs duration = 0;
  std::vector<std::string> actions;  // patterns; empty: whatever the caller may
};

// Which upstream serves which account, by its 12 digits.
using AwsAccounts = std::map<std::string, std::string, std::less<>>;

// nullopt: it asks for something else. Errors, beside those of aws_session_policy.h, of kind invalid unless said
// otherwise: aws.session_role (a role that is none), aws.role_of_another_account (forbidden), aws.session_name,
// aws.session_duration, aws.session_policy_arns, aws.session_unread (the request was not read whole).
[[nodiscard]] Result<std::optional<AwsSession>> read_aws_session(const config::Upstream& upstream,
                                                                 const AwsAccounts& accounts,
                                                                 const AwsRequest& request);

// The request as policies are to see it: it only narrows (Reach::narrowing) and reads the role; among its flags stands
// kAwsNarrowedSession instead of "mints_credentials".
void narrow_request(const config::Upstream& upstream, AwsRequest& request);

// The name of a session as a token's `who`: "session/ci", "federated/ci". What names of AWS may hold and ours may not
// ('=' and ',') becomes ':' and '/', which theirs may not hold.
[[nodiscard]] std::string delegate_of(const AwsSession& session);

// What STS answers: XML, or JSON as query services write it.
enum class AwsSessionForm : std::uint8_t { xml, json };
struct AwsSessionKeys {
  std::string_view key_id;
  std::string_view secret;
  std::string_view token;
  TimeMs expires = 0;
};
[[nodiscard]] std::string session_answer(const AwsSession& session, const AwsSessionKeys& keys,
                                         std::string_view request_id, AwsSessionForm form);

}  // namespace countersign::adapters
