#include "auth/sigv4_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "auth/sigv4.h"
#include "auth/sigv4_uri.h"

namespace countersign::auth {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::size_t kMaxScopeWord = 64;

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorKind::malformed, "sigv4.malformed", std::move(message));
}
std::unexpected<Error> ambiguous(std::string message) {
  return fail(ErrorKind::malformed, "sigv4.ambiguous", std::move(message));
}
std::unexpected<Error> unsupported(std::string message) {
  return fail(ErrorKind::unsupported, "sigv4.unsupported", std::move(message));
}
std::unexpected<Error> refused(std::string_view code, std::string message) {
  return fail(ErrorKind::unauthenticated, code, std::move(message));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}
bool is_digest(std::string_view text) {
  return text.size() == 64 && is_lower_hex(text);
}
char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), to_lower);
  return out;
}
std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}
std::string_view take_until(std::string_view& text, char end) {
  std::size_t at = std::min(text.find(end), text.size());
  std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

// A number of exactly the digits at `at`; -1: other characters.
int number(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || !is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

std::optional<TimeMs> instant(int y, int m, int d, int hour, int minute, int second) {
  using namespace std::chrono;
  if (y < 1970 || m < 0 || d < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
    return std::nullopt;
  year_month_day date{year(y), month(static_cast<unsigned>(m)), day(static_cast<unsigned>(d))};
  if (!date.ok()) return std::nullopt;
  return duration_cast<milliseconds>(
             (sys_days(date) + hours(hour) + minutes(minute) + seconds(second)).time_since_epoch())
      .count();
}

// RFC 9110 section 5.6.7, IMF-fixdate only: "Fri, 24 May 2013 00:00:00 GMT".
std::optional<TimeMs> parse_fixdate(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' || text[16] != ' ' ||
      text[19] != ':' || text[22] != ':' || !text.ends_with(" GMT")) {
    return std::nullopt;
  }
  std::size_t month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  return instant(number(text, 12, 4), static_cast<int>(month / 3) + 1, number(text, 5, 2), number(text, 17, 2),
                 number(text, 20, 2), number(text, 23, 2));
}

// Fields of which one reader could take the first and another the last.
constexpr auto kSingle = std::to_array<std::string_view>({
    "authorization",
    "content-length",
    "content-type",
    "date",
    "host",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-security-token",
    "x-amz-target",
    "x-amz-trailer",
});

Status check_single(const HeaderList& headers) {
  for (std::string_view name : kSingle) {
    if (headers.count(name) > 1) return ambiguous("the field " + std::string(name) + " stands there more than once");
  }
  return {};
}

// The parameters of the query form, each at most once and spelled as AWS does.
struct QueryAuth {
  std::vector<std::pair<std::string_view, std::string>> found;

  [[nodiscard]] const std::string* get(std::string_view name) const {
    auto at = std::ranges::find_if(found, [&](const auto& entry) { return entry.first == name; });
    return at == found.end() ? nullptr : &at->second;
  }
};

Result<QueryAuth> read_query(std::string_view query) {
  QueryAuth auth;
  if (query.empty()) return auth;
  Result<std::vector<QueryPair>> pairs = parse_query(query);
  if (!pairs) return fail(pairs.error());
  for (QueryPair& pair : *pairs) {
    if (pair.name == "AWSAccessKeyId") return unsupported("signature version 2 is not supported");
    std::string_view known = sigv4_parameter(pair.name);
    if (known.empty()) continue;
    if (pair.name != known) return malformed("the parameter " + std::string(known) + " is spelled otherwise");
    if (auth.get(known)) return ambiguous("the parameter " + std::string(known) + " stands there more than once");
    auth.found.emplace_back(known, std::move(pair.value));
  }
  return auth;
}

bool is_scope_word(std::string_view text) {
  return !text.empty() && text.size() <= kMaxScopeWord && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
  });
}

Status read_credential(std::string_view text, SigV4Claim& claim) {
  std::string_view key = take_until(text, '/');
  std::string_view date = take_until(text, '/');
  std::string_view region = take_until(text, '/');
  std::string_view service = take_until(text, '/');
  bool key_sound = !key.empty() && key.size() <= 128 && std::ranges::all_of(key, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
  if (text != "aws4_request" || !key_sound || date.size() != 8 || number(date, 0, 8) < 0 || !is_scope_word(region) ||
      !is_scope_word(service)) {
    return malformed("the credential is not KEY/YYYYMMDD/region/service/aws4_request");
  }
  claim.access_key = key;
  claim.date = date;
  claim.region = region;
  claim.service = service;
  return {};
}

Status read_signed_headers(std::string_view text, SigV4Claim& claim) {
  if (text.empty()) return malformed("no signed headers are named");
  while (true) {
    std::size_t end = text.find(';');
    std::string_view name = text.substr(0, end);
    bool sound = !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
      return c > 0x20 && c < 0x7f && c != ':' && c != ',' && c != '=' && !(c >= 'A' && c <= 'Z');
    });
    if (!sound || claim.signed_headers.size() == kMaxSignedHeaders ||
        (!claim.signed_headers.empty() && claim.signed_headers.back() >= name)) {
      return malformed("the signed headers are not different lower-case names in ascending order");
    }
    claim.signed_headers.emplace_back(name);
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
}

Status read_signature(std::string_view text, SigV4Claim& claim) {
  if (!is_digest(text)) return malformed("the signature is not 64 lower-case hexadecimal digits");
  claim.signature = text;
  return {};
}

Status read_algorithm(std::string_view algorithm) {
  if (algorithm == kAlgorithm) return {};
  if (algorithm.starts_with("AWS4-ECDSA-")) return unsupported("asymmetric signatures (SigV4a) are not supported");
  return unsupported("the only supported algorithm is AWS4-HMAC-SHA256");
}

// AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…
Status read_authorization(std::string_view value, SigV4Claim& claim) {
  if (value.size() > kMaxAuthorizationBytes) return malformed("the Authorization field is too long");
  if (Status known = read_algorithm(take_until(value, ' ')); !known) return known;
  std::array<std::optional<std::string_view>, 3> parts;
  constexpr std::array<std::string_view, 3> kNames = {"Credential", "SignedHeaders", "Signature"};
  while (!value.empty()) {
    std::string_view piece = trim(take_until(value, ','));
    std::string_view name = take_until(piece, '=');
    auto known = std::ranges::find(kNames, name);
    if (known == kNames.end()) return malformed("the Authorization field has a part that is none");
    std::optional<std::string_view>& part = parts.at(static_cast<std::size_t>(known - kNames.begin()));
    if (part) return ambiguous("the Authorization field has " + std::string(name) + " more than once");
    part = piece;
  }
  if (!parts[0] || !parts[1] || !parts[2])
    return malformed("the Authorization field lacks Credential, SignedHeaders or Signature");
  if (Status read = read_credential(*parts[0], claim); !read) return read;
  if (Status read = read_signed_headers(*parts[1], claim); !read) return read;
  return read_signature(*parts[2], claim);
}

Status read_header_form(const RequestHead& head, SigV4Claim& claim) {
  claim.form = SigV4Form::header;
  if (Status read = read_authorization(*head.headers.get("authorization"), claim); !read) return read;
  claim.session_token = head.headers.get("x-amz-security-token").value_or("");
  std::optional<std::string_view> date = head.headers.get("x-amz-date");
  if (date) {
    Result<TimeMs> time = parse_amz_date(*date);
    if (!time) return fail(time.error());
    claim.signed_at = *time;
    return {};
  }
  date = head.headers.get("date");
  if (!date || !claim.is_signed("date"))
    return refused("sigv4.unsigned_header", "the request has neither x-amz-date nor a signed date");
  if (std::optional<TimeMs> fixed = parse_fixdate(*date)) {
    claim.signed_at = *fixed;
    return {};
  }
  Result<TimeMs> time = parse_amz_date(*date);
  if (!time) return fail(time.error());
  claim.signed_at = *time;
  return {};
}

Status read_query_form(const RequestHead& head, const QueryAuth& query, SigV4Claim& claim) {
  claim.form = SigV4Form::query;
  for (std::string_view name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
                                "X-Amz-SignedHeaders", "X-Amz-Signature"}) {
    if (!query.get(name)) return malformed("the parameter " + std::string(name) + " is missing");
  }
  for (std::string_view name : {"X-Amz-Security-Token", "X-Amz-Date", "X-Amz-Content-Sha256"}) {
    if (query.get(name) && head.headers.count(name) > 0)
      return ambiguous(std::string(name) + " is both a parameter and a field");
  }
  // Taking these from the head instead would be the fallback that this reader does not have.
  if (head.headers.count("x-amz-security-token") > 0 || head.headers.count("x-amz-date") > 0)
    return ambiguous("the request is signed in its query and has fields of the other form");
  if (Status known = read_algorithm(*query.get("X-Amz-Algorithm")); !known) return known;
  if (Status read = read_credential(*query.get("X-Amz-Credential"), claim); !read) return read;
  if (Status read = read_signed_headers(*query.get("X-Amz-SignedHeaders"), claim); !read) return read;
  if (Status read = read_signature(*query.get("X-Amz-Signature"), claim); !read) return read;
  Result<TimeMs> time = parse_amz_date(*query.get("X-Amz-Date"));
  if (!time) return fail(time.error());
  claim.signed_at = *time;
  const std::string& expires = *query.get("X-Amz-Expires");
  int seconds = expires.size() <= 7 ? number(expires, 0, expires.size()) : -1;
  if (expires.empty() || seconds < 1 || expires.starts_with('0'))
    return malformed("X-Amz-Expires is not a number of seconds");
  claim.expires = TimeMs{seconds} * 1000;
  if (const std::string* token = query.get("X-Amz-Security-Token")) claim.session_token = *token;
  return {};
}

// Everything that is said to be signed is there, and everything that steers AWS is signed. The session token may stand
// outside: it selects the secret, so another one makes the signature wrong.
Status check_signed(const HeaderList& headers, const SigV4Claim& claim) {
  if (!claim.is_signed("host")) return refused("sigv4.unsigned_header", "Host is not signed");
  for (const std::string& name : claim.signed_headers) {
    if (headers.count(name) == 0)
      return refused("sigv4.header_missing", "the field " + name + " is signed and not there");
  }
  for (const HeaderField& field : headers.fields()) {
    std::string name = lower(field.name);
    std::string plain = name;
    std::ranges::replace(plain, '_', '-');
    if (!plain.starts_with("x-amz-") || name == "x-amz-security-token" || claim.is_signed(name)) continue;
    return refused("sigv4.unsigned_header", "the field " + name.substr(0, 100) + " is not signed");
  }
  return {};
}

bool is_aws_chunked(const HeaderList& headers) {
  return std::ranges::any_of(headers.fields(), [](const HeaderField& field) {
    return equal_ignoring_case(field.name, "content-encoding") && lower(field.value).contains("aws-chunked");
  });
}

Status read_streaming(const HeaderList& headers, Payload& payload) {
  std::string_view length = headers.get("x-amz-decoded-content-length").value_or("");
  auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), payload.decoded_length);
  if (length.empty() || !is_digit(length[0]) || error != std::errc() || end != length.data() + length.size() ||
      payload.decoded_length > kMaxDecodedLength) {
    return malformed("x-amz-decoded-content-length is missing or no length");
  }
  if (payload.kind == PayloadKind::streaming_signed) return {};
  std::string_view names = headers.get("x-amz-trailer").value_or("");
  while (!names.empty()) {
    std::string name = lower(trim(take_until(names, ',')));
    if (name.empty() || payload.trailers.size() == 4 ||
        std::ranges::find(payload.trailers, name) != payload.trailers.end())
      return malformed("x-amz-trailer does not name one to four different fields");
    payload.trailers.push_back(std::move(name));
  }
  if (payload.trailers.empty()) return malformed("x-amz-trailer is missing");
  return {};
}

Status read_payload_word(std::string_view word, const RequestHead& head, SigV4Claim& claim) {
  Payload& payload = claim.payload;
  if (is_digest(word)) {
    payload.kind = PayloadKind::sha256;
    payload.hex = word;
    return {};
  }
  if (word == kUnsignedPayload) {
    payload.kind = PayloadKind::unsigned_payload;
    return {};
  }
  if (word == kStreamingSigned) {
    payload.kind = PayloadKind::streaming_signed;
  } else if (word == kStreamingSignedTrailer) {
    payload.kind = PayloadKind::streaming_signed_trailer;
  } else if (word == kStreamingUnsignedTrailer) {
    payload.kind = PayloadKind::streaming_unsigned_trailer;
  } else if (word.starts_with("STREAMING-")) {
    return unsupported("this kind of streaming payload is not supported");
  } else {
    return malformed("x-amz-content-sha256 is neither a digest nor a known word");
  }
  if (claim.form == SigV4Form::query) return unsupported("a presigned URL cannot have a streaming payload");
  return read_streaming(head.headers, payload);
}

Status read_payload(const RequestHead& head, const QueryAuth& query, SigV4Claim& claim) {
  std::optional<std::string_view> word = head.headers.get("x-amz-content-sha256");
  if (const std::string* parameter = query.get("X-Amz-Content-Sha256")) word = *parameter;
  if (word) {
    if (Status read = read_payload_word(*word, head, claim); !read) return read;
  } else if (claim.form == SigV4Form::query && path_style(claim.service) == PathStyle::verbatim) {
    claim.payload.kind = PayloadKind::unsigned_payload;
  }
  if (!claim.payload.is_streaming() && is_aws_chunked(head.headers))
    return malformed("the body is aws-chunked, and its signature says otherwise");
  return {};
}

}  // namespace

bool SigV4Claim::is_signed(std::string_view lower_case_name) const {
  return std::ranges::binary_search(signed_headers, lower_case_name);
}

bool carries_sigv4(const RequestHead& head) {
  for (const HeaderField& field : head.headers.fields()) {
    if (equal_ignoring_case(field.name, "authorization") && equal_ignoring_case(field.value.substr(0, 4), "AWS4"))
      return true;
  }
  // A query that cannot be read is nobody's credential; parse_sigv4 refuses it when the head has one.
  Result<std::vector<QueryPair>> pairs = parse_query(head.query());
  return pairs && std::ranges::any_of(*pairs, [](const QueryPair& pair) {
           return pair.name == "AWSAccessKeyId" || !sigv4_parameter(pair.name).empty();
         });
}

Result<SigV4Claim> parse_sigv4(const RequestHead& head) {
  if (Status single = check_single(head.headers); !single) return fail(single.error());
  Result<QueryAuth> query = read_query(head.query());
  if (!query) return fail(query.error());
  std::optional<std::string_view> authorization = head.headers.get("authorization");
  if (authorization && !query->found.empty())
    return ambiguous("the request has an Authorization field and is signed in its query");

  SigV4Claim claim;
  Status read;
  if (authorization && authorization->starts_with("AWS4-")) {
    read = read_header_form(head, claim);
  } else if (!query->found.empty()) {
    read = read_query_form(head, *query, claim);
  } else {
    return refused("sigv4.missing", "the request has no AWS signature");
  }
  if (!read) return fail(read.error());
  if (claim.session_token.size() > kMaxSessionTokenBytes) return malformed("the session token is too long");
  if (Status signed_all = check_signed(head.headers, claim); !signed_all) return fail(signed_all.error());
  if (amz_date(claim.signed_at).substr(0, 8) != claim.date)
    return refused("sigv4.scope_date", "the day of the credential is not the day of the request");
  if (Status payload = read_payload(head, *query, claim); !payload) return fail(payload.error());
  return claim;
}

std::string amz_date(TimeMs time) {
  using namespace std::chrono;
  sys_seconds point = floor<seconds>(sys_time<milliseconds>(milliseconds(time)));
  auto day = floor<days>(point);
  year_month_day date(day);
  hh_mm_ss clock(point - day);
  std::string text = "00000000T000000Z";
  auto put = [&](std::size_t end, std::int64_t number) {
    for (; number > 0; number /= 10) text[--end] = static_cast<char>('0' + number % 10);
  };
  put(4, std::clamp(static_cast<int>(date.year()), 0, 9999));
  put(6, static_cast<unsigned>(date.month()));
  put(8, static_cast<unsigned>(date.day()));
  put(11, clock.hours().count());
  put(13, clock.minutes().count());
  put(15, clock.seconds().count());
  return text;
}

Result<TimeMs> parse_amz_date(std::string_view text) {
  std::optional<TimeMs> time;
  if (text.size() == 16 && text[8] == 'T' && text[15] == 'Z') {
    time = instant(number(text, 0, 4), number(text, 4, 2), number(text, 6, 2), number(text, 9, 2), number(text, 11, 2),
                   number(text, 13, 2));
  }
  if (!time) return malformed("the date is not of the form 20130524T000000Z");
  return *time;
}

}  // namespace countersign::auth
