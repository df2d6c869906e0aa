// The credentials of upstreams: read from where the configuration points, kept as Secret, written into requests here
// and nowhere else. Any thread may call any method.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "auth/aws_credentials.h"
#include "auth/github_app.h"
#include "core/config.h"
#include "core/http_head.h"
#include "core/result.h"
#include "core/secret.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxSecretBytes = 16U << 10;

// The value a source points to, with one final line break removed. Errors name the source, never the value:
// vault.missing (no such variable or file), vault.unreadable, vault.malformed (empty, longer than kMaxSecretBytes, or
// with bytes a header field cannot carry), vault.permissions (a file every user of the machine can read).
[[nodiscard]] Result<Secret> read_secret(const config::SecretSource& source);
// The same for a value of several lines that never stands in a header field: a private key in PEM.
[[nodiscard]] Result<Secret> read_secret_text(const config::SecretSource& source);

class Vault {
 public:
  // Reads every upstream's secret. The first that cannot be had is the error, its message naming the upstream;
  // vault.malformed also when a user name has a ':' or a header's name is none.
  static Result<std::unique_ptr<Vault>> open(const std::vector<config::Upstream>& upstreams);

  Vault(const Vault&) = delete;
  Vault& operator=(const Vault&) = delete;

  // Sets the upstream's credential, replacing fields of the same name. Does nothing for one without a credential;
  // "vault.unknown_upstream" (internal) for one that was not configured, "vault.not_static" (internal) for one whose
  // credential has to be fetched first, or signs: those of github_app() and aws(), and keys that STS gives.
  [[nodiscard]] Status inject(std::string_view upstream, HeaderList& headers) const;

  // Whether `text`, from the upstream, shows its credential: the value that is sent or, for Basic, the password in it.
  // What is shorter than 8 characters is found only where it is the whole text: it would be seen everywhere.
  [[nodiscard]] bool shows(std::string_view upstream, std::string_view text) const;

  // The keys of an aws upstream. "vault.missing" (unavailable) when it has none, or has those of a web identity, which
  // STS gives (proxy/aws_sessions.h): nothing can be signed.
  [[nodiscard]] Result<std::shared_ptr<const AwsCredentials>> aws(std::string_view upstream) const;

  // The keys with which the tags of its things are looked up: its own where there are none for that.
  [[nodiscard]] Result<std::shared_ptr<const AwsCredentials>> aws_for_tags(std::string_view upstream) const;

  // The App that has the upstream's tokens made; nullptr: it has none.
  [[nodiscard]] std::shared_ptr<const GithubApp> github_app(std::string_view upstream) const;

  // Reads all secrets again. On failure everything stays as it was.
  [[nodiscard]] Status reload();

 private:
  // The header field of one upstream, ready to be written. An empty name: no credential, or an App or AWS keys instead.
  struct Field {
    enum class Made { ready, elsewhere };  // elsewhere: STS has to be asked for it
    std::string name;
    Secret value;
    std::shared_ptr<const GithubApp> app = nullptr;
    std::shared_ptr<const AwsCredentials> aws = nullptr;
    Made made = Made::ready;
  };
  using Fields = std::map<std::string, Field, std::less<>>;

  explicit Vault(const std::vector<config::Upstream>& upstreams);
  static Result<Field> resolve(const config::Credential& credential);
  [[nodiscard]] std::shared_ptr<const Fields> current() const;

  std::map<std::string, config::Credential> specifications_;
  mutable std::mutex lock_;  // of fields_; held for a copy of a pointer
  std::shared_ptr<const Fields> fields_;
};

}  // namespace countersign::auth
