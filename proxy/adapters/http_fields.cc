#include "proxy/adapters/http_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "core/json_reader.h"

namespace countersign::adapters {
namespace {

bool listed(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::any_of(names, [&](std::string_view known) { return equal_ignoring_case(known, name); });
}

constexpr std::array<std::string_view, 4> kMethodOverrides = {"X-HTTP-Method-Override", "X-HTTP-Method",
                                                              "X-Method-Override", "X-Original-Method"};
constexpr std::array<std::string_view, 3> kPathOverrides = {"X-Original-URL", "X-Rewrite-URL", "X-Original-URI"};

constexpr std::array<std::string_view, 11> kHopByHop = {
    "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",      "TE",
    "Trailer",    "Upgrade",    "Content-Length",   "Transfer-Encoding",  "Proxy-Authentication-Info"};

// Carriers of credentials in wide use. Others an operator lists in policy; these never pass.
constexpr std::array<std::string_view, 14> kCredentials = {
    "Authorization",        "Cookie",         "Cookie2",       "X-Api-Key", "Api-Key",       "X-Auth-Token",
    "X-Auth-Key",           "X-Access-Token", "Private-Token", "Job-Token", "X-Vault-Token", "X-GitHub-Token",
    "X-Amz-Security-Token", "X-Goog-Api-Key"};

constexpr std::array<std::string_view, 8> kOrigins = {
    "Forwarded",           "Via", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP",
    "X-Cluster-Client-IP", "Host"};

constexpr std::array<std::string_view, 14> kEnvelope = {"Date",
                                                        "User-Agent",
                                                        "Accept-Encoding",
                                                        "Accept-Language",
                                                        "Priority",
                                                        "Traceparent",
                                                        "Tracestate",
                                                        "Baggage",
                                                        "B3",
                                                        "X-Request-Id",
                                                        "X-Correlation-Id",
                                                        "Sentry-Trace",
                                                        "X-Amzn-Trace-Id",
                                                        "X-Cloud-Trace-Context"};

constexpr std::array<std::string_view, 11> kNotAnswered = {
    "Set-Cookie", "Set-Cookie2",     "WWW-Authenticate", "Authentication-Info", "Strict-Transport-Security",
    "Alt-Svc",    "Public-Key-Pins", "Clear-Site-Data",  "Reporting-Endpoints", "Report-To",
    "NEL"};

bool starts_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

bool is_envelope_field(std::string_view name) {
  return listed(kEnvelope, name) || starts_ignoring_case(name, "X-B3-");
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The members of a comma-separated field, all fields of that name together.
std::vector<std::string_view> members(const HeaderList& headers, std::string_view name) {
  std::vector<std::string_view> out;
  for (const HeaderField& field : headers.fields()) {
    if (!equal_ignoring_case(field.name, name)) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      std::size_t end = std::min(rest.find(','), rest.size());
      std::string_view member = trim(rest.substr(0, end));
      if (!member.empty()) out.push_back(member);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return out;
}

std::vector<std::string_view> connection_options(const HeaderList& headers) {
  return members(headers, "Connection");
}

bool hop_by_hop(std::string_view name, const std::vector<std::string_view>& options) {
  return listed(kHopByHop, name) ||
         std::ranges::any_of(options, [&](std::string_view option) { return equal_ignoring_case(option, name); });
}

bool is_wait(std::string_view preference) {
  std::string_view name = trim(preference.substr(0, preference.find_first_of("=;")));
  return equal_ignoring_case(name, "wait");
}

}  // namespace

Status check_request_fields(const HeaderList& headers) {
  for (const HeaderField& field : headers.fields()) {
    // Some servers read `_` in a field's name as `-`.
    std::string name = field.name;
    std::ranges::replace(name, '_', '-');
    if (listed(kMethodOverrides, name))
      return fail(ErrorKind::malformed, "http.method_override", "the header " + field.name + " is not accepted");
    if (listed(kPathOverrides, name))
      return fail(ErrorKind::malformed, "http.path_override", "the header " + field.name + " is not accepted");
    if (!is_utf8(field.value))
      return fail(ErrorKind::malformed, "http.bad_header", "the header " + field.name + " is not UTF-8");
  }
  return {};
}

HeaderList fields_to_forward(const HeaderList& headers) {
  std::vector<std::string_view> options = connection_options(headers);
  HeaderList out;
  std::string preferences;
  for (const HeaderField& field : headers.fields()) {
    // Servers that read `_` as `-` would take such a field for one that is stripped or refused.
    bool dropped = field.name.find('_') != std::string::npos || hop_by_hop(field.name, options) ||
                   listed(kCredentials, field.name) || listed(kOrigins, field.name) ||
                   starts_ignoring_case(field.name, "X-Forwarded-") ||
                   starts_ignoring_case(field.name, "Countersign-") || equal_ignoring_case(field.name, "Expect") ||
                   equal_ignoring_case(field.name, "Prefer");
    if (!dropped) out.add(field.name, field.value);
  }
  if (hop_by_hop("Prefer", options)) return out;
  for (std::string_view preference : members(headers, "Prefer")) {
    if (is_wait(preference)) continue;
    if (!preferences.empty()) preferences += ", ";
    preferences += preference;
  }
  if (!preferences.empty()) out.add("Prefer", preferences);
  return out;
}

HeaderList fields_that_count(const HeaderList& headers, std::span<const std::string_view> attempt) {
  HeaderList out;
  for (const HeaderField& field : headers.fields()) {
    if (is_envelope_field(field.name) || listed(attempt, field.name)) continue;
    std::string name = field.name;
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    out.add(name, field.value);
  }
  return out;
}

HeaderList fields_to_answer(const HeaderList& headers) {
  std::vector<std::string_view> options = connection_options(headers);
  HeaderList out;
  for (const HeaderField& field : headers.fields()) {
    if (hop_by_hop(field.name, options) || listed(kNotAnswered, field.name)) continue;
    out.add(field.name, field.value);
  }
  return out;
}

TimeMs preferred_wait(const HeaderList& headers, TimeMs at_most) {
  for (std::string_view preference : members(headers, "Prefer")) {
    std::size_t equals = preference.find('=');
    if (!is_wait(preference) || equals == std::string_view::npos) continue;
    std::string_view digits = trim(preference.substr(equals + 1));
    std::int64_t seconds = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (error == std::errc::result_out_of_range) return at_most;
    if (error != std::errc() || end != digits.data() + digits.size() || seconds < 0) return 0;
    return std::min(seconds, at_most / 1000) * 1000;
  }
  return 0;
}

}  // namespace countersign::adapters
