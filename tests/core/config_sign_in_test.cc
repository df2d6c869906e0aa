// The part `sign_in:` of the configuration.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/config_load.h"

namespace countersign::config {
namespace {

Loaded read_with(const std::string& sign_in) {
  const std::string rest = "\nupstreams: [ { name: a, protocol: http, url: \"http://a/\" } ]\n";
  return read("/nowhere/countersign.yaml", sign_in + rest, {.files = Check::no, .secrets = Check::yes});
}

// The first problem's message, or empty.
std::string problem_in(const std::string& sign_in) {
  Loaded loaded = read_with(sign_in);
  return loaded.problems.empty() ? "" : loaded.problems[0].message;
}
std::string oidc_problem(const std::string& keys) {
  return problem_in("sign_in: { oidc: { issuer: \"https://i.example.com\", client_id: c, " + keys + " } }");
}

TEST(ConfigSignIn, Defaults) {
  Loaded loaded = read_with("");
  ASSERT_TRUE(loaded.ok()) << format_problems(loaded.problems);
  const SignIn& sign_in = loaded.config.sign_in;
  EXPECT_TRUE(sign_in.passwords);
  EXPECT_FALSE(sign_in.oidc);
  EXPECT_EQ(sign_in.idle, 30 * 60'000);
  EXPECT_EQ(sign_in.absolute, 12 * 3'600'000);
  loaded = read_with("sign_in: { oidc: { issuer: \"https://i.example.com\", client_id: c } }");
  ASSERT_TRUE(loaded.ok()) << format_problems(loaded.problems);
  const Oidc& oidc = *loaded.config.sign_in.oidc;
  EXPECT_FALSE(oidc.client_secret);
  EXPECT_EQ(oidc.user_claim, "preferred_username");
  EXPECT_EQ(oidc.scopes, (std::vector<std::string>{"openid", "profile"}));
  EXPECT_EQ(oidc.algorithms, (std::vector<std::string>{"RS256", "PS256", "ES256", "EdDSA"}));
}

TEST(ConfigSignIn, ReadsEverything) {
  ::setenv("COUNTERSIGN_TEST_SET", "hunter2", 1);
  Loaded loaded = read_with(R"(
sign_in:
  passwords: false
  idle: 10m
  absolute: 8h
  oidc: { issuer: "https://i.example.com/realm/", client_id: c d-e, client_secret: { env: COUNTERSIGN_TEST_SET },
          user_claim: email, name: Okta, scopes: [openid, email], algorithms: [ES256], acr_values: ["urn:mfa"], ca: ca.pem })");
  EXPECT_FALSE(loaded.ok()) << "a blank in the client id";
  loaded = read_with(R"(
sign_in:
  passwords: false
  idle: 10m
  absolute: 8h
  oidc: { issuer: "https://i.example.com/realm/", client_id: c-e, client_secret: { env: COUNTERSIGN_TEST_SET },
          user_claim: email, name: Okta, scopes: [openid, email], algorithms: [ES256], acr_values: ["urn:mfa"], ca: ca.pem })");
  ASSERT_TRUE(loaded.ok()) << format_problems(loaded.problems);
  const SignIn& sign_in = loaded.config.sign_in;
  EXPECT_FALSE(sign_in.passwords);
  EXPECT_EQ(sign_in.idle, 600'000);
  EXPECT_EQ(sign_in.absolute, 8 * 3'600'000);
  EXPECT_EQ(sign_in.oidc->issuer, "https://i.example.com/realm/");
  EXPECT_EQ(sign_in.oidc->client_secret->name, "COUNTERSIGN_TEST_SET");
  EXPECT_EQ(sign_in.oidc->user_claim, "email");
  EXPECT_EQ(sign_in.oidc->name, "Okta");
  EXPECT_EQ(sign_in.oidc->algorithms, std::vector<std::string>{"ES256"});
  EXPECT_EQ(sign_in.oidc->acr_values, std::vector<std::string>{"urn:mfa"});
  EXPECT_EQ(sign_in.oidc->ca_file, "/nowhere/ca.pem");
}

TEST(ConfigSignIn, MistakesAreNamed) {
  EXPECT_NE(problem_in("sign_in: { password: true }").find("password"), std::string::npos);
  EXPECT_NE(problem_in("sign_in: { idle: 5s }").find("`idle` must be at least 1m"), std::string::npos);
  EXPECT_NE(problem_in("sign_in: { idle: 13h }").find("`idle` must not be longer"), std::string::npos);
  EXPECT_NE(problem_in("sign_in: { absolute: 20m }").find("`idle` must not be longer"), std::string::npos);
  EXPECT_NE(problem_in("sign_in: { absolute: 400d }"), "");
  EXPECT_NE(problem_in("sign_in: { oidc: { client_id: c } }").find("issuer"), std::string::npos);
  EXPECT_NE(problem_in("sign_in: { oidc: { issuer: \"https://i\" } }").find("client_id"), std::string::npos);
  for (const char* issuer : {"http://i.example.com", "https://i.example.com?x=y", "https://u:p@i.example.com", "i", ""})
    EXPECT_NE(problem_in("sign_in: { oidc: { client_id: c, issuer: \"" + std::string(issuer) + "\" } }"), "") << issuer;
  EXPECT_EQ(problem_in("sign_in: { oidc: { client_id: c, issuer: \"http://127.0.0.1:9000\" } }"), "");
  EXPECT_NE(oidc_problem("client_secret: hunter2").find("must not stand in the file"), std::string::npos);
  EXPECT_NE(oidc_problem("client_secret: { env: COUNTERSIGN_TEST_UNSET_SECRET }").find("is not set"),
            std::string::npos);
  EXPECT_NE(oidc_problem("scopes: [profile]").find("openid"), std::string::npos);
  EXPECT_NE(oidc_problem("scopes: [openid, \"a b\"]"), "");
  for (const char* algorithm : {"HS256", "none", "RS384", "es256"})
    EXPECT_NE(oidc_problem("algorithms: [" + std::string(algorithm) + "]"), "") << algorithm;
  EXPECT_NE(oidc_problem("algorithms: []"), "");
  EXPECT_NE(oidc_problem("user_claim: \"\""), "");
  EXPECT_NE(oidc_problem("acr_values: [\"a b\"]"), "");
}

}  // namespace
}  // namespace countersign::config
