// GitHub Apps as an upstream's credential: what is signed, asked and read to get a token for one repository.
//
//   private key ──RS256──▶ JWT (10 minutes) ──POST …/access_tokens──▶ installation token (1 hour, one repository)
//
// Sources: docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App" and "Create an installation access
// token for an app"; RFC 7519, RFC 7518 section 3.3. No sockets here: proxy/github_tokens.h asks and keeps.
//
// Error codes (unavailable unless said otherwise); no message has a part of a key, token or answer in it:
//   vault.github_app_key         the private key is no RSA key in PEM, is encrypted, or is shorter than 2048 bits
//   vault.github_app_repository  (forbidden) the request names no repository as GitHub names them
//   vault.github_app_read_only   (forbidden) a push, where the configuration has `contents: read`
//   vault.github_app_refused     the API gave no token: its status is in the message; forbidden for 403, 404 and 422
//   vault.github_app_bad_answer  the API's answer is no token for what was asked
// and from proxy/: vault.github_app_unreachable, vault.github_app_busy, vault.github_app_rejected.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/config.h"
#include "core/http_head.h"
#include "core/result.h"
#include "core/secret.h"

struct evp_pkey_st;

namespace countersign::auth {

inline constexpr std::size_t kMaxTokenAnswer = 256U << 10;  // bytes; a repository's description alone is some 6 KiB
inline constexpr std::size_t kMaxInstallationToken = 4096;  // characters

// What a token is for. `name` is what GitHub narrows to; the owner is the installation's account, and is compared with
// what the API says. Both in lower case.
struct TokenNeed {
  std::string owner;
  std::string name;
  config::GithubApp::Contents contents = config::GithubApp::Contents::read;
};
// Of a repository named "Owner/app" (exactly two segments, without ".git").
[[nodiscard]] Result<TokenNeed> token_need(const config::GithubApp& app, std::string_view repository,
                                           config::GithubApp::Contents contents);

struct InstallationToken {
  Secret token;
  Secret authorization;  // "Basic …": user x-access-token, as git over HTTP wants it
  TimeMs expires = 0;
};

// An App with its key. Immutable: any thread may call any method.
class GithubApp {
 public:
  // `pem`: PKCS#1 or PKCS#8, not encrypted.
  [[nodiscard]] static Result<std::shared_ptr<const GithubApp>> make(config::GithubApp settings, const Secret& pem);

  [[nodiscard]] const config::GithubApp& settings() const { return settings_; }

  // What identifies the App to the API: issued a minute ago, because clocks differ, and valid for ten from then.
  [[nodiscard]] Result<Secret> jwt(TimeMs now) const;

  // The request for a token; the target is relative to the API's address.
  [[nodiscard]] Result<RequestHead> token_request(TimeMs now) const;
  [[nodiscard]] std::string token_request_body(const TokenNeed& need) const;

 private:
  GithubApp(config::GithubApp settings, std::shared_ptr<evp_pkey_st> key)
      : settings_(std::move(settings)), key_(std::move(key)) {}
  config::GithubApp settings_;
  std::shared_ptr<evp_pkey_st> key_;
};

// Strict about what a token may do: for that repository alone, and no writing where reading was asked for.
[[nodiscard]] Result<InstallationToken> read_token_answer(const TokenNeed& need, int status, std::string_view body);

}  // namespace countersign::auth
