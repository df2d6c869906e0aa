#include "auth/github_app.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

#include "auth/vault.h"
#include "core/bytes.h"
#include "core/json.h"
#include "fixtures.h"

namespace countersign::auth {
namespace {

using Contents = config::GithubApp::Contents;
using Workflows = config::GithubApp::Workflows;
using Key = std::shared_ptr<EVP_PKEY>;

Key rsa_key(unsigned bits) {
  return {EVP_RSA_gen(bits), EVP_PKEY_free};
}
Key test_key() {
  static const Key key = rsa_key(2048);
  return key;
}

enum class Form { pkcs8, pkcs1, encrypted };

std::string pem_of(const Key& key, Form form = Form::pkcs8) {
  std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  std::string passphrase = "hunter2";
  if (form == Form::pkcs1) {
    PEM_write_bio_PrivateKey_traditional(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  } else {
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), form == Form::encrypted ? EVP_aes_128_cbc() : nullptr,
                                  form == Form::encrypted ? passphrase.data() : nullptr,
                                  form == Form::encrypted ? static_cast<int>(passphrase.size()) : 0, nullptr, nullptr);
  }
  char* data = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(bio.get(), &data));
  return {data, size};
}

config::GithubApp settings(Contents contents = Contents::write, Workflows workflows = Workflows::none) {
  config::GithubApp out;
  out.app_id = "12345";
  out.installation_id = "678";
  out.api = "https://api.example.com";
  out.contents = contents;
  out.workflows = workflows;
  return out;
}

std::shared_ptr<const GithubApp> app_of(const config::GithubApp& with = settings()) {
  auto made = GithubApp::make(with, Secret(pem_of(test_key())));
  EXPECT_TRUE(made.has_value());
  return made ? *made : nullptr;
}

// What a verifier with the public key alone says.
bool verifies(const Key& key, std::string_view text, const Bytes& signature) {
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerifyUpdate(context.get(), text.data(), text.size()) == 1 &&
         EVP_DigestVerifyFinal(context.get(), signature.data(), signature.size()) == 1;
}

TEST(GithubAppTest, SignsWhatThePublicKeyVerifies) {
  auto jwt = app_of()->jwt(kNow);
  ASSERT_TRUE(jwt.has_value());
  const std::string_view text = jwt->expose();
  const std::size_t first = text.find('.');
  const std::size_t second = text.rfind('.');
  ASSERT_LT(first, second);
  auto header = from_base64url(text.substr(0, first));
  auto claims = from_base64url(text.substr(first + 1, second - first - 1));
  auto signature = from_base64url(text.substr(second + 1));
  ASSERT_TRUE(header && claims && signature);
  EXPECT_EQ(as_text(*header), R"({"alg":"RS256","typ":"JWT"})");
  const std::int64_t now = kNow / 1000;
  EXPECT_EQ(as_text(*claims),
            R"({"exp":)" + std::to_string(now + 540) + R"(,"iat":)" + std::to_string(now - 60) + R"(,"iss":"12345"})");
  EXPECT_TRUE(verifies(test_key(), text.substr(0, second), *signature));
  EXPECT_FALSE(verifies(test_key(), std::string(text.substr(0, second)) + "A", *signature));
  EXPECT_FALSE(verifies(rsa_key(2048), text.substr(0, second), *signature));
}

TEST(GithubAppTest, TakesUnencryptedRsaKeysOnly) {
  auto code = [](const std::string& pem) { return code_of(GithubApp::make(settings(), Secret(pem))); };
  EXPECT_EQ(code(pem_of(test_key(), Form::pkcs8)), "ok");
  EXPECT_EQ(code(pem_of(test_key(), Form::pkcs1)), "ok");
  EXPECT_EQ(code(pem_of(test_key(), Form::encrypted)), "vault.github_app_key");
  EXPECT_EQ(code(pem_of(rsa_key(1024))), "vault.github_app_key");
  EXPECT_EQ(code(pem_of(Key(EVP_EC_gen("P-256"), EVP_PKEY_free))), "vault.github_app_key");
  const std::string whole = pem_of(test_key());
  EXPECT_EQ(code(whole.substr(0, whole.size() / 2)), "vault.github_app_key");
  EXPECT_EQ(code("hunter2"), "vault.github_app_key");
  EXPECT_EQ(code(""), "vault.github_app_key");
  auto made = GithubApp::make(settings(), Secret("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"));
  ASSERT_FALSE(made.has_value());
  EXPECT_FALSE(made.error().message.contains("hunter2"));
}

TEST(GithubAppTest, AsksForOneRepositoryAndNoMoreThanTheRequestNeeds) {
  auto body = [](const config::GithubApp& with, Contents contents) {
    auto need = token_need(with, "Acme/Web.Shop", contents);
    EXPECT_TRUE(need.has_value());
    return app_of(with)->token_request_body(*need);
  };
  EXPECT_EQ(body(settings(), Contents::read), R"({"permissions":{"contents":"read"},"repositories":["web.shop"]})");
  EXPECT_EQ(body(settings(), Contents::write), R"({"permissions":{"contents":"write"},"repositories":["web.shop"]})");
  const config::GithubApp workflows = settings(Contents::write, Workflows::write);
  EXPECT_EQ(body(workflows, Contents::read), R"({"permissions":{"contents":"read"},"repositories":["web.shop"]})");
  EXPECT_EQ(body(workflows, Contents::write),
            R"({"permissions":{"contents":"write","workflows":"write"},"repositories":["web.shop"]})");
  auto head = app_of()->token_request(kNow);
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->target, "/app/installations/678/access_tokens");
  EXPECT_EQ(head->headers.get("Accept"), "application/vnd.github+json");
  EXPECT_TRUE(head->headers.get("Authorization")->starts_with("Bearer ey"));
  EXPECT_TRUE(head->headers.get("User-Agent").has_value());  // without one the API answers 403
}

TEST(GithubAppTest, RepositoriesAreNamedByOwnerAndName) {
  auto need = token_need(settings(), "Acme/APP", Contents::read);
  ASSERT_TRUE(need.has_value());
  EXPECT_EQ(need->owner, "acme");
  EXPECT_EQ(need->name, "app");
  for (const char* name : {"", "app", "/app", "acme/", "acme/app/wiki", "acme/a b", "acme/..", "./app", "acme/app*",
                           "acme/\"x", "acme/ä", "acme/a%2fb"}) {
    EXPECT_EQ(code_of(token_need(settings(), name, Contents::read)), "vault.github_app_repository") << name;
  }
  EXPECT_EQ(code_of(token_need(settings(), "acme/" + std::string(101, 'a'), Contents::read)),
            "vault.github_app_repository");
  EXPECT_EQ(code_of(token_need(settings(Contents::read), "acme/app", Contents::write)), "vault.github_app_read_only");
  EXPECT_EQ(code_of(token_need(settings(Contents::read), "acme/app", Contents::read)), "ok");
}

const TokenNeed kFetch{"acme", "app", Contents::read};
const TokenNeed kPush{"acme", "app", Contents::write};

Json answer(std::string_view contents) {
  return {{"token", "ghs_sEcReT"},
          {"expires_at", "2026-11-21T10:30:00Z"},
          {"permissions", {{"contents", contents}, {"metadata", "read"}}},
          {"repository_selection", "selected"},
          {"repositories", Json::array({{{"id", 1}, {"name", "App"}, {"full_name", "Acme/App"}}})}};
}

TEST(GithubAppTest, ReadsTheTokenOfAnAnswer) {
  auto token = read_token_answer(kFetch, 201, answer("read").dump());
  ASSERT_TRUE(token.has_value()) << token.error().message;
  EXPECT_EQ(token->token.expose(), "ghs_sEcReT");
  EXPECT_EQ(token->authorization.expose(), "Basic " + to_base64(as_bytes("x-access-token:ghs_sEcReT")));
  EXPECT_EQ(format_time(token->expires), "2026-11-21T10:30:00.000Z");
  EXPECT_EQ(code_of(read_token_answer(kPush, 201, answer("write").dump())), "ok");
  Json longer = answer("read");
  longer["token"] = "ghs_12345_" + std::string(800, 'x');  // the stateless format
  EXPECT_EQ(code_of(read_token_answer(kFetch, 201, longer.dump())), "ok");
}

TEST(GithubAppTest, NoTokenIsTakenThatIsNotForWhatWasAsked) {
  auto changed = [](const char* pointer, const Json& value) {
    Json out = answer("read");
    out[Json::json_pointer(pointer)] = value;
    return code_of(read_token_answer(kFetch, 201, out.dump()));
  };
  const std::string bad = "vault.github_app_bad_answer";
  EXPECT_EQ(changed("/token", ""), bad);
  EXPECT_EQ(changed("/token", 7), bad);
  EXPECT_EQ(changed("/token", "ghs_a\r\nX-Evil: 1"), bad);
  EXPECT_EQ(changed("/token", std::string(kMaxInstallationToken + 1, 'x')), bad);
  EXPECT_EQ(changed("/expires_at", "soon"), bad);
  EXPECT_EQ(changed("/expires_at", 1'795'000'000), bad);
  EXPECT_EQ(changed("/permissions/contents", "write"), bad);
  EXPECT_EQ(changed("/permissions", Json::object()), bad);
  EXPECT_EQ(changed("/repositories", Json::array()), bad);
  EXPECT_EQ(changed("/repositories", nullptr), bad);
  EXPECT_EQ(changed("/repositories/1", Json{{"name", "other"}}), bad);
  EXPECT_EQ(changed("/repositories/0/name", "other"), bad);
  EXPECT_EQ(changed("/repositories/0/full_name", "evil/app"), "vault.github_app_repository");
  EXPECT_EQ(code_of(read_token_answer(kPush, 201, answer("read").dump())), bad);

  Json all = answer("read");
  all.erase("repositories");
  EXPECT_EQ(code_of(read_token_answer(kFetch, 201, all.dump())), bad);
  const std::string text = answer("read").dump();
  EXPECT_EQ(code_of(read_token_answer(kFetch, 201, text.substr(0, text.size() - 1))), bad);
  EXPECT_EQ(code_of(read_token_answer(kFetch, 201, R"({"token":"a",)" + text.substr(1))), bad);  // a key twice
  EXPECT_EQ(code_of(read_token_answer(kFetch, 201, "[]")), bad);
  EXPECT_EQ(code_of(read_token_answer(kFetch, 201, "")), bad);
  EXPECT_EQ(code_of(read_token_answer(kFetch, 201, std::string(64, '[') + std::string(64, ']'))), bad);
  EXPECT_EQ(code_of(read_token_answer(kFetch, 201, text + std::string(kMaxTokenAnswer, ' '))), bad);
}

TEST(GithubAppTest, RefusalsNameTheStatusAndNothingElse) {
  for (int status : {200, 301, 401, 403, 404, 422, 500}) {
    auto refused = read_token_answer(kFetch, status, R"({"message":"ghs_sEcReT","token":"ghs_sEcReT"})");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, "vault.github_app_refused");
    EXPECT_TRUE(refused.error().message.contains(std::to_string(status)));
    EXPECT_FALSE(refused.error().message.contains("ghs_"));
    const bool not_for_us = status == 403 || status == 404 || status == 422;
    EXPECT_EQ(refused.error().kind, not_for_us ? ErrorKind::forbidden : ErrorKind::unavailable) << status;
  }
}

TEST(GithubAppTest, TheVaultHasTheAppButNoFieldForIt) {
  ::setenv("COUNTERSIGN_TEST_APP_KEY", pem_of(test_key()).c_str(), 1);
  config::Upstream upstream;
  upstream.name = "forge";
  upstream.credential.kind = config::Credential::Kind::github_app;
  upstream.credential.app = settings();
  upstream.credential.secret = {config::SecretSource::Kind::environment, "COUNTERSIGN_TEST_APP_KEY"};
  auto vault = Vault::open({upstream});
  ASSERT_TRUE(vault.has_value()) << vault.error().message;
  auto app = (*vault)->github_app("forge");
  ASSERT_NE(app, nullptr);
  EXPECT_EQ((*vault)->github_app("other"), nullptr);
  HeaderList headers;
  EXPECT_EQ(code_of((*vault)->inject("forge", headers)), "vault.not_static");
  EXPECT_TRUE(headers.fields().empty());

  ::setenv("COUNTERSIGN_TEST_APP_KEY", "hunter2", 1);
  Status reloaded = (*vault)->reload();
  ASSERT_FALSE(reloaded.has_value());
  EXPECT_EQ(reloaded.error().code, "vault.github_app_key");
  EXPECT_TRUE(reloaded.error().message.contains("forge"));
  EXPECT_FALSE(reloaded.error().message.contains("hunter2"));
  EXPECT_EQ((*vault)->github_app("forge"), app);
  ::unsetenv("COUNTERSIGN_TEST_APP_KEY");
}

}  // namespace
}  // namespace countersign::auth
