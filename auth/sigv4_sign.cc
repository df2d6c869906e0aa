#include "auth/sigv4_sign.h"

#include <algorithm>
#include <array>
#include <vector>

#include "auth/sigv4_uri.h"
#include "auth/strip.h"

namespace countersign::auth {
namespace {

constexpr auto kStripped = std::to_array<std::string_view>({
    "Authorization",
    "Date",
    "X-Amz-Content-Sha256",
    "X-Amz-Date",
    "X-Amz-S3session-Token",
    "X-Amz-Security-Token",
});
// Beside Host and x-amz-…: what decides how the body is read, or which part of an object is meant.
constexpr auto kSigned = std::to_array<std::string_view>({
    "content-encoding",
    "content-md5",
    "content-type",
    "range",
});

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::vector<std::string> names_to_sign(const HeaderList& headers) {
  std::vector<std::string> names{"host"};
  for (const HeaderField& field : headers.fields()) {
    std::string name = lower(field.name);
    if (name.starts_with("x-amz-") || std::ranges::find(kSigned, name) != kSigned.end())
      names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += ';';
    out += name;
  }
  return out;
}

bool is_sigv4_piece(std::string_view piece) {
  Result<std::vector<QueryPair>> pair = parse_query(piece);
  return pair && pair->size() == 1 && !sigv4_parameter(pair->front().name).empty();
}

// The target without the parameters of the query form; every other byte stays.
std::string without_parameters(const RequestHead& head) {
  std::string_view query = head.query();
  std::string kept;
  bool removed = false;
  bool first = true;
  while (!query.empty()) {
    std::size_t end = std::min(query.find('&'), query.size());
    std::string_view piece = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (is_sigv4_piece(piece)) {
      removed = true;
      continue;
    }
    if (!first) kept += '&';
    first = false;
    kept += piece;
  }
  if (!removed) return head.target;
  return std::string(head.path()) + (kept.empty() ? "" : "?" + kept);
}

Status check_host(const RequestHead& head) {
  if (head.headers.count("host") == 1) return {};
  return fail(ErrorKind::malformed, "sigv4.malformed", "a request to sign has exactly one Host");
}

}  // namespace

void strip_sigv4(RequestHead& head) {
  strip_credentials(head.headers);
  for (std::string_view name : kStripped) head.headers.remove(name);
  if (head.query().find('-') != std::string_view::npos || head.query().find('%') != std::string_view::npos)
    head.target = without_parameters(head);
}

void drop_chunking(HeaderList& headers) {
  std::string kept;
  for (const HeaderField& field : headers.fields()) {
    if (!equal_ignoring_case(field.name, "content-encoding")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      std::size_t end = std::min(rest.find(','), rest.size());
      std::string_view coding = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      while (coding.starts_with(' ')) coding.remove_prefix(1);
      while (coding.ends_with(' ')) coding.remove_suffix(1);
      if (coding.empty() || equal_ignoring_case(coding, "aws-chunked")) continue;
      if (!kept.empty()) kept += ", ";
      kept += coding;
    }
  }
  headers.remove("content-encoding");
  if (!kept.empty()) headers.add("Content-Encoding", kept);
  headers.remove("x-amz-decoded-content-length");
  headers.remove("x-amz-trailer");
}

Result<SigV4Claim> sign_sigv4(RequestHead& head, const AwsCredentials& credentials, std::string_view region,
                              std::string_view service, std::string_view payload, TimeMs now) {
  strip_sigv4(head);
  if (Status host = check_host(head); !host) return fail(host.error());
  const std::string time = amz_date(now);
  head.headers.set("X-Amz-Date", time);
  head.headers.set("X-Amz-Content-Sha256", payload);
  if (!credentials.session_token.empty()) head.headers.set("X-Amz-Security-Token", credentials.session_token);
  const std::vector<std::string> names = names_to_sign(head.headers);
  Result<std::string> request = canonical_request(head, names, SigV4Form::header, path_style(service), payload);
  if (!request) return fail(request.error());
  const std::string date = time.substr(0, 8);
  const std::string scope = date + "/" + std::string(region) + "/" + std::string(service) + "/aws4_request";
  const SigningKey key(credentials.secret, date, region, service);
  head.headers.set("Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.key_id + "/" + scope +
                                        ", SignedHeaders=" + join(names) +
                                        ", Signature=" + key.sign(string_to_sign(now, scope, *request)));
  // What leaves here has to pass the reader that what comes in passes.
  return parse_sigv4(head);
}

Result<SigV4Claim> presign_sigv4(RequestHead& head, const AwsCredentials& credentials, std::string_view region,
                                 std::string_view service, TimeMs valid, TimeMs now) {
  strip_sigv4(head);
  if (Status host = check_host(head); !host) return fail(host.error());
  const std::string time = amz_date(now);
  const std::string date = time.substr(0, 8);
  const std::string scope = date + "/" + std::string(region) + "/" + std::string(service) + "/aws4_request";
  head.target += head.target.find('?') == std::string::npos ? '?' : '&';
  auto add = [&](std::string_view name, std::string_view value) {
    if (head.target.back() != '?' && head.target.back() != '&') head.target += '&';
    head.target.append(name).append("=");
    append_uri_encoded(head.target, value);
  };
  add("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
  add("X-Amz-Credential", credentials.key_id + "/" + scope);
  add("X-Amz-Date", time);
  add("X-Amz-Expires", std::to_string(valid / 1000));
  if (!credentials.session_token.empty()) add("X-Amz-Security-Token", credentials.session_token);
  add("X-Amz-SignedHeaders", "host");
  const PathStyle style = path_style(service);
  const std::string payload =
      style == PathStyle::verbatim ? std::string(kUnsignedPayload) : to_hex(sha256(std::string_view()));
  Result<std::string> request = canonical_request(head, {"host"}, SigV4Form::query, style, payload);
  if (!request) return fail(request.error());
  const SigningKey key(credentials.secret, date, region, service);
  add("X-Amz-Signature", key.sign(string_to_sign(now, scope, *request)));
  return parse_sigv4(head);
}

}  // namespace countersign::auth
