#include "auth/strip.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace countersign::auth {
namespace {

// Sorted, lower case, with '-' for '_'.
constexpr auto kNames = std::to_array<std::string_view>({
    "api-key",
    "apikey",
    "authentication",
    "authorization",
    "cf-access-client-id",
    "cf-access-client-secret",
    "cf-access-jwt-assertion",
    "cf-access-token",
    "circle-token",
    "cookie",
    "cookie2",
    "dd-api-key",
    "dd-application-key",
    "deploy-token",
    "dpop",
    "job-token",
    "ocp-apim-subscription-key",
    "private-token",
    "proxy-authorization",
    "remote-user",
    "signature",
    "signature-input",
    "ssl-client-cert",
    "sudo",  // GitLab: act as this user
    "x-amz-s3session-token",
    "x-amz-security-token",
    "x-amz-sso-bearer-token",
    "x-amzn-oidc-accesstoken",
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "x-apikey",
    "x-auth",
    "x-auth-email",
    "x-auth-key",
    "x-auth-token",
    "x-auth-user",
    "x-authorization",
    "x-client-cert",
    "x-client-verify",
    "x-consul-token",
    "x-figma-token",
    "x-forwarded-authorization",
    "x-forwarded-client-cert",
    "x-functions-key",
    "x-github-token",
    "x-gitlab-token",
    "x-goog-authenticated-user-email",
    "x-goog-authenticated-user-id",
    "x-goog-iam-authorization-token",
    "x-goog-iap-jwt-assertion",
    "x-jfrog-art-api",
    "x-ms-client-principal",
    "x-ms-client-principal-id",
    "x-ms-client-principal-name",
    "x-nomad-token",
    "x-nuget-apikey",
    "x-original-authorization",
    "x-remote-user",
    "x-serverless-authorization",
    "x-ssl-cert",
    "x-ssl-client-cert",
    "x-ssl-client-verify",
    "x-token",
    "x-user",
    "x-vault-token",
    "x-webauth-user",
});
static_assert(std::ranges::is_sorted(kNames));

constexpr std::array<std::string_view, 9> kEndings = {
    "-api-key",       "-apikey",    "-access-key", "-access-token", "-auth-token",
    "-session-token", "-api-token", "-secret",     "-password",
};

constexpr std::array<std::string_view, 6> kBeginnings = {
    "impersonate-",      // Kubernetes
    "x-auth-request-",   // oauth2-proxy
    "x-forwarded-user",  // and whatever follows
    "x-forwarded-email", "x-forwarded-groups", "x-remote-",
};

}  // namespace

bool is_credential_header(std::string_view name) {
  std::string plain(name);
  std::ranges::transform(plain, plain.begin(), [](char c) {
    return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return std::ranges::binary_search(kNames, std::string_view(plain)) ||
         std::ranges::any_of(kEndings, [&](std::string_view end) { return plain.ends_with(end); }) ||
         std::ranges::any_of(kBeginnings, [&](std::string_view begin) { return plain.starts_with(begin); });
}

void strip_credentials(HeaderList& headers) {
  std::vector<std::string> names;
  for (const HeaderField& field : headers.fields()) {
    if (is_credential_header(field.name)) names.push_back(field.name);
  }
  for (const std::string& name : names) headers.remove(name);
}

}  // namespace countersign::auth
