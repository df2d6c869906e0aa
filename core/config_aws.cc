#include "core/config_aws.h"

#include <algorithm>

namespace countersign::config {
namespace {

constexpr std::size_t kTagKeys = 20;  // of one label

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}
bool is_control(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME
bool is_role_arn(std::string_view text) {
  constexpr std::string_view kArn = "arn:aws";
  const std::size_t at = text.find(":iam::");
  if (!text.starts_with(kArn) || at == std::string_view::npos || text.size() > 2048) return false;
  const std::string_view account = text.substr(at + 6, 12);
  const std::string_view role = text.substr(std::min(text.size(), at + 18));
  return account.size() == 12 && std::ranges::all_of(account, is_digit) && role.starts_with(":role/") &&
         role.size() > 6 && std::ranges::none_of(role, [](char c) { return is_control(c) || c == ' '; });
}

// A name that stands before a port in Host, in small letters: "aws.proxy.example.com".
bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 190 || text.front() == '.' || text.back() == '.') return false;
  return text.find("..") == std::string_view::npos && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.';
         });
}

void read_role(yaml::Map& map, std::string_view key, std::string& out) {
  map.require(key);
  const yaml::Node* at = map.string(key, out);
  if (at && !is_role_arn(out))
    map.problem(*at, "`" + std::string(key) + "` must be a role's ARN like arn:aws:iam::111122223333:role/countersign");
}

void read_web_identity(Reading& reading, const yaml::Node& node, AwsKeys& out) {
  yaml::Map map(reading.file, node, "`web_identity`", reading.problems);
  read_role(map, "role", out.web_role);
  map.require("token_file");
  if (const yaml::Node* at = map.string("token_file", out.token_file)) reading.file_at(*at, out.token_file);
  map.finish();
}

AwsRole read_assume_role(Reading& reading, const yaml::Node& node) {
  AwsRole out;
  yaml::Map map(reading.file, node, "`assume_role`", reading.problems);
  read_role(map, "role", out.arn);
  if (const yaml::Node* at = map.string("external_id", out.external_id)) {
    const bool sound = out.external_id.size() >= 2 && out.external_id.size() <= 1224 &&
                       std::ranges::all_of(out.external_id, [](char c) {
                         return is_alphanumeric(c) || std::string_view("_+=,.@:/-").find(c) != std::string_view::npos;
                       });
    if (!sound) map.problem(*at, "`external_id` has 2 to 1224 letters, digits, and characters of _+=,.@:/-");
  }
  if (const yaml::Node* at = map.duration("duration", out.duration, 12LL * 3'600'000)) {
    if (out.duration < 15LL * 60'000) map.problem(*at, "`duration` is at least 15m: AWS gives no shorter session");
  }
  std::string session = "operation";
  map.one_of("session", session, {"operation", "whole"});
  out.session = session == "whole" ? AwsRole::Session::whole : AwsRole::Session::operation;
  map.finish();
  return out;
}

void read_sources(Reading& reading, yaml::Map& map, AwsKeys& out) {
  out.from = AwsKeys::From::sources;
  if (map.require("access_key")) read_secret(reading, *map.any("access_key"), "`access_key`", out.access_key);
  if (map.require("secret_key")) read_secret(reading, *map.any("secret_key"), "`secret_key`", out.secret_key);
  if (const yaml::Node* at = map.any("session_token"))
    read_secret(reading, *at, "`session_token`", out.session_token.emplace());
}

void read_tag_keys(yaml::Map& map, std::string_view key, std::vector<std::string>& out) {
  const yaml::Node* at = map.strings(key, out);
  if (!at) return;
  const bool sound = !out.empty() && out.size() <= kTagKeys && std::ranges::all_of(out, [](const std::string& name) {
    return !name.empty() && name.size() <= 128 && std::ranges::none_of(name, is_control);
  });
  if (!sound) map.problem(*at, "`" + std::string(key) + "` is a list of 1 to 20 tag keys");
}

AwsTags read_tags(Reading& reading, const yaml::Node& node) {
  AwsTags out;
  yaml::Map map(reading.file, node, "`tags`", reading.problems);
  read_tag_keys(map, "environment", out.environment);
  read_tag_keys(map, "tier", out.tier);
  read_tag_keys(map, "owner", out.owner);
  map.strings("values", out.values);
  map.duration("keep", out.keep, 3'600'000);
  if (const yaml::Node* at = map.map("credential")) {
    yaml::Map credential(reading.file, *at, "`credential`", reading.problems);
    if (credential.require("aws")) out.credential = read_aws_keys(reading, *credential.any("aws"));
    credential.finish();
  }
  map.finish();
  if (node.kind == yaml::Node::Kind::map && !node.find("environment") && !node.find("tier") && !node.find("owner"))
    map.problem(node, "`tags` needs one of environment, tier, owner: lists of tag keys");
  return out;
}

}  // namespace

AwsAccount read_aws_account(Reading& reading, const yaml::Node& node) {
  AwsAccount out;
  yaml::Map map(reading.file, node, "`aws`", reading.problems);
  if (const yaml::Node* at = map.string("account", out.id)) {
    if (out.id.size() != 12 || !std::ranges::all_of(out.id, is_digit))
      map.problem(*at, "`account` has 12 digits; quote it, so that a leading 0 stays");
  }
  map.one_of("partition", out.partition, {"aws", "aws-cn", "aws-us-gov"});
  if (const yaml::Node* wait = map.any("wait"); wait && wait->text == "none") {
    out.wait = 0;
  } else {
    map.duration("wait", out.wait, 600'000);
  }
  if (const yaml::Node* at = map.string("host", out.host)) {
    if (!is_host_name(out.host))
      map.problem(*at, "`host` must be a host name in small letters like aws.proxy.example.com, without a port");
  }
  if (const yaml::Node* at = map.map("tags")) out.tags = read_tags(reading, *at);
  map.finish();
  return out;
}

AwsKeys read_aws_keys(Reading& reading, const yaml::Node& node) {
  AwsKeys out;
  yaml::Map map(reading.file, node, "`aws`", reading.problems);
  bool environment = false;
  const yaml::Node* env = map.boolean("env", environment);
  const yaml::Node* profile = map.string("profile", out.profile);
  const yaml::Node* web = map.map("web_identity");
  const bool sources = map.any("access_key") || map.any("secret_key") || map.any("session_token");
  if ((environment ? 1 : 0) + (profile ? 1 : 0) + (web ? 1 : 0) + (sources ? 1 : 0) > 1) {
    map.problem(node, "`aws` has keys from more than one place");
  } else if (environment) {
    out.from = AwsKeys::From::environment;
  } else if (profile) {
    out.from = AwsKeys::From::profile;
    if (out.profile.empty() || out.profile.size() > 200 || out.profile.find_first_of("[]") != std::string::npos ||
        std::ranges::any_of(out.profile, is_control))
      map.problem(*profile, "`profile` must be the name of a profile");
  } else if (web) {
    out.from = AwsKeys::From::web_identity;
    read_web_identity(reading, *web, out);
  } else if (sources || env != nullptr) {
    read_sources(reading, map, out);
  } else if (node.kind == yaml::Node::Kind::map) {
    map.problem(node, "`aws` needs env: true, a `profile`, a `web_identity`, or an `access_key` and a `secret_key`");
  }
  if (const yaml::Node* at = map.map("assume_role")) out.role = read_assume_role(reading, *at);
  map.finish();
  return out;
}

}  // namespace countersign::config
