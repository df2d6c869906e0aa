// The provider's side of auth/oidc.h, as far as it is fetched: its metadata (OpenID Connect Discovery 1.0, RFC 8414),
// its keys, and its token endpoint. Any thread; one fetches, the others wait for what it gets.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "auth/jws.h"
#include "auth/oidc.h"

namespace countersign::auth {

struct OidcMetadata {
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string jwks_uri;
  enum class IssInAnswer : std::uint8_t { maybe, always } iss = IssInAnswer::maybe;  // RFC 9207
  enum class ClientAuthentication : std::uint8_t { basic, post } authentication = ClientAuthentication::basic;
};

// Percent-encodes all but unreserved characters: good for a form's values and for a query's.
[[nodiscard]] std::string form_encoded(std::string_view text);

// Errors: oidc.unavailable, oidc.bad_metadata, oidc.token_refused, oidc.bad_token.
class Oidc::Provider {
 public:
  static constexpr TimeMs kKept = 3'600'000;
  static constexpr TimeMs kRetry = 30'000;  // an unknown key is no reason to ask more often
  static constexpr TimeMs kFailed = 5'000;  // after a failure nobody asks for so long: those who wait are answered

  explicit Provider(const OidcOptions& options) : options_(options) {}

  Result<OidcMetadata> metadata(TimeMs now);
  // A verified ID token for the code.
  Result<VerifiedJws> redeem(const OidcMetadata& metadata, std::string_view code, const Secret& verifier, TimeMs now);
  // A token the provider has signed, with an algorithm that is allowed here; what it says is not looked at. The error
  // of one that it has not is jws.…
  Result<VerifiedJws> verify(const OidcMetadata& metadata, std::string_view token, TimeMs now);

 private:
  Result<OidcMetadata> fetch_metadata() const;
  Result<std::string> fetch_json(const std::string& url) const;
  Result<std::string> ask_for_token(const OidcMetadata& metadata, std::string_view code, const Secret& verifier) const;
  Result<JwkSet> keys(const std::string& url, TimeMs now, TimeMs older_than);

  // What was fetched, or the failure to.
  template <class Value>
  struct Kept {
    std::optional<Value> value;
    TimeMs at = 0;
    std::optional<Error> failure;
    TimeMs failed_at = 0;
  };

  const OidcOptions& options_;
  std::mutex lock_;  // of what follows; held while fetching
  Kept<OidcMetadata> metadata_;
  Kept<JwkSet> keys_;
};

}  // namespace countersign::auth
