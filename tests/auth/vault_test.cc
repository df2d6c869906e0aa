#include "auth/vault.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

#include "fixtures.h"

namespace countersign::auth {
namespace {

using config::Credential;
using config::SecretSource;

config::Upstream upstream(std::string name, Credential credential) {
  config::Upstream out;
  out.name = std::move(name);
  out.credential = std::move(credential);
  return out;
}

class VaultTest : public ::testing::Test {
 protected:
  std::string file(std::string_view name, std::string_view content, ::mode_t mode = 0600) {
    std::string path = (folder_.path() / name).string();
    std::ofstream(path, std::ios::binary) << content;
    ::chmod(path.c_str(), mode);
    return path;
  }
  static SecretSource from_file(std::string path) { return {SecretSource::Kind::file, std::move(path)}; }
  static SecretSource from_environment(std::string name) { return {SecretSource::Kind::environment, std::move(name)}; }
  TemporaryFolder folder_;
};

TEST_F(VaultTest, WritesEachKindOfCredential) {
  ::setenv("COUNTERSIGN_TEST_SECRET", "s3cret", 1);
  SecretSource secret = from_environment("COUNTERSIGN_TEST_SECRET");
  auto vault = Vault::open({
      upstream("none", {}),
      upstream("basic", {Credential::Kind::basic, "ci", "", secret}),
      upstream("bearer", {Credential::Kind::bearer, "", "", secret}),
      upstream("header", {Credential::Kind::header, "", "X-Api-Key", from_file(file("key", "from-file\r\n"))}),
  });
  ASSERT_TRUE(vault.has_value());
  auto value = [&](std::string_view name, std::string_view field) {
    HeaderList headers;
    headers.add("Host", "h");
    headers.add("authorization", "the agent's own");
    headers.add("x-api-key", "the agent's own");
    EXPECT_TRUE((*vault)->inject(name, headers).has_value());
    EXPECT_EQ(headers.count(field), 1U);
    return std::string(*headers.get(field));
  };
  EXPECT_EQ(value("basic", "Authorization"), "Basic Y2k6czNjcmV0");
  EXPECT_EQ(value("bearer", "Authorization"), "Bearer s3cret");
  EXPECT_EQ(value("header", "X-Api-Key"), "from-file");
  EXPECT_EQ(value("none", "Host"), "h");
  HeaderList headers;
  EXPECT_EQ(code_of((*vault)->inject("other", headers)), "vault.unknown_upstream");
  EXPECT_TRUE(headers.fields().empty());
}

TEST_F(VaultTest, SeesItsCredentialInWhatAnUpstreamSays) {
  ::setenv("COUNTERSIGN_TEST_SECRET", "correct-horse", 1);
  ::setenv("COUNTERSIGN_TEST_SHORT", "s3cret", 1);
  const SecretSource secret = from_environment("COUNTERSIGN_TEST_SECRET");
  const SecretSource brief = from_environment("COUNTERSIGN_TEST_SHORT");
  auto vault = Vault::open({
      upstream("none", {}),
      upstream("basic", {Credential::Kind::basic, "ci", "", secret}),
      upstream("bearer", {Credential::Kind::bearer, "", "", secret}),
      upstream("header", {Credential::Kind::header, "", "X-Api-Key", secret}),
      upstream("brief", {Credential::Kind::basic, "ci", "", brief}),
  });
  ASSERT_TRUE(vault.has_value());
  EXPECT_TRUE((*vault)->shows("basic", "Basic Y2k6Y29ycmVjdC1ob3JzZQ=="));
  EXPECT_TRUE((*vault)->shows("basic", "basic  Y2k6Y29ycmVjdC1ob3JzZQ=="));
  EXPECT_TRUE((*vault)->shows("basic", "https://ci:correct-horse@host/x"));
  EXPECT_TRUE((*vault)->shows("bearer", "https://host/x?private_token=correct-horse&y"));
  EXPECT_TRUE((*vault)->shows("bearer", "Bearer correct-horse"));
  EXPECT_TRUE((*vault)->shows("header", "correct-horse"));
  EXPECT_TRUE((*vault)->shows("brief", "Basic Y2k6czNjcmV0"));
  EXPECT_TRUE((*vault)->shows("brief", "s3cret"));
  EXPECT_FALSE((*vault)->shows("brief", "as3cretb")) << "short ones would be seen everywhere";
  EXPECT_FALSE((*vault)->shows("basic", "Basic Y2k6"));
  EXPECT_FALSE((*vault)->shows("basic", "ci"));
  EXPECT_FALSE((*vault)->shows("bearer", ""));
  EXPECT_FALSE((*vault)->shows("none", "correct-horse"));
  EXPECT_FALSE((*vault)->shows("other", "correct-horse"));
}

TEST_F(VaultTest, ReadsTheKeysOfAnAccountAtAws) {
  using config::AwsKeys;
  const std::string shared =
      file("credentials", "[deploy]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = profile-secret\n");
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", shared.c_str(), 1);
  ::setenv("AWS_CONFIG_FILE", (folder_.path() / "none").c_str(), 1);
  ::setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "environment-secret", 1);
  ::unsetenv("AWS_SESSION_TOKEN");
  ::setenv("COUNTERSIGN_TEST_SECRET", "source-secret", 1);
  auto keys = [](AwsKeys::From from) {
    Credential credential;
    credential.kind = Credential::Kind::aws;
    credential.aws.from = from;
    return credential;
  };
  Credential profile = keys(AwsKeys::From::profile);
  profile.aws.profile = "deploy";
  Credential sources = keys(AwsKeys::From::sources);
  sources.aws.access_key = from_environment("AWS_ACCESS_KEY_ID");
  sources.aws.secret_key = from_environment("COUNTERSIGN_TEST_SECRET");
  sources.aws.session_token = from_environment("AWS_ACCESS_KEY_ID");
  auto vault = Vault::open(
      {upstream("env", keys(AwsKeys::From::environment)), upstream("profile", profile), upstream("sources", sources)});
  ASSERT_TRUE(vault.has_value()) << vault.error().message;
  EXPECT_EQ((*(*vault)->aws("env"))->key_id, "AKIAENVIRONMENT");
  EXPECT_EQ((*(*vault)->aws("env"))->secret.expose(), "environment-secret");
  EXPECT_EQ((*(*vault)->aws("env"))->session_token, "");
  EXPECT_EQ((*(*vault)->aws("profile"))->key_id, "AKIAPROFILE");
  EXPECT_EQ((*(*vault)->aws("profile"))->secret.expose(), "profile-secret");
  EXPECT_EQ((*(*vault)->aws("sources"))->secret.expose(), "source-secret");
  EXPECT_EQ((*(*vault)->aws("sources"))->session_token, "AKIAENVIRONMENT");
  EXPECT_EQ(code_of((*vault)->aws("other")), "vault.missing");
  EXPECT_TRUE((*vault)->shows("profile", "{\"key\":\"profile-secret\"}"));
  EXPECT_FALSE((*vault)->shows("profile", "AKIAPROFILE"));  // names the secret, is none
  HeaderList headers;
  EXPECT_EQ(code_of((*vault)->inject("env", headers)), "vault.not_static");

  profile.aws.profile = "other";
  auto missing = Vault::open({upstream("profile", profile)});
  EXPECT_EQ(code_of(missing), "vault.missing");
  EXPECT_NE(missing.error().message.find("other"), std::string::npos);
}

TEST_F(VaultTest, TagsAreLookedUpWithKeysOfTheirOwn) {
  ::setenv("COUNTERSIGN_TEST_OWN", "own", 1);
  ::setenv("COUNTERSIGN_TEST_READER", "reader", 1);
  const auto keys = [](const char* name) {
    config::AwsKeys out;
    out.from = config::AwsKeys::From::sources;
    out.access_key = out.secret_key = from_environment(name);
    return out;
  };
  Credential own{.kind = Credential::Kind::aws, .aws = keys("COUNTERSIGN_TEST_OWN")};
  config::Upstream both = upstream("both", own);
  both.aws.tags.emplace().credential = keys("COUNTERSIGN_TEST_READER");
  config::Upstream one = upstream("one", own);
  one.aws.tags.emplace();
  auto vault = Vault::open({both, one});
  ASSERT_TRUE(vault) << vault.error().message;
  EXPECT_EQ((*(*vault)->aws("both"))->key_id, "own");
  EXPECT_EQ((*(*vault)->aws_for_tags("both"))->key_id, "reader");
  EXPECT_EQ((*(*vault)->aws_for_tags("one"))->key_id, "own");
  EXPECT_FALSE((*vault)->aws_for_tags("none"));
}

TEST_F(VaultTest, NamesTheSourceButNeverTheValue) {
  struct Case {
    SecretSource source;
    std::string code;
  };
  ::unsetenv("COUNTERSIGN_TEST_UNSET");
  ::setenv("COUNTERSIGN_TEST_EMPTY", "", 1);
  ::setenv("COUNTERSIGN_TEST_BROKEN", "hunter2\r\nX-Evil: 1", 1);
  for (const Case& c : {
           Case{from_environment("COUNTERSIGN_TEST_UNSET"), "vault.missing"},
           Case{from_environment("COUNTERSIGN_TEST_EMPTY"), "vault.malformed"},
           Case{from_environment("COUNTERSIGN_TEST_BROKEN"), "vault.malformed"},
           Case{from_file((folder_.path() / "absent").string()), "vault.missing"},
           Case{from_file(folder_.path().string()), "vault.unreadable"},
           Case{from_file(file("empty", "\n")), "vault.malformed"},
           Case{from_file(file("two-lines", "hunter2\nhunter2\n")), "vault.malformed"},
           Case{from_file(file("long", std::string(kMaxSecretBytes + 1, 'x'))), "vault.malformed"},
           Case{from_file(file("zero", std::string("hunter2\0x", 9))), "vault.malformed"},
           Case{from_file(file("open", "hunter2", 0644)), "vault.permissions"},
       }) {
    Result<Secret> secret = read_secret(c.source);
    EXPECT_EQ(code_of(secret), c.code) << c.source.name;
    if (!secret) {
      EXPECT_FALSE(secret.error().message.contains("hunter2"));
      EXPECT_TRUE(secret.error().message.contains(c.source.name));
    }
  }
  EXPECT_TRUE(read_secret(from_file(file("limit", std::string(kMaxSecretBytes, 'x')))).has_value());
}

TEST_F(VaultTest, ASecretThatIsMissingStopsTheStart) {
  ::unsetenv("COUNTERSIGN_TEST_UNSET");
  auto vault =
      Vault::open({upstream("origin", {Credential::Kind::bearer, "", "", from_environment("COUNTERSIGN_TEST_UNSET")})});
  ASSERT_FALSE(vault.has_value());
  EXPECT_TRUE(vault.error().message.contains("origin"));
  SecretSource secret = from_file(file("s", "x"));
  EXPECT_EQ(code_of(Vault::open({upstream("u", {Credential::Kind::basic, "a:b", "", secret})})), "vault.malformed");
  EXPECT_EQ(code_of(Vault::open({upstream("u", {Credential::Kind::header, "", "X Y", secret})})), "vault.malformed");
  EXPECT_EQ(code_of(Vault::open({upstream("u", {Credential::Kind::header, "", "", secret})})), "vault.malformed");
}

TEST_F(VaultTest, ReloadReadsFilesAgainOrChangesNothing) {
  std::string path = file("s", "old");
  auto vault = Vault::open({upstream("u", {Credential::Kind::bearer, "", "", from_file(path)})});
  ASSERT_TRUE(vault.has_value());
  auto sent = [&] {
    HeaderList headers;
    EXPECT_TRUE((*vault)->inject("u", headers).has_value());
    return std::string(*headers.get("Authorization"));
  };
  file("s", "new");
  EXPECT_EQ(sent(), "Bearer old");
  EXPECT_TRUE((*vault)->reload().has_value());
  EXPECT_EQ(sent(), "Bearer new");
  std::filesystem::remove(path);
  EXPECT_EQ(code_of((*vault)->reload()), "vault.missing");
  EXPECT_EQ(sent(), "Bearer new");
}

}  // namespace
}  // namespace countersign::auth
