#include "auth/github_app.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>

#include "core/bytes.h"
#include "core/json_reader.h"
#include "core/json_writer.h"

namespace countersign::auth {
namespace {

using Contents = config::GithubApp::Contents;

constexpr int kLeastKeyBits = 2048;
constexpr int kMostKeyBits = 16384;
constexpr TimeMs kClockDifference = 60'000;
constexpr TimeMs kJwtLife = 600'000;  // the API takes no longer ones

std::unexpected<Error> bad_key(std::string message) {
  ERR_clear_error();
  return fail(ErrorKind::unavailable, "vault.github_app_key", std::move(message));
}

std::unexpected<Error> bad_answer(std::string message) {
  return fail(ErrorKind::unavailable, "vault.github_app_bad_answer", std::move(message));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// Owners and repositories: letters, digits, '-', '_' and '.'.
bool is_github_name(std::string_view text) {
  return !text.empty() && text.size() <= 100 && text != "." && text != ".." && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Instead of a prompt on the terminal, which is what OpenSSL does with an encrypted key.
int no_passphrase(char* buffer, int size, int writing, void* context) {
  static_cast<void>(buffer);
  static_cast<void>(size);
  static_cast<void>(writing);
  static_cast<void>(context);
  return -1;
}

// The API's `repositories` is there when, and only when, the token was narrowed.
Status check_repositories(JsonValue repositories, const TokenNeed& need) {
  if (!repositories.is_array() || repositories.size() != 1)
    return bad_answer("the token of the GitHub API is not for one repository alone");
  JsonValue only = repositories.first();
  if (lower(only.member("name").string().value_or("")) != need.name)
    return bad_answer("the token of the GitHub API is for another repository");
  auto full = only.member("full_name").string();
  if (full && lower(*full) != need.owner + "/" + need.name)
    return fail(ErrorKind::forbidden, "vault.github_app_repository",
                "the GitHub App is installed for another owner's repository of this name");
  return {};
}

}  // namespace

Result<TokenNeed> token_need(const config::GithubApp& app, std::string_view repository, Contents contents) {
  const std::size_t slash = repository.find('/');
  TokenNeed need;
  need.contents = contents;
  if (slash != std::string_view::npos) {
    need.owner = lower(repository.substr(0, slash));
    need.name = lower(repository.substr(slash + 1));
  }
  if (!is_github_name(need.owner) || !is_github_name(need.name)) {
    return fail(ErrorKind::forbidden, "vault.github_app_repository",
                "no token can be had: repositories of GitHub are named OWNER/REPOSITORY");
  }
  if (contents == Contents::write && app.contents == Contents::read) {
    return fail(ErrorKind::forbidden, "vault.github_app_read_only",
                "the configuration lets this upstream's GitHub App read only");
  }
  return need;
}

Result<std::shared_ptr<const GithubApp>> GithubApp::make(config::GithubApp settings, const Secret& pem) {
  std::unique_ptr<BIO, FreeBio> bio(BIO_new_mem_buf(pem.expose().data(), static_cast<int>(pem.expose().size())));
  std::unique_ptr<EVP_PKEY, FreeKey> key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)
                                             : nullptr);
  if (!key) return bad_key("the private key is not an unencrypted key in PEM");
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return bad_key("the private key is not an RSA key");
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < kLeastKeyBits || bits > kMostKeyBits)
    return bad_key("the private key has fewer than 2048 bits, or too many");
  ERR_clear_error();
  return std::shared_ptr<const GithubApp>(
      new GithubApp(std::move(settings), std::shared_ptr<EVP_PKEY>(std::move(key))));
}

Result<Secret> GithubApp::jwt(TimeMs now) const {
  const std::int64_t issued = (now - kClockDifference) / 1000;
  std::string claims;
  JsonWriter(claims)
      .begin_object()
      .member("exp", issued + kJwtLife / 1000)
      .member("iat", issued)
      .member("iss", settings_.app_id)
      .end_object();
  std::string text = to_base64url(as_bytes(R"({"alg":"RS256","typ":"JWT"})")) + "." + to_base64url(as_bytes(claims));
  std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  std::size_t size = 0;
  Bytes signature;
  bool signed_ = context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                 EVP_DigestSignUpdate(context.get(), text.data(), text.size()) == 1 &&
                 EVP_DigestSignFinal(context.get(), nullptr, &size) == 1;
  if (signed_) {
    signature.resize(size);
    signed_ = EVP_DigestSignFinal(context.get(), signature.data(), &size) == 1;
  }
  if (!signed_) return bad_key("the private key cannot sign");
  signature.resize(size);
  return Secret(text + "." + to_base64url(signature));
}

Result<RequestHead> GithubApp::token_request(TimeMs now) const {
  Result<Secret> token = jwt(now);
  if (!token) return fail(token.error());
  RequestHead head{"POST", "/app/installations/" + settings_.installation_id + "/access_tokens", {}};
  head.headers.add("Accept", "application/vnd.github+json");
  head.headers.add("Authorization", "Bearer " + std::string(token->expose()));
  head.headers.add("Content-Type", "application/json");
  head.headers.add("User-Agent", "countersign");
  head.headers.add("X-GitHub-Api-Version", "2022-11-28");
  return head;
}

std::string GithubApp::token_request_body(const TokenNeed& need) const {
  const bool write = need.contents == Contents::write;
  std::string body;
  JsonWriter writer(body);
  writer.begin_object().key("permissions").begin_object().member("contents", write ? "write" : "read");
  if (write && settings_.workflows == config::GithubApp::Workflows::write) writer.member("workflows", "write");
  writer.end_object().strings("repositories", {need.name}).end_object();
  return body;
}

Result<InstallationToken> read_token_answer(const TokenNeed& need, int status, std::string_view body) {
  if (status != 201) {
    const bool not_for_us = status == 403 || status == 404 || status == 422;
    return fail(not_for_us ? ErrorKind::forbidden : ErrorKind::unavailable, "vault.github_app_refused",
                "the GitHub API gave no token for this repository: status " + std::to_string(status));
  }
  if (body.size() > kMaxTokenAnswer) return bad_answer("the answer of the GitHub API is too long");
  Result<JsonDocument> document = JsonDocument::parse(body, {.bytes = kMaxTokenAnswer, .depth = 16, .values = 20'000});
  if (!document || !document->root().is_object())
    return bad_answer("the answer of the GitHub API is not a JSON object");
  JsonValue root = document->root();
  std::string_view token = root.member("token").string().value_or("");
  const bool sound = !token.empty() && token.size() <= kMaxInstallationToken &&
                     std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!sound) return bad_answer("the answer of the GitHub API has no token in it");
  Result<TimeMs> expires = parse_time(root.member("expires_at").string().value_or(""));
  if (!expires) return bad_answer("the answer of the GitHub API does not say when the token expires");
  if (Status narrowed = check_repositories(root.member("repositories"), need); !narrowed) return fail(narrowed.error());
  const std::string_view contents = root.member("permissions").member("contents").string().value_or("");
  if (need.contents == Contents::read && contents != "read")
    return bad_answer("the token of the GitHub API may do more than what was asked for");
  if (need.contents == Contents::write && contents != "write")
    return bad_answer("the token of the GitHub API may do less than what was asked for");
  Secret pair("x-access-token:" + std::string(token));
  return InstallationToken{Secret(std::string(token)), Secret("Basic " + to_base64(pair.expose_bytes())), *expires};
}

}  // namespace countersign::auth
