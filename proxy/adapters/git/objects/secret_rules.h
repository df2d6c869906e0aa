// The rules of SecretScanner: a table, kept by hand.
#pragma once

#include <string_view>

namespace countersign::adapters::git {

struct SecretRule {
  std::string_view name;
  std::string_view what;
  // RE2. The first group is the secret.
  std::string_view pattern;
  std::size_t shown = 0;     // characters of the secret that every one of its kind has
  double least_entropy = 0;  // bits a character, for patterns that ordinary text can match
};

inline constexpr SecretRule kSecretRules[] = {
    {"countersign-token", "Countersign token", R"(\b(cs[db]1_[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{40,}))", 5},
    {"countersign-session", "Countersign AWS session token", R"(\b(cs1_[A-Za-z0-9_-]{80,}))", 4},
    {"aws-access-key-id", "AWS access key id", R"(\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b)", 4},
    {"aws-secret-key", "AWS secret access key",
     R"((?i)aws.{0,30}?(?:secret|private).{0,30}?["'=:\s]([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$))", 0, 4.0},
    {"aws-session-token", "AWS session token", R"((?i)aws_?session_?token["']?\s*[:=]\s*["']?([A-Za-z0-9/+=]{100,}))",
     0},
    {"github-token", "GitHub token", R"(\b(gh[pousr]_[A-Za-z0-9]{36,255})\b)", 4},
    {"github-fine-grained-token", "GitHub fine-grained token", R"(\b(github_pat_[A-Za-z0-9_]{70,255}))", 11},
    {"gitlab-token", "GitLab token", R"(\b(gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt|oas)-[A-Za-z0-9_\-.]{20,}))", 5},
    {"slack-token", "Slack token", R"(\b(xox[abeoprs]-[A-Za-z0-9-]{10,250}))", 5},
    {"slack-app-token", "Slack app token", R"(\b(xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{20,}))", 5},
    {"slack-webhook", "Slack webhook", R"((https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{40,60}))", 24},
    {"discord-webhook", "Discord webhook", R"((https://discord(?:app)?\.com/api/webhooks/\d{15,21}/[\w-]{50,80}))", 19},
    {"stripe-key", "Stripe key", R"(\b((?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{16,250})\b)", 8},
    {"stripe-webhook-secret", "Stripe webhook secret", R"(\b(whsec_[A-Za-z0-9+/=]{32,}))", 6},
    {"google-api-key", "Google API key", R"(\b(AIza[A-Za-z0-9_-]{35})(?:[^A-Za-z0-9_-]|$))", 4},
    {"google-oauth-secret", "Google OAuth client secret", R"(\b(GOCSPX-[A-Za-z0-9_-]{28}))", 7},
    {"google-refresh-token", "Google OAuth refresh token", R"((?:^|[^\w/])(1//0[A-Za-z0-9_-]{40,}))", 4},
    {"google-service-account", "Google service account key", R"re("(?:private_key_id)"\s*:\s*"([a-f0-9]{40})")re", 0},
    {"azure-storage-key", "Azure storage account key", R"(AccountKey=([A-Za-z0-9+/]{86}==))", 0},
    {"azure-client-secret", "Azure client secret",
     R"((?:^|[^A-Za-z0-9~._-])([A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34})(?:[^A-Za-z0-9~._-]|$))", 0},
    {"azure-sas", "Azure shared access signature", R"((?i)[?&]sv=20\d\d-\d\d-\d\d&.{0,200}sig=([A-Za-z0-9%+/]{40,}))",
     0},
    {"npm-token", "npm token", R"(\b(npm_[A-Za-z0-9]{36})\b)", 4},
    {"npm-auth-token", "npm registry password",
     R"(//[^\s:]+/:_(?:authToken|password)\s*=\s*["']?([A-Za-z0-9+/=_.-]{16,}))", 0, 3.0},
    {"pypi-token", "PyPI token", R"(\b(pypi-AgE[A-Za-z0-9_-]{50,}))", 8},
    {"rubygems-key", "RubyGems key", R"(\b(rubygems_[a-f0-9]{48})\b)", 9},
    {"crates-token", "crates.io token", R"(\b(cio[A-Za-z0-9]{32})\b)", 3, 3.5},
    {"docker-token", "Docker Hub token", R"(\b(dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}))", 9},
    {"digitalocean-token", "DigitalOcean token", R"(\b(do[oprt]_v1_[a-f0-9]{64})\b)", 7},
    {"hashicorp-vault-token", "HashiCorp Vault token", R"(\b(hv[bsr]\.[A-Za-z0-9_-]{24,300}))", 4},
    {"terraform-cloud-token", "Terraform Cloud token", R"(\b([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}))", 0},
    {"anthropic-key", "Anthropic API key", R"(\b(sk-ant-[a-z]+\d\d-[A-Za-z0-9_-]{80,}))", 7},
    {"openai-key", "OpenAI API key",
     R"(\b(sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}))", 3},
    {"huggingface-token", "Hugging Face token", R"(\b(hf_[A-Za-z]{34})\b)", 3},
    {"sendgrid-key", "SendGrid key", R"(\b(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}))", 3},
    {"mailgun-key", "Mailgun key", R"(\b(key-[a-f0-9]{32})\b)", 4},
    {"mailchimp-key", "Mailchimp key", R"(\b([a-f0-9]{32}-us\d{1,2})\b)", 0},
    {"twilio-key", "Twilio API key", R"(\b(SK[a-f0-9]{32})\b)", 2},
    {"shopify-token", "Shopify token", R"(\b(shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})\b)", 6},
    {"square-token", "Square token", R"(\b((?:EAAA|sq0csp-)[A-Za-z0-9_-]{43,60}))", 4, 3.5},
    {"datadog-key", "Datadog key",
     R"((?i)(?:dd|datadog)_?(?:api|app(?:lication)?)_?key["']?\s*[:=]\s*["']?([a-f0-9]{32,40})\b)", 0},
    {"new-relic-key", "New Relic key", R"(\b(NRAK-[A-Z0-9]{27})\b)", 5},
    {"grafana-token", "Grafana token", R"(\b(gl(?:sa|c)_[A-Za-z0-9+/=_]{32,400}))", 5},
    {"sentry-token", "Sentry token", R"(\b(sntry[su]_[A-Za-z0-9+/=_-]{40,}))", 7},
    {"linear-key", "Linear key", R"(\b(lin_api_[A-Za-z0-9]{40})\b)", 8},
    {"notion-token", "Notion token", R"(\b((?:ntn_|secret_)[A-Za-z0-9]{43,46})\b)", 4, 3.5},
    {"atlassian-token", "Atlassian token", R"(\b(ATATT3[A-Za-z0-9_=-]{100,}))", 6},
    {"databricks-token", "Databricks token", R"(\b(dapi[a-f0-9]{32}(?:-\d)?)\b)", 4},
    {"telegram-bot-token", "Telegram bot token", R"((?:^|[^\w])(\d{8,10}:AA[A-Za-z0-9_-]{33})(?:[^\w-]|$))", 0},
    {"age-secret-key", "age secret key", R"(\b(AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}))", 16},
    {"private-key", "private key", R"((-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----))", 40},
    {"putty-key", "PuTTY private key", R"((PuTTY-User-Key-File-[23]:))", 24},
    {"json-web-token", "JSON web token", R"(\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}))", 3},
    {"url-password", "password in a connection string",
     R"((?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|oracle|clickhouse|ftps?|sftp|ldaps?|smtps?|https?)://[^\s:/@"'<>]{0,100}:([^\s:/@"'<>]{4,200})@[a-z0-9\[])",
     0, 2.5},
    {"dsn-password", "password in a connection string",
     R"((?i)(?:server|host|data source)\s*=[^;"']{1,200};.{0,200}?(?:password|pwd)\s*=\s*([^;"'\s]{6,100}))", 0, 2.5},
    {"basic-authorization", "Authorization header",
     R"((?i)authorization["']?\s*[:=]\s*["']?basic\s+([A-Za-z0-9+/]{16,}={0,2}))", 0, 3.0},
    {"bearer-authorization", "Authorization header",
     R"((?i)authorization["']?\s*[:=]\s*["']?bearer\s+([A-Za-z0-9._~+/-]{20,}=*))", 0, 3.5},
    {"assigned-secret", "secret in an assignment",
     R"((?i)(?:api|app|access|auth|client|encryption|private|secret|signing|service|admin|db|database|root|user)[_.-]?(?:key|token|secret|password|passwd|pwd)["']?\s*(?:[:=]|:=|=>)\s*["']([A-Za-z0-9_\-+/=.!@#$%^&*]{16,200})["'])",
     0, 3.7},
};

// Parts of a match, in lower case, by which it is plainly no secret: documentation, placeholders, references.
inline constexpr std::string_view kNoSecrets[] = {
    "example",  "placeholder", "changeme", "change_me", "change-me", "dummy",    "redacted", "your_",
    "your-",    "yourkey",     "insert",   "xxxxx",     "*****",     ".....",    "00000000", "12345678",
    "abcdefgh", "fakekey",     "fake_",    "fake-",     "${",        "{{",       "$(",       "%(",
    "<your",    "env.",        "process.", "secrets.",  "password",  "deadbeef",
};

}  // namespace countersign::adapters::git
