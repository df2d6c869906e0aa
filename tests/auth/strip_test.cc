#include "auth/strip.h"

#include <gtest/gtest.h>

namespace countersign::auth {
namespace {

TEST(Strip, CredentialsInEverySpelling) {
  for (std::string_view name : {"Authorization",
                                "authorization",
                                "Proxy-Authorization",
                                "Cookie",
                                "X-Api-Key",
                                "x_api_key",
                                "X-API-KEY",
                                "X-Amz-Security-Token",
                                "X-Amz-S3session-Token",
                                "PRIVATE-TOKEN",
                                "Private_Token",
                                "JOB-TOKEN",
                                "X-Auth-Token",
                                "X-Goog-Api-Key",
                                "X-Vault-Token",
                                "Ocp-Apim-Subscription-Key",
                                "CF-Access-Client-Secret",
                                "DD-API-KEY",
                                "X-Shopify-Access-Token",
                                "X-My-Client-Secret",
                                "Api-Key",
                                "Impersonate-User",
                                "Impersonate-Extra-scopes",
                                "X-Forwarded-User",
                                "X-Remote-User",
                                "X-WEBAUTH-USER",
                                "X-Forwarded-Client-Cert",
                                "X-MS-CLIENT-PRINCIPAL",
                                "Sudo",
                                "DPoP",
                                "Signature",
                                "X-Auth-Request-Email",
                                "X-Goog-Authenticated-User-Email"}) {
    EXPECT_TRUE(is_credential_header(name)) << name;
  }
}

TEST(Strip, LeavesWhatIsNone) {
  for (std::string_view name : {"Host",
                                "Accept",
                                "Content-Type",
                                "Content-Length",
                                "User-Agent",
                                "Mcp-Session-Id",
                                "MCP-Protocol-Version",
                                "Idempotency-Key",
                                "X-Request-Id",
                                "X-Amz-Client-Token",
                                "X-Amz-Date",
                                "X-Amz-Target",
                                "X-Atlassian-Token",
                                "X-CSRF-Token",
                                "If-Match",
                                "Range",
                                "Last-Event-ID",
                                "X-Forwarded-For",
                                "Traceparent",
                                "Prefer",
                                ""}) {
    EXPECT_FALSE(is_credential_header(name)) << name;
  }
}

TEST(Strip, RemovesAllAndKeepsTheOrderOfTheRest) {
  HeaderList headers;
  headers.add("Host", "a");
  headers.add("cookie", "one");
  headers.add("Accept", "x");
  headers.add("COOKIE", "two");
  headers.add("X_Api_Key", "k");
  headers.add("X-Api-Key", "k");
  headers.add("Accept", "y");
  strip_credentials(headers);
  ASSERT_EQ(headers.fields().size(), 3U);
  EXPECT_EQ(headers.fields()[0].name, "Host");
  EXPECT_EQ(headers.fields()[1].value, "x");
  EXPECT_EQ(headers.fields()[2].value, "y");
}

}  // namespace
}  // namespace countersign::auth
