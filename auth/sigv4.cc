#include "auth/sigv4.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "auth/sigv4_uri.h"
#include "core/bytes.h"

namespace countersign::auth {
namespace {

std::unexpected<Error> refused(std::string_view code, std::string message) {
  return fail(ErrorKind::unauthenticated, code, std::move(message));
}

// A value without outer blanks and with one space for every run of them.
void append_collapsed(std::string& out, std::string_view value) {
  bool gap = false;
  bool begun = false;
  for (char c : value) {
    if (c == ' ' || c == '\t') {
      gap = begun;
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    begun = true;
    out += c;
  }
}

Status append_field(std::string& out, const HeaderList& headers, std::string_view name) {
  out += name;
  char before = ':';
  for (const HeaderField& field : headers.fields()) {
    if (!equal_ignoring_case(field.name, name)) continue;
    out += before;
    append_collapsed(out, field.value);
    before = ',';
  }
  if (before == ':')
    return refused("sigv4.header_missing", "the field " + std::string(name) + " is signed and not there");
  out += '\n';
  return {};
}

std::string seconds_text(TimeMs time) {
  return std::to_string(time / 1000) + " s";
}

// The last line of the canonical request.
Result<std::string_view> payload_line(const Payload& payload, std::string_view body_sha256) {
  switch (payload.kind) {
    case PayloadKind::body:
      if (body_sha256.empty())
        return fail(ErrorKind::internal, "sigv4.body_needed", "the signature covers the body, which was not read yet");
      return body_sha256;
    case PayloadKind::sha256:
      return std::string_view(payload.hex);
    case PayloadKind::unsigned_payload:
      return kUnsignedPayload;
    case PayloadKind::streaming_signed:
      return kStreamingSigned;
    case PayloadKind::streaming_signed_trailer:
      return kStreamingSignedTrailer;
    case PayloadKind::streaming_unsigned_trailer:
      return kStreamingUnsignedTrailer;
  }
  return fail(ErrorKind::internal, "sigv4.body_needed", "the payload is of no known kind");
}

}  // namespace

PathStyle path_style(std::string_view service) {
  const bool s3 =
      service == "s3" || service == "s3-object-lambda" || service == "s3-outposts" || service == "s3express";
  return s3 ? PathStyle::verbatim : PathStyle::normalised_twice_encoded;
}

std::string canonical_path(std::string_view path, PathStyle style) {
  if (path.empty()) return "/";
  if (style == PathStyle::verbatim) return std::string(path);
  std::vector<std::string_view> segments;
  std::string_view rest = path;
  while (!rest.empty()) {
    std::size_t end = std::min(rest.find('/'), rest.size());
    std::string_view segment = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  std::string out;
  for (std::string_view segment : segments) {
    out += '/';
    append_uri_encoded(out, segment);
  }
  if (out.empty() || path.back() == '/') out += '/';
  return out;
}

Result<std::string> canonical_query(std::string_view query, SigV4Form form) {
  Result<std::vector<QueryPair>> pairs = parse_query(query);
  if (!pairs) return fail(pairs.error());
  if (form == SigV4Form::query)
    std::erase_if(*pairs, [](const QueryPair& pair) { return pair.name == "X-Amz-Signature"; });
  std::vector<std::pair<std::string, std::string>> encoded(pairs->size());
  for (std::size_t i = 0; i < pairs->size(); ++i) {
    append_uri_encoded(encoded[i].first, (*pairs)[i].name);
    append_uri_encoded(encoded[i].second, (*pairs)[i].value);
  }
  std::ranges::sort(encoded);
  std::string out;
  out.reserve(query.size() + 16);
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

Result<std::string> canonical_request(const RequestHead& head, const std::vector<std::string>& signed_headers,
                                      SigV4Form form, PathStyle style, std::string_view payload) {
  Result<std::string> query = canonical_query(head.query(), form);
  if (!query) return query;
  std::string out;
  out.reserve(1024);
  out.append(head.method).append("\n");
  out.append(canonical_path(head.path(), style)).append("\n");
  out.append(*query).append("\n");
  for (const std::string& name : signed_headers) {
    if (Status there = append_field(out, head.headers, name); !there) return fail(there.error());
  }
  out += '\n';
  for (const std::string& name : signed_headers) {
    if (&name != &signed_headers.front()) out += ';';
    out += name;
  }
  out.append("\n").append(payload);
  return out;
}

std::string string_to_sign(TimeMs signed_at, std::string_view scope, std::string_view canonical_request) {
  std::string out = "AWS4-HMAC-SHA256\n";
  out.append(amz_date(signed_at)).append("\n").append(scope).append("\n");
  out.append(to_hex(sha256(canonical_request)));
  return out;
}

SigningKey::SigningKey(const Secret& secret, std::string_view date, std::string_view region, std::string_view service) {
  std::string first;
  first.reserve(4 + secret.expose().size());  // one piece of memory, to be wiped
  first.append("AWS4").append(secret.expose());
  key_ = hmac_sha256(as_bytes(first), {as_bytes(date)});
  OPENSSL_cleanse(first.data(), first.size());
  for (std::string_view part : {region, service, std::string_view("aws4_request")}) {
    key_ = hmac_sha256(key_, {as_bytes(part)});
  }
}

SigningKey::~SigningKey() {
  OPENSSL_cleanse(key_.data(), key_.size());
}

std::string SigningKey::sign(std::string_view text) const {
  return to_hex(hmac_sha256(key_, {as_bytes(text)}));
}

Status check_times(const SigV4Claim& claim, TimeMs now, const SigV4Limits& limits) {
  if (claim.signed_at > now + limits.skew) {
    return refused("sigv4.skew", "the request was signed " + seconds_text(claim.signed_at - now) +
                                     " in the future of this server's clock, " + amz_date(now));
  }
  if (claim.form == SigV4Form::header) {
    if (claim.signed_at >= now - limits.skew) return {};
    return refused("sigv4.skew", "the request was signed " + seconds_text(now - claim.signed_at) +
                                     " before this server's clock, " + amz_date(now));
  }
  if (claim.expires > limits.longest_presign) {
    return fail(ErrorKind::malformed, "sigv4.presign_too_long",
                "a presigned URL may be valid for " + seconds_text(limits.longest_presign) + " at most");
  }
  if (now < claim.signed_at + claim.expires) return {};
  return refused("sigv4.expired", "the presigned URL expired at " + amz_date(claim.signed_at + claim.expires));
}

Status check_body(const SigV4Claim& claim, std::string_view body_sha256) {
  if (claim.payload.kind != PayloadKind::sha256 || claim.payload.hex == body_sha256) return {};
  return refused("sigv4.payload_mismatch", "the body is not the one whose digest was signed");
}

Status verify_sigv4(const RequestHead& head, const SigV4Claim& claim, const SigningKey& key, TimeMs now,
                    const SigV4Limits& limits, std::string_view body_sha256) {
  if (Status timely = check_times(claim, now, limits); !timely) return timely;
  Result<std::string_view> payload = payload_line(claim.payload, body_sha256);
  if (!payload) return fail(payload.error());
  Result<std::string> request =
      canonical_request(head, claim.signed_headers, claim.form, path_style(claim.service), *payload);
  if (!request) return fail(request.error());
  std::string expected = key.sign(string_to_sign(claim.signed_at, claim.scope(), *request));
  if (!equal_constant_time(as_bytes(expected), as_bytes(claim.signature)))
    return refused("sigv4.bad_signature", "the signature does not match the request");
  if (body_sha256.empty()) return {};
  return check_body(claim, body_sha256);
}

Status verify_sigv4(const RequestHead& head, const SigV4Claim& claim, const Secret& secret, TimeMs now,
                    const SigV4Limits& limits, std::string_view body_sha256) {
  return verify_sigv4(head, claim, SigningKey(secret, claim.date, claim.region, claim.service), now, limits,
                      body_sha256);
}

}  // namespace countersign::auth
