#include "auth/aws_profile.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "fixtures.h"

namespace countersign::auth {
namespace {

constexpr std::string_view kFile =
    "# comment\n"
    "[default]\r\n"
    "aws_access_key_id = AKIADEFAULT\r\n"
    "aws_secret_access_key=secret/of+default==\r\n"
    "\n"
    "[profile deploy]\n"
    "region = eu-west-1\n"
    "s3 =\n"
    "  aws_access_key_id = not this one\n"
    "  max_concurrent_requests = 20\n"
    "; comment\n"
    "aws_access_key_id = AKIADEPLOY\n"
    "aws_secret_access_key = deploy\n"
    "aws_session_token = token==\n"
    "[profile assumed]\n"
    "role_arn = arn:aws:iam::123456789012:role/x\n"
    "source_profile = default\n"
    "[half]\n"
    "aws_access_key_id = AKIAHALF\n"
    "[empty]\n"
    "aws_access_key_id =\n"
    "aws_secret_access_key =\n"
    "[bare]\n"
    "output = json\n";

std::string code(std::string_view text, std::string_view profile) {
  return code_of(parse_aws_profile(text, profile));
}

TEST(AwsProfile, Reads) {
  Result<AwsCredentials> keys = parse_aws_profile(kFile, "default");
  ASSERT_TRUE(keys.has_value());
  EXPECT_EQ(keys->key_id, "AKIADEFAULT");
  EXPECT_EQ(keys->secret.expose(), "secret/of+default==");
  EXPECT_EQ(keys->session_token, "");
  keys = parse_aws_profile(kFile, "deploy");
  ASSERT_TRUE(keys.has_value());
  EXPECT_EQ(keys->key_id, "AKIADEPLOY");
  EXPECT_EQ(keys->session_token, "token==");
}

TEST(AwsProfile, SaysWhatIsMissing) {
  EXPECT_EQ(code(kFile, "other"), "vault.missing");
  EXPECT_EQ(code(kFile, "bare"), "vault.missing");
  EXPECT_EQ(code(kFile, "assumed"), "vault.unsupported_profile");
  EXPECT_EQ(code(kFile, "half"), "vault.malformed");
  EXPECT_EQ(code(kFile, "empty"), "vault.malformed");
  EXPECT_EQ(code("[a]\nno setting\n", "a"), "vault.malformed");
  EXPECT_EQ(code("[a\n", "a"), "vault.malformed");
  EXPECT_EQ(code("[a]\naws_access_key_id=x\naws_access_key_id=y\naws_secret_access_key=z\n", "a"), "vault.malformed");
  EXPECT_EQ(code("[a]\naws_access_key_id=x\naws_secret_access_key=z\n[profile a]\n", "a"), "vault.malformed");
  EXPECT_EQ(code("[a]\naws_access_key_id=x\naws_secret_access_key=z y\n", "a"), "vault.malformed");
  EXPECT_EQ(code(std::string(kMaxProfileFileBytes + 1, '#'), "a"), "vault.malformed");
  EXPECT_EQ(code("", "a"), "vault.missing");
  Result<AwsCredentials> wrong = parse_aws_profile("[a]\naws_secret_access_key=se\tcret\n", "a");
  EXPECT_EQ(wrong.error().message.find("cret"), std::string::npos);
}

TEST(AwsProfile, TheFirstFileWithKeysCounts) {
  TemporaryFolder folder;
  AwsProfileFiles files{folder.path() / "credentials", folder.path() / "config"};
  EXPECT_EQ(code_of(read_aws_profile(files, "a")), "vault.missing");
  std::ofstream(files.config) << "[profile a]\naws_access_key_id=C\naws_secret_access_key=c\n";
  ASSERT_EQ(::chmod(files.config.c_str(), 0600), 0);
  EXPECT_EQ(read_aws_profile(files, "a")->key_id, "C");
  std::ofstream(files.credentials) << "[a]\naws_access_key_id=D\naws_secret_access_key=d\n";
  ASSERT_EQ(::chmod(files.credentials.c_str(), 0644), 0);
  EXPECT_EQ(code_of(read_aws_profile(files, "a")), "vault.permissions");
  ASSERT_EQ(::chmod(files.credentials.c_str(), 0640), 0);
  EXPECT_EQ(read_aws_profile(files, "a")->key_id, "D");
}

}  // namespace
}  // namespace countersign::auth
