// Keys from the files AWS tools share: ~/.aws/credentials and ~/.aws/config. Any thread.
// Source: "Configuration and credential file settings" of the AWS CLI's User Guide.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "auth/aws_credentials.h"
#include "core/result.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxProfileFileBytes = 1U << 20;

// The long-lived or temporary keys of `profile` in the text of such a file: aws_access_key_id, aws_secret_access_key
// and, where it has one, aws_session_token, of the section [profile] or [profile NAME]. A section that stands there
// twice, or a setting in it, is refused. Codes (unavailable): vault.missing (no such section, or none of the keys),
// vault.malformed (a line, or a value that is none), vault.unsupported_profile: it says how to get keys (role_arn,
// sso_…, credential_process, web_identity_token_file) instead of which. Messages name the profile, never a value.
[[nodiscard]] Result<AwsCredentials> parse_aws_profile(std::string_view text, std::string_view profile);

struct AwsProfileFiles {
  std::filesystem::path credentials;
  std::filesystem::path config;
};
// AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE, or the ones in the home folder.
[[nodiscard]] AwsProfileFiles aws_profile_files();

// From the first of the files that has keys of the profile. vault.permissions when that file can be read by every user
// of this machine.
[[nodiscard]] Result<AwsCredentials> read_aws_profile(const AwsProfileFiles& files, std::string_view profile);

}  // namespace countersign::auth
