#include "proxy/aws_sts.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "auth/sigv4_uri.h"
#include "core/json_reader.h"
#include "core/sha256.h"
#include "proxy/adapters/aws_value.h"

namespace countersign::proxy {
namespace {

constexpr std::string_view kVersion = "2011-06-15";
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kMaxSessionToken = 16U << 10;  // AWS names no limit; header fields have one
constexpr std::size_t kShortDigest = 8;
constexpr std::size_t kShortOperation = 12;  // the last digits of a UUIDv7 are its random ones

std::unexpected<Error> unavailable(std::string message) {
  return fail(ErrorKind::unavailable, "aws.credential_unavailable", std::move(message));
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_+=,.@-").contains(c);
}

void add(std::string& body, std::string_view name, std::string_view value) {
  if (!body.empty()) body += '&';
  body.append(name).append("=");
  auth::append_uri_encoded(body, value);
}

// What a key or a token can be written with in a header field.
bool is_word(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string_view text_at(const adapters::AwsNode& node, std::string_view name) {
  const adapters::AwsNode* found = node.member(name);
  return found != nullptr && found->is_string() ? found->text : std::string_view();
}

// Without its fraction of a second, which has as many digits as its writer likes.
std::string whole_seconds(std::string_view time) {
  const std::size_t dot = time.find('.');
  if (dot == std::string_view::npos) return std::string(time);
  const std::size_t end = std::min(time.find_first_not_of("0123456789", dot + 1), time.size());
  return std::string(time.substr(0, dot)) + std::string(time.substr(end));
}

// "AccessDenied" of an error's body in XML: S3's is an <Error>, others have one in an <ErrorResponse> or, EC2, in
// <Errors>. Empty where it has none.
std::string error_code_of(std::string_view body) {
  adapters::AwsTree tree;
  if (!adapters::read_aws_xml(body, tree)) return {};
  const adapters::AwsNode& root = tree.root();
  const adapters::AwsNode* errors = root.member("Errors");
  const adapters::AwsNode* error = root.key == "Error" ? &root : (errors == nullptr ? &root : errors)->member("Error");
  const std::string_view code = error == nullptr ? std::string_view() : text_at(*error, "Code");
  return code.size() <= 100 && std::ranges::all_of(code, is_name_character) ? std::string(code) : std::string();
}

}  // namespace

std::string sts_name(std::string_view agent) {
  if (agent.empty()) return "countersign";
  std::string out(agent);
  std::ranges::replace_if(out, [](char c) { return !is_name_character(c); }, '-');
  if (out == agent && out.size() >= 2 && out.size() <= kLongestName) return out;
  out.resize(std::min(out.size(), kLongestName - kShortDigest - 1));
  return out + "-" + to_hex(sha256(agent)).substr(0, kShortDigest);
}

std::string sts_session_name(std::string_view agent, std::string_view operation) {
  std::string name = sts_name(agent);
  std::string end;
  std::ranges::copy_if(operation, std::back_inserter(end), [](char c) { return c != '-' && is_name_character(c); });
  if (end.empty()) return name;
  if (end.size() > kShortOperation) end.erase(0, end.size() - kShortOperation);
  name.resize(std::min(name.size(), kLongestName - end.size() - 1));
  return name + "-" + end;
}

std::string assume_role_body(const config::AwsRole& role, const RoleWish& wish) {
  std::string body;
  add(body, "Action", "AssumeRole");
  add(body, "Version", kVersion);
  add(body, "RoleArn", role.arn);
  add(body, "RoleSessionName", sts_session_name(wish.agent, wish.operation));
  add(body, "DurationSeconds", std::to_string(std::min(role.duration, wish.duration) / 1000));
  add(body, "SourceIdentity", sts_name(wish.agent));
  if (!role.external_id.empty()) add(body, "ExternalId", role.external_id);
  if (!wish.policy.empty()) add(body, "Policy", wish.policy);
  return body;
}

Secret web_identity_body(std::string_view role, std::string_view token) {
  std::string body;
  body.reserve(512 + role.size() * 3 + token.size() * 3);  // once: what a string outgrows stays in memory
  add(body, "Action", "AssumeRoleWithWebIdentity");
  add(body, "Version", kVersion);
  add(body, "RoleArn", role);
  add(body, "RoleSessionName", sts_name(""));
  add(body, "WebIdentityToken", token);
  return Secret(std::move(body));
}

RequestHead sts_head() {
  RequestHead head{"POST", "/", {}};
  head.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  head.headers.add("Accept", "text/xml");
  head.headers.add("User-Agent", "countersign/1");
  return head;
}

Result<Secret> read_web_token(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return unavailable("the web identity's token file " + path + " cannot be opened");
  std::array<char, kMaxWebToken + 3> buffer{};  // a token over the limit is seen to be over it
  const ssize_t got = ::read(file, buffer.data(), buffer.size());
  ::close(file);
  std::string_view text(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  Secret token{std::string(text)};
  OPENSSL_cleanse(buffer.data(), buffer.size());
  if (!is_word(token.expose(), kMaxWebToken) || token.expose().size() < 4)
    return unavailable("the web identity's token file " + path + " holds no token");
  return token;
}

Result<StsSession> read_sts_answer(std::string_view call, int status, std::string_view body) {
  const std::string asked = "sts:" + std::string(call);
  if (status != 200) {
    const std::string code = error_code_of(body);
    return unavailable(asked + " was answered with status " + std::to_string(status) +
                       (code.empty() ? "" : ", " + code) + ": no session, so nothing was sent");
  }
  auto unreadable = [&] { return unavailable("the answer to " + asked + " is none: nothing was sent"); };
  adapters::AwsTree tree;
  if (body.size() > kMaxStsAnswer || !adapters::read_aws_xml(body, tree)) return unreadable();
  if (tree.root().key != std::string(call) + "Response") return unreadable();
  const adapters::AwsNode* result = tree.root().member(std::string(call) + "Result");
  const adapters::AwsNode* keys = result == nullptr ? nullptr : result->member("Credentials");
  if (keys == nullptr) return unreadable();
  const std::string_view id = text_at(*keys, "AccessKeyId");
  const std::string_view secret = text_at(*keys, "SecretAccessKey");
  const std::string_view token = text_at(*keys, "SessionToken");
  const Result<TimeMs> expires = parse_time(whole_seconds(text_at(*keys, "Expiration")));
  if (!is_word(id, 128) || !is_word(secret, 1024) || !is_word(token, kMaxSessionToken) || !expires) return unreadable();
  return StsSession{{std::string(id), Secret(std::string(secret)), std::string(token)}, *expires};
}

bool refuses_keys(const ResponseHead& head, std::string_view body) {
  if (head.status != 400 && head.status != 401 && head.status != 403) return false;
  std::string code(head.headers.get("x-amzn-errortype").value_or(""));
  if (code.empty() && body.starts_with('{')) {
    const Result<JsonDocument> document = JsonDocument::parse(body);
    if (document) code = document->root().member("__type").string().value_or("");
  }
  if (code.empty()) code = error_code_of(body);
  code.erase(std::min(code.find(':'), code.size()));  // "ExpiredTokenException:http://internal…"
  if (const std::size_t space = code.find('#'); space != std::string::npos) code.erase(0, space + 1);
  constexpr auto kCodes =
      std::to_array<std::string_view>({"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId",
                                       "InvalidClientTokenId", "UnrecognizedClientException"});
  return std::ranges::find(kCodes, code) != kCodes.end();
}

Result<std::string> sts_endpoint(std::string_view region, std::string_view partition) {
  const bool sound = region.size() <= 40 && region.contains('-') && std::ranges::all_of(region, [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                     });
  if (!sound || region.front() == '-' || region.back() == '-')
    return unavailable("the request is signed for no region, so there is no sts to ask");
  return "sts." + std::string(region) + (partition == "aws-cn" ? ".amazonaws.com.cn" : ".amazonaws.com");
}

}  // namespace countersign::proxy
